"""Tables that stay readable on a narrow terminal: whole numbers, in parts below each other if need be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

Named = Iterable[tuple[str, str | None]]
"""Names and what they are; None for what is not known."""

_WIDE = 10_000  # columns: as wide as a table would like to be
_PROSE = 20  # columns that a remark needs to be read


def fitted(table: Table, console: Console) -> RenderableType:
    """A table as it is if the console is wide enough, else in parts that are, each beginning with the first column.

    Where not even two columns fit beside each other, a record a row: a line for each column.
    """
    row = _widest(table, console)
    if _width(row, console) <= console.width:
        return table
    shares = list(_shares(row, console))
    if max(_width(_with(row, share), console) for share in shares) > console.width:
        return Group(*_records(table))
    parts = [_with(table, share) for share in shares]
    last = parts[-1]
    last.caption, last.caption_justify = table.caption, table.caption_justify
    parts[0].title, parts[0].title_justify = table.title, table.title_justify
    lines: list[RenderableType] = []
    for part in parts:
        lines += [Text(""), part] if lines else [part]
    return Group(*lines)


def named_table(title: str, rows: Named) -> Table:
    """Two columns below a title, names and what they are; a row without the latter is left out."""
    table = Table(title=Text(title), title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value is not None:
            table.add_row(name, Text(value))
    return table


def remarked(table: Table, console: Console) -> RenderableType:
    """A table whose last column is a remark, which wraps; below its row where there is little place beside it."""
    *named, _ = range(len(table.columns))
    row = _widest(table, console)
    if _width(_with(row, named), console) + _PROSE <= console.width:
        return table
    lines: list[RenderableType] = [table.title] if table.title else []
    for *cells, remark in zip(*(column.cells for column in table.columns), strict=True):
        lines.append(Text(" ").join(cell if isinstance(cell, Text) else Text(str(cell)) for cell in cells))
        lines.append(Padding(remark, (0, 0, 0, 4)))
    return Group(*lines)


def _width(table: Table, console: Console) -> int:
    return Measurement.get(console, console.options.update(width=_WIDE), table).maximum


def _widest(table: Table, console: Console) -> Table:
    """A table as wide, of one row: each column's widest cell. Rich measures all cells each time that it is asked."""
    options = console.options.update(width=_WIDE)
    row = _with(table, range(len(table.columns)), rows=False)  # without the caption, which is as long as it likes
    if table.row_count:
        row.add_row(*(
            max(column.cells, key=lambda cell: Measurement.get(console, options, cell).maximum)
            for column in table.columns
        ))  # fmt: skip
    return row


def _with(table: Table, share: Iterable[int], *, rows: bool = True) -> Table:
    """The table with these columns only, and without its title and caption."""
    chosen = [table.columns[i] for i in share]
    part = Table(
        *(replace(column, _cells=[], no_wrap=True) for column in chosen), box=table.box, pad_edge=table.pad_edge,
        show_header=table.show_header, header_style=table.header_style,
    )  # fmt: skip
    for cells in zip(*(column.cells for column in chosen), strict=True) if rows else ():
        part.add_row(*cells)
    return part


def _shares(row: Table, console: Console) -> Iterator[list[int]]:
    """Which columns stand beside each other: as many as there is place for."""
    share = [0]
    for i in range(1, len(row.columns)):
        if len(share) > 1 and _width(_with(row, [*share, i]), console) > console.width:
            yield share
            share = [0]
        share.append(i)
    yield share


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
