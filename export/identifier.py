"""Names that every C and C++ compiler takes, also as part of a file's name."""

from __future__ import annotations

import functools
import re
from importlib import resources

from edgeblur.errors import UserError

_LONGEST = 48
"""Characters; with the longest suffix of ours, what C99 promises to tell apart (63)."""


@functools.cache
def reserved_words() -> frozenset[str]:
    """Words that C, C++ and the C library keep for themselves (templates/reserved_words.txt)."""
    text = (resources.files("edgeblur.export") / "templates" / "reserved_words.txt").read_text()
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def check_identifier(name: str) -> str:
    """Check a name that the user chose for a C array; returns it.

    Raises:
        UserError: it is no identifier of C and C++, a keyword, reserved, or too long.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name, re.ASCII):
        raise UserError(f"{name!r} is no C identifier: use letters, digits and underscores, a letter first")
    if name in reserved_words():
        raise UserError(f"{name!r} is a word of C, C++ or their library: choose another name, such as {name}_model")
    if "__" in name or name.endswith("_t"):
        raise UserError(f"{name!r} has two underscores in a row or ends in _t, which is reserved: choose another name")
    if len(name) > _LONGEST:
        raise UserError(f"{name!r} has {len(name)} characters: choose a name of at most {_LONGEST}")
    return name


def default_identifier(label: str) -> str:
    """A valid identifier made from a model's name: `my-student v2` becomes `my_student_v2`."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", label).strip("_")
    if not name[:1].isalpha():
        name = f"model_{name}".strip("_")
    name = name[:_LONGEST].rstrip("_")
    reserved = name in reserved_words() or name.endswith("_t")
    return f"{name[: _LONGEST - 6]}_model" if reserved else name
