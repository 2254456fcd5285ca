"""The plans of a mission that is flown in several sorties: checked, printed and written one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbeat.cli.output import table
from airbeat.language.words import Message

if TYPE_CHECKING:
    from airbeat.checks.findings import Finding
    from airbeat.mission.plan import FlightPlan

__all__ = ["sorties_json", "sorties_shown", "sorties_written"]


def sorties_shown(sorties: tuple[FlightPlan, ...], *, as_json: bool) -> None:
    """One line for each of several sorties."""
    if len(sorties) == 1:
        return
    rows = []
    for number, plan in enumerate(sorties, start=1):
        if plan.estimate is not None:
            minutes, seconds = divmod(round(plan.estimate.duration_s), 60)
            rows.append(
                (
                    Message("sortie {number}", number=number),
                    Message(
                        "{minutes} min {seconds:02d} s, {length_m:.2f} km, {photos} photographs, {items} "
                        "items",
                        minutes=minutes,
                        seconds=seconds,
                        length_m=plan.estimate.length_m / 1000,
                        photos=plan.estimate.photos,
                        items=len(plan.items),
                    ),
                )
            )
    table(rows, as_json=as_json, title=Message("{sorties} sorties", sorties=len(sorties)))


def sorties_written(
    sorties: tuple[FlightPlan, ...], out_dir: Path, *, stem: str, overwrite: bool
) -> list[Path]:
    """Writes ``stem.plan`` …, or ``stem-sortie-1.plan`` … of several sorties.

    Raises:
        UsageError: a file exists and may not be replaced, or cannot be written.
    """
    from airbeat.formats.files import write_several_plans

    names = [stem] if len(sorties) == 1 else [f"{stem}-sortie-{k + 1}" for k in range(len(sorties))]
    return write_several_plans(dict(zip(names, sorties, strict=True)), out_dir, overwrite=overwrite)


def sorties_json(
    sorties: tuple[FlightPlan, ...],
    findings: Sequence[Sequence[Finding]],
    *,
    plan_json: Callable[[FlightPlan], dict[str, Any]],
    findings_json: Callable[[Sequence[Finding]], list[dict[str, Any]]],
) -> dict[str, Any]:
    """The number of ``sorties``, and where there are several the figures and findings of each."""
    if len(sorties) == 1:
        return {"sorties": 1}
    return {
        "sorties": len(sorties),
        "per_sortie": [
            plan_json(plan) | {"findings": findings_json(found)}
            for plan, found in zip(sorties, findings, strict=True)
        ],
    }
