"""Letters for raster pictures: a font that has the signs of a text, whatever is installed.

Pillow's built-in font knows ASCII alone. Fonts that most systems have are tried first; where none has a
text's signs, accents are dropped and what is left over becomes a question mark, so that no picture shows
empty boxes.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import ImageFont

__all__ = ["Font", "fitted", "font_for", "width_px", "wrapped"]

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


@cache
def _installed(size_px: int, bold: bool) -> tuple[ImageFont.FreeTypeFont, ...]:
    found = []
    for name in _BOLD if bold else _REGULAR:
        try:
            found.append(ImageFont.truetype(name, size_px))
        except OSError:
            continue
    return tuple(found)


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
        for font in _installed(size_px, bold):
            if all(_has(font, sign) for sign in text):
                return font, text
    fonts = _installed(size_px, bold)
    plain = text if text.isascii() else _plain(text, fonts[0] if fonts else None)
    return (fonts[0] if fonts else _built_in(size_px)), plain


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
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_px(longer, size_px, bold=bold) <= limit_px:
            lines[-1] = longer
        else:
            lines.append(fitted(word, size_px, limit_px, bold=bold))
    return lines
