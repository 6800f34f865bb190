"""Writing files so that nothing half-written stays behind and nothing of the user's is lost."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import tomllib
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edgeblur.errors import UserError, as_sentence


@contextlib.contextmanager
def telling_disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals while writing `path` into one sentence."""
    try:
        yield
    except OSError as error:
        raise as_sentence(error, path) from error


@contextlib.contextmanager
def made_parents(path: Path) -> Iterator[None]:
    """Make the folders above `path`; those that were missing go again if the block fails."""
    missing = _missing_parents(path)
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise UserError(f"{error.filename} is no folder, so {path} cannot be used: choose another place") from error
        yield
    except BaseException:
        _remove_empty(missing)
        raise


def _missing_parents(path: Path) -> list[Path]:
    """The folders above `path` that are not there, the deepest first."""
    return [folder for folder in path.parents if not folder.exists()]


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def _staged(path: Path, data: bytes) -> Iterator[Path]:
    """A hidden sibling of `path` that holds `data`; gone after the block if it was not renamed."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Write a large file piece by piece, whole or not at all.

    Yields a hidden sibling with the same suffix, which becomes `path` when the block succeeds and is gone otherwise.

    Raises:
        UserError: `path` is a folder, a device or a link that leads nowhere, or the operating system refuses it.
        RunError: the disk is full.
    """
    _refuse_extraordinary(path)
    tell_left_behind(path)
    with telling_disk_errors(path), made_parents(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_hidden(path.stem), suffix=path.suffix)
        os.close(handle)
        try:
            yield Path(name)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together, all or none: into siblings first, then renamed.

    Raises:
        RunError: the disk is full.
        UserError: a place cannot be written to, or is a folder or a device.
    """
    for path in files:
        _refuse_extraordinary(path)
    with contextlib.ExitStack() as open_until_renamed:
        staged = {}
        for path, data in files.items():
            open_until_renamed.enter_context(telling_disk_errors(path))
            open_until_renamed.enter_context(made_parents(path))
            staged[path] = open_until_renamed.enter_context(_staged(path, data))
        for path, sibling in staged.items():
            sibling.replace(path)


def write_bytes(path: Path, data: bytes) -> None:
    """`write_together` for one file."""
    write_together({path: data})


def write_text(path: Path, text: str) -> None:
    """`write_bytes` for UTF-8 text."""
    write_bytes(path, text.encode(errors="backslashreplace"))  # file names need not be text


def with_part(text: str, begin: str, end: str, part: str, path: Path) -> str:
    """A text that people write, with what commands write of it, between two marker lines, exchanged for `part`.

    Args:
        path: whose text it is, for the error.

    Raises:
        UserError: it lacks a marker, or has one twice.
    """
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise UserError(f"{path} should have the line {begin!r} and below it {end!r}, once each: put them in")
    return f"{text[: text.index(begin)]}{begin}\n{part}{text[text.index(end) :]}"


def as_json(data: Any) -> bytes:
    """The bytes of a JSON file: two spaces deep, keys in the order given, NaN refused."""
    return (json.dumps(data, indent=2, allow_nan=False) + "\n").encode()


def write_json(path: Path, data: Any) -> None:
    """`write_bytes` for JSON."""
    write_bytes(path, as_json(data))


@contextlib.contextmanager
def telling_read_errors(path: Path, remedy: str = "") -> Iterator[None]:
    """What keeps a file from being read, in one sentence that ends with a remedy."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist{remedy}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}){remedy}") from error


LARGEST_TEXT = 256 << 20
"""Bytes of JSON, TOML or labels that are read: a million pictures with five faces each."""

_LARGEST_TOML = 1 << 20
"""Of gates and boards, which people write; its reader takes a second for so many."""


def read_limited(path: Path, largest: int) -> bytes:
    """A file's bytes, if there are not too many: what never ends (/dev/zero) is left as soon as that is clear.

    Raises:
        OSError: it cannot be read.
        UserError: it is too large.
    """
    with path.open("rb") as file:
        data = file.read(largest + 1) if not path.is_file() or path.stat().st_size > largest else file.read()
    if len(data) > largest:
        raise UserError(f"{path} is larger than the {largest >> 20} MiB that are read of such a file")
    return data


@contextlib.contextmanager
def _told(path: Path, malformed: str, remedy: str = "") -> Iterator[None]:
    """The same for a text file in some format, also where it is none of that."""
    try:
        with telling_read_errors(path, remedy):
            yield
    except RecursionError as error:
        raise UserError(f"{path} {malformed}: it is nested too deep") from error
    except ValueError as error:  # not this format, no text, a number of 5,000 digits
        raise UserError(f"{path} {malformed}: {error}") from error


def read_json(path: Path) -> Any:
    """Read a JSON file that edgeblur wrote.

    Raises:
        UserError: the file is missing or is no JSON.
    """
    with _told(path, "should be JSON that edgeblur wrote, but cannot be read as such"):
        return json.loads(read_limited(path, LARGEST_TEXT).decode("utf-8"), object_pairs_hook=named_once)


def named_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, for `object_pairs_hook`: of a name that stands in it twice `json` would drop the first value.

    Raises:
        ValueError: a name stands in it twice.
    """
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r:.60} stands twice in one object")
    return found


def read_toml(path: Path, remedy: str) -> dict[str, Any]:
    """Read a TOML file of a user's; a byte order mark, as some editors write it, is skipped.

    Args:
        path: of the file.
        remedy: what to do if it is not there, for the error.

    Raises:
        UserError: the file is missing, cannot be read, or is no TOML.
    """
    with _told(path, "is not valid TOML", f": {remedy}"):
        return tomllib.loads(read_limited(path, _LARGEST_TOML).decode("utf-8-sig").replace("\r\n", "\n"))


def refuse_existing(path: Path, *, force: bool = False) -> None:
    """Refuse to write over what is there already, unless asked to.

    Raises:
        UserError: `path` is a file, or a folder with something in it, and `force` is false.
    """
    if not force and _occupied(path):
        raise UserError(f"{path} exists already: choose another place, or replace it", options=("force",))


def refuse_place(path: Path, *, force: bool = False) -> None:
    """Refuse a place for a file before what is to be written there has taken its time.

    Raises:
        UserError: something is there already and `force` is false, it is none that a file may replace, or nothing can
            be written there.
    """
    refuse_existing(path, force=force)
    _refuse_extraordinary(path)
    refuse_unwritable(path)


def _refuse_extraordinary(path: Path) -> None:
    """Refuse what a file would be renamed over and should not be: a device such as /dev/null would be gone."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no ordinary file: choose another place")
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path} is a link that leads to no file ({os.readlink(path)}): choose another place")


def behind_links(path: Path) -> Path:
    """The absolute path of a place that symbolic links may lead to; nothing need be there.

    Raises:
        UserError: they lead round in a circle.
    """
    found = Path(os.path.realpath(path))
    try:
        found.lstat()
        circle = found.is_symlink()
    except OSError as error:
        circle = error.errno == errno.ELOOP
    if circle:
        raise UserError(f"{path} is a link that leads back to itself: choose another place")
    return found


def refuse_unwritable(path: Path) -> None:
    """Refuse a place that cannot be written to before what is to be written there has taken its time.

    Raises:
        UserError: it cannot.
    """
    missing = _missing_parents(path)
    with telling_disk_errors(path), made_parents(path), tempfile.TemporaryFile(dir=path.parent):
        pass
    _remove_empty(missing)  # what was made for the try goes again: a command that fails later leaves nothing


def refuse_occupied(path: Path) -> None:
    """Refuse a place that is not free where nothing can be replaced.

    Raises:
        UserError: `path` is a file, or a folder with something in it.
    """
    if _occupied(path):
        raise UserError(f"{path} is not free: name a new or empty folder")


def refuse_strangers(path: Path, marker: str) -> None:
    """Refuse to replace a folder that edgeblur did not make: --force must not cost a user's own files.

    Raises:
        UserError: `path` is a file, or a folder with something in it, but without the JSON
            file `marker` that ours always have.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file, and a folder is to be made there: choose another place")
    if path.is_dir() and any(path.iterdir()) and not _is_ours(path / marker):
        raise UserError(f"{path} holds files that edgeblur did not write (it has no {marker}): choose another place")


def refuse_others(path: Path, ours: Collection[str]) -> None:
    """Refuse to replace a folder that holds more than what edgeblur writes into one of its kind.

    Args:
        ours: names, right below `path`, of what may be there.

    Raises:
        UserError: something else is there; the first is named.
    """
    if others := sorted({entry.name for entry in path.iterdir()} - set(ours) if path.is_dir() else ()):
        raise UserError(f"{path} holds {others[0]}, which edgeblur did not write: choose another place")


def refuse_swallowing(path: Path, needed: Iterable[Path]) -> None:
    """Refuse to replace a folder that holds what its successor is to be made from.

    Raises:
        UserError: something of `needed` lies in `path`.
    """
    for item in needed:
        if behind_links(item).is_relative_to(behind_links(path)):
            raise UserError(f"{path} would be replaced, but {item} lies in it: move it away first")


def _occupied(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _is_ours(marker: Path) -> bool:
    """It names the edgeblur that wrote it; other programs write files called manifest.json too."""
    try:
        data = json.loads(marker.read_text())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(data, dict) and "edgeblur" in data


@contextlib.contextmanager
def new_folder(
    path: Path, *, force: bool = False, marker: str | None = None, ours: Collection[str] | None = None
) -> Iterator[Path]:
    """Fill a folder whole or not at all: yields a hidden sibling that becomes `path` when the block succeeds.

    Args:
        force: replace what is there.
        marker: a file that an earlier folder of this kind has; without it even `force` does not replace it.
        ours: all that such a folder has right in it; nor does `force` replace one that holds more.

    Raises:
        UserError: `path` is not empty and `force` is false (when it begins, or when it ends because another command was
            quicker), is not one of ours, or cannot be written to.
        RunError: the disk is full.
    """
    path = behind_links(path)
    refuse_existing(path, force=force)
    if marker:
        refuse_strangers(path, marker)
    if ours is not None:
        refuse_others(path, ours)
    tell_left_behind(path)
    with telling_disk_errors(path), made_parents(path):
        staging = _hidden_folder(path)
        try:
            staging.chmod(0o755)
            yield staging
            refuse_existing(path, force=force)
            with set_aside(path):
                staging.replace(path)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise


@contextlib.contextmanager
def set_aside(path: Path) -> Iterator[None]:
    """Take what is at `path` out of the way: it comes back if the block leaves nothing there, else it is deleted."""
    tell_left_behind(path)
    if not path.exists():
        yield
        return
    hidden = _hidden_folder(path)
    try:
        path.replace(hidden / "old")
        yield
    finally:
        if (hidden / "old").exists() and not path.exists():
            (hidden / "old").replace(path)
        shutil.rmtree(hidden, ignore_errors=True)


def _hidden_folder(path: Path) -> Path:
    """A new hidden sibling of `path`, whose name says which process uses it."""
    return Path(tempfile.mkdtemp(dir=path.parent, prefix=_hidden(path.name)))


def _hidden(name: str) -> str:
    return f".{name[:100]}.{os.getpid()}-"


def tell_left_behind(path: Path) -> None:
    """Tell of hidden siblings of `path` that a command left which was killed (SIGKILL, a power cut), once each."""
    from edgeblur.progress import say

    if not path.parent.is_dir():
        return
    folder = re.compile(rf"\.{re.escape(path.name[:100])}\.(\d+)-\w+")
    file = re.compile(rf"\.{re.escape(path.stem[:100])}\.(\d+)-\w+{re.escape(path.suffix)}")
    for entry in sorted(path.parent.iterdir()):
        match = (folder if entry.is_dir() else file).fullmatch(entry.name)
        if match and not _runs(int(match[1])):
            if (entry / "old").exists():
                say(f"{entry / 'old'} is what was at {path} before a command replaced it that was killed: move it back")
            else:
                say(f"{entry} was left half-written by a command that was killed: delete it")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True


@contextlib.contextmanager
def alone_in(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Keep other commands out of a folder while the block runs; the lock goes with the process, however that ends.

    Args:
        folder: that is there.
        wait: for the other to end, where that takes no time.

    Raises:
        UserError: another command is at work there.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            os.close(handle)
            raise UserError(f"another command of edgeblur is at work in {folder}: wait until it has ended") from error
        # a file system without locks: as before
    try:
        yield
    finally:
        os.close(handle)


def sha256(data: bytes) -> str:
    """Hex digest that names a model in provenance comments and reports."""
    return hashlib.sha256(data).hexdigest()


def compressed_bytes(data: bytes) -> int:
    """Size after DEFLATE at level 9: what a zip or a compressed firmware update would hold."""
    return len(zlib.compress(data, 9))
