"""``--picture``: a plan as one PNG file for a briefing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airbeat.cli.output import refuse_to_replace
from airbeat.errors import UsageError
from airbeat.language.words import Message

if TYPE_CHECKING:
    from airbeat.report.picture_content import PlanPicture

__all__ = ["check_picture_path", "write_picture"]


def check_picture_path(path: Path | None, *, overwrite: bool) -> None:
    """Refuse a picture that could not be written, before anything is planned or written.

    Raises:
        UsageError: no PNG file's name, or a file that exists and may not be replaced.
    """
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise UsageError(
            Message("{path} is no PNG file's name", path=path),
            remedy="give --picture a name that ends in .png",
        )
    refuse_to_replace(path, overwrite=overwrite)


def write_picture(path: Path, picture: PlanPicture, *, overwrite: bool) -> list[Path]:
    """Draw a picture and write it whole or not at all; the paths written.

    Raises:
        UsageError: the file exists and may not be replaced, or cannot be written.
    """
    from airbeat.formats.atomic import write_files
    from airbeat.report.picture import draw_picture

    return write_files({path: draw_picture(picture)}, overwrite=overwrite)
