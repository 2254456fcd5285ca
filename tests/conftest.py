"""What all tests share: the long form, and an honest count of what could not run here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("long", derandomize=False, deadline=None, max_examples=2000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long form of the costly tests")


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("long" if config.getoption("--long") else "ci")


def _shared_data() -> Path | None:
    folder = os.environ.get("AIRBEAT_SHARED_DATA")
    return Path(folder) if folder and Path(folder).is_dir() else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    no_data = pytest.mark.skip(reason="AIRBEAT_SHARED_DATA names no folder")
    not_long = pytest.mark.skip(reason="long form: run with --long")
    for item in items:
        if item.get_closest_marker("shared_data") and _shared_data() is None:
            item.add_marker(no_data)
        if item.get_closest_marker("slow") and not config.getoption("--long"):
            item.add_marker(not_long)


@pytest.fixture
def shared_data() -> Path:
    """The folder of development areas and photographs; tests that take it are marked ``shared_data``."""
    folder = _shared_data()
    assert folder is not None, "mark the test with @pytest.mark.shared_data"
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    counts: dict[str, int] = {}
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        counts[reason] = counts.get(reason, 0) + 1
    for reason, count in sorted(counts.items()):
        terminalreporter.write_line(f"not run: {count} tests, {reason.removeprefix('Skipped: ')}")
