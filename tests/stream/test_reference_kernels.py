"""LiteRT's kernels on odd numbers while a net is compiled: what would end the process is refused in a sentence."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import multiprocessing

import numpy as np
import pytest
from int8_nets import Int8Net

from edgeblur.errors import UserError
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.ops.lookup import KINDS
from edgeblur.export.stream.passes.pointwise import ONLY_TABLES
from edgeblur.export.tflite import kernels
from edgeblur.export.tflite.graph import Graph, Op, Tensor, read_tflite
from edgeblur.export.tflite.kernels import is_usual, run_kernels
from edgeblur.export.tflite.options import AddOptions, LeakyReluOptions, MulOptions, Options, SubOptions

TWO = ("ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "PRELU", "SQUARED_DIFFERENCE", "SUB")
BOOLS = {"EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL"}
LOGIC = {"CAST", "DEQUANTIZE", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "SELECT", "SELECT_V2"}
ONE_BY_ONE = sorted((ONLY_TABLES | {*KINDS, *TWO}) - BOOLS - LOGIC)
OPTIONS: dict[str, Options] = {
    "ADD": AddOptions("NONE"),
    "LEAKY_RELU": LeakyReluOptions(0.2),
    "MUL": MulOptions("NONE"),
    "SUB": SubOptions("NONE"),
}
EVERY = np.arange(256, dtype=np.uint8).view(np.int8).reshape(1, 1, 1, 256)
CORNERS = (-24, -12, -4, 0, 8)


def small(kind: str, taken: float, given: float, other: float = 1.0, dtype: str = "int8") -> Graph:
    """An op on 256 numbers, and of an op of two on a constant."""
    shape, one = EVERY.shape, (1, 1, 1, 1)
    tensors = [Tensor(n, f"t{n}", shape, shape, dtype, (s,), (0,), 0, None) for n, s in enumerate((taken, given))]
    constant = Tensor(2, "constant", one, one, dtype, (other,), (0,), 0, bytes(np.dtype(dtype).itemsize))
    inputs, tensors = ((0, 2), [*tensors, constant]) if kind in TWO else ((0,), tensors)
    return Graph("small", "", 0, tuple(tensors), (Op(0, kind, 1, inputs, (1,), OPTIONS.get(kind)),), (0,), (1,))


def run_corners() -> None:
    """Every op at the corners of what counts as usual, in this process; it dies if one of them is none."""
    for kind, taken, given in itertools.product(ONE_BY_ONE, CORNERS, CORNERS):
        for other in (taken, given, 0) if kind in TWO else (0,):
            graph = small(kind, 2.0**taken, 2.0**given, 2.0**other)
            if is_usual(graph.tensors, graph.ops):
                for which in (kernels.REFERENCE, kernels.OTHERS):
                    with contextlib.suppress(RuntimeError, ValueError):
                        run_kernels(graph, [EVERY], which)


def test_no_interpreter_dies_of_usual_numbers() -> None:
    process = multiprocessing.get_context("spawn").Process(target=run_corners)
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.parametrize("scales", [(3.67e15, 0.004), (1.0, 2.0**-30), (2.0**20, 2.0**-20)])
def test_an_interpreter_that_would_die_is_no_end(scales: tuple[float, float]) -> None:
    graph = small("ADD", *scales, scales[0])
    assert not is_usual(graph.tensors, graph.ops)
    with pytest.raises(RuntimeError, match="its interpreter dies of such scales"):
        run_kernels(graph, [EVERY])


def test_an_interpreter_that_would_die_of_nine_axes_is_no_end() -> None:
    net = Int8Net()
    x = net.picture(4, 4, 2)
    y = net.op("MAXIMUM", [x, net.steps(*[1] * 9)], net.like(x, 4, 4, 2))
    graph = net.graph(y)
    with pytest.raises(RuntimeError, match="or shapes"):
        run_kernels(graph, [np.zeros((1, 4, 4, 2), np.int8)])
    assert lower(graph)


def test_what_runs_apart_gives_the_same() -> None:
    near = small("LOGISTIC", 0.05, 1 / 256)
    far = dataclasses.replace(near, tensors=(near.tensors[0], dataclasses.replace(near.tensors[1], scales=(2.0**-25,))))
    assert is_usual(near.tensors, near.ops)
    assert not is_usual(far.tensors, far.ops)
    model = kernels.write_tflite(near)
    here, apart = (run(model, [EVERY], kernels.REFERENCE) for run in (kernels._run, kernels._run_apart))
    assert (here == apart).all()
    with pytest.raises(ValueError, match="Got value of type INT16 but expected type INT8"):
        kernels._run_apart(model, [EVERY.astype(np.int16)], kernels.REFERENCE)


def test_sixteen_bits_run_apart() -> None:
    graph = small("ADD", 1.0, 1.0, dtype="int16")
    with pytest.raises(RuntimeError, match="its interpreter dies"):
        run_kernels(graph, [EVERY.astype(np.int16)])


def test_a_net_of_such_scales_is_refused() -> None:
    net = Int8Net(seed=3)
    x = net.picture(8, 8, 3, 2.0**50, 0)
    summed = net.op("ADD", (x, x), net.plane(net.shape(x), 0.004, -128), AddOptions("NONE"), 2)
    y = net.op("ABS", (summed,), net.plane(net.shape(x), 0.004, -94))
    with pytest.raises(UserError, match=r"ADD .* scale 0\.004 is too small for its inputs"):
        lower(read_tflite(net.tflite(y)))
