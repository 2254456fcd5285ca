"""Frames searched on a Dask cluster (extra ``cluster``), with the results of a search on one machine.

Workers need the same airbeat and must see the frames under the same paths: each is told the SHA-256 of the
file that is meant and compares. A worker that dies is nothing to a frame: Dask gives it to another. A frame
under which more workers died than Dask allows (``distributed.scheduler.allowed-failures``) is tried once more
alone, in a process of this machine, and refused if that dies too.
"""

from __future__ import annotations

import importlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from airbeat import __version__
from airbeat.detect.register import hash_of
from airbeat.detect.search import FrameTask, SearchSettings, models_digest, search_frame
from airbeat.detect.workers import Outcome, searched_alone
from airbeat.errors import DependencyError, LinkError, UsageError
from airbeat.language.words import Message

__all__ = ["Cluster"]

_CONNECT_S = 10.0
_NO_WORKERS_S = 60.0
"""So long a search waits for a first, or another, worker."""
_ASK_S = 5.0
_SAME_PATH = "mount the frames' folder under the same path on all workers"
_KEPT = "what is finished is kept; start the same command again"
_one_at_a_time = threading.Lock()
"""Of a worker's process: networks are not shared by threads."""


class Cluster:
    """The workers of one Dask scheduler; use it in a ``with`` block.

    Args:
        address: of the scheduler, e.g. ``tcp://10.0.0.5:8786``.

    Raises:
        DependencyError: Dask is not installed.
        LinkError: no scheduler answers there, or no worker has joined it.
    """

    def __init__(self, address: str) -> None:
        try:
            dask: Any = importlib.import_module("distributed")
        except ImportError as error:
            raise DependencyError(
                Message("a cluster needs Dask: {error}", error=error),
                remedy='run: pip install "airbeat[cluster]"',
            ) from error
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is raised, and said by us
        self._dask = dask
        self._address = address
        self._asked_s = -_ASK_S
        self._threads = 0
        try:
            self._client = dask.Client(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:  # Dask's TimeoutError is an OSError
            raise LinkError(
                Message("no Dask scheduler answers at {address}: {error}", address=address, error=error),
                remedy="start one with: dask scheduler, and workers with: dask worker ADDRESS --nthreads 1",
            ) from error

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close(timeout=5)

    def __call__(
        self, tasks: Iterable[FrameTask | None], settings: SearchSettings
    ) -> Iterator[tuple[FrameTask, Outcome]]:
        """Search frames as they come; results in the same order, see `airbeat.detect.workers.searched`.

        Raises:
            UsageError: a worker has another airbeat, or does not see the frames.
            LinkError: the scheduler or all workers are gone.
        """
        meant = self._client.submit(_unchanged, settings, pure=False)
        waiting: deque[_Begun] = deque()
        for task in tasks:
            if task is not None:
                waiting.append(self._begun(task, meant))
            while len(waiting) >= 2 * self._workers() or (task is None and waiting and waiting[0].is_done()):
                yield waiting[0].task, self._outcome(waiting[0], settings)
                waiting.popleft()
        while waiting:
            yield waiting[0].task, self._outcome(waiting[0], settings)
            waiting.popleft()

    def _begun(self, task: FrameTask, meant: Any) -> _Begun:
        there = replace(
            task, path=task.path.resolve(), neighbours=tuple(path.resolve() for path in task.neighbours)
        )
        sha256 = hash_of(task.path)
        made_with = (__version__, models_digest())
        future = self._client.submit(_work, there, sha256, meant, made_with, pure=False)
        return _Begun(task, sha256, meant, future)

    def _outcome(self, begun: _Begun, settings: SearchSettings) -> Outcome:
        since_s = time.monotonic()
        while True:
            try:
                outcome: Outcome = begun.future.result(timeout=_ASK_S)
            except self._dask.TimeoutError:
                if self._workers(at_once=True):
                    since_s = time.monotonic()
                elif time.monotonic() - since_s > _NO_WORKERS_S:
                    raise LinkError(
                        Message("no worker is left at {address}", address=self._address),
                        remedy="start workers; what is finished is kept",
                    ) from None
            except self._dask.scheduler.KilledWorker:
                return searched_alone(begun.task, settings)
            except _OtherFileError as error:
                if hash_of(begun.task.path) == begun.sha256:
                    raise UsageError(error.args[0], remedy=_SAME_PATH) from error
                begun = self._begun(begun.task, begun.meant)  # it has changed meanwhile
            except (self._dask.client.FutureCancelledError, self._dask.comm.CommClosedError) as error:
                raise LinkError(
                    Message(
                        "the scheduler at {address} was lost: {error}", address=self._address, error=error
                    ),
                    remedy=_KEPT,
                ) from error
            except ImportError as error:
                raise UsageError(
                    Message(
                        "a worker at {address} cannot search: {why}",
                        address=self._address,
                        why=next(iter(error.args), ""),
                    ),
                    remedy=Message("install airbeat {version} on all of them", version=__version__),
                ) from error
            else:
                return outcome

    def _workers(self, *, at_once: bool = False) -> int:
        """How many there are, at least 1; asked now and then."""
        if at_once or time.monotonic() - self._asked_s > _ASK_S:
            self._asked_s = time.monotonic()
            self._threads = len(self._client.nthreads())
        return self._threads if at_once else max(1, self._threads)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A frame under way: the settings' task, and its own."""

    task: FrameTask
    sha256: str
    meant: Any
    future: Any

    def is_done(self) -> bool:
        return bool(self.future.done())


class _OtherFileError(Exception):
    """A worker does not see the file that is meant."""


def _unchanged(settings: SearchSettings) -> SearchSettings:
    """A task of Dask's, so that what every frame needs is made anew wherever it was lost."""
    return settings


def _work(task: FrameTask, sha256: str, settings: SearchSettings, made_with: tuple[str, str]) -> Outcome:
    """On a worker: search one frame, if it is the one that is meant.

    Raises:
        ImportError: this worker cannot give the results that are wanted.
        _OtherFileError: it does not see the file that is meant.
    """
    if (__version__, models_digest()) != made_with:
        raise ImportError(
            Message(
                "{worker} has another airbeat ({version}) or other networks",
                worker=_here(),
                version=__version__,
            )
        )
    if sha256 and hash_of(task.path) != sha256:
        raise _OtherFileError(
            Message(
                "the worker {worker} does not see {path} as it is where the search was started",
                worker=_here(),
                path=task.path,
            )
        )
    with _one_at_a_time:
        return search_frame(task, settings)


def _here() -> str:
    worker = importlib.import_module("distributed").get_worker()

    return str(worker.address)
