"""Worker processes: frames go in as they come, results come out in the same order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from airbeat.detect.records import FrameRefusal
from airbeat.detect.search import Found, FrameTask, SearchSettings, search_frame
from airbeat.frames.opencv import opencv

__all__ = ["Outcome", "available_cores", "searched", "searched_alone"]

_settings: SearchSettings | None = None
"""Of this worker process."""

Outcome = Found | FrameRefusal


def available_cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def searched(
    tasks: Iterable[FrameTask | None], settings: SearchSettings, *, workers: int
) -> Iterator[tuple[FrameTask, Outcome]]:
    """Search frames as they come; results in the same order.

    One frame is in memory per worker, and at most two per worker are under way. A frame on which a worker
    process dies is tried once more alone, and refused if that one dies too.

    Args:
        tasks: None means that nothing is to be done for the moment: what is finished is then given out.
        settings: what they are searched with.
        workers: processes; 1 searches in this process.

    Raises:
        DependencyError: OpenCV cannot be loaded.
    """
    opencv()  # where it cannot be loaded, that is said here; of a worker one would only see that it died
    if workers == 1:
        for task in tasks:
            if task is not None:
                yield task, search_frame(task, settings)
        return
    with _Pool(settings, workers) as pool:
        for task in tasks:
            if task is not None:
                pool.begin(task)
            while pool.under_way >= 2 * workers or (task is None and pool.has_finished):
                yield pool.next()
        while pool.under_way:
            yield pool.next()


class _Pool:
    """A pool of workers with the frames that are under way, oldest first."""

    def __init__(self, settings: SearchSettings, workers: int) -> None:
        self._settings = settings
        self._workers = workers
        self._waiting: deque[tuple[FrameTask, Future[Outcome]]] = deque()
        self._executor = _executor(settings, workers)

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    @property
    def under_way(self) -> int:
        return len(self._waiting)

    @property
    def has_finished(self) -> bool:
        return bool(self._waiting) and self._waiting[0][1].done()

    def begin(self, task: FrameTask) -> None:
        try:
            self._waiting.append((task, self._executor.submit(_work, task)))
        except BrokenProcessPool:
            self._begin_anew([task])

    def _begin_anew(self, more: list[FrameTask]) -> None:
        """A new pool for the frames whose results the broken one has not given."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = _executor(self._settings, self._workers)
        waiting = [(t, f) for t, f in self._waiting if f.done() and not f.cancelled() and not f.exception()]
        lost = [t for t, f in self._waiting if (t, f) not in waiting]
        kept = dict(waiting)
        for task in lost:
            kept[task] = _alone(task, self._settings)
        self._waiting = deque((task, kept[task]) for task, _ in self._waiting)
        self._waiting.extend((task, self._executor.submit(_work, task)) for task in more)

    def next(self) -> tuple[FrameTask, Outcome]:
        task, future = self._waiting[0]
        try:
            outcome = future.result()
        except BrokenProcessPool:
            self._begin_anew([])
            task, future = self._waiting[0]
            outcome = future.result()
        self._waiting.popleft()
        return task, outcome


def searched_alone(task: FrameTask, settings: SearchSettings) -> Outcome:
    """The result for a frame that a worker may have died on, by a worker that does nothing else."""
    with _one_worker(settings) as executor:
        try:
            return executor.submit(_work, task).result()
        except BrokenProcessPool:
            reason = "the worker process that searched it died, most likely for want of memory"
            return FrameRefusal(path=task.path, name=task.name, reason=reason)


def _alone(task: FrameTask, settings: SearchSettings) -> Future[Outcome]:
    done: Future[Outcome] = Future()
    done.set_result(searched_alone(task, settings))
    return done


@contextmanager
def _one_worker(settings: SearchSettings) -> Iterator[ProcessPoolExecutor]:
    executor = _executor(settings, 1)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True)


def _executor(settings: SearchSettings, workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(
        max_workers=workers, mp_context=context, initializer=_begin_work, initargs=(settings,)
    )
    for _ in range(workers):
        executor.submit(os.getpid)  # begins a process now, and not when a frame waits for it
    return executor


def _begin_work(settings: SearchSettings) -> None:
    """In a new worker process: Ctrl-C is the parent's business, and without a parent there is no work."""
    global _settings  # noqa: PLW0603 - a worker has one job
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    opencv()
    _settings = settings
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: FrameTask) -> Outcome:
    assert _settings is not None  # noqa: S101 - set when the process began
    return search_frame(task, _settings)
