"""The one door to OpenCV: loads it late, and says what to install where it cannot be loaded."""

from __future__ import annotations

from functools import cache
from typing import Any

from airbeat.errors import DependencyError
from airbeat.language.words import Message

__all__ = ["opencv"]


@cache
def opencv() -> Any:
    """The ``cv2`` module, imported at the first call.

    OpenCV's own thread pool is switched off: parallel work in airbeat is one frame per worker, and a second
    pool inside single operations would compete for the same cores.

    Raises:
        DependencyError: OpenCV is missing, or needs system libraries that this machine lacks.
    """
    try:
        import cv2
    except ImportError as error:
        text = str(error)
        if any(name in text for name in ("libGL", "libgthread", "libSM", "libXext", "libX11", "libxcb")):
            raise DependencyError(
                Message("OpenCV cannot be loaded on this machine without a display: {text}", text=text),
                remedy="run: pip uninstall -y opencv-python && pip install 'opencv-python-headless<5'",
            ) from error
        raise DependencyError(
            Message("OpenCV cannot be loaded: {text}", text=text), remedy="run: pip install 'opencv-python<5'"
        ) from error
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what fails is raised, or said by us
    return cv2
