"""Names that every C and C++ compiler takes, also as part of a file's name."""

from __future__ import annotations

import re

from edgeblur.errors import UserError

_LONGEST = 48
"""Characters; with the longest suffix of ours, what C99 promises to tell apart (63)."""

_WORDS = """
    alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool break case catch
    char char16_t char32_t char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
    constinit continue decltype default delete do double dynamic_cast else enum explicit export extern false float for
    friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected
    public reflexpr register reinterpret_cast requires restrict return short signed sizeof static static_assert
    static_cast struct switch synchronized template this thread_local throw true try typedef typeid typename typeof
    typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq
    main errno assert offsetof stdin stdout stderr unix linux
"""
"""C99 to C23, C++ to C++23, and what a standard header or an old GNU mode takes away."""

_KEYWORDS = frozenset(_WORDS.split())


def check_identifier(name: str) -> str:
    """Check a name that the user chose for a C array; returns it.

    Raises:
        UserError: it is no identifier of C and C++, a keyword, reserved, or too long.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name, re.ASCII):
        raise UserError(f"{name!r} is no C identifier: use letters, digits and underscores, a letter first")
    if name in _KEYWORDS:
        raise UserError(f"{name!r} is a word of C or C++ itself: choose another name, such as {name}_model")
    if "__" in name:
        raise UserError(f"{name!r} has two underscores in a row, which C++ keeps for itself: choose another name")
    if len(name) > _LONGEST:
        raise UserError(f"{name!r} has {len(name)} characters: choose a name of at most {_LONGEST}")
    return name


def default_identifier(label: str) -> str:
    """A valid identifier made from a model's name: `my-student v2` becomes `my_student_v2`."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", label).strip("_")
    if not name[:1].isalpha():
        name = f"model_{name}".strip("_")
    name = name[:_LONGEST].rstrip("_")
    return f"{name[: _LONGEST - 6]}_model" if name in _KEYWORDS else name
