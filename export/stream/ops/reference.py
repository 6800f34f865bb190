"""LiteRT's reference kernel of one op, run here while a model is compiled: what a table or a staircase is made from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.tflite.graph import Op
from edgeblur.export.tflite.kernels import run_kernels


def run_alone(
    builder: Builder,
    op: Op,
    steps: NDArray[Any],
    shape: Sequence[int],
    constants: Sequence[NDArray[Any]] = (),
) -> NDArray[Any]:
    """What LiteRT's reference kernel makes of an op's first input.

    Args:
        builder: of the net.
        op: whose quantization and options count.
        steps: the input, of any shape.
        shape: of the output.
        constants: the op's further inputs.

    Raises:
        UserError: LiteRT does not take it.
    """
    tensors = builder.graph.tensors
    taken = dataclasses.replace(tensors[op.inputs[0]], index=0, shape=steps.shape, signature=steps.shape, data=None)
    given = dataclasses.replace(tensors[op.outputs[0]], index=1, shape=tuple(shape), signature=tuple(shape))
    further = tuple(
        dataclasses.replace(
            taken, index=2 + n, name=f"constant{n}", shape=values.shape, signature=values.shape, scales=(),
            zero_points=(), dtype=values.dtype.name, data=values.tobytes(),
        )
        for n, values in enumerate(constants)
    )  # fmt: skip
    # The first version: every interpreter has it, and versions tell what a file needs, not how a kernel computes.
    inputs = (0, *range(2, 2 + len(further)))
    alone = dataclasses.replace(op, index=0, version=1, inputs=inputs, outputs=(1,))
    graph = dataclasses.replace(
        builder.graph, tensors=(taken, given, *further), ops=(alone,), inputs=(0,), outputs=(1,)
    )
    try:
        return run_kernels(graph, [steps])
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise builder.refuse(op, f"LiteRT itself does not take it ({reason})", "convert the model anew") from error
