"""A finding as people read it."""

from __future__ import annotations

import pytest

from airbeat.checks.findings import Finding, Severity


@pytest.mark.parametrize(
    ("items", "shown"),
    [
        ((), "warning motion-blur: blurred (fly slower)"),
        ((4, 8), "warning motion-blur [item 4, 8]: blurred (fly slower)"),
        (tuple(range(40)), "warning motion-blur [item 0, 1, 2, 3, 4, 5 and 34 more]: blurred (fly slower)"),
    ],
)
def test_a_finding_of_many_items_names_the_first_and_counts_the_rest(
    items: tuple[int, ...], shown: str
) -> None:
    finding = Finding(
        severity=Severity.WARNING, code="motion-blur", message="blurred", items=items, remedy="fly slower"
    )
    assert str(finding) == shown
