"""Breaking text into lines where a language allows it: between words, and between Chinese characters."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["lines_of"]

_CLOSING = "，。、；：！？）」』》”’…"
_OPENING = "（「『《“‘"
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
_PIECE = re.compile(rf"\s+|[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}]+)[{_CLOSING}]*")
"""A run of spaces, a word, or one Chinese character, with the punctuation that must stay beside it."""


def lines_of(text: str, limit: float, width_of: Callable[[str], float]) -> list[str]:
    """A text in lines no wider than a limit; a piece that is wider by itself has a line of its own.

    Args:
        text: one paragraph.
        limit: width that a line may have.
        width_of: width of a piece of text, in the limit's unit.
    """
    lines: list[str] = []
    line = ""
    for piece in _PIECE.findall(text):
        if piece.isspace():
            line += " " if line else ""
        elif line.strip() and width_of(line + piece) > limit:
            lines.append(line.rstrip())
            line = piece
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines
