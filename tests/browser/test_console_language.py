"""The console's pages in Chinese and English, in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
pytest.importorskip("starlette", reason="the extra console is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(600),
]
PATIENT_MS = 60_000


@pytest.fixture
def link(search_folder: Callable[..., Path]) -> Iterator[str]:
    """The link of a console that speaks English unless the browser asks for something else."""
    words = [sys.executable, "-m", "airbeat", "console", str(search_folder(5)), "--port", "0"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "AIRBEAT_LANGUAGE": "en"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    yield process.stdout.readline().removeprefix("open ").strip()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def test_a_chinese_browser_reads_chinese_and_can_choose_english(link: str) -> None:
    expect = sync_api.expect
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(locale="zh-CN", viewport={"width": 1280, "height": 720}).new_page()
        page.set_default_timeout(PATIENT_MS)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(link)
        page.fill("#name", "李雷")
        page.click("#name-dialog button")
        expect(page.locator("#title")).to_have_text("候选目标 C001，得分 1.00", timeout=PATIENT_MS)
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.locator("#unreviewed")).to_have_text("5 个中有 5 个未复核")
        expect(page.locator("footer button.person")).to_have_text("P 人员")
        expect(page.locator("#frame")).to_have_attribute("aria-label", "整张照片；滚轮缩放，拖动移动")
        page.keyboard.press("p")
        expect(page.locator("#title")).to_contain_text("C002", timeout=PATIENT_MS)
        expect(page.locator("#counts")).to_contain_text("人员 1")
        page.keyboard.press("m")
        expect(page.locator("#measured")).to_have_text("点击两个点")
        page.select_option("#language", "en")
        expect(page.locator("#title")).to_contain_text("Candidate C002", timeout=PATIENT_MS)
        expect(page.locator("#unreviewed")).to_have_text("4 of 5 not reviewed")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.goto(f"{link.split('?', maxsplit=1)[0]}?token=used")
        page.select_option("#language", "zh_CN")
        expect(page.locator("h1")).to_have_text("该链接已被使用，或已过期", timeout=PATIENT_MS)
        assert complaints == []
        browser.close()
