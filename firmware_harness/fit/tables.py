"""What fits where, as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from edgeblur.firmware_harness.fit.fit import FITS, NO, TIGHT, EngineFit, Fit, Memory

_STYLES = {FITS: "green", TIGHT: "yellow", NO: "red"}


def _verdict(engine: EngineFit | None) -> Text:
    """A verdict, and of `no` the bytes missing."""
    if engine is None:
        return Text("-")
    missing = [f"{memory.missing_bytes:,} B {memory.kind}" for memory in engine.memories if memory.missing_bytes]
    return Text(f"{NO}: {' and '.join(missing)}" if missing else engine.verdict, _STYLES[engine.verdict])


def _taken(engine: EngineFit | None, kind: str) -> str:
    memory = engine.memory(kind) if engine else None
    return f"{memory.size_bytes:,} of {memory.region.size_bytes:,}" if memory else "-"


def _instructions(fit: Fit) -> str:
    return f"{fit.frame.instructions / 1e6:,.1f} M" if fit.frame else "-"


def _milliseconds(fit: Fit) -> str:
    return "-" if fit.estimated_ms is None else f"{fit.estimated_ms:,.0f}"


def remarks(fits: Sequence[Fit]) -> list[str]:
    """What the tables leave out, once each."""
    said = [f"{fit.candidate.name}: {output}" for fit in fits for output in fit.candidate.outputs]
    said += [_named(fit) for fit in fits if fit.stream is None]
    said += [
        f"TensorFlow Lite Micro with {fit.candidate.name}: {fit.candidate.arena.why_not}"
        for fit in fits
        if fit.tflm is None
    ]
    said += [
        f"TensorFlow Lite Micro with {fit.candidate.name}: {text}"
        for fit in fits
        if fit.tflm is not None
        for text in fit.candidate.tflm_differs
    ]
    said += [f"{fit.board.name}: {text}" for fit in fits if (text := _external(fit))]
    if any(not fit.board.emulator for fit in fits):
        said.append("On a real board its SDK and camera driver take memory as well: not counted.")
    if any(fit.estimated_ms is not None for fit in fits):
        said.append(
            "Time is estimated: predicted instructions, cycles by the rules of docs/cost-model.md, no wait states, at "
            + ("the clock of that kind of project." if fits[0].kind else "the board's highest clock.")
        )
    return list(dict.fromkeys(said))


def _named(fit: Fit) -> str:
    """Why a model is not streamed; most reasons begin with its name."""
    name, why = fit.candidate.name, f"{fit.candidate.why_not}"
    return why if why.startswith(name.removesuffix(".tflite")) else f"{name}: {why}"


def _external(fit: Fit) -> str | None:
    """Where a model goes that is too large for the RAM on the chip."""
    ram = fit.stream.memory("RAM") if fit.stream else None
    if ram is None or not ram.missing_bytes:
        return None
    roomy = [region for region in fit.board.ram if region.external and region.size_bytes >= ram.size_bytes]
    return f"the {roomy[0].name} has {roomy[0].size_bytes:,} B, which are slower" if roomy else None


def fit_table(fits: Sequence[Fit]) -> Table:
    """One model: a row a board."""
    table = Table(title=Text(fits[0].candidate.name), title_justify="left", box=None, pad_edge=False)
    for heading in ("board", "core"):
        table.add_column(heading, no_wrap=True)
    for heading in ("RAM, B", "flash, B"):
        table.add_column(heading, justify="right")
    table.add_column("streaming")
    table.add_column("instructions", justify="right")
    table.add_column("ms, estimated", justify="right")
    table.add_column("TensorFlow Lite Micro")
    for fit in fits:
        engine = fit.stream
        work = (_instructions(fit), _milliseconds(fit))
        cells = (_taken(engine, "RAM"), _taken(engine, "flash"), _verdict(engine), *work, _verdict(fit.tflm))
        table.add_row(Text(fit.board.name), fit.board.core.name, *cells)
    return table


def cross_table(fits: Sequence[Fit]) -> Table:
    """Several models: a row a board, a column a model; the streaming engine's verdicts."""
    table = Table(box=None, pad_edge=False)
    table.add_column("board", no_wrap=True)
    for name in dict.fromkeys(fit.candidate.name for fit in fits):
        table.add_column(Text(name), justify="left")
    rows: dict[str, list[Text]] = {}
    for fit in fits:
        rows.setdefault(fit.board.name, []).append(_verdict(fit.stream))
    for name, verdicts in rows.items():
        table.add_row(Text(name), *verdicts)
    return table


def parts_table(fit: Fit) -> Table:
    """One model on one board: what takes the memory, with each engine."""
    title = Text(f"{fit.candidate.name} on {fit.board.title}")
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for name, engine in (("streaming engine", fit.stream), ("TensorFlow Lite Micro", fit.tflm)):
        table.add_row(Text(name, "bold"), "", _verdict(engine))
        for memory in engine.memories if engine else ():
            _add_memory(table, memory)
        if engine is fit.stream:
            _add_work(table, fit)
    return table


def _add_work(table: Table, fit: Fit) -> None:
    """What a frame takes of the processor, as far as that is known."""
    if fit.frame:
        known = fit.frame.prices
        text = f"predicted; as counted on {known.core}, frames of other nets were off by at most {known.off:.1%}"
        table.add_row("  instructions", _instructions(fit), Text(text))
    if fit.frame and fit.frame.speedup is not None:
        told = "predicted; that both cores wait for each other at a memory's port is not counted"
        table.add_row("  two cores", f"{fit.frame.speedup:.2f} times", Text(told))
    if fit.estimated_ms is not None and fit.clock_hz:
        whose = f", as a {fit.kind} project runs it" if fit.kind else ""
        text = f"estimated; by docs/cost-model.md, without wait states, at {fit.clock_hz / 1e6:g} MHz{whose}"
        table.add_row("  time", f"{_milliseconds(fit)} ms", Text(text))


def _add_memory(table: Table, memory: Memory) -> None:
    region = f"of {memory.region.size_bytes:,} B: {memory.region.name}"
    table.add_row(f"  {memory.kind}", f"{memory.size_bytes:,} B", Text(region))
    for part in memory.parts:
        text = f"{part.basis}; {part.note}" if part.note else part.basis
        table.add_row(f"    {part.name}", f"{part.size_bytes:,} B", Text(text, "dim"))
