"""Which language people read, and a text in it.

Messages are written in English where they are used, with named placeholders: ``_("{count} of {all} read",
count=3, all=5)``. The catalogue ``LANGUAGE/LC_MESSAGES/airbeat.mo`` beside this file, compiled from the
``.po`` file next to it, holds the translations; what it lacks is shown in English. What programs read (JSON,
files, kinds of events, codes of findings) never goes through here.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "LOCALES",
    "N_",
    "Message",
    "_",
    "catalogue",
    "current_language",
    "language_named",
    "language_of_environment",
    "ngettext",
    "speaking",
    "translated",
    "use_language",
]

ENGLISH = "en"
LANGUAGES: Mapping[str, str] = {ENGLISH: "English", "zh_CN": "简体中文"}
"""Every language that people can choose, with the name that it has for itself."""
LOCALES = Path(__file__).parent
"""Where the catalogues lie."""
_DOMAIN = "airbeat"

_used = ENGLISH
_here: ContextVar[str] = ContextVar("language of this block", default="")


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(_DOMAIN, LOCALES, languages=[language], fallback=True)


def current_language() -> str:
    """The language that is used here and now, a key of `LANGUAGES`."""
    return _here.get() or _used


def use_language(language: str) -> None:
    """From now on the program speaks this language, a key of `LANGUAGES`; so does click."""
    global _used  # noqa: PLW0603 - one program speaks to one person
    _used = language
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(_DOMAIN, str(LOCALES))
    gettext.textdomain(_DOMAIN)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Use a language within a block, e.g. English in a picture for which no font has Chinese letters."""
    before = _here.set(language)
    try:
        yield
    finally:
        _here.reset(before)


def language_named(name: str) -> str | None:
    """The language that a person or system means, e.g. ``zh-CN`` or ``zh_CN.UTF-8``; None if we lack it.

    Traditional Chinese is not the Simplified that we have, and is answered with None.
    """
    parts = name.partition(".")[0].partition("@")[0].replace("-", "_").lower().split("_")
    if parts[0] in {"en", "c", "posix"}:
        return ENGLISH
    if parts[0] == "zh" and not {"tw", "hk", "mo", "hant"}.intersection(parts):
        return "zh_CN"
    return None


def language_of_environment(environment: Mapping[str, str]) -> str:
    """The language that a user has chosen, for us or for the system as POSIX orders its variables.

    English where we lack it.
    """
    names = ("AIRBEAT_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((environment[name] for name in names if environment.get(name)), "")
    return language_named(chosen) or ENGLISH


def _(text: str, /, **values: Any) -> str:
    """A text in the current language, its placeholders filled in."""
    said = _catalogue(current_language()).gettext(text) if text else text
    return said.format(**values) if values else said


def ngettext(one: str, many: str, count: int, **values: Any) -> str:
    """A text for a number of things in the current language; the placeholder ``{count}`` is the number."""
    return _catalogue(current_language()).ngettext(one, many, count).format(count=count, **values)


def N_(text: str) -> str:  # noqa: N802 - what gettext's tools call it
    """Mark a text that is translated where it is shown."""
    return text


class Message(str):
    """An English text that remembers what it was made of, so that it can be said in another language.

    Args:
        template: the text with named placeholders.
        values: what they stand for; those that are messages themselves are translated too.

    Attributes:
        template: as given.
        values: as given.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Message:
        """Make the text; a message without values stays the message that it is."""
        if isinstance(template, Message) and not values:
            return template
        self = super().__new__(cls, template.format(**values) if values else template)
        self.template, self.values = template, values
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        """How a copy in another process is made."""
        return (self.template,), self.values


def translated(text: str) -> str:
    """A message, or a fixed text that the catalogue has, in the current language; any other text as it is."""
    if isinstance(text, Message):
        return _(
            text.template,
            **{k: translated(v) if isinstance(v, Message) else v for k, v in text.values.items()},
        )
    return _(text)


def catalogue(language: str) -> dict[str, str]:
    """All fixed texts of a language, by their English; none for English itself."""
    found = _catalogue(language)
    if not isinstance(found, gettext.GNUTranslations):
        return {}
    texts: dict[Any, str] = found._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in texts.items() if isinstance(key, str) and key}
