"""The coordinator's report: one self-contained HTML file."""
