"""``airbeat review``: people look at candidates and say what they are."""

from __future__ import annotations

import os
import select
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airbeat.cli.operation import operation_option, recording, user_name
from airbeat.cli.output import console, emit_json, json_option, printable, table
from airbeat.errors import UsageError
from airbeat.language.words import N_, Message, _
from airbeat.ops.recorder import files_of

if TYPE_CHECKING:
    from airbeat.ops.reviews import Decision, Reviews
    from airbeat.report.searched import CandidateRow, SearchResults

__all__ = ["command"]

_KEYS = {"p": "person", "c": "clue", "n": "no", "u": "unsure"}
_HELP = N_("p person · c clue · n no · u unsure · t note · z undo · s skip · b back · o open · q quit")


def _settings_of(words: tuple[str, ...], note: str) -> list[tuple[str, str]]:
    """The decisions of --set, as candidate and verdict.

    Raises:
        UsageError: one that is none, or a note of no decision.
    """
    from airbeat.ops.reviews import Verdict

    pairs = []
    for word in words:
        name, equals, verdict = word.partition("=")
        if not equals or verdict not in set(Verdict):
            raise UsageError(
                Message("--set {word!r} is no decision", word=word),
                remedy=Message(
                    "write ID=WHAT, with one of {decisions}, e.g. C001=person", decisions=", ".join(Verdict)
                ),
            )
        pairs.append((name, verdict))
    if note and not pairs:
        raise UsageError("--note is for the decisions of --set", remedy="name one, e.g. --set C001=unsure")
    return pairs


def _known(reviews: Reviews, names: list[str]) -> None:
    known = {c.id for c in reviews.candidates}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(
            Message("no candidate {ids}", ids=", ".join(unknown)),
            remedy="airbeat review OUT --list shows those there are",
        )


def _summary(reviews: Reviews) -> dict[str, Any]:
    state = reviews.state()
    verdicts = [d.verdict.value for d in state.values()]
    return {
        "candidates": len(reviews.candidates),
        "reviewed": len(state),
        "unreviewed": len(reviews.candidates) - len(state),
        **{name: verdicts.count(name) for name in ("person", "clue", "no", "unsure")},
        "decisions_on_other_candidates": reviews.lost(),
    }


def _rows(results: SearchResults, state: dict[str, Decision]) -> list[dict[str, Any]]:
    rows = []
    for row in results.candidates:
        decision = state.get(row.id)
        rows.append(
            {
                "id": row.id,
                "score": row.score,
                "lat_deg": row.lat_deg,
                "lon_deg": row.lon_deg,
                "ce90_m": row.ce90_m,
                "crop": row.crop,
                "file": row.looks[0].file,
                "looks": len(row.looks),
                "frames_over_it": row.frames_over_it,
                "verdict": decision.verdict.value if decision else None,
                "note": decision.note if decision else None,
                "reviewer": decision.reviewer if decision else None,
                "decided_utc": decision.time_utc.isoformat() if decision else None,
            }
        )
    return rows


def _line(row: CandidateRow, decision: Decision | None) -> str:
    from airbeat.geo.notation import decimal_degrees, mgrs_grid

    position = row.position
    place = _("no position, in {frame}", frame=printable(row.looks[0].file))
    if position is not None:
        place = f"{decimal_degrees(position)}  {mgrs_grid(position)}  CE90 {row.ce90_m or 0:.1f} m"
    said = _("not reviewed")
    if decision is not None:
        note = f": {printable(decision.note)}" if decision.note else ""
        said = f"{_(decision.verdict.value)} ({printable(decision.reviewer)}){note}"
    looks = _("{looks} of {all} photographs", looks=len(row.looks), all=row.frames_over_it)
    score = _("score {score:.2f}", score=row.score)
    return f"{row.id}  {score}  {place}  {looks}  {said}"


def _step_through(
    results: SearchResults, reviews: Reviews, folder: Path, *, reviewer: str, show: bool
) -> None:
    """Ask about one candidate after the other, beginning with the first that nobody has decided on."""
    from rich.text import Text

    out = console(False)
    order = list(results.candidates)
    state = reviews.state()
    at = next((i for i, row in enumerate(order) if row.id not in state), len(order))
    if at == len(order):
        out.print(_("every candidate is reviewed; --set and --undo change a decision"))
        return
    note, opened = "", -1
    last: list[int] = []
    out.print(_(_HELP))
    while at < len(order):
        row = order[at]
        out.print(Text(_line(row, reviews.state().get(row.id))))
        if show and opened != at:
            opened = at
            click.launch(str(row.crop_in(folder)))
        try:
            key = click.prompt(f"{row.id}", prompt_suffix=" ? ", default="s", show_default=False)
        except click.Abort:
            return
        key = key.strip().lower()[:1]
        if key in _KEYS:
            _decide(reviews, row.id, _KEYS[key], reviewer=reviewer, note=note)
            last.append(at)
            note, at = "", at + 1
        elif key == "t":
            note = click.prompt(_("note for the next decision"), default="", show_default=False)
        elif key == "z" and last:
            at = last.pop()
            reviews.undo(order[at].id, reviewer=reviewer)
        elif key == "s":
            at += 1
        elif key == "b":
            at = max(0, at - 1)
        elif key == "o":
            click.launch(str(row.crop_in(folder)))
        elif key == "q":
            return
        else:
            out.print(_(_HELP))


def _somebody_answers() -> bool:
    """Whether there is a terminal, or a pipe or file in which answers lie ready."""
    if sys.stdin is None:
        return False
    if sys.stdin.isatty():
        return True
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
        return (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)) and bool(select.select([sys.stdin], [], [], 0)[0])
    except (OSError, ValueError):  # a system that cannot tell
        return False


def _decide(reviews: Reviews, name: str, verdict: str, *, reviewer: str, note: str) -> None:
    from airbeat.ops.reviews import Verdict

    reviews.decide(name, Verdict(verdict), reviewer=reviewer, note=note)


def _decide_as_told(
    reviews: Reviews,
    decisions: list[tuple[str, str]],
    undone: tuple[str, ...],
    *,
    reviewer: str,
    note: str,
) -> None:
    """What --undo and --set say.

    Raises:
        UsageError: a candidate that is not there, or one on which nothing was decided.
    """
    _known(reviews, [name for name, _verdict in decisions] + list(undone))
    if undecided := sorted(set(undone) - set(reviews.state())):
        raise UsageError(Message("nothing was decided on {name}", name=", ".join(undecided)))
    for name in undone:
        reviews.undo(name, reviewer=reviewer)
    for name, verdict in decisions:
        _decide(reviews, name, verdict, reviewer=reviewer, note=note)


def _handed_over(
    results: SearchResults, state: dict[str, Decision], folder: Path, operation: str | None
) -> tuple[list[Path], list[str]]:
    """Write the hand-over files of persons and clues; the files, and those that have no position.

    Raises:
        UsageError: the folder cannot be written.
    """
    from airbeat.ops.happenings import Happening
    from airbeat.report.handover import confirmed_sightings, write_handover

    sightings, unplaced = confirmed_sightings(results, state)
    written = write_handover(folder, sightings)
    if operation is not None and written:
        with recording(operation) as recorder:
            recorder.tell(Happening.HANDOVER_WRITTEN, files=files_of(written))
    return written, unplaced


@click.command("review")
@click.argument("out_dir", metavar="OUT", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--set",
    "decisions",
    multiple=True,
    metavar="ID=WHAT",
    help="Decide without asking: person, clue, no or unsure; may be given several times.",
)
@click.option("--undo", "undone", multiple=True, metavar="ID", help="Take the last decision on it back.")
@click.option("--note", default="", help="What is to be remembered of the decisions of --set.")
@click.option("--reviewer", help="Who decides. [default: the user's name on this machine]")
@click.option("--list", "listed", is_flag=True, help="Only list the candidates and what was decided.")
@click.option("--open/--no-open", "show", default=True, help="Show each cut-out with the system's viewer.")
@operation_option
@json_option
def command(
    *,
    out_dir: Path,
    operation: str | None,
    decisions: tuple[str, ...],
    undone: tuple[str, ...],
    note: str,
    reviewer: str | None,
    listed: bool,
    show: bool,
    as_json: bool,
) -> int:
    """Step through the candidates in OUT, which airbeat detect wrote, and say what each of them is.

    Decisions are added to the log in OUT/operations.sqlite, or to that of the operation to which the search
    belongs (--operation), and never overwritten: the last one counts. For persons and clues the hand-over
    files are written to OUT/handover: GPX, KML, GeoJSON, CalTopo and CoT.
    Leave at any time, and go on later.

    \b
    airbeat review candidates
    airbeat review candidates --set C001=person --note "waving" --reviewer "Desk K"
    """
    from rich.text import Text

    from airbeat.ops.log import OperationsLog
    from airbeat.ops.reviews import Reviews
    from airbeat.report.handover import FOLDER
    from airbeat.report.reviewed import belongs_to, log_beside, reviewables
    from airbeat.report.searched import read_search_results

    results = read_search_results(out_dir / "candidates.json")
    pairs = _settings_of(decisions, note)
    who = reviewer or user_name()
    if operation is not None:
        belongs_to(out_dir, operation)
    with OperationsLog(log_beside(out_dir)) as log:
        log.verify()
        reviews = Reviews(log, reviewables(results))
        _decide_as_told(reviews, pairs, undone, reviewer=who, note=note)
        if not (pairs or undone or listed or as_json) and _somebody_answers():
            _step_through(results, reviews, out_dir, reviewer=who, show=show and sys.stdin.isatty())
        state, summary = reviews.state(), _summary(reviews)
    written, unplaced = _handed_over(results, state, out_dir / FOLDER, operation)
    out = console(as_json)
    if listed and not as_json:
        for row in results.candidates:
            out.print(Text(_line(row, state.get(row.id))))
    table([(name.replace("_", " "), str(count)) for name, count in summary.items()], as_json=as_json)
    for name in unplaced:
        out.print(_("{name} is confirmed but has no position: hand over its photograph", name=name))
    if written:
        out.print(
            _("wrote {written} hand-over files to {out_dir}", written=len(written), out_dir=out_dir / FOLDER)
        )
    if as_json:
        handed = {"confirmed_without_position": unplaced, "handover": [str(p) for p in written]}
        emit_json(summary | handed | {"decisions": _rows(results, state)})
    return 0
