"""A source that is waited for aside, so that frames are searched and results written meanwhile."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from airbeat.frames.sources import FrameSource, SourceFrame

__all__ = ["Arriving"]

_MOST_WAITING = 64


@dataclass(kw_only=True)
class Arriving(FrameSource):
    """Another source, waited for in a thread of its own: None is given while it has nothing.

    A stream is so received, and a folder looked at, while frames are searched and results written.

    Attributes:
        inner: the source; what it counts and refuses is this one's too.
        stopped: asked every time; True ends it, whatever the source waits for.
        tick_s: how long to wait before None is given [s].
    """

    inner: FrameSource
    stopped: Callable[[], bool]
    tick_s: float = 0.05

    def __iter__(self) -> Iterator[SourceFrame | None]:
        arrived: queue.Queue[SourceFrame | Exception | None] = queue.Queue(_MOST_WAITING)
        gone = threading.Event()
        thread = threading.Thread(target=self._receive, args=(arrived, gone), name="frames", daemon=True)
        thread.start()
        try:
            while not self.stopped():
                try:
                    frame = arrived.get(timeout=self.tick_s)
                except queue.Empty:
                    self._count()
                    yield None
                    continue
                self._count()
                if isinstance(frame, Exception):
                    raise frame
                if frame is None:
                    return
                yield frame
                if arrived.empty():
                    yield None
        finally:
            gone.set()
            thread.join(timeout=1.0)

    def _count(self) -> None:
        inner = self.inner
        self.total, self.passed, self.ignored = inner.total, inner.passed, inner.ignored
        self.left_out, self.refused = inner.left_out, inner.refused

    def _receive(self, arrived: queue.Queue[SourceFrame | Exception | None], gone: threading.Event) -> None:
        def give(item: SourceFrame | Exception | None) -> None:
            while not gone.is_set():
                with suppress(queue.Full):
                    arrived.put(item, timeout=0.2)
                    return

        try:
            for frame in self.inner:
                if gone.is_set():
                    return
                if frame is not None:
                    give(frame)
        except Exception as error:  # noqa: BLE001 - raised again where frames are taken
            give(error)
        else:
            give(None)
