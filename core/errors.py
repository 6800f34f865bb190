"""The two ways a command can fail, each with one sentence for the user."""

from __future__ import annotations

import errno
from pathlib import Path

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WRONG_PLACE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT,
                errno.ENAMETOOLONG, errno.ELOOP)  # fmt: skip


class EdgeblurError(Exception):
    """Base of all errors whose text is meant for the user: what was expected, what came, what to do.

    Attributes:
        options: names of the options that it is about, as parameters are spelled; the command line adds its flags.
    """

    exit_code = 1

    def __init__(self, sentence: str, *, options: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.options = options


class UserError(EdgeblurError):
    """The user's mistake: a wrong path, a wrong file, a wrong option. Exit code 2."""

    exit_code = 2


class DoesNotFit(UserError):
    """A model needs more memory than it may take: another board, budget or kernel may do."""


class Unsupported(UserError):
    """A whole model file that somebody cannot use, for its sizes, types or ops: another engine may."""


class RunError(EdgeblurError):
    """A failed gate or a broken run: bytes that differ, a tool that crashed, a full disk. Exit code 1."""


def missing_package(package: str, extra: str, error: ImportError | None = None) -> UserError:
    """The error for a command that needs a package outside the light install.

    Args:
        error: of its import; a package that is there, but lacks a library of the system, say, is told so.
    """
    if error is None or isinstance(error, ModuleNotFoundError):
        return UserError(f"this needs the package {package}, which is not installed: pip install 'edgeblur[{extra}]'")
    return UserError(
        f"this needs the package {package}, which is installed but cannot be loaded ({error}): install what it lacks, "
        f"or the package anew with pip install --force-reinstall 'edgeblur[{extra}]'"
    )


def as_sentence(error: OSError, path: Path | None = None) -> EdgeblurError:
    """The operating system's refusal as an error of ours: a full disk breaks a run, a wrong place is the user's.

    Args:
        path: what was being written; without it, the file that the system names, or standard output.
    """
    place = str(path or error.filename or "standard output")
    if error.errno in _DISK_FULL:
        return RunError(f"the disk is full: {place} could not be written; free some space and run again")
    reason = error.strerror or str(error) or type(error).__name__
    if error.errno in _WRONG_PLACE:
        return UserError(f"{place} cannot be used ({reason}): choose another place")
    return RunError(f"{place} could not be read or written: {reason}")
