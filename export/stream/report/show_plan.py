"""A memory plan for people: a table for the terminal, and a picture of the rows alive over time."""

from __future__ import annotations

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from edgeblur.export.c_array import render
from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.costs.work import DIRECT
from edgeblur.export.stream.report.plan_picture import plan_picture
from edgeblur.export.stream.report.plan_summary import PlaneRows, PlanSummary, remarks, summarize, with_instructions
from edgeblur.tables import fitted

__all__ = ["plan_svg", "plan_table", "remarks", "summarize", "with_instructions"]

_BAR = 16
"""Characters of the greediest plane's bar."""

_COLUMNS = ("row B", "rows", "ring B", "worst rows", "worst B", "share")


def _bar(share: float) -> str:
    eighths = round(share * _BAR * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _cells(plane: PlaneRows, greediest: float) -> tuple[str | Text, ...]:
    kept = (f"{plane.most_rows}", f"{plane.ring_bytes:,}") if plane.most_rows else ("", "")
    alive = (f"{plane.worst_rows}", f"{plane.worst_bytes:,}", f"{plane.worst_share:.1%}") if plane.worst_rows else ()
    bar = Text(_bar(plane.worst_share / greediest), "cyan" if plane.recomputes is None else "yellow")
    shape = f"{plane.height}x{plane.width}x{plane.channels}"
    return (Text(plane.name), plane.op, shape, f"{plane.row_bytes:,}", *kept, *(alive or ("",) * 3), bar)


def _thousands(instructions: int | None) -> str:
    return "" if instructions is None else f"{instructions / 1000:,.0f} k"


def _planes_table(summary: PlanSummary) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("plane", "op"):
        table.add_column(name, no_wrap=True)
    for name in ("shape", *_COLUMNS):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    chosen = any(plane.why for plane in summary.planes)
    if chosen:
        table.add_column("kernel", no_wrap=True)
    if summary.predicted_core:
        table.add_column("instructions", justify="right", no_wrap=True)
    for plane in summary.planes:
        predicted = (_thousands(plane.predicted_instructions),) if summary.predicted_core else ()
        kernel = (plane.kernel or "",) if chosen else ()
        table.add_row(*_cells(plane, summary.largest[0].worst_share), *kernel, *predicted)
    return table


def _kept_kernels(summary: PlanSummary) -> list[str]:
    """Why layers have their direct kernel that could have another, in sentences."""
    return [
        f"{plane.name} stays direct: {plane.why}." for plane in summary.planes if plane.kernel == DIRECT and plane.why
    ]


def _sums(summary: PlanSummary) -> list[tuple[str, int, str]]:
    """What the RAM consists of, with a word about each part."""
    arena = f"{summary.live_bytes:,} B at the worst moment, after {summary.worst_picture_rows} picture rows"
    return [
        ("kept rows", summary.arena_bytes, f"{arena}; with a ring buffer for each plane {summary.ring_bytes:,} B"),
        ("scratch", summary.scratch_bytes, "for the kernel that wants most"),
        ("counters", summary.counter_bytes, ""),
        ("caller's rows", summary.row_bytes, "one in, one out"),
        ("RAM", summary.ram_bytes, "everything writable but the stack"),
    ]


def _sums_table(summary: PlanSummary) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for name, size, told in _sums(summary):
        table.add_row(name, f"{size:,} B", told)
    return table


def _predicted(summary: PlanSummary) -> list[str]:
    """What a frame costs, in a sentence, if that can be told."""
    if summary.predicted_instructions is None:
        return []
    millions = summary.predicted_instructions / 1e6
    return [f"A frame takes about {millions:,.1f} million instructions on {summary.predicted_core} (predicted)."]


def plan_table(summary: PlanSummary, console: Console) -> Group:
    """The plan for a terminal: a row a plane, the sums, and where the RAM goes in words.

    On a narrow one the table of planes comes in parts below each other.

    Columns: bytes of a row; rows alive at the plane's own worst moment and the ring buffer that would hold them; rows,
    bytes and share of all bytes alive at the net's worst moment; its layer's kernel, if there was a choice; predicted
    instructions in a frame, if they are known. Bars of planes that are made twice are yellow.
    """
    words = [Text(remark) for remark in (*remarks(summary), *_kept_kernels(summary), *_predicted(summary))]
    return Group(fitted(_planes_table(summary), console), "", _sums_table(summary), "", *words)


def plan_svg(compiled: Compiled) -> str:
    """The plan as a picture: bytes alive over time, plane by plane, and below it which row lies where in memory.

    Returns:
        A self-contained SVG file for light and dark backgrounds; the same model always gives the same text.
    """
    return render("plan.svg.j2", picture=plan_picture(compiled, summarize(compiled)))
