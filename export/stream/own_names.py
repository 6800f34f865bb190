"""Generated C keeps to itself: every name that a file defines for its own use gets the model's prefix.

So two exports live in one translation unit, beside whatever macros an SDK has (`UNUSED` in ST's HAL, `KERNEL` in
Zephyr), and kernels and templates can be written in short names all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgeblur.errors import UserError

_SKIPPED = r'/\*.*?\*/|"(?:\\.|[^"\\])*"|#include [^\n]*'
_TOKEN = re.compile(rf"(?P<skipped>{_SKIPPED})|(?P<name>[A-Za-z_]\w*)|(?P<other>\.?\d[\w.]*|->|[^\s\w])", re.DOTALL)

_ATTRIBUTE = re.compile(r"__attribute__\(\(.*?\)\)")
_DEFINITIONS = (
    re.compile(r"^#define (\w+)", re.MULTILINE),
    re.compile(r"^typedef [^;]*?(\w+);", re.MULTILINE),
    re.compile(r"^\w[\w *]*?[ *](\w+)\(", re.MULTILINE),  # a function
)
_ENUM = re.compile(r"^enum \{(.*?)\}", re.MULTILINE | re.DOTALL)
_TAG = re.compile(r"^struct (\w+) \{", re.MULTILINE)


def with_own_names(source: str, name: str) -> str:
    """Put `NAME_` before the functions, types, constants and macros that a C file defines, but for those that have it.

    Where the file has such a name for something else (a model may be called `out`, and `out_channels` is a member), it
    is `NAME_own_`.

    Args:
        source: a C file. What it defines begins in the first column; members of structs have other names than that.
        name: the prefix, in capitals for macros and constants.

    Raises:
        UserError: the file has both kinds of names for something else.
    """
    names, tags = set(_defined(source, name)), set(_TAG.findall(source))
    taken = {match["name"] for match in _TOKEN.finditer(source)}
    own = {}
    for word in names | tags:
        prefixes = (name, f"{name}_own")
        prefixed = [f"{prefix.upper() if word.isupper() else prefix}_{word}" for prefix in prefixes]
        free = [each for each in prefixed if each not in taken]
        if not free:
            raise UserError(f"named {name}, the C would have two things called {prefixed[-1]}: choose another name")
        own[word] = free[0]
    parts, end, before = [], 0, ""
    for match in _TOKEN.finditer(source):
        word = match["name"]
        known = tags if before == "struct" else () if before in (".", "->") else names
        if word in known:
            parts += [source[end : match.start()], own[word]]
            end = match.end()
        if not match["skipped"]:
            before = match[0]
    return "".join((*parts, source[end:]))


def _defined(source: str, name: str) -> Iterator[str]:
    code = _ATTRIBUTE.sub("static", re.sub(r"/\*.*?\*/", "", source, flags=re.DOTALL))
    found = [word for pattern in _DEFINITIONS for word in pattern.findall(code)]
    found += [entry.split("=")[0].strip() for body in _ENUM.findall(code) for entry in body.split(",")]
    public = (f"{name}_", f"{name.upper()}_", "EDGEBLUR_")
    return (word for word in found if not word.startswith(public))
