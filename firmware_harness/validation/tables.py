"""A validation as tables for people."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from edgeblur.export.stream.costs.code_size import StreamCost
from edgeblur.export.tflite.outputs import several_outputs
from edgeblur.firmware_harness.engines.latency import Latency
from edgeblur.firmware_harness.validation.result import Comparison, Validation, precision
from edgeblur.pictures.metrics import Part
from edgeblur.tables import named_table


def _times(latency: Latency) -> str:
    spread = f"{latency.min_ms:.2f} to {latency.max_ms:.2f} over {latency.runs} warm runs"
    return f"{latency.median_ms:.2f} ms ({spread})"


def _near(part: Part) -> str:
    ssim = "" if part.ssim is None else f", SSIM {part.ssim:.4f}"
    return f"PSNR {part.psnr_db:.2f} dB{ssim}, MAE {part.mae:.5f}"


def _difference(comparison: Comparison) -> str:
    if not comparison.differing_bytes:
        return f"all {comparison.bytes_compared:,} output bytes equal"
    share = comparison.differing_bytes / comparison.bytes_compared
    step = "" if comparison.largest_step is None else f", by {comparison.largest_step} at most"
    return f"{comparison.differing_bytes:,} of {comparison.bytes_compared:,} output bytes differ ({share:.1%}){step}"


def _stream_rows(cost: StreamCost | None) -> list[tuple[str, str]]:
    if cost is None:
        return []
    again = f", {cost.macs_recomputed:,} of {cost.macs:,} MACs spent twice to save RAM" if cost.macs_recomputed else ""
    code = f" + {cost.code.code_bytes:,} B of code ({cost.code.told})" if cost.code else ""
    return [
        ("stream: RAM", f"{cost.ram_bytes:,} B (state {cost.state_bytes:,}, two rows {cost.row_bytes:,}){again}"),
        ("stream: flash", f"{cost.constant_bytes:,} B of weights and tables{code}"),
    ]


def _rows(validation: Validation) -> list[tuple[str, str]]:
    graph, arena, macs = validation.model.graph, validation.arena, validation.cost.macs
    arena_told = f"unknown: {arena.why_not}" if arena.bytes is None else f"{arena.bytes:,} B (TensorFlow Lite Micro)"
    rows = [
        ("model", f"{validation.path} ({precision(graph)})"),
        *(("", str(output)) for output in several_outputs(graph)),
        ("size", f"{graph.size_bytes:,} B"),
        ("arena", arena_told),
        ("MACs", "unknown: an op that edgeblur cannot count" if macs is None else f"{macs:,}"),
        ("parameters", f"{validation.cost.parameters:,}"),
        *_stream_rows(validation.stream),
        ("host", f"{validation.host}; 1 thread used"),
        (f"latency, {validation.engine}", _times(validation.latency)),
        *((f"latency, {c.engine}", _times(c.latency)) for c in validation.comparisons),
        ("pictures", f"{validation.images}: {validation.description}"),
    ]
    if validation.fidelity and validation.reference:
        rows.append(("fidelity to", validation.reference.description))
        parts = {"image": validation.fidelity.image, "inside": validation.fidelity.inside}
        parts["outside"] = validation.fidelity.outside
        rows += [(f"  {name}", _near(part)) for name, part in parts.items() if part]
    else:
        rows.append(("fidelity", "unknown: nothing to measure against (a reference .tflite, or a data set)"))
    rows += [(f"{validation.engine} = {c.engine}?", _difference(c)) for c in validation.comparisons]
    return rows


def summary_table(validation: Validation) -> Table:
    """What the model needs and how faithful it is, two columns."""
    return named_table(validation.name, _rows(validation))


def layer_table(validation: Validation) -> Table:
    """One row a layer: op, output shape, MACs, parameters."""
    table = Table(box=None, pad_edge=False)
    for heading in ("layer", "op", "output"):
        table.add_column(heading)
    for heading in ("MACs", "parameters"):
        table.add_column(heading, justify="right")
    for layer in validation.cost.layers:
        macs = "?" if layer.macs is None else f"{layer.macs:,}"
        shape = "x".join(map(str, layer.shape[1:]))
        table.add_row(Text(layer.name), layer.kind, shape, macs, f"{layer.parameters:,}")
    return table
