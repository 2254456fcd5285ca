"""Letters for raster pictures: a font that has the signs of a text, whatever is installed.

Pillow's built-in font knows ASCII alone. Fonts that most systems have are tried first, then those that
fontconfig names for Chinese; where none has a text's signs, accents are dropped and what is left over becomes
a question mark, so that no picture shows empty boxes. A picture in a language whose letters no font has is
drawn in English (`picture_language`).
"""

from __future__ import annotations

import logging
import subprocess
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial

from PIL import ImageFont

from airbeat.language.lines import lines_of
from airbeat.language.words import ENGLISH, current_language, speaking

__all__ = ["Font", "fitted", "font_for", "picture_language", "width_px", "wrapped"]

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_REGULAR = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "arial.ttf", "Arial.ttf",
    "NotoSansCJK-Regular.ttc", "wqy-microhei.ttc", "msyh.ttc", "PingFang.ttc", "Arial Unicode.ttf",
)  # fmt: skip
_BOLD = (
    "DejaVuSans-Bold.ttf", "NotoSans-Bold.ttf", "LiberationSans-Bold.ttf", "arialbd.ttf", "Arial Bold.ttf",
    *_REGULAR[5:],
)  # fmt: skip
_PLAIN = str.maketrans({"–": "-", "×": "x", "…": "...", "→": "->", "’": "'", "·": "-"})
_NO_SIGN = "\uffff"
_LETTERS = {"zh_CN": "航线旁向重叠电子围栏候选目标，。"}
"""Letters of a language, by which a font is known to have it."""
_FACES = 10
"""Faces of a font collection that are looked at for the simplified forms of Chinese letters."""


@cache
def _chinese_files() -> tuple[str, ...]:
    """Files that fontconfig names for Simplified Chinese; none where there is no fontconfig."""
    try:
        done = subprocess.run(
            ["fc-list", ":lang=zh-cn", "file"],  # noqa: S607 - wherever the system has it
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    files = (line.strip().removesuffix(":").strip() for line in done.stdout.splitlines())
    return tuple(sorted(name for name in files if name.lower().endswith((".ttf", ".otf", ".ttc"))))


@cache
def _face(name: str) -> int:
    """Which face of a collection has the simplified forms; 0 where none says so."""
    for index in range(_FACES if name.lower().endswith(".ttc") else 0):
        try:
            family = ImageFont.truetype(name, 10, index=index).getname()[0] or ""
        except OSError:
            return 0
        if family.endswith(" SC"):
            return index
    return 0


@cache
def _installed(size_px: int, bold: bool) -> tuple[ImageFont.FreeTypeFont, ...]:
    return tuple(_opened(_BOLD if bold else _REGULAR, size_px))


@cache
def _chinese(size_px: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    return tuple(_opened(_chinese_files(), size_px))


def _opened(names: tuple[str, ...], size_px: int) -> Iterator[ImageFont.FreeTypeFont]:
    for name in names:
        try:
            yield ImageFont.truetype(name, size_px, index=_face(name))
        except OSError:
            continue


@cache
def _built_in(size_px: int) -> Font:
    return ImageFont.load_default(size_px)


@cache
def _has(font: ImageFont.FreeTypeFont, sign: str) -> bool:
    """Whether a font draws a sign as something else than its box for unknown signs."""
    if sign.isspace():
        return True
    drawn, unknown = font.getmask(sign), font.getmask(_NO_SIGN)
    return drawn.size != unknown.size or bytes(drawn) != bytes(unknown)


def font_for(text: str, size_px: int, *, bold: bool = False) -> tuple[Font, str]:
    """A font of that size [px], and the text as that font can show it."""
    if not text.isascii():
        for found in (partial(_installed, size_px, bold), partial(_chinese, size_px)):
            for font in found():
                if all(_has(font, sign) for sign in text):
                    return font, text
    fonts = _installed(size_px, bold)
    plain = text if text.isascii() else _plain(text, fonts[0] if fonts else None)
    return (fonts[0] if fonts else _built_in(size_px)), plain


@cache
def _drawable(language: str) -> bool:
    """Whether a font here has a language's letters; said once where none has."""
    letters = _LETTERS.get(language, "")
    shown = font_for(letters, 12)[1] == letters
    if not shown:
        logging.getLogger(__name__).warning(
            "airbeat: no font here has the letters of %s: pictures are drawn in English "
            "(Debian: apt install fonts-noto-cjk)",
            language,
        )
    return shown


@contextmanager
def picture_language() -> Iterator[None]:
    """A block that draws a picture: in English, where no font has the letters of the current language."""
    with speaking(current_language() if _drawable(current_language()) else ENGLISH):
        yield


def _plain(text: str, font: ImageFont.FreeTypeFont | None) -> str:
    """The text without signs that cannot be shown; those that a font has are kept."""
    shown = []
    for sign in text:
        if sign.isascii() or (font is not None and _has(font, sign)):
            shown.append(sign)
        else:
            plain = unicodedata.normalize("NFKD", sign.translate(_PLAIN))
            shown.append(plain.encode("ascii", "ignore").decode() or "?")
    return "".join(shown)


def width_px(text: str, size_px: int, *, bold: bool = False) -> float:
    """How wide a line of text is [px]."""
    font, shown = font_for(text, size_px, bold=bold)
    return float(font.getlength(shown))


def fitted(text: str, size_px: int, limit_px: float, *, bold: bool = False) -> str:
    """The text, cut with an ellipsis where it is wider than a limit [px]."""
    if width_px(text, size_px, bold=bold) <= limit_px:
        return text
    while text and width_px(f"{text}…", size_px, bold=bold) > limit_px:
        text = text[:-1]
    return f"{text.rstrip()}…"


def wrapped(text: str, size_px: int, limit_px: float, *, bold: bool = False) -> list[str]:
    """The text in lines no wider than a limit [px]; words too long for a line are cut."""
    measured = partial(width_px, size_px=size_px, bold=bold)
    return [fitted(line, size_px, limit_px, bold=bold) for line in lines_of(text, limit_px, measured)]
