"""The words people read, in their language: messages in English, translations by gettext catalogues."""
