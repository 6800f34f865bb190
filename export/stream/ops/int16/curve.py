"""LOGISTIC and TANH of 16-bit planes: between two values of one table of the logistic curve."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.builder import Builder
from edgeblur.export.stream.net.layer import Layer, Work
from edgeblur.export.stream.net.net import Array, Field, Operation, Plane, Window
from edgeblur.export.tflite.graph import Graph, Op, Tensor
from edgeblur.export.tflite.writer import write_tflite

KINDS = ("LOGISTIC", "TANH")

_ONE_PLACE, _HALF_PLACE = 1 / 48, 1 / 6144
"""Scales at which TANH's steps lie one place of the curve apart, and a 128th."""


@functools.cache
def curve() -> NDArray[np.uint16]:
    """The logistic curve at 256 places, 1/24 apart from 0 on, in 1/65536: TensorFlow Lite's own numbers.

    They are not the nearest ones everywhere. At a place, TANH gives the curve's number less a half.
    """
    places = _tanh(_ONE_PLACE, np.arange(256)) + 2**15
    places[255] = _tanh(_HALF_PLACE, np.array([255 * 128 - 1]))[0] + 2**15  # behind the last place it is as good as 1
    return places.astype(np.uint16)


def _tanh(scale: float, steps: NDArray[Any]) -> NDArray[np.int64]:
    """What LiteRT's reference kernel makes of steps of a scale, which may be a hair above the one that is told."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    shape = (1, 1, 1, steps.size)
    scales = (float(np.float32(scale * (1 + 1e-6))), 1 / 32768)
    ends = tuple(Tensor(n, f"t{n}", shape, shape, "int16", (s,), (0,), 0, None) for n, s in enumerate(scales))
    graph = Graph("tanh", "", 0, ends, (Op(0, "TANH", 3, (0,), (1,), None),), (0,), (1,))
    kernels = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=write_tflite(graph), experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], steps.astype(np.int16).reshape(shape))
    interpreter.invoke()
    made: NDArray[np.int64] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return made.ravel().astype(np.int64)


@dataclass(frozen=True, eq=False)
class CurveInt16(Operation):
    """Each number is looked up between two values of the curve.

    Attributes:
        tanh: `2 * logistic(2 * x) - 1`, or `logistic(x)`.
        multiplier, shift: from steps to places on the curve.
    """

    kernel = "lookup_int16"
    label = "LOOKUP"
    tanh: bool
    multiplier: int
    shift: int

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [Window(tuple(range(output.height)))]

    def fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        return {
            "curve": Array("curve", curve()),
            "size": output.width * output.channels,
            "multiplier": self.multiplier,
            "shift": self.shift,
            "fraction": 8 if self.tanh else 9,
            "twice": int(self.tanh),
        }

    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> Work:
        layer = Layer(self, tuple(inputs), output)
        return {"rows": output.height, "tanh_elements" if self.tanh else "elements": layer.elements}


def _factor(scale: float, *, tanh: bool) -> tuple[int, int]:
    """Multiplier and shift, as SigmoidPrepare and TanhPrepare in tensorflow/lite/kernels/activations.cc have them."""
    fraction, exponent = np.frexp(scale)
    power = int(exponent) - 1 + 12  # places are steps of 1/4096, times 3/4 on the curve
    if fraction == 0.5 and power in ((0, 1) if tanh else (0,)):
        return 3 << power, 0
    real, shift = scale * 4096.0 * 3.0, 0
    while real <= 32767.0 / 2.0 and shift <= 30:
        real, shift = real * 2.0, shift + 1
    return int(real), shift


def lower(builder: Builder, op: Op) -> None:
    """Add a LOGISTIC or a TANH."""
    source = builder.source(op, 0)
    taken, given = builder.plane(op, op.inputs[0]), builder.plane(op, op.outputs[0])
    builder.expect_output(op, taken.height, taken.width, taken.channels)
    if given.scale != 1 / 32768:
        raise builder.refuse(op, f"its output's scale is {given.scale:g}", "quantize it anew: it should be 1/32768")
    multiplier, shift = _factor(taken.scale, tanh=op.kind == "TANH")
    if multiplier >= 2**15 or shift > 30:
        told = f"its input's scale {taken.scale:g} is too large or too small for 16 bits"
        raise builder.refuse(op, told, "quantize the model with typical pictures")
    builder.add(op, CurveInt16(op.kind == "TANH", multiplier, shift), (source,))
