"""Boards as people look for them: chosen by what they have, listed, and described with the sources of each fact."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from edgeblur.errors import UserError
from edgeblur.firmware_harness.boards.boards import Board, Core, Region, boards
from edgeblur.tables import named_table


@dataclass(frozen=True)
class Wanted:
    """What a board must have; None for anything.

    Attributes:
        core: part of its name, such as `M4`, `cortex-m33`, `risc-v`; digits must not go on, so M3 is no M33.
        sdk: such as `pico-sdk`.
        ram_bytes: at least so many in one piece on the chip.
        emulated: only those that QEMU has (true), or that one can buy (false).
    """

    core: str | None = None
    sdk: str | None = None
    ram_bytes: int | None = None
    emulated: bool | None = None

    def take(self, board: Board) -> bool:
        """Whether a board has all that."""
        return (
            (self.core is None or _is_core(board.core, self.core))
            and (self.sdk is None or board.sdk == self.sdk.lower())
            and (self.ram_bytes is None or board.ram[0].size_bytes >= self.ram_bytes)
            and (self.emulated is None or bool(board.emulator) == self.emulated)
        )


def _plain(text: str) -> str:
    """Letters and digits; the M0+ is spelled as in compilers' options."""
    return re.sub(r"[^a-z0-9]", "", text.lower().replace("+", "plus"))


def _is_core(core: Core, wanted: str) -> bool:
    part = _plain(wanted)
    return bool(part) and any(re.search(rf"{part}(?!\d)", _plain(text)) for text in (core.name, core.title))


def select(wanted: Wanted, known: Sequence[Board] | None = None) -> tuple[Board, ...]:
    """The boards that have what is wanted, in the order of boards.toml.

    Args:
        wanted: what that is.
        known: among which; by default those of boards.toml.

    Raises:
        UserError: none has it.
    """
    known = boards() if known is None else known
    found = tuple(board for board in known if wanted.take(board))
    if not found:
        cores = ", ".join(dict.fromkeys(board.core.name for board in known))
        sdks = ", ".join(dict.fromkeys(board.sdk for board in known if board.sdk))
        raise UserError(f"no board has all that: cores are {cores}; SDKs are {sdks}")
    return found


def _region_json(region: Region) -> dict[str, Any]:
    facts = {"name": region.name, "origin": region.origin, "size_bytes": region.size_bytes}
    known = {name: value for name, value in facts.items() if value is not None}
    return known | ({"external": True} if region.external else {})


def board_json(board: Board) -> dict[str, Any]:
    """A board's facts by name, with their sources; what is unknown is absent."""
    toolchain = board.core.toolchain
    facts = {
        "name": board.name,
        "title": board.title,
        "core": board.core.name,
        "core_title": board.core.title,
        "clock_hz": board.clock_hz,
        "ram": [_region_json(region) for region in board.ram],
        "flash": _region_json(board.flash) if board.flash else None,
        "compiler": toolchain.compiler,
        "compiler_flags": [*toolchain.flags, *board.core.flags],
        "emulator": [board.emulator.program, *board.emulator.arguments] if board.emulator else None,
        "sdk": board.sdk,
        "flash_tool": board.flash_tool,
        "remark": board.remark,
        "sources": {source.fact: source.place for source in board.sources},
    }
    return {name: value for name, value in facts.items() if value is not None}


def clock(board: Board) -> str:
    """A board's clock for people, `-` where it is unknown."""
    return f"{board.clock_hz / 1e6:g} MHz" if board.clock_hz else "-"


def boards_table(found: Iterable[Board]) -> Table:
    """A row a board."""
    table = Table(box=None, pad_edge=False)
    for heading in ("board", "core"):
        table.add_column(heading, no_wrap=True)
    for heading in ("clock", "RAM in one piece, B", "flash, B"):
        table.add_column(heading, justify="right")
    table.add_column("SDK", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    for board in found:
        flash = f"{board.flash.size_bytes:,}" if board.flash else "-"
        sdk = "QEMU" if board.emulator else board.sdk or "-"
        ram = f"{board.ram[0].size_bytes:,}"
        table.add_row(Text(board.name), board.core.name, clock(board), ram, flash, sdk, Text(board.title))
    return table


def _place(region: Region) -> str:
    origin = f" at 0x{region.origin:08x}" if region.origin is not None else ""
    outside = ", outside the chip" if region.external else ""
    return f"{region.size_bytes:,} B{origin}: {region.name}{outside}"


def _facts(board: Board) -> Sequence[tuple[str, str | None]]:
    emulator, toolchain = board.emulator, board.core.toolchain
    return (
        ("core", f"{board.core.title} ({board.core.name})"),
        ("clock", clock(board) if board.clock_hz else None),
        *(("RAM", _place(region)) for region in board.ram),
        ("flash", _place(board.flash) if board.flash else "none that code runs from: it is loaded into RAM"),
        ("compiler", " ".join((toolchain.compiler, *toolchain.flags, *board.core.flags))),
        ("emulated by", " ".join((emulator.program, *emulator.arguments)) if emulator else None),
        ("SDK", board.sdk),
        ("flashed with", board.flash_tool),
        ("remark", board.remark),
        *((f"source: {source.fact}", source.place) for source in board.sources),
    )


def board_table(board: Board) -> Table:
    """All that is known about a board, and where it comes from."""
    return named_table(f"{board.name}: {board.title}", _facts(board))
