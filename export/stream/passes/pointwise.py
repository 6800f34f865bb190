"""Whatever turns each byte of one plane into another byte is a table of 256 bytes, however many ops it takes.

GELU, ABS, EXP, Mish, SELU, a clip, and float ops between DEQUANTIZE and QUANTIZE: LiteRT's own kernels run those ops on
all 256 bytes once, here. Ops that have kernels of their own stay as they are, unless one that has none is among them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.ops.lookup import KINDS as TABLES
from edgeblur.export.stream.passes.draft import Draft, data_inputs
from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor
from edgeblur.export.tflite.kernels import OTHERS, REFERENCE, run_kernels
from edgeblur.export.tflite.options import TableOptions

OWN_KERNEL = frozenset({*TABLES, "ADD", "MUL", "PRELU", "SUB"})
"""Ops that the engine has anyway."""

ONLY_TABLES = frozenset({
    "ABS", "ADD_N", "CAST", "CEIL", "COS", "DEQUANTIZE", "DIV", "ELU", "EQUAL", "EXP", "FLOOR", "FLOOR_DIV",
    "FLOOR_MOD", "GELU", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT",
    "LOGICAL_OR", "MAXIMUM", "MINIMUM", "NEG", "NOT_EQUAL", "POW", "RELU_0_TO_1", "ROUND", "RSQRT", "SELECT",
    "SELECT_V2", "SIGN", "SIN", "SQRT", "SQUARE", "SQUARED_DIFFERENCE",
})  # fmt: skip
"""Ops on single numbers that have no kernel here, or (MINIMUM, MAXIMUM) one that a table beats."""

_BYTES = ("int8", "uint8")
_EVERY = (1, 1, 1, 256)


@dataclass(frozen=True)
class _Chain:
    """How a tensor comes from one plane, number by number: that plane, and the ops in their order."""

    root: int
    ops: tuple[Op, ...]

    @property
    def needs_table(self) -> bool:
        return any(op.kind in ONLY_TABLES for op in self.ops)


def tabulate(graph: Graph) -> Graph:
    """Write chains that hold an op without a kernel as TABLE ops, each from its plane."""
    chains = _chains(graph)
    draft, changed = Draft(graph), False
    for op in graph.ops:
        chain = chains.get(op.outputs[0])
        given = graph.tensors[op.outputs[0]]
        wanted = chain is not None and chain.needs_table and given.dtype in _BYTES
        if chain is None or not wanted or (table := _table(graph, chain, given)) is None:
            draft.keep(op)
        else:
            draft.op(op, "TABLE", (chain.root,), (given.index,), TableOptions(table))
            changed = True
    return draft.graph() if changed else graph


def _chains(graph: Graph) -> dict[int, _Chain]:
    chains: dict[int, _Chain] = {}
    for op in graph.ops:
        if op.kind in OWN_KERNEL | ONLY_TABLES and (chain := _extended(graph, chains, op)) is not None:
            chains[op.outputs[0]] = chain
    return chains


def _extended(graph: Graph, chains: dict[int, _Chain], op: Op) -> _Chain | None:
    """The chain that ends with an op; None if it reads several planes, a constant of many numbers, or repeats one."""
    taken = data_inputs(graph, op)
    constants = [i for i in op.inputs if i != ABSENT and graph.tensors[i].data is not None]
    if not taken or len(op.outputs) != 1 or any(graph.tensors[i].elements != 1 for i in constants):
        return None
    before = [chains.get(i, _Chain(i, ())) for i in taken]
    roots = {chain.root for chain in before}
    root = graph.tensors[before[0].root]
    sizes = {graph.tensors[i].shape for i in (*taken, op.outputs[0])}
    if len(roots) > 1 or len(sizes) > 1 or root.dtype not in _BYTES or len(root.scales) != 1:
        return None
    ops = {o.index: o for chain in before for o in chain.ops}
    return _Chain(root.index, (*(ops[i] for i in sorted(ops)), op))


def _table(graph: Graph, chain: _Chain, given: Tensor) -> bytes | None:
    """What a chain makes of each byte, by the byte's unsigned value; None if LiteRT runs it nowhere."""
    root = graph.tensors[chain.root]
    numbers = {chain.root: np.arange(256, dtype=np.uint8).view(root.dtype).reshape(_EVERY)}
    try:
        if (made := _run(graph, chain.ops, numbers, REFERENCE)) is not None:
            return made[given.index].tobytes()
        for op in chain.ops:  # one by one, so that only those that have no reference kernel (ELU, ROUND) get another
            made = _run(graph, (op,), numbers, REFERENCE) or _run(graph, (op,), numbers, OTHERS)
            if made is None:
                return None
            numbers |= made
    except KeyError:  # a type of number that NumPy lacks
        return None
    return numbers[given.index].tobytes()


def _run(
    graph: Graph, ops: tuple[Op, ...], numbers: dict[int, NDArray[Any]], kernels: str
) -> dict[int, NDArray[Any]] | None:
    """What ops make of 256 numbers: their last output by its index; None if LiteRT does not take them so."""
    small, taken = _alone(graph, ops)
    try:
        return {ops[-1].outputs[0]: run_kernels(small, [numbers[index] for index in taken], kernels)}
    except (RuntimeError, ValueError):
        return None


def _alone(graph: Graph, ops: tuple[Op, ...]) -> tuple[Graph, list[int]]:
    """Some ops on tensors of 256 numbers, and the tensors that go in."""
    used = sorted({i for op in ops for i in (*op.inputs, *op.outputs) if i != ABSENT})
    number = {old: new for new, old in enumerate(used)} | {ABSENT: ABSENT}
    tensors = []
    for new, old in enumerate(used):
        tensor = dataclasses.replace(graph.tensors[old], index=new)
        tensors.append(
            tensor if tensor.data is not None else dataclasses.replace(tensor, shape=_EVERY, signature=_EVERY)
        )
    # The first versions: every interpreter has them, and versions tell what a file needs, not how a kernel computes.
    renumbered = tuple(
        dataclasses.replace(
            op, index=n, version=1, inputs=tuple(number[i] for i in op.inputs),
            outputs=tuple(number[i] for i in op.outputs),
        )
        for n, op in enumerate(ops)
    )  # fmt: skip
    written = {i for op in ops for i in op.outputs}
    taken = [i for i in used if i not in written and graph.tensors[i].data is None]
    small = dataclasses.replace(
        graph, tensors=tuple(tensors), ops=renumbered, inputs=tuple(number[i] for i in taken),
        outputs=(number[ops[-1].outputs[0]],), called=(),
    )  # fmt: skip
    return small, taken
