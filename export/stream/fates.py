"""What becomes of each op of a file in the streaming engine: a kernel, a table, a copy, nothing, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeblur.errors import UserError
from edgeblur.export.stream.lower import lower_ops, lowerings
from edgeblur.export.stream.net.builder import RefusedError
from edgeblur.export.stream.ops.shapes import KINDS as NAMES
from edgeblur.export.stream.passes.simplify import simplify
from edgeblur.export.stream.refusals import advice
from edgeblur.export.tflite.graph import ABSENT, Graph, Op
from edgeblur.export.tflite.inside import without_ends

_WHOLE = "with the whole model"
_TOLD = {"TABLE": "a table of 256 bytes", "MOVE": "a copy, piece by piece"}


@dataclass(frozen=True)
class Fate:
    """One op's.

    Attributes:
        kind: `kernel`, `table`, `move`, `vanishes` or `refused`.
        told: in half a sentence; for `refused`, what is wrong and what to do.
    """

    kind: str
    told: str


def fates(graph: Graph) -> tuple[Fate, ...]:
    """The fate of each op of a graph, in its order. A model that is refused as a whole has all its ops refused."""
    inner = without_ends(graph)
    try:
        simple = simplify(inner)
        faults = lower_ops(simple)[1]
    except UserError as error:
        return tuple(Fate("refused", _WHOLE if op.index else str(error)) for op in graph.ops)
    places = {op.outputs: op.index for op in inner.ops}
    return tuple(_fate(op, places.get(op.outputs), simple, faults) for op in graph.ops)


def _fate(op: Op, place: int | None, simple: Graph, faults: Sequence[RefusedError]) -> Fate:
    if place is None:
        return Fate("vanishes", "at an end of the model: the engine begins or ends behind it")
    for fault in faults:
        if fault.op_index == place:
            return Fate("refused", fault.sentence.partition("): ")[2])
    own = [other for other in simple.ops if other.index == place and other.kind not in ("RESHAPE", "SLICE")]
    if not own:
        own = [other for other in simple.ops if other.index == place]
    if not own or all(other.kind in NAMES for other in own):
        return Fate("vanishes", "it computes sizes, renames numbers, or is part of another op")
    kind = op.kind if op.kind in {other.kind for other in own} else own[-1].kind
    if kind in _TOLD:
        return Fate("table" if kind == "TABLE" else "move", _TOLD[kind])
    if kind not in lowerings(simple):
        if any("float" in simple.tensors[i].dtype for i in (*op.inputs, *op.outputs) if i != ABSENT):
            return Fate("refused", "it stands beside an op that computes in floats")
        return Fate("refused", "; ".join(advice(simple, op)))
    return Fate("kernel", f"kernel of {kind}" if kind == op.kind else f"recognised as {kind}")
