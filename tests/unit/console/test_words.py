"""The pages' words in the language of who reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from airbeat.language.words import ENGLISH, LANGUAGES, use_language


@pytest.fixture(autouse=True)
def _english_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LANGUAGE", ENGLISH)
    yield
    use_language(ENGLISH)


def test_a_browser_gets_its_own_language_before_it_has_signed_in(stranger: TestClient) -> None:
    answer = stranger.get("/api/words", headers={"accept-language": "fr, zh-Hans-CN;q=0.9, en;q=0.8"}).json()
    assert answer["language"] == "zh_CN"
    assert answer["languages"] == dict(LANGUAGES)
    assert answer["words"]["Hand over …"] == "交接 …"


def test_who_asks_for_no_language_that_there_is_reads_english(stranger: TestClient) -> None:
    for asked in ("fr, de", "zh-TW", "", "x" * 5000):
        answer = stranger.get("/api/words", headers={"accept-language": asked}).json()
        assert (answer["language"], answer["words"]) == (ENGLISH, {})


def test_the_consoles_own_language_is_that_of_its_pages(stranger: TestClient) -> None:
    use_language("zh_CN")
    assert stranger.get("/api/words", headers={"accept-language": "en"}).json()["language"] == "zh_CN"


def test_a_choice_on_the_page_counts_more_than_anything_else(stranger: TestClient) -> None:
    use_language("zh_CN")
    stranger.cookies["airbeat-language"] = ENGLISH
    assert stranger.get("/api/words").json()["language"] == ENGLISH


def test_a_forged_choice_of_a_language_names_no_file(stranger: TestClient) -> None:
    stranger.cookies["airbeat-language"] = "../../../etc"
    answer = stranger.get("/api/words")
    assert answer.json()["language"] == ENGLISH
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
