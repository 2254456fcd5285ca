"""Frames out of videos and streams, kept as photographs (extra ``video``: PyAV)."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from airbeat.errors import DependencyError, FrameError, UsageError
from airbeat.frames.opencv import opencv
from airbeat.language.words import Message

__all__ = ["VideoSampling", "sampled_frames"]

_SMALL_PX = 160
_LOOK_EVERY_S = 0.2
_CLOCK_BACK_S = 1.0
_LIVE = {
    "rtsp_flags": "prefer_tcp",
    "flags": "low_delay",
    "analyzeduration": "1000000",
    "fpsprobesize": "0",
}
"""FFmpeg's options for streams: it looks at no more of them than it must, and over RTSP no frame is lost."""
_SURE = 0.05
"""Phase correlation's response below which two frames are taken to have nothing in common."""

_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreateDate="{time}"/>'
    "</rdf:RDF></x:xmpmeta>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSampling:
    """Which frames of a video are taken.

    Attributes:
        every_s: at the latest so long after the last one [s].
        overlap: a frame is taken already when it shares no more than this with the last one, 0…1, by how far
            the picture has moved; None to go by time alone.
    """

    every_s: float = 1.0
    overlap: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.every_s) and self.every_s > 0):
            raise UsageError(
                Message("frames every {every_s} s", every_s=self.every_s), remedy="give a number above 0"
            )
        if self.overlap is not None and not 0 <= self.overlap < 1:
            raise UsageError(
                Message("an overlap of {overlap}", overlap=self.overlap), remedy="give 0 to 0.95, e.g. 0.6"
            )


def _pyav() -> Any:
    try:
        import av
    except ImportError as error:
        raise DependencyError(
            Message("videos need PyAV: {error}", error=error), remedy='run: pip install "airbeat[video]"'
        ) from error
    return av


def sampled_frames(
    address: str, folder: Path, sampling: VideoSampling, *, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Path]:
    """Take frames out of a video and write each as a JPEG that says its time (XMP CreateDate).

    Where a video does not say when it was begun, its frames do not say their time; those of a stream say
    when they were received. The same video gives the same files.

    Args:
        address: path or URL, as FFmpeg takes it.
        folder: made if missing; the files are called by their second in the video.
        sampling: which frames are taken.
        stopped: asked at every frame; True ends a stream.

    Raises:
        FrameError: no video, or it breaks off; the frames before were given out.
        DependencyError: PyAV is not installed.
    """
    live = "://" in address
    with _opened(address) as container:
        if not container.streams.video:
            raise FrameError("no video stream in it", where=address, remedy="give a video")
        stream = container.streams.video[0]
        begun = None if live else _begun(container, stream)
        last: tuple[float, npt.NDArray[np.float32]] | None = None
        looked_s = -math.inf
        try:
            for frame in container.decode(stream):
                if stopped():
                    return
                second = float(frame.time or 0.0)
                if second < looked_s - _CLOCK_BACK_S:  # the sender has begun anew
                    last, looked_s = None, -math.inf
                if second - looked_s < min(_LOOK_EVERY_S, sampling.every_s) - 1e-6:
                    continue
                looked_s = second
                small = _small(frame)
                if last is not None and not _is_due(second, small, last, sampling):
                    continue
                last = (second, small)
                received = datetime.now(UTC) if live else None
                time = received or (begun + timedelta(seconds=second) if begun else None)
                yield _written(frame, folder, second, time, live=live)
        except _pyav().error.FFmpegError as error:
            raise FrameError(
                Message("the video breaks off: {reason}", reason=error.strerror),
                where=address,
                remedy="copy it from the card again",
            ) from error


@contextmanager
def _opened(address: str) -> Iterator[Any]:
    av = _pyav()
    if "://" not in address and not Path(address).is_file():
        raise FrameError("no such file", where=address, remedy="check the file or address")
    av.logging.set_level(av.logging.PANIC)
    try:
        container = av.open(address, timeout=20.0, options=_LIVE if "://" in address else {})
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise FrameError(
            Message(
                "the video cannot be opened: {reason}", reason=getattr(error, "strerror", None) or str(error)
            ),
            where=address,
            remedy="check the file or address",
        ) from error
    try:
        yield container
    finally:
        container.close()


def _begun(container: Any, stream: Any) -> datetime | None:
    for text in (container.metadata.get("creation_time"), stream.metadata.get("creation_time")):
        try:
            moment = datetime.fromisoformat(text) if text else None
        except ValueError:
            continue
        if moment is not None and moment.year > 1990:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _small(frame: Any) -> npt.NDArray[np.float32]:
    height = max(2, round(_SMALL_PX * frame.height / frame.width))
    grey = frame.reformat(width=_SMALL_PX, height=height, format="gray").to_ndarray()
    small: npt.NDArray[np.float32] = np.asarray(grey, dtype=np.float32)
    return small


def _is_due(
    second: float,
    small: npt.NDArray[np.float32],
    last: tuple[float, npt.NDArray[np.float32]],
    sampling: VideoSampling,
) -> bool:
    if second - last[0] >= sampling.every_s - 1e-6:
        return True
    if sampling.overlap is None or small.shape != last[1].shape:
        return False
    height, width = small.shape
    cv2 = opencv()
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (dx, dy), response = cv2.phaseCorrelate(last[1], small, window)
    if response < _SURE:
        return True
    shared = max(0.0, 1 - abs(dx) / width) * max(0.0, 1 - abs(dy) / height)
    return bool(shared <= sampling.overlap)


def _written(frame: Any, folder: Path, second: float, time: datetime | None, *, live: bool) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S.%f")[:-3] if live and time else f"{second:010.3f}"
    path = folder / f"{stamp}.jpg"
    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    buffer = io.BytesIO()
    xmp = _XMP.format(time=time.isoformat()).encode() if time else b""
    image.save(buffer, "JPEG", quality=95, subsampling=0, **({"xmp": xmp} if xmp else {}))
    data = buffer.getvalue()
    try:
        if not path.is_file() or path.read_bytes() != data:  # a restart leaves what is there as it is
            folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".tmp")
            temporary.write_bytes(data)
            temporary.replace(path)
    except OSError as error:
        raise FrameError(
            Message("a frame cannot be kept: {reason}", reason=error.strerror), where=str(path)
        ) from error
    return path
