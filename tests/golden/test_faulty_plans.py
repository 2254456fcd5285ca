"""Every planted fault is found under its own code, and nothing is wrong with its clean twin.

``faulty/twins.json`` says for each clean twin how it is checked and which files are one edit away from it;
``also`` lists what else follows from that one edit (a fence that is left is also crossed on the way home).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from airbeat.checks.catalogue import CODES
from airbeat.cli.main import cli
from airbeat.geo.coordinates import LatLon
from airbeat.geo.frame import LocalFrame

FOLDER = Path(__file__).parent / "faulty"
TWINS: dict[str, dict[str, Any]] = json.loads((FOLDER / "twins.json").read_text(encoding="utf-8"))
FAULTS = [(name, code) for name, twin in TWINS.items() for code in twin["faults"]]
LEAST_KINDS = 60

Check = Callable[[str, str], dict[str, list[str]]]


@pytest.fixture(scope="module")
def hill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An HGT tile: 400 m, from 140 m east of home on a slope of one in two, and void 285 m north of it."""
    side = 3601
    home = LatLon(lat_deg=51.18, lon_deg=8.49)
    east_m, north_m = (
        LocalFrame(home).to_xy([LatLon(lat_deg=51.18 + d[1], lon_deg=8.49 + d[0])])[0][k] / 0.001
        for k, d in ((0, (0.001, 0.0)), (1, (0.0, 0.001)))
    )
    x = (8.0 + np.linspace(0, 1, side) - home.lon_deg) * east_m
    y = (52.0 - np.linspace(0, 1, side) - home.lat_deg) * north_m
    heights = np.broadcast_to(400 + np.clip((x - 140) * 0.5, 0, 60), (side, side)).copy()
    heights[y > 285.0] = -32768
    path = tmp_path_factory.mktemp("terrain") / "N51E008.hgt"
    heights.round().astype(">i2").tofile(path)
    return path


@pytest.fixture
def check(hill: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Call with a twin's name and a file: its codes, each with the severities found, and the exit code."""
    monkeypatch.chdir(FOLDER)

    def run(name: str, file: str) -> dict[str, list[str]]:
        arguments = [a.replace("{file}", file).replace("{hill}", str(hill)) for a in TWINS[name]["arguments"]]
        done = CliRunner().invoke(cli, ["check", *arguments, "--json"], catch_exceptions=False)
        result = json.loads(done.stdout)
        findings = [*(f for plan in result["plans"] for f in plan["findings"]), *result["between"]]
        found: dict[str, list[str]] = {}
        for finding in findings:
            assert finding["message"]
            assert finding["remedy"]
            found.setdefault(finding["code"], []).append(finding["severity"])
        has_errors = any("error" in severities for severities in found.values())
        assert result["ok"] is not has_errors
        return found

    return run


@pytest.mark.parametrize("name", TWINS)
def test_a_clean_twin_has_no_error(check: Check, name: str) -> None:
    severities = [s for found in check(name, TWINS[name]["file"]).values() for s in found]
    assert "error" not in severities


@pytest.mark.parametrize(("name", "code"), FAULTS, ids=[code for _, code in FAULTS])
def test_a_planted_fault_is_found_under_its_own_code(check: Check, name: str, code: str) -> None:
    fault = TWINS[name]["faults"][code]
    before = check(name, TWINS[name]["file"])
    found = check(name, fault["file"])
    assert code not in before
    assert set(found) - set(before) == {code, *fault["also"]}
    assert CODES[code].severity.value in found[code]


@pytest.mark.parametrize(("name", "code"), FAULTS, ids=[code for _, code in FAULTS])
def test_a_fault_is_one_edit_of_its_clean_twin(name: str, code: str) -> None:
    clean, faulty = (
        (FOLDER / file).read_text(encoding="utf-8").splitlines()
        for file in (TWINS[name]["file"], TWINS[name]["faults"][code]["file"])
    )
    changes = [
        op
        for op in difflib.SequenceMatcher(a=clean, b=faulty, autojunk=False).get_opcodes()
        if op[0] != "equal"
    ]
    assert len(changes) == 1


def test_there_are_at_least_sixty_kinds_and_no_file_without_one() -> None:
    kinds = {code for _, code in FAULTS}
    assert len(kinds) == len(FAULTS)
    assert len(kinds) >= LEAST_KINDS
    assert kinds <= set(CODES)
    listed = {FOLDER / twin["faults"][code]["file"] for twin in TWINS.values() for code in twin["faults"]}
    there = {p for p in FOLDER.rglob("*") if p.is_file() and p.suffix in (".plan", ".yaml")}
    assert {p for p in there if p.parent.name != "clean"} == listed
