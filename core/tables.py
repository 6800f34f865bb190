"""Tables that stay readable on a narrow terminal: whole numbers, in parts below each other if need be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

_WIDE = 10_000  # columns: as wide as a table would like to be


def fitted(table: Table, console: Console) -> RenderableType:
    """A table as it is if the console is wide enough, else in parts that are, each beginning with the first column.

    Where not even two columns fit beside each other, a record a row: a line for each column.
    """
    if _width(table, console) <= console.width:
        return table
    parts = list(_parts(table, console))
    if max(_width(part, console) for part in parts) > console.width:
        return Group(*_records(table))
    last = parts[-1]
    last.caption, last.caption_justify = table.caption, table.caption_justify
    parts[0].title, parts[0].title_justify = table.title, table.title_justify
    lines: list[RenderableType] = []
    for part in parts:
        lines += [Text(""), part] if lines else [part]
    return Group(*lines)


def _width(table: Table, console: Console) -> int:
    bare = _with(table, table.columns)  # a caption is as long as it likes
    return Measurement.get(console, console.options.update(width=_WIDE), bare).maximum


def _with(table: Table, columns: Iterable[Column]) -> Table:
    """The table with these columns only, and without its title and caption."""
    chosen = list(columns)
    part = Table(
        *(replace(column, _cells=[], no_wrap=True) for column in chosen), box=table.box, pad_edge=table.pad_edge,
        show_header=table.show_header, header_style=table.header_style,
    )  # fmt: skip
    for cells in zip(*(column.cells for column in chosen), strict=True):
        part.add_row(*cells)
    return part


def _parts(table: Table, console: Console) -> Iterator[Table]:
    first, *others = table.columns
    columns: list[Column] = []
    for column in others:
        if columns and _width(_with(table, [first, *columns, column]), console) > console.width:
            yield _with(table, [first, *columns])
            columns = []
        columns.append(column)
    yield _with(table, [first, *columns])


def _records(table: Table) -> Iterator[RenderableType]:
    others = table.columns[1:]
    if table.title:
        yield table.title
    for name, *cells in zip(*(column.cells for column in table.columns), strict=True):
        yield Text.assemble((_plain(name), "bold"))
        for column, cell in zip(others, cells, strict=True):
            yield Text(f"  {_plain(column.header)}: {_plain(cell)}")
    if table.caption:
        yield table.caption


def _plain(cell: RenderableType) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)
