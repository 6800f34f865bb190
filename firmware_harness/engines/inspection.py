"""What is in a .tflite: ops with shapes, scales and work, who made it, who runs it, what the streaming engine does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeblur.errors import UserError
from edgeblur.export.c_array import describe, render
from edgeblur.export.stream.fates import Fate, fates
from edgeblur.export.tflite.cost import LayerCost, cost
from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor
from edgeblur.export.tflite.inside import look_inside
from edgeblur.firmware_harness.engines.engines import available_engines, open_engine
from edgeblur.firmware_harness.engines.inspected import (
    Inspected,
    InspectedEngine,
    InspectedFate,
    InspectedOp,
    InspectedOutput,
)

_BOX_WIDTH, _BOX_HEIGHT, _GAP = 250, 40, 26


@dataclass(frozen=True)
class OpFacts:
    """One op.

    Attributes:
        op: as the file has it.
        cost: its name, MACs and parameters.
        inputs: the tensors it reads that are computed.
        output: the first tensor it writes.
        fate: what the streaming engine does with it.
    """

    op: Op
    cost: LayerCost
    inputs: tuple[Tensor, ...]
    output: Tensor
    fate: Fate

    @property
    def record(self) -> InspectedOp:
        """The op without the graph it is part of."""
        op, layer = self.op, self.cost
        return InspectedOp(
            op.index, op.kind, op.version, layer.name, tuple(map(describe, self.inputs)), describe(self.output),
            layer.macs, layer.parameters, InspectedFate(self.fate.kind, self.fate.told),
        )  # fmt: skip


@dataclass(frozen=True)
class Inspection:
    """A file.

    Attributes:
        path: of it.
        graph: as it is, ends and all.
        made_by: what the file says of its converter; empty if it says nothing.
        ops: one by one.
        engines: why an engine does not run it, by its name; None where it does.
    """

    path: Path
    graph: Graph
    made_by: str
    ops: tuple[OpFacts, ...]
    engines: dict[str, str | None]

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates; None if those of an op are unknown."""
        counts = [facts.cost.macs for facts in self.ops]
        return None if None in counts else sum(count for count in counts if count is not None)

    @property
    def record(self) -> Inspected:
        """What `--json` writes."""
        graph = self.graph
        outputs = [graph.tensors[i] for i in graph.outputs]
        return Inspected(
            path=self.path,
            sha256=graph.sha256,
            size_bytes=graph.size_bytes,
            made_by=self.made_by,
            inputs=tuple(describe(graph.tensors[i]) for i in graph.inputs),
            outputs=tuple(InspectedOutput(tensor.name, describe(tensor)) for tensor in outputs),
            macs=self.macs,
            parameters=sum(facts.cost.parameters for facts in self.ops),
            engines={name: InspectedEngine(why is None, why) for name, why in self.engines.items()},
            ops=tuple(facts.record for facts in self.ops),
        )


def inspect_file(path: Path, *, size: tuple[int, int] | None = None) -> Inspection:
    """Look at a file; nothing is refused that can be read.

    Args:
        path: a .tflite.
        size: for a model whose height and width are open.

    Raises:
        UserError: no whole .tflite, or its size is open and none was given.
    """
    inside = look_inside(path, size=size, keep_ends=True)
    graph, spent = inside.graph, cost(inside.graph)
    ends = fates(graph)
    ops = tuple(
        OpFacts(op, layer, _taken(graph, op), graph.tensors[op.outputs[0]], fate)
        for op, layer, fate in zip(graph.ops, spent.layers, ends, strict=True)
    )
    return Inspection(path, graph, _maker(path.read_bytes()), ops, _engines(inside.data, graph))


def _taken(graph: Graph, op: Op) -> tuple[Tensor, ...]:
    return tuple(graph.tensors[i] for i in op.inputs if i != ABSENT and graph.tensors[i].data is None)


def _maker(data: bytes) -> str:
    """The file's own words on its converter: its description, and the minimum version of the runtime."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(data)
    words = [(model.Description() or b"").decode("utf-8", "replace").strip().rstrip(".")]
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        if entry.Name() == b"min_runtime_version" and entry.Buffer() < model.BuffersLength():
            version = _text(model, entry)
            words.append(f"needs TensorFlow Lite {version}" if version else "")
    return "; ".join(filter(None, words))


def _text(model: Any, entry: Any) -> str:
    buffer = model.Buffers(entry.Buffer())
    raw = bytes(buffer.DataAsNumpy()) if buffer.DataLength() else b""
    return raw.split(b"\0")[0].decode("utf-8", "replace").strip()


def _engines(data: bytes, graph: Graph) -> dict[str, str | None]:
    """Each installed engine: None if it runs the model, else why not."""
    result: dict[str, str | None] = {}
    for name in available_engines():
        try:
            open_engine(name, data, several=True)
            result[name] = None
        except UserError as error:
            told = str(error).replace("this model", graph.name)
            result[name] = told if not told.startswith("model ") else graph.name + told.removeprefix("model")
    return result


# The picture


def graph_svg(inspection: Inspection) -> str:
    """The ops as boxes from top to bottom, each under what it reads, coloured by what streaming does with it."""
    depth: dict[int, int] = dict.fromkeys(inspection.graph.inputs, 0)
    rows: Counter[int] = Counter()
    places: dict[int, tuple[int, int]] = {}
    boxes, lines = [], []
    for facts in inspection.ops:
        level = 1 + max((depth.get(t.index, 0) for t in facts.inputs), default=0)
        x, y = 30 + rows[level] * (_BOX_WIDTH + _GAP), 130 + (level - 1) * (_BOX_HEIGHT + _GAP)
        rows[level] += 1
        for output in facts.op.outputs:
            depth[output], places[output] = level, (x, y)
        shape = "x".join(map(str, facts.output.shape))
        boxes.append({
            "x": x, "y": y, "kind": facts.fate.kind, "title": f"{facts.op.index} {facts.op.kind}",
            "shape": f"{facts.output.dtype} {shape}", "told": f"{facts.cost.name}: {facts.fate.told}",
        })  # fmt: skip
        for tensor in facts.inputs:
            if tensor.index in places and places[tensor.index] != (x, y):
                from_x, from_y = places[tensor.index]
                lines.append((from_x + _BOX_WIDTH // 2, from_y + _BOX_HEIGHT, x + _BOX_WIDTH // 2, y))
    width = max(760, 60 + max(rows.values(), default=1) * (_BOX_WIDTH + _GAP))
    height = 170 + max(rows, default=1) * (_BOX_HEIGHT + _GAP)
    macs = "" if inspection.macs is None else f", {inspection.macs:,} MAC"
    subtitle = f"{len(inspection.ops)} ops{macs}, {inspection.graph.size_bytes:,} bytes. {inspection.made_by}"
    return render(
        "graph.svg.j2", width=width, height=height, title=inspection.graph.name, subtitle=subtitle, boxes=boxes,
        lines=lines, box_width=_BOX_WIDTH, box_height=_BOX_HEIGHT,
    )  # fmt: skip
