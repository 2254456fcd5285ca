"""What ArduPilot really answered, kept in ``sitl/transcripts``, is what each vehicle must answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from airbeat.errors import InputFileError
from airbeat.sim.ardupilot_scenarios import SCENARIOS
from airbeat.sim.ardupilot_station import Station
from airbeat.sim.ardupilot_transcript import NotArduPilotError, differences, read_transcript, record, replay

TRANSCRIPTS = Path(__file__).resolve().parents[2] / "sitl" / "transcripts"


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_requests_are_answered_as_arducopter_answered_them(station: Station, name: str) -> None:
    """ArduPilot's recorded answers to the same requests: message types, results and order."""
    wanted = read_transcript(TRANSCRIPTS / f"{name}.tlog")
    assert wanted
    found = differences(wanted, replay(station, wanted))
    assert not found, "\n".join(found)


def test_every_transcript_has_its_scenario_and_all_are_small() -> None:
    """ArduPilot's transcripts are one per scenario, with answers in them, less than 200 kB together."""
    files = sorted(TRANSCRIPTS.glob("*"))
    assert [f.stem for f in files] == sorted(SCENARIOS)
    assert sum(f.stat().st_size for f in files) < 200_000
    assert all(any(e.answers for e in read_transcript(f)) for f in files)


def test_the_recorder_refuses_whatever_does_not_prove_to_be_ardupilot(
    station: Station, vehicle: object, tmp_path: Path
) -> None:
    """ArduPilot's banner names its version and commit, and AUTOPILOT_VERSION carries the same commit."""
    path = tmp_path / "parameters.tlog"
    if getattr(vehicle, "kind", "") == "embedded":
        with pytest.raises(NotArduPilotError):
            record(path, station, SCENARIOS["parameters"])
        assert list(tmp_path.iterdir()) == []
    else:
        record(path, station, SCENARIOS["parameters"])
        again = read_transcript(path)
        assert not differences(read_transcript(TRANSCRIPTS / path.name), again)


def test_a_transcript_that_is_damaged_is_refused(tmp_path: Path) -> None:
    """ArduPilot's packets carry checksums: a changed byte or a cut end is found."""
    content = (TRANSCRIPTS / "parameters.tlog").read_bytes()
    path = tmp_path / "damaged.tlog"
    for damaged in (content[:-3], content[:30] + b"\xff\xff" + content[32:], b"hello" * 20):
        path.write_bytes(damaged)
        with pytest.raises(InputFileError, match="byte"):
            read_transcript(path)
