"""The catalogue of findings, the checks that make them and the page that documents them say the same."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import airbeat.checks
from airbeat.checks.catalogue import CODES

CHECKS = Path(airbeat.checks.__file__).parent
PAGE = CHECKS.parent / "docs" / "findings.md"
HEAD = """\
# Findings

What `airbeat check` finds in a plan, and what to do about it. `airbeat plan`, `upload` and `fly` make
the same checks. An **error** must not be flown (exit code 1); a **warning** is flown only when somebody
has looked at it and knows why it is so; a **note** is worth knowing. The codes are stable. For the codes
that begin with `rule-` the rules file says how bad it is; the severity given here is that of a file that
does not say it.

| code | severity | what it says | remedy |
|---|---|---|---|
"""


def page() -> str:
    rows = [f"| `{n}` | {c.severity.value} | {c.says} | {c.remedy} |" for n, c in CODES.items()]
    return HEAD + "\n".join(rows) + "\n"


def codes_made() -> Iterator[str]:
    """Text constants of the checks that are, or look like, the code of a finding that is made there."""
    for path in CHECKS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(getattr(node, "func", None), "id", "")
            if isinstance(node, ast.Call) and name in ("found", "_about", "_broken"):
                yield from (
                    n.value
                    for argument in node.args[:1]
                    for n in ast.walk(argument)
                    if isinstance(n, ast.Constant) and isinstance(n.value, str)
                )
            if isinstance(node, ast.Tuple):
                yield from (
                    e.value for e in node.elts[:1] if isinstance(e, ast.Constant) and e.value in CODES
                )


def test_every_finding_is_in_the_catalogue_and_every_entry_is_made_somewhere() -> None:
    assert set(codes_made()) == set(CODES)


def test_the_documentation_lists_every_finding() -> None:
    """AIRBEAT_UPDATE_GOLDEN=1 writes the page anew."""
    if os.environ.get("AIRBEAT_UPDATE_GOLDEN"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()
