"""A real browser, and consoles in processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser; what is opened in it is closed with it."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def console() -> Iterator[Callable[..., tuple[str, subprocess.Popen[str]]]]:
    """Call with a folder and options: a console in a process of its own; its link."""
    running: list[subprocess.Popen[str]] = []

    def start(folder: Path, *options: str) -> tuple[str, subprocess.Popen[str]]:
        words = [sys.executable, "-m", "airbeat", "console", str(folder), "--port", "0", *options]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
        )
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("open http://127.0.0.1:"), line
        return line.removeprefix("open ").strip(), process

    yield start
    for process in running:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
