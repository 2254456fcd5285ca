"""The error tree keeps its promises."""

from __future__ import annotations

from airbeat import errors
from airbeat.errors import AirbeatError, InputFileError, LinkError, MissionFileError, Problem


def _descendants(base: type[AirbeatError]) -> set[type[AirbeatError]]:
    return {base}.union(*(_descendants(c) for c in base.__subclasses__()))


def _tree() -> set[type[AirbeatError]]:
    return {e for e in _descendants(AirbeatError) if e.__module__ == errors.__name__}


def test_every_error_of_the_package_is_documented_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for error in _tree():
        assert error.__name__ in drawn, error
        assert error.__name__ in errors.__all__, error


def test_codes_are_unique_and_exit_codes_are_the_documented_ones() -> None:
    tree = _tree()
    assert len({e.code for e in tree}) == len(tree)
    assert {e.exit_code for e in tree} <= {1, 2, 3, 4, 70}


def test_an_error_of_one_room_keeps_the_code_of_its_parent() -> None:
    from airbeat.geo.polygons import RingError
    from airbeat.sim.ardupilot_transcript import NotArduPilotError

    local = {e for e in _descendants(AirbeatError) if e.__module__.startswith("airbeat.")} - _tree()
    local = {e for e in local if not e.__module__.startswith("airbeat.cli.")}  # the shell has its own codes
    assert {RingError, NotArduPilotError} <= local
    assert all("code" not in vars(e) and "exit_code" not in vars(e) for e in local)


def test_errors_inherit_the_built_in_type_that_callers_expect() -> None:
    assert issubclass(InputFileError, ValueError)
    assert issubclass(LinkError, OSError)


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = InputFileError("has no fence", where="a.plan", remedy="draw one")
    assert str(error) == "a.plan: has no fence (draw one)"


def test_a_mission_file_error_lists_all_problems_in_line_order() -> None:
    error = MissionFileError(
        "m.yaml",
        [
            Problem(line=7, column=3, key="a.b", message="must be less than 1 (got 130)", remedy="write 0.3"),
            Problem(line=2, column=1, key="", message="bad"),
        ],
    )
    assert str(error) == "m.yaml:2:1: bad\nm.yaml:7:3: a.b: must be less than 1 (got 130) (write 0.3)"
    assert error.exit_code == 3
