"""Reads photographs and what their EXIF and XMP say of where and how they were taken."""

from __future__ import annotations

import hashlib
import io
import math
import stat
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from airbeat.errors import FrameError
from airbeat.frames.embedded import is_dng, is_radiometric, largest_preview
from airbeat.frames.meta import FrameMeta
from airbeat.frames.metadata import RawMetadata, frame_meta
from airbeat.frames.opencv import opencv
from airbeat.frames.xmp import read_xmp
from airbeat.language.words import Message

__all__ = ["MAX_FILE_BYTES", "MAX_PIXELS", "blank_rows", "has_its_end", "load_image", "read_frame_meta"]

MAX_FILE_BYTES = 200_000_000
MAX_PIXELS = 170_000_000

_FORMATS = ("JPEG", "PNG", "TIFF")  # a JPEG with more pictures behind it opens as MPO
_EXIF_ERRORS = (OSError, ValueError, SyntaxError, KeyError, TypeError, struct.error, OverflowError, EOFError)
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_XMP_TAG = 0x02BC
_SAMPLE_PX = 100_000
_USED_PERCENT = (0.1, 99.9)
"""Between these shares of its pixels lie the values that a picture uses."""
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
"""Length, type and CRC of the last chunk of a PNG (ISO/IEC 15948, 11.2.5)."""


def _read_bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FrameError("not a file but a folder, a pipe or a device", where=str(path))
        size = status.st_size
        if size == 0:
            raise FrameError("the file is empty", where=str(path), remedy="copy it from the card again")
        if size > MAX_FILE_BYTES:
            raise FrameError(
                Message(
                    "the file has {size} bytes, more than {max_file_bytes}",
                    size=size,
                    max_file_bytes=MAX_FILE_BYTES,
                ),
                where=str(path),
                remedy="give single photographs, not archives",
            )
        return path.read_bytes()
    except OSError as error:
        raise FrameError(
            Message("the file cannot be read: {reason}", reason=error.strerror), where=str(path)
        ) from error


def _picture_in(path: Path, data: bytes) -> bytes:
    """The picture that is searched: the file itself, or the JPEG preview of a DNG."""
    if not is_dng(data):
        return data
    preview = largest_preview(data)
    if preview is None:
        raise FrameError(
            "this DNG holds no JPEG preview, and raw pictures are not developed",
            where=str(path),
            remedy="let the camera write JPEG beside DNG, or convert the files",
        )
    return preview


def read_frame_meta(path: Path) -> FrameMeta:
    """What one photograph's own metadata say.

    What is missing or absurd is None and named in ``findings``; nothing is guessed.

    Raises:
        FrameError: not a photograph, cut short, too large, or unreadable.
    """
    data = _read_bytes(path)
    findings: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = _picture_in(path, data)
        source = _open(path, picture, findings, dng=None if picture is data else data)
    findings += [
        f"while reading: {w.message}" for w in caught if w.category is not Image.DecompressionBombWarning
    ]
    if source.format in {"JPEG", "MPO"} and not _jpeg_is_whole(picture):
        lost = _lost_rows(picture)
        if lost:
            raise FrameError(
                Message(
                    "the file is cut short: the lowest {lost} of {height_px} rows are missing",
                    lost=lost,
                    height_px=source.height_px,
                ),
                where=str(path),
                remedy="copy it from the card again",
            )
        findings.append("the end-of-image marker is missing; a few pixels of the last rows are lost")
    return frame_meta(path, hashlib.sha256(data).hexdigest(), source, findings)


def load_image(meta: FrameMeta, *, shrink: int = 1) -> npt.NDArray[np.uint8]:
    """The picture, (height, width, 3), blue, green, red, as stored (no EXIF rotation).

    Args:
        meta: the photograph.
        shrink: 1, 2, 4 or 8: decode at this fraction of its size (sides rounded up), which is faster.

    Raises:
        FrameError: the file is gone, changed its size, or cannot be decoded.
        DependencyError: OpenCV does not work on this machine.
        ValueError: another ``shrink``.
    """
    if shrink not in {1, 2, 4, 8}:
        raise ValueError(f"shrink: expected 1, 2, 4 or 8, got {shrink}")
    image = _decode(_picture_in(meta.path, _read_bytes(meta.path)), shrink)
    if image is None:
        raise FrameError("the picture cannot be decoded", where=str(meta.path), remedy="copy it again")
    if image.shape[:2] != (-(-meta.height_px // shrink), -(-meta.width_px // shrink)):
        raise FrameError(
            Message(
                "the picture decodes to {got_width_px}×{got_height_px} px, its header said "
                "{width_px}×{height_px} before shrinking by {shrink}",
                got_width_px=image.shape[1],
                got_height_px=image.shape[0],
                width_px=meta.width_px,
                height_px=meta.height_px,
                shrink=shrink,
            ),
            where=str(meta.path),
            remedy="copy it again",
        )
    return image


def _decode(data: bytes, shrink: int = 1) -> npt.NDArray[np.uint8] | None:
    cv2 = opencv()
    if data[:2] == b"\xff\xd8" and not _jpeg_is_whole(data):
        data += b"\xff\xd9"  # without it OpenCV gives up on a picture that is otherwise there
    flags = {
        1: cv2.IMREAD_COLOR,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    }
    as_stored, content = cv2.IMREAD_IGNORE_ORIENTATION | cv2.IMREAD_ANYDEPTH, np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(content, flags[shrink] | as_stored)
        if image is None and data[:2] in {b"II", b"MM"}:  # OpenCV gives TIFFs of decimal numbers grey alone
            grey = cv2.imdecode(content, as_stored)
            image = None if grey is None else cv2.cvtColor(grey[::shrink, ::shrink], cv2.COLOR_GRAY2BGR)
    except cv2.error:
        return None
    return None if image is None else _in_8_bits(image)


def _in_8_bits(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A picture of 16 bits or of decimal numbers, the values that it uses spread over 0…255.

    Thermal pictures, and raw values of 12 bits, use a small part of what they could hold, and would be black.
    Those that use half of their 16 bits keep their brightness.
    """
    if image.dtype == np.uint8:
        return image
    step = max(1, math.isqrt(image.shape[0] * image.shape[1] // _SAMPLE_PX))
    sample = image[::step, ::step].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    low, high = np.percentile(sample, _USED_PERCENT) if sample.size else (0.0, 1.0)
    if image.dtype == np.uint16 and high - low >= 1 << 15:
        low, high = 0.0, float((1 << 16) - 1)
    scale = 255.0 / max(high - low, 1e-9)
    if image.dtype == np.uint16:
        table = np.clip((np.arange(1 << 16) - low) * scale, 0, 255).astype(np.uint8)
        spread: npt.NDArray[np.uint8] = table[image]
        return spread
    return np.nan_to_num(np.clip((image - low) * scale, 0, 255)).astype(np.uint8)


def blank_rows(image: npt.NDArray[np.uint8]) -> int:
    """How many rows at the bottom are of one colour each, as a decoder fills in what a file has lost."""
    rows = 0
    for row in image[::-1]:
        if (row != row[0]).any():
            break
        rows += 1
    return rows


def _lost_rows(data: bytes) -> int:
    """How many rows at the bottom the decoder had to fill with one colour."""
    image = _decode(data)
    return 1 << 16 if image is None else blank_rows(image)


def _open(path: Path, data: bytes, findings: list[str], *, dng: bytes | None = None) -> RawMetadata:
    """The metadata of a picture; those of a DNG are in the DNG, not in its preview."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise FrameError(
                    Message(
                        "the picture has {width}×{height} px, more than {max_pixels}",
                        width=width,
                        height=height,
                        max_pixels=MAX_PIXELS,
                    ),
                    where=str(path),
                )
            source = RawMetadata(format=str(image.format), width_px=width, height_px=height)
            if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
                findings.append("more than 8 bits a pixel: the values that are used were spread over 8 bits")
            if dng is not None:
                findings.append(
                    f"DNG: its JPEG preview of {width}×{height} px is the picture, not the raw values"
                )
            exif = _read_exif(image if dng is None else dng, source, findings)
            xmp = _xmp_bytes(image) if dng is None else exif.get(_XMP_TAG, b"")
            source.radiometric = is_radiometric(getattr(image, "applist", []), width * height)
    except FrameError:  # it is a ValueError too, and says itself what is wrong
        raise
    except Image.DecompressionBombError as error:
        raise FrameError(
            Message("the picture is too large: {error}", error=str(error)), where=str(path)
        ) from error
    except UnidentifiedImageError as error:
        raise FrameError(
            "not a photograph that can be read", where=str(path), remedy="give JPEG, PNG or TIFF files"
        ) from error
    except (OSError, ValueError, SyntaxError, struct.error, MemoryError) as error:
        raise FrameError(
            Message("the picture cannot be opened: {error}", error=str(error)), where=str(path)
        ) from error
    if xmp:
        source.xmp, problems = read_xmp(xmp)
        findings += problems
    else:
        findings.append("no XMP: no height above home and no gimbal angles")
    return source


def _read_exif(image: Image.Image | bytes, source: RawMetadata, findings: list[str]) -> Mapping[int, Any]:
    """Fill in the EXIF tags of a picture, or of a TIFF's own bytes."""
    try:
        if isinstance(image, bytes):
            exif = Image.Exif()
            exif.load(b"Exif\x00\x00" + image)
        else:
            exif = image.getexif()
        source.main = dict(exif)
        source.photo = dict(exif.get_ifd(_EXIF_IFD))
        source.gps = dict(exif.get_ifd(_GPS_IFD))
    except _EXIF_ERRORS as error:
        findings.append(f"the EXIF block is damaged ({error})")
    if not source.main:
        findings.append("no EXIF")
    return source.main


def _xmp_bytes(image: Image.Image) -> bytes:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if not xmp:
        prefix = b"http://ns.adobe.com/xap/1.0/\x00"
        for marker, segment in getattr(image, "applist", []):
            if marker == "APP1" and segment.startswith(prefix):
                return bytes(segment[len(prefix) :])
    return xmp.encode("utf-8") if isinstance(xmp, str) else bytes(xmp)


def _jpeg_is_whole(data: bytes) -> bool:
    """Whether the first picture's entropy-coded data end with the end-of-image marker.

    Inside the coded data 0xFF is always followed by 0x00 or a restart marker, so the first FF D9 after the
    start of scan is the end (ITU-T T.81, B.1.1).
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA:
            return data.find(b"\xff\xd9", at) >= 0
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def has_its_end(path: Path) -> bool | None:
    """Whether a file that is being written is all there by what it holds; None where it cannot tell.

    A JPEG has its end-of-image marker then, a PNG its last chunk. Other kinds have no mark at their end.
    """
    try:
        if path.suffix.lower() in {".jpg", ".jpeg"}:
            return _jpeg_is_whole(path.read_bytes())
        if path.suffix.lower() == ".png":
            with path.open("rb") as stream:
                stream.seek(max(0, path.stat().st_size - len(_PNG_END)))
                return stream.read() == _PNG_END
    except OSError:
        return False
    return None
