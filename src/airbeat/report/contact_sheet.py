"""The contact sheet: cut-outs of the candidates, the best first, as pictures to print or to send."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image, ImageDraw

from airbeat.language.words import Message, _, translated
from airbeat.report.lettering import fitted, font_for, picture_language

__all__ = ["SheetEntry", "contact_sheets"]

_COLUMNS, _ROWS = 5, 4
_CELL_PX = (320, 356)
_PICTURE_PX = 272
_MARGIN_PX, _HEAD_PX = 24, 84
_QUALITY = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetEntry:
    """One candidate on a sheet.

    Attributes:
        id: what it is called.
        crop: JPEG file of its cut-out.
        score: the detector's score, 0…1.
        place: where it is, as people read it; "no position" where nobody knows.
        looks: in how many of how many photographs it was seen.
        decision: what a reviewer said, or "".
    """

    id: str
    crop: Path
    score: float
    place: str
    looks: str
    decision: str = ""


def contact_sheets(entries: Iterable[SheetEntry], *, title: str, total: int, note: str) -> Iterator[bytes]:
    """Draw sheets of twenty candidates, in the order given, one in memory at a time.

    Args:
        entries: candidates, best first.
        title: at the top of each sheet.
        total: how many candidates there are in all.
        note: below the title.

    Yields:
        One JPEG a sheet; none without candidates.
    """
    remaining = iter(entries)
    first = 1
    while page := list(islice(remaining, _COLUMNS * _ROWS)):
        last = first + len(page) - 1
        yield _sheet(
            page,
            Message(
                "{title}: candidates {first} to {last} of {total}",
                title=title,
                first=first,
                last=last,
                total=total,
            ),
            note,
        )
        first = last + 1


@picture_language()
def _sheet(entries: Sequence[SheetEntry], title: str, note: str) -> bytes:
    rows = -(-len(entries) // _COLUMNS)
    columns = min(_COLUMNS, max(3, len(entries)))
    width, height = _CELL_PX
    size = (2 * _MARGIN_PX + columns * width, _HEAD_PX + rows * height + _MARGIN_PX)
    image = Image.new("RGB", size, "#ffffff")
    draw = ImageDraw.Draw(image)
    room_px = size[0] - 2 * _MARGIN_PX
    _write(draw, (_MARGIN_PX, 16), translated(title), 26, room_px=room_px, bold=True)
    _write(draw, (_MARGIN_PX, 50), translated(note), 18, room_px=room_px, colour="#8a4b00")
    for number, entry in enumerate(entries):
        row, column = divmod(number, columns)
        _cell(image, draw, (_MARGIN_PX + column * width, _HEAD_PX + row * height), entry)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _cell(image: Image.Image, draw: ImageDraw.ImageDraw, at: tuple[int, int], entry: SheetEntry) -> None:
    x, y = at
    room_px = _CELL_PX[0] - 16
    frame = (x, y, x + room_px, y + _PICTURE_PX)
    draw.rectangle(frame, fill="#eceff1")
    crop = _opened(entry.crop)
    if crop is not None:
        scale = min(room_px / crop.width, _PICTURE_PX / crop.height)
        crop = crop.resize((max(1, round(crop.width * scale)), max(1, round(crop.height * scale))))
        image.paste(crop, (x + (room_px - crop.width) // 2, y + (_PICTURE_PX - crop.height) // 2))
    else:
        _write(draw, (x + 12, y + 12), _("no cut-out"), 18, room_px=room_px)
    y += _PICTURE_PX + 4
    score = _("score {score:.2f}", score=entry.score)
    head = f"{entry.id}   {score}" + (f"   {entry.decision}" if entry.decision else "")
    _write(draw, (x, y), head, 20, room_px=room_px, bold=True)
    _write(draw, (x, y + 26), translated(entry.place), 17, room_px=room_px)
    _write(draw, (x, y + 48), translated(entry.looks), 15, room_px=room_px, colour="#455a64")


def _opened(path: Path) -> Image.Image | None:
    try:
        with Image.open(path, formats=("JPEG",)) as crop:
            return crop.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    size_px: int,
    *,
    room_px: int,
    colour: str = "#102027",
    bold: bool = False,
) -> None:
    text = fitted(text, size_px, room_px, bold=bold)
    font, shown = font_for(text, size_px, bold=bold)
    draw.text(at, shown, font=font, fill=colour)
