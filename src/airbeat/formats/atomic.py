"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from airbeat.errors import UsageError
from airbeat.language.words import Message

__all__ = ["made_folder", "write_files"]


def write_files(
    contents: Mapping[Path, str | bytes | Iterable[str] | Iterable[bytes]], *, overwrite: bool = False
) -> list[Path]:
    """Writes files so that no reader ever sees half of one: temporary, fsync, replace.

    All temporaries are complete before the first name changes. Missing folders are made.

    Args:
        contents: what each file holds, whole or piece by piece; text is written as UTF-8.
        overwrite: whether files that exist may be replaced.

    Returns:
        The paths, in the order given.

    Raises:
        UsageError: a file exists and ``overwrite`` is false, or the folder cannot be written.
    """
    existing = [str(path) for path in contents if path.exists() or path.is_symlink()]
    if existing and not overwrite:
        raise UsageError(
            Message("{existing} exists already", existing=", ".join(existing)),
            remedy="choose another name, or say --overwrite to replace it",
        )
    temporaries: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
            temporaries[path] = temporary
            with temporary.open("xb") as stream:
                for piece in (content,) if isinstance(content, str | bytes) else content:
                    stream.write(piece.encode("utf-8") if isinstance(piece, str) else piece)
                stream.flush()
                os.fsync(stream.fileno())
        for path, temporary in temporaries.items():
            temporary.replace(path)
        _sync_folders({path.parent for path in contents})
    except OSError as e:
        raise UsageError(
            Message(
                "{filename} cannot be written: {reason}",
                filename=e.filename or "a file",
                reason=e.strerror or e,
            ),
            remedy="choose a folder that can be written and has room",
        ) from e
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
    return list(contents)


def _sync_folders(folders: set[Path]) -> None:
    if os.name != "posix":  # other systems cannot open a folder
        return
    for folder in folders:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def made_folder(folder: Path) -> Path:
    """A folder, made where it is missing.

    Raises:
        UsageError: it cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            Message("{folder} cannot be written: {reason}", folder=folder, reason=error.strerror)
        ) from error
    return folder
