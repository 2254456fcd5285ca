"""Which language is spoken, and how a text is said in it."""

from __future__ import annotations

import pickle

import pytest

from airbeat.errors import MissionFileError, PlanningError, Problem
from airbeat.language.lines import lines_of
from airbeat.language.words import (
    ENGLISH,
    Message,
    _,
    current_language,
    language_named,
    language_of_environment,
    ngettext,
    speaking,
    translated,
)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("zh", "zh_CN"), ("zh-CN", "zh_CN"), ("zh_CN.UTF-8", "zh_CN"), ("zh-Hans", "zh_CN"),
        ("zh_SG.UTF-8@x", "zh_CN"), ("zh_TW.UTF-8", None), ("zh-Hant-HK", None), ("en_GB.UTF-8", "en"),
        ("C", "en"), ("POSIX", "en"), ("de_AT.UTF-8", None), ("", None),
    ],
)  # fmt: skip
def test_a_language_is_known_by_the_names_that_systems_and_browsers_give_it(
    name: str, language: str | None
) -> None:
    assert language_named(name) == language


def test_our_own_variable_counts_before_the_systems_in_their_order() -> None:
    assert language_of_environment({}) == ENGLISH
    assert language_of_environment({"LANG": "zh_CN.UTF-8"}) == "zh_CN"
    assert language_of_environment({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "C"}) == ENGLISH
    assert language_of_environment({"LC_ALL": "zh_CN", "LC_MESSAGES": "C"}) == "zh_CN"
    assert language_of_environment({"AIRBEAT_LANGUAGE": "en", "LC_ALL": "zh_CN"}) == ENGLISH
    assert language_of_environment({"LANG": "fr_FR.UTF-8"}) == ENGLISH


def test_a_block_can_speak_another_language_and_hands_the_old_one_back() -> None:
    before = current_language()
    with speaking("zh_CN"):
        assert _("Map") == "地图"
        assert ngettext("{count} error", "{count} errors", 1) == "1 个错误"
    assert current_language() == before
    assert (_("Map"), ngettext("{count} error", "{count} errors", 2)) == ("Map", "2 errors")


def test_a_text_that_the_catalogue_lacks_stays_as_it_is() -> None:
    with speaking("zh_CN"):
        assert translated("the rabbit {sits} in 3 hats") == "the rabbit {sits} in 3 hats"
        assert _("") == ""


def test_a_message_is_its_english_text_and_can_be_said_in_chinese_later() -> None:
    message = Message(
        "GSD {gsd_m_px:.1f} cm: a person is hard to tell from clutter above 3 cm", gsd_m_px=4.26
    )
    assert message == "GSD 4.3 cm: a person is hard to tell from clutter above 3 cm"
    copy = pickle.loads(pickle.dumps(message))
    with speaking("zh_CN"):
        assert translated(copy) == "地面分辨率 4.3 cm：大于 3 cm 时难以把人与杂物区分开"


def test_a_users_own_word_inside_a_message_is_never_translated() -> None:
    with speaking("zh_CN"):
        assert translated(Message("did you mean {close}?", close="home")) == "是否指 home？"
        inner = Message("the complete {words}", words=Message("rally points"))
        assert translated(inner) == "完整的集结点"


def test_a_placeholder_may_have_any_name() -> None:
    message = Message("OpenCV cannot be loaded: {text}", text="no libGL")
    with speaking("zh_CN"):
        assert translated(pickle.loads(pickle.dumps(message))) == "无法加载 OpenCV：no libGL"
    assert Message("{template} of {cls}", template="a", cls="b") == "a of b"


def test_an_error_is_told_in_the_readers_language_and_stays_english_for_programs() -> None:
    error = PlanningError("no polygon in the file", where="a.kml", remedy="check the file")
    with speaking("zh_CN"):
        assert error.told() == "a.kml: 文件中没有多边形 (请检查文件)"
        assert str(error) == "a.kml: no polygon in the file (check the file)"
    assert error.told() == str(error)


def test_every_problem_of_a_mission_file_is_told_with_its_line() -> None:
    problem = Problem(
        line=3, column=5, key="wind", message=Message("must be a number"), remedy="leave it out"
    )
    error = MissionFileError("m.yaml", [problem])
    with speaking("zh_CN"):
        assert error.told() == "m.yaml:3:5: wind: 必须是数字 (请删去)"
    assert str(error) == "m.yaml:3:5: wind: must be a number (leave it out)"


def _width(text: str) -> int:
    return sum(1 if sign.isascii() else 2 for sign in text)


def test_chinese_is_broken_between_characters_and_keeps_words_and_punctuation_whole() -> None:
    text = "把 .plan 和 .waypoints 文件写入此文件夹，然后（若需要）上传到飞行器。"
    for limit in (12, 16, 25, 40):
        lines = lines_of(text, limit, _width)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(_width(line) <= limit for line in lines)
        assert not any(line[0] in "，。）" or line[-1] == "（" for line in lines)
        assert any(".waypoints" in line for line in lines)


def test_english_is_broken_between_words() -> None:
    assert lines_of("one two  three four", 9, _width) == ["one two", "three", "four"]
    assert lines_of("unbreakable", 4, _width) == ["unbreakable"]
    assert lines_of("  ", 4, _width) == []
