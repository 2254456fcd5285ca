"""The embedded camera: takes poses while the flight goes on and writes photographs like a card's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airbeat.errors import AirbeatError, UsageError
from airbeat.frames.opencv import opencv
from airbeat.language.words import Message
from airbeat.sim.camera_exif import with_metadata
from airbeat.sim.camera_render import Renderer
from airbeat.sim.camera_view import View
from airbeat.sim.ground import Ground
from airbeat.sim.shot import CameraShot
from airbeat.vehicle.camera import Camera

__all__ = ["EmbeddedCamera"]

_JPEG_QUALITY = 90


class EmbeddedCamera:
    """Renders every captured pose to ``DJI_0001.JPG`` and so on in worker threads.

    The pictures depend on the ground's seed and the pose alone. Rendering spends its time inside OpenCV and
    NumPy, which let other Python threads run meanwhile.

    Args:
        ground: what it sees.
        camera: its profile.
        out_dir: where the photographs go; made if missing.
        workers: threads that render.
        started_utc: time of day at simulation time zero.
        on_frame: called after every photograph with (done, captured), from a worker thread.

    Raises:
        UsageError: a thermal profile; the embedded ground has no temperatures.
    """

    def __init__(
        self,
        ground: Ground,
        camera: Camera,
        out_dir: Path,
        *,
        workers: int = 2,
        started_utc: datetime = datetime(2026, 6, 21, 10, 0, tzinfo=UTC),
        on_frame: Callable[[int, int], None] | None = None,
    ) -> None:
        if camera.modality != "rgb":
            raise UsageError(
                Message("the embedded camera cannot take {modality} photographs", modality=camera.modality),
                remedy="choose a camera profile with modality rgb",
            )
        opencv()
        out_dir.mkdir(parents=True, exist_ok=True)
        self._ground = ground
        self._camera = camera
        self._out_dir = out_dir
        self._started_utc = started_utc
        self._on_frame = on_frame
        self._renderer = Renderer(ground)
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="camera")
        self._futures: list[Future[Path]] = []
        self._seen: dict[int, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._done = 0

    @property
    def captured(self) -> int:
        """How many poses were taken."""
        return len(self._futures)

    @property
    def done(self) -> int:
        """How many photographs are written."""
        return self._done

    @property
    def pending(self) -> int:
        """How many photographs are not written yet; those that failed count as ended."""
        return sum(not future.done() for future in self._futures)

    @property
    def seen(self) -> dict[int, list[dict[str, Any]]]:
        """For each person id, the photographs that show it: file, box and visible share."""
        with self._lock:
            return {
                key: sorted(rows, key=lambda r: str(r["frame"])) for key, rows in sorted(self._seen.items())
            }

    def frame_name(self, shot: CameraShot) -> str:
        """The file name of a shot's photograph."""
        return f"DJI_{shot.index:04d}.JPG"

    def capture(self, shot: CameraShot) -> None:
        """Take a pose; returns at once.

        Raises:
            UsageError: the pose cannot be drawn (below the ground, or looking near the horizon).
        """
        view = View(self._ground, self._camera, shot)
        self._futures.append(self._pool.submit(self._take, shot, view))

    def close(self) -> list[Path]:
        """Wait until all photographs are written.

        Returns:
            Their paths in the order of capture.

        Raises:
            AirbeatError: a photograph could not be written.
        """
        self._pool.shutdown(wait=True)
        self._ground.texture.clear()
        return [future.result() for future in self._futures]

    def abandon(self) -> None:
        """Drop what is not photographed yet; at most the photographs under way are still finished."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _take(self, shot: CameraShot, view: View) -> Path:
        cv2 = opencv()
        image, people = self._renderer.render(view, index=shot.index)
        ok, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        if not ok:
            raise AirbeatError(Message("photograph {index} could not be encoded", index=shot.index))
        taken = self._started_utc + timedelta(seconds=shot.time_s)
        data = with_metadata(encoded.tobytes(), shot=shot, camera=self._camera, taken=taken)
        path = self._out_dir / self.frame_name(shot)
        _write(path, data)
        with self._lock:
            for person in people:
                self._seen.setdefault(person.person_id, []).append(
                    {
                        "frame": path.name,
                        "xyxy_px": [round(v, 1) for v in person.xyxy_px],
                        "visible": person.visible,
                    }
                )
            self._done += 1
            done = self._done
        if self._on_frame is not None:
            self._on_frame(done, self.captured)
        return path


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise AirbeatError(
            Message("the photograph cannot be written: {reason}", reason=error.strerror),
            where=str(path),
            remedy="free space on the disk (about 5 MB a photograph) or name another folder",
        ) from error
