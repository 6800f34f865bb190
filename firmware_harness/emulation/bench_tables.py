"""Measurements of models on emulated boards as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from edgeblur.firmware_harness.emulation.bench import Bench, Difference

_MAX_LAYERS = 20


def bench_table(bench: Bench) -> Table:
    """A row for each model, board and aim."""
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "board", "core", "for"):
        table.add_column(heading, no_wrap=True)
    for heading in ("instructions", "a MAC", "RAM, B", "flash, B", "code, B"):
        table.add_column(heading, justify="right")
    for frame in bench.frames:
        share = f"{frame.instructions / frame.macs:.2f}" if frame.macs else "-"
        sizes = (f"{frame.ram_bytes:,}", f"{frame.flash_bytes:,}", f"{frame.code_bytes:,}")
        names = (Text(frame.model), frame.board, frame.core, frame.optimize)
        table.add_row(*names, f"{frame.instructions:,}", share, *sizes)
    return table


def difference_table(found: Sequence[Difference]) -> Table:
    """What changed: before, now, by how much."""
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "board", "for", "what"):
        table.add_column(heading, no_wrap=True)
    for heading in ("kept", "now", "change"):
        table.add_column(heading, justify="right")
    for each in found:
        change = f"{each.change:+.2%}" if each.kept else "-"
        table.add_row(*map(Text, each.key), each.what.removesuffix("_bytes"), f"{each.kept:,}", f"{each.now:,}", change)
    return table


def layer_difference_table(found: Sequence[Difference]) -> Table:
    """The layers that changed most."""
    table = difference_table(found[:_MAX_LAYERS])
    if len(found) > _MAX_LAYERS:
        table.caption = f"and {len(found) - _MAX_LAYERS} layers that changed less"
    return table
