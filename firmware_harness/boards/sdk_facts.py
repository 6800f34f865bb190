"""What boards.toml says of memories, beside what SDKs say of them in their linker scripts."""

from __future__ import annotations

import ast
import functools
import operator
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from rich.table import Table
from rich.text import Text

from edgeblur.errors import RunError, UserError
from edgeblur.firmware_harness.boards.boards import Board, Region
from edgeblur.records import record_of

Number = int | None
"""An address or a size in bytes; None where a file does not say it."""


@dataclass(frozen=True)
class Fact:
    """Where an SDK speaks of a memory; sdk_facts.toml says what the fields are."""

    board: str
    memory: str
    sdk: str
    files: tuple[str, ...]
    form: str
    name: str
    given: Mapping[str, int] = field(default_factory=dict)

    def region(self, board: Board) -> Region:
        """What boards.toml says of it."""
        region = board.flash if self.memory == "flash" else board.ram[int(self.memory)]
        assert region is not None
        return region


@dataclass(frozen=True)
class _Stored:
    """sdk_facts.toml."""

    sdks: Mapping[str, str]
    forms: Mapping[str, str]
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Compared:
    """A memory of a board, here and there; None where the SDK's file does not say it.

    Attributes:
        board: its name.
        sdk: by the name that people know it by.
        file: of the SDK.
        region: what boards.toml says.
        origin, size_bytes: what the SDK says.
    """

    board: str
    sdk: str
    file: str
    region: Region
    origin: Number
    size_bytes: Number

    @property
    def same(self) -> bool:
        """Whether both say the same, as far as the SDK says it."""
        ours = (self.region.origin, self.region.size_bytes)
        theirs = (self.origin, self.size_bytes)
        return all(there is None or here == there for here, there in zip(ours, theirs, strict=True))


@dataclass(frozen=True)
class Comparison:
    """All memories that were found in SDKs, and what was not looked at, each with its reason."""

    compared: tuple[Compared, ...]
    skipped: tuple[str, ...]

    def check(self) -> None:
        """Refuse differences.

        Raises:
            UserError: there was nothing to compare with.
            RunError: memories differ; the sentence names the first.
        """
        if not self.compared:
            raise UserError(f"no SDK was found to compare with: set {' or '.join(_stored().sdks.values())}")
        differing = [one for one in self.compared if not one.same]
        if differing:
            first = differing[0]
            raise RunError(
                f"{len(differing)} of {len(self.compared)} memories differ from the SDKs': the first is "
                f"{first.region.name} of {first.board}, in {first.file}"
            )


@functools.cache
def _stored() -> _Stored:
    text = (resources.files("edgeblur.firmware_harness.boards") / "sdk_facts.toml").read_text()
    return record_of(_Stored, tomllib.loads(text))


def compare_facts(boards: Sequence[Board]) -> Comparison:
    """Compare boards' memories with the SDKs whose folders the environment names.

    Raises:
        UserError: a file of an SDK says something that is not understood.
    """
    stored, by_name = _stored(), {board.name: board for board in boards}
    compared, skipped = [], []
    for fact in stored.facts:
        if (board := by_name.get(fact.board)) is None:
            continue
        variable = stored.sdks[fact.sdk]
        folder = os.environ.get(variable)
        found = [Path(folder, name) for name in fact.files if Path(folder, name).is_file()] if folder else []
        row = _compare(fact, board, found[0], stored.forms[fact.form]) if found else None
        if row is not None:
            compared.append(row)
        elif found:
            skipped.append(f"{fact.sdk}: {found[0]} does not speak of {fact.name}, for {fact.board}")
        elif not folder:
            skipped.append(f"{fact.sdk}: {variable} is not set")
        else:
            skipped.append(f"{fact.sdk}: {folder} has no {fact.files[0]}, for {fact.board}")
    known = {fact.board for fact in stored.facts}
    unknown = [board.name for board in boards if board.name not in known and board.emulator is None]
    if unknown:
        skipped.append(f"{', '.join(unknown)}: no file of an SDK is known for them")
    return Comparison(tuple(compared), tuple(dict.fromkeys(skipped)))


def _compare(fact: Fact, board: Board, path: Path, form: str) -> Compared | None:
    """None if this version of the file does not speak of the memory."""
    lines = list(_selected(path.read_text(errors="replace"), fact.given))
    found = re.search(form.replace("NAME", fact.name), "\n".join(lines), re.MULTILINE)
    if found is None:
        return None
    macros = {**_macros(lines), **{name: str(value) for name, value in fact.given.items()}}
    said = found.groupdict()
    numbers = {name: _value(text, macros, path) for name, text in said.items() if text is not None}
    origin, size = numbers.get("origin"), numbers.get("size")
    if origin is not None and "last" in numbers:
        size = numbers["last"] + 1 - origin
    return Compared(board.name, fact.sdk, str(path), fact.region(board), origin, size)


_CONDITION = re.compile(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b\s*(!?)\s*(\w*)\s*$")


def _selected(text: str, given: Mapping[str, int]) -> Iterator[str]:
    """Lines that a preprocessor would leave, without comments; of its conditions those on one macro."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", lambda comment: "\n" * comment[0].count("\n"), text, flags=re.DOTALL)
    kept: list[bool] = []
    for line in text.splitlines():
        if (condition := _CONDITION.match(line)) is None:
            if all(kept):
                yield line
        elif condition[1] == "endif":
            kept.pop()
        elif condition[1] == "else":
            kept[-1] = not kept[-1]
        else:
            negated = condition[2] == "!" or condition[1] == "ifndef"
            kept.append(bool(given.get(condition[3], 0)) != negated)


def _macros(lines: Sequence[str]) -> dict[str, str]:
    """Macros without arguments."""
    found = (re.match(r"\s*#\s*define\s+(\w+)\s+(\S.*?)\s*$", line) for line in lines)
    return {macro[1]: macro[2] for macro in found if macro}


_UNITS = {"k": 1 << 10, "m": 1 << 20}
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.LShift: operator.lshift,
}  # fmt: skip


def _value(text: str, macros: Mapping[str, str], path: Path) -> int:
    """A number as linker scripts, C and devicetrees write it; macros are replaced as C does it."""
    expanded = text
    for _ in range(16):  # nested macros
        expanded, before = re.sub(r"[A-Za-z_]\w*", lambda name: macros.get(name[0], name[0]), expanded), expanded
        if expanded == before:
            break
    plain = re.sub(r"\bDT_SIZE_([KM])\(", lambda unit: f"{_UNITS[unit[1].lower()]}*(", expanded)
    plain = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)([kKmM])\b", lambda n: f"({n[1]}*{_UNITS[n[2].lower()]})", plain)
    plain = re.sub(r"\b0+(?=[1-9])", "", plain)
    try:
        return _number(ast.parse(plain, mode="eval").body)
    except (SyntaxError, ValueError, KeyError) as error:
        raise UserError(f"{path}: {text!r} is not a number that edgeblur understands") from error


def _number(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_number(node.left), _number(node.right))
    raise ValueError(ast.dump(node))


def _place(origin: Number, size_bytes: Number) -> str:
    size = f"{size_bytes:,} B" if size_bytes is not None else "?"
    return f"{size} at 0x{origin:08x}" if origin is not None else size


def facts_table(comparison: Comparison) -> Table:
    """A row a memory."""
    table = Table(box=None, pad_edge=False)
    for heading in ("board", "memory", "boards.toml", "SDK", "", "file"):
        table.add_column(heading, overflow="fold")
    for one in comparison.compared:
        ours = _place(one.region.origin if one.origin is not None else None, one.region.size_bytes)
        verdict = Text("same", "green") if one.same else Text("differs", "red")
        theirs = f"{_place(one.origin, one.size_bytes)} ({one.sdk})"
        table.add_row(Text(one.board), Text(one.region.name), ours, theirs, verdict, Text(one.file))
    return table
