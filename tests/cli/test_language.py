"""The command line in Chinese: what people read changes, what programs read does not."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
MISSION = "missions/demo-hillside.yaml"


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRBEAT_LANGUAGE", "zh_CN")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")


@pytest.mark.usefixtures("chinese")
def test_a_plan_is_told_in_chinese_and_its_json_is_the_same(
    airbeat: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = airbeat("plan", MISSION)
    assert "航线间距" in told.stdout
    assert "地面分辨率" in told.stdout
    assert "提示 fence-defaults" in told.stdout
    chinese = airbeat("plan", MISSION, "--json")
    assert "航线间距" in chinese.stderr
    monkeypatch.setenv("AIRBEAT_LANGUAGE", "en")
    english = airbeat("plan", MISSION, "--json")
    assert json.loads(chinese.stdout) == json.loads(english.stdout)


@pytest.mark.usefixtures("chinese")
def test_help_is_chinese_and_its_examples_are_not_touched(airbeat: Run) -> None:
    shown = airbeat("plan", "--help").stdout
    assert "用法： airbeat plan" in shown
    assert "航线间距 [m]" in shown
    assert "  airbeat plan missions/demo-hillside.yaml --out plans\n" in shown
    below = airbeat("search", "next", "--help").stdout
    assert "规划最有可能找到目标的飞行" in below


def test_the_option_counts_more_than_the_environment(airbeat: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRBEAT_LANGUAGE", "zh_CN")
    assert "Commands:" in airbeat("--language", "en", "--help").stdout
    monkeypatch.setenv("AIRBEAT_LANGUAGE", "en")
    assert "规划任务文件" in airbeat("--language", "zh-CN", "--help").stdout


def test_a_language_that_there_is_not_is_refused_with_those_there_are(airbeat: Run) -> None:
    done = airbeat("--language", "tlh", "plan", MISSION)
    assert done.returncode == 2
    assert "none of en, zh_CN" in done.stderr


@pytest.mark.usefixtures("chinese")
def test_errors_of_every_kind_are_told_in_chinese_with_their_remedy(airbeat: Run, workplace: Path) -> None:
    assert "没有可规划的内容 (请给出任务文件" in airbeat("plan").stderr
    assert "不存在" in airbeat("plan", "nothing.yaml").stderr
    assert "没有命令 'plna'" in airbeat("plna").stderr
    text = (workplace / MISSION).read_text(encoding="utf-8").replace("airbeat: 1", "airbeat: 1\nhigh: 60", 1)
    (workplace / "m.yaml").write_text(text, encoding="utf-8")
    done = airbeat("plan", "m.yaml", "--json")
    assert done.returncode == 3
    assert "m.yaml:" in done.stderr
    assert "未知的键" in done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "mission-file"
    assert error["problems"][0]["message"].isascii()


@pytest.mark.usefixtures("chinese")
def test_the_page_of_findings_is_chinese_but_for_codes(airbeat: Run, workplace: Path) -> None:
    faulty = Path(__file__).resolve().parents[1] / "golden" / "faulty" / "corner-outside-fence.plan"
    done = airbeat("check", str(faulty), "--airframe", "arducopter-quad", "--html", "page.html")
    assert done.returncode == 1, done.stderr
    page = (workplace / "page.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in page
    said = re.findall(r"<(?:h1|h2|p)\b[^>]*>([^<]+)</", page)
    assert len(said) > 10
    for text in said:
        assert re.search("[\u4e00-\u9fff]", text) or re.fullmatch(r"[\s\d.,°-]+", text), text
    assert "错误</span> corner-outside-fence" in page


@pytest.mark.usefixtures("chinese")
def test_the_papers_of_a_search_are_chinese_but_for_what_the_case_calls_things(
    airbeat: Run, workplace: Path
) -> None:
    started = airbeat("search", "start", "missions/cases/koenigstuhl-walker.yaml", "--out", "case")
    assert "提示：尚未搜索" in started.stdout
    papers = airbeat("search", "papers", "case", "--out", "papers.html")
    assert papers.returncode == 0, papers.stderr
    page = (workplace / "papers.html").read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in page
    assert "任务单：wood below the slope" in page
    assert "任务单：地图其余部分" in page
    assert "没有任何地面被视为已排除" in page
    assert "Nothing yet" not in page
    assert "in the open" not in page


@pytest.mark.usefixtures("chinese")
def test_a_mission_files_problems_are_told_in_chinese_with_their_keys(airbeat: Run, workplace: Path) -> None:
    text = (workplace / MISSION).read_text(encoding="utf-8")
    (workplace / "fast.yaml").write_text(text.replace("speed_m_s: 9\n", "speed_m_s: 40\n"), encoding="utf-8")
    done = airbeat("plan", "fast.yaml")
    assert done.returncode == 3
    assert "speed_m_s: " in done.stderr
    assert "速度以米每秒计" in done.stderr
