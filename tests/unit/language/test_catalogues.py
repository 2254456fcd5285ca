"""Every text that people read has a translation that fits it.

``AIRBEAT_UPDATE_GOLDEN=1`` writes the catalogues anew: texts that are gone are kept as obsolete (``#~``) and
come back with their translation when they are used again; new ones come in without, and the test names them.
"""

from __future__ import annotations

import gettext
import os
import re
import string
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from airbeat.language.words import ENGLISH, LANGUAGES, LOCALES

Messages = dict[str | tuple[str, str], set[str]]

OTHERS = sorted(set(LANGUAGES) - {ENGLISH})
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)
_CLICK = (
    "Options", "Commands", "Show this message and exit.", "Show the version and exit.", "required",
    "default: {default}", "(dynamic)", "env var: {var}", "Error: {message}",
    "Try '{command} {option}' for help.", "Missing argument", "Missing option", "Missing parameter",
    "No such option: {name}", "Invalid value: {message}", "Invalid value for {param_hint}: {message}",
    "{name} {filename!r} does not exist.", "File", "Directory", "Path", "Aborted!", "Error: {e.message}",
    "Got unexpected extra argument ({args})", "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
)  # fmt: skip
"""What click says through gettext, as far as it has a translation."""


def _file(language: str, suffix: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / f"airbeat.{suffix}"


def _catalogue(language: str) -> Catalog:
    with _file(language, "po").open("rb") as file:
        return read_po(file, locale=language)


def _key(text: str | tuple[str, ...]) -> str:
    return text if isinstance(text, str) else text[0]


def _updated(language: str, messages: Messages) -> None:
    """Write both files from what the sources say and what was translated before."""
    before = _catalogue(language) if _file(language, "po").is_file() else Catalog(locale=language)
    now = Catalog(
        locale=language, project="airbeat", version="1", charset="utf-8", fuzzy=False,
        header_comment="# Texts of airbeat. Written anew by tests/unit/language; the translations are kept.",
        creation_date=_WRITTEN, revision_date=_WRITTEN, last_translator="airbeat", language_team="airbeat",
        msgid_bugs_address="airbeat",
    )  # fmt: skip
    used = {text: sorted(where) for text, where in messages.items()} | {
        text: ["click"] for text in _CLICK if text not in messages
    }
    known = {_key(entry.id): entry for entry in [*before.obsolete.values(), *before] if entry.id}
    for text, where in used.items():
        old = known.pop(_key(text), None)
        said = old.string if old is not None else ""
        now.add(text, string=said, locations=[(name, 0) for name in where])
    now.obsolete.update({key: entry for key, entry in sorted(known.items()) if all(_texts(entry.string))})
    with _file(language, "po").open("wb") as file:
        write_po(file, now, sort_output=True, include_lineno=False, width=110)
    with _file(language, "mo").open("wb") as file:
        write_mo(file, _catalogue(language))


@pytest.fixture(scope="module", autouse=True)
def _update(messages: Messages) -> None:
    if os.environ.get("AIRBEAT_UPDATE_GOLDEN"):
        for language in OTHERS:
            _updated(language, messages)


def _texts(said: str | tuple[str, ...]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else said


def _placeholders(text: str) -> set[str]:
    return {
        f"{name}!{conversion}:{spec}"
        for _text, name, spec, conversion in string.Formatter().parse(text)
        if name is not None
    }


def _is_template(text: str) -> bool:
    """Whether a text has placeholders, and not the braces of YAML or JSON."""
    return re.search(r"\{[a-z_]\w*(?:![rsa])?(?::[^{}\s]*)?\}", text) is not None


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_that_people_read_is_translated(language: str, messages: Messages) -> None:
    found = _catalogue(language)
    missing = {}
    for text, where in messages.items():
        entry = found.get(text if isinstance(text, str) else text[0])
        if entry is None or not all(_texts(entry.string)) or entry.fuzzy:
            missing[text] = sorted(where)
    assert not missing, f"AIRBEAT_UPDATE_GOLDEN=1 adds these to airbeat.po; translate them: {missing}"


@pytest.mark.parametrize("language", OTHERS)
def test_every_translation_has_the_placeholders_of_its_text(language: str) -> None:
    for entry in _catalogue(language):
        if not entry.id:
            continue
        many = _texts(entry.id)[-1]
        if _is_template(many):
            for said in _texts(entry.string):
                assert _placeholders(said) == _placeholders(many), (entry.id, said)
        for said in _texts(entry.string):
            assert said == said.strip() or many != many.strip(), entry.id
            assert said.endswith(" ") == many.endswith(" "), entry.id


@pytest.mark.parametrize("language", OTHERS)
def test_the_catalogue_holds_no_text_that_is_gone(language: str, messages: Messages) -> None:
    used = {text if isinstance(text, str) else text[0] for text in messages} | set(_CLICK)
    gone = {_texts(entry.id)[0] for entry in _catalogue(language) if entry.id} - used
    assert not gone, "AIRBEAT_UPDATE_GOLDEN=1 makes them obsolete"


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalogue_says_what_the_written_one_says(language: str) -> None:
    with _file(language, "mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    entries = [entry for entry in _catalogue(language) if entry.id]
    for entry in entries:
        if isinstance(entry.id, str):
            assert compiled.gettext(entry.id) == entry.string
        else:
            assert compiled.ngettext(*entry.id, 2) == entry.string[-1]
    assert len(compiled._catalog) - 1 == sum(1 if isinstance(e.id, str) else len(e.string) for e in entries)


@pytest.mark.parametrize("language", OTHERS)
def test_words_that_have_one_meaning_here_have_one_translation(language: str) -> None:
    """Candidates are no persons yet, and the vehicle of the exercise is no ArduPilot."""
    if language != "zh_CN":
        pytest.skip("the words are Chinese")
    for entry in _catalogue(language):
        if not entry.id:
            continue
        text, said = _texts(entry.id)[-1], _texts(entry.string)[-1]
        words = re.sub(r"\S*[./\]{-]\S*", "", text)
        if re.search(r"\bcandidates?\b", words):
            assert "候选" in said, text
        if "embedded vehicle" in text:
            assert "嵌入式飞行器" in said, text
        if "rally point" in text:
            assert "集结点" in said, text
        if re.search(r"\bgeofence\b|\bthe fence\b", text):
            assert "围栏" in said, text
