"""Writing files so that nothing half-written stays behind and nothing of the user's is lost."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeblur.errors import RunError, UserError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def telling_disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals while writing `path` into one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise RunError(f"the disk is full: {path} could not be written; free some space and run again") from error
        if isinstance(error, (PermissionError, NotADirectoryError)) or error.errno == errno.EROFS:
            raise UserError(f"{path} cannot be written ({error.strerror}): choose another place") from error
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: into a sibling first, then renamed over `path`.

    Raises:
        RunError: the disk is full.
        UserError: the place cannot be written to.
    """
    with telling_disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for UTF-8 text."""
    write_bytes(path, text.encode())


def write_json(path: Path, data: Any) -> None:
    """`write_bytes` for JSON, two spaces deep, keys in the order given, NaN refused."""
    write_text(path, json.dumps(data, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that edgeblur wrote.

    Raises:
        UserError: the file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist") from error
    except (json.JSONDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise UserError(f"{path} should be JSON that edgeblur wrote, but cannot be read as such: {error}") from error


def refuse_existing(path: Path, *, force: bool = False) -> None:
    """Refuse to write over what is there already, unless asked to.

    Raises:
        UserError: `path` is a file, or a folder with something in it, and `force` is false.
    """
    occupied = path.is_file() or (path.is_dir() and any(path.iterdir()))
    if occupied and not force:
        raise UserError(f"{path} exists already: choose another place, or add --force to replace it")


def refuse_strangers(path: Path, marker: str) -> None:
    """Refuse to replace a folder that edgeblur did not make: --force must not cost a user's own files.

    Raises:
        UserError: `path` is a folder with something in it, but without the file `marker` that ours always have.
    """
    if path.is_dir() and any(path.iterdir()) and not (path / marker).exists():
        raise UserError(f"{path} holds files that edgeblur did not write (it has no {marker}): choose another place")


@contextlib.contextmanager
def new_folder(path: Path, *, force: bool = False, marker: str | None = None) -> Iterator[Path]:
    """Fill a folder whole or not at all: yields a hidden sibling that becomes `path` when the block succeeds.

    Args:
        force: replace what is there.
        marker: a file that an earlier folder of this kind has; without it even `force` does not replace it.

    Raises:
        UserError: `path` is not empty and `force` is false, is not one of ours, or cannot be written to.
        RunError: the disk is full.
    """
    path = path.absolute()
    refuse_existing(path, force=force)
    if marker:
        refuse_strangers(path, marker)
    with telling_disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            staging.chmod(0o755)
            yield staging
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            staging.replace(path)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise


def sha256(data: bytes) -> str:
    """Hex digest that names a model in provenance comments and reports."""
    return hashlib.sha256(data).hexdigest()


def compressed_bytes(data: bytes) -> int:
    """Size after DEFLATE at level 9: what a zip or a compressed firmware update would hold."""
    return len(zlib.compress(data, 9))
