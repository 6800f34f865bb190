"""Nets as other converters write them: every way to say a thing gives LiteRT's bytes, or a sentence that helps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from int8_nets import Int8Net, differing_bytes

from edgeblur.cli import cli
from edgeblur.errors import Unsupported, UserError
from edgeblur.export.stream.fates import fates
from edgeblur.export.stream.lower import lower
from edgeblur.export.tflite.graph import ABSENT, as_plane, image_model, read_tflite
from edgeblur.export.tflite.inside import look_inside, parse_size, without_ends
from edgeblur.export.tflite.options import (
    AddOptions,
    ArgMaxOptions,
    ConcatenationOptions,
    Conv2DOptions,
    DepthToSpaceOptions,
    FullyConnectedOptions,
    GatherOptions,
    GeluOptions,
    MirrorPadOptions,
    MulOptions,
    Options,
    PackOptions,
    ReducerOptions,
    ReshapeOptions,
    SoftmaxOptions,
    SplitOptions,
    StridedSliceOptions,
    SubOptions,
    UnpackOptions,
)
from edgeblur.firmware_harness.engines.engines import open_engine

Case = Callable[[Int8Net], int]


def int32(net: Int8Net, *numbers: int) -> int:
    return net.constant(np.array(numbers, np.int32))


def start(net: Int8Net, channels: int = 4, height: int = 6, width: int = 8) -> int:
    """A picture and a convolution whose output varies on both sides of 0."""
    return net.conv(net.picture(height, width), channels, activation="NONE", zero_point=-7)


def like(net: Int8Net, source: int, *shape: int) -> int:
    """A tensor of any shape with another one's scale."""
    tensor = net.tensors[source]
    return net.plane(shape, tensor.scales[0], tensor.zero_points[0])


def reshape(net: Int8Net, source: int, *shape: int) -> int:
    return net.op("RESHAPE", (source, int32(net, *shape)), like(net, source, *shape), ReshapeOptions(shape))


def transpose(net: Int8Net, source: int, *axes: int) -> int:
    shape = [net.shape(source)[axis] for axis in axes]
    return net.op("TRANSPOSE", (source, int32(net, *axes)), like(net, source, *shape), None, 2)


def concatenate(net: Int8Net, sources: Sequence[int], axis: int) -> int:
    shape = list(net.shape(sources[0]))
    shape[axis] = sum(net.shape(i)[axis] for i in sources)
    return net.op("CONCATENATION", sources, like(net, sources[0], *shape), ConcatenationOptions(axis, "NONE"), 2)


def last(net: Int8Net, source: int) -> int:
    """A 1x1 convolution behind everything, so that what it reads must be where it expects it."""
    return net.conv(source, 3, (1, 1), activation="NONE", zero_point=4)


def strided(net: Int8Net, source: int, begin: Sequence[int], end: Sequence[int], stride: Sequence[int]) -> int:
    slices = [slice(*bounds) for bounds in zip(begin, end, stride, strict=True)]
    shape = np.empty(net.shape(source), np.int8)[tuple(slices)].shape
    bounds = [int32(net, *numbers) for numbers in (begin, end, stride)]
    return net.op("STRIDED_SLICE", (source, *bounds), like(net, source, *shape), StridedSliceOptions(0, 0, 0, 0, 0), 2)


def unary(net: Int8Net, kind: str, source: int, scale: float, zero_point: int, options: Options | None = None) -> int:
    return net.op(kind, (source,), net.plane(net.shape(source), scale, zero_point), options)


# Ends


def float_ends(net: Int8Net) -> int:
    picture = net.picture(6, 8)
    net.inputs = [net.tensor((1, 6, 8, 3))]
    net.op("QUANTIZE", net.inputs, picture)
    return net.op("DEQUANTIZE", (last(net, picture),), net.tensor((1, 6, 8, 3)), None, 2)


def channels_first(net: Int8Net) -> int:
    taken = net.picture(6, 8)
    picture = net.picture(3, 6, 8)
    net.inputs = [picture]
    net.op("TRANSPOSE", (picture, int32(net, 0, 2, 3, 1)), taken, None, 2)
    return transpose(net, last(net, taken), 0, 3, 1, 2)


def channels_first_floats(net: Int8Net) -> int:
    """Both, as a converter of PyTorch's nets writes them; an element-wise op in between knows no channels last."""
    output = channels_first(net)
    taken = net.inputs[0]
    net.inputs = [net.tensor(net.shape(taken))]
    net.op("QUANTIZE", net.inputs, taken)
    net.ops.insert(0, net.ops.pop())
    output = net.op("ADD", (output, int8_constant(net, 1, 3, 1, 1)), like(net, output, 1, 3, 6, 8), AddOptions("NONE"))
    return net.op("DEQUANTIZE", (output,), net.tensor((1, 3, 6, 8)), None, 2)


def int8_constant(net: Int8Net, *shape: int) -> int:
    return net.steps(*shape, scale=0.02, zero_point=3)


def arg_max(dtype: str, *, kept: bool) -> Case:
    def make(net: Int8Net) -> int:
        y = start(net)
        counted = net.op("ARG_MAX", (y, int32(net, -1)), net.tensor((1, 6, 8), dtype), ArgMaxOptions(dtype.upper()))
        shape = int32(net, 1, 6, 8, 1)
        if not kept:
            return counted
        return net.op("RESHAPE", (counted, shape), net.tensor((1, 6, 8, 1), dtype), ReshapeOptions((1, 6, 8, 1)))

    return make


def softmax(net: Int8Net) -> int:
    y = start(net, 5)
    return unary(net, "SOFTMAX", y, 1 / 256, -128, SoftmaxOptions(1.0))


def channels(count: int) -> Case:
    return lambda net: net.conv(net.picture(6, 8, count), 3, activation="NONE", zero_point=1)


def rows_of_pixels(net: Int8Net) -> int:
    """A detector's output: boxes one below the other, of two sizes of cells."""
    y = start(net, 8)
    small = net.conv(y, 8, stride=(2, 2), activation="NONE", zero_point=-7)
    parts = [reshape(net, y, 1, 96, 4), reshape(net, small, 1, 24, 4)]
    return concatenate(net, parts, 1)


def classifier(net: Int8Net) -> int:
    y = reshape(net, start(net), 1, 192)
    weights = net.constant(net.random.integers(-127, 128, (10, 192)).astype(np.int8), [0.001])
    return net.op(
        "FULLY_CONNECTED", (y, weights, ABSENT), net.plane((1, 10), 0.05, 3), FullyConnectedOptions("NONE", False)
    )


ENDS: dict[str, Case] = {
    "float ends": float_ends,
    "channels first": channels_first,
    "channels first, floats": channels_first_floats,
    "argmax int32": arg_max("int32", kept=False),
    "argmax int32, four axes": arg_max("int32", kept=True),
    "argmax int64": arg_max("int64", kept=False),
    "softmax": softmax,
    "one channel": channels(1),
    "two channels": channels(2),
    "seven channels": channels(7),
    "boxes of two sizes": rows_of_pixels,
    "a classifier": classifier,
}

# Places


def moved(move: Callable[[Int8Net, int], int], channels: int = 4) -> Case:
    return lambda net: last(net, move(net, start(net, channels)))


def tile(net: Int8Net, y: int) -> int:
    y = reshape(net, y, 1, 6, 1, 8, 1, 4)
    y = net.op("TILE", (y, int32(net, 1, 1, 2, 1, 2, 1)), like(net, y, 1, 6, 2, 8, 2, 4), None, 3)
    return reshape(net, y, 1, 12, 16, 4)


def repeat_by_joining(net: Int8Net, y: int) -> int:
    y = reshape(net, concatenate(net, (y, y), 3), 1, 6, 1, 16, 4)
    return reshape(net, concatenate(net, (y, y), 2), 1, 12, 16, 4)


def pixel_shuffle(net: Int8Net, y: int) -> int:
    y = transpose(net, reshape(net, y, 1, 6, 8, 3, 2, 2), 0, 1, 4, 2, 5, 3)
    return reshape(net, y, 1, 12, 16, 3)


def pixel_unshuffle(net: Int8Net, y: int) -> int:
    y = transpose(net, reshape(net, y, 1, 3, 2, 4, 2, 4), 0, 1, 3, 5, 2, 4)
    return reshape(net, y, 1, 3, 4, 16)


def split(net: Int8Net, y: int) -> int:
    one, other = net.ops_of(
        "SPLIT", (int32(net, 3), y), [like(net, y, 1, 6, 8, 2) for _ in range(2)], SplitOptions(2), 2
    )
    product = net.op("MUL", (one, other), net.plane(net.shape(one), 0.05, 2), MulOptions("NONE"))
    return concatenate(net, (product, product), 3)


def gather(net: Int8Net, y: int) -> int:
    return net.op("GATHER", (y, int32(net, 2, 0, 3, 1, 0)), like(net, y, 1, 6, 8, 5), GatherOptions(3, 0), 2)


def mirror(mode: str) -> Callable[[Int8Net, int], int]:
    def move(net: Int8Net, y: int) -> int:
        pads = net.constant(np.array([[0, 0], [2, 3], [1, 4], [0, 0]], np.int32))
        return net.op("MIRROR_PAD", (y, pads), like(net, y, 1, 11, 13, 4), MirrorPadOptions(mode), 2)

    return move


def reverse(axis: int) -> Callable[[Int8Net, int], int]:
    return lambda net, y: net.op("REVERSE_V2", (y, int32(net, axis)), like(net, y, *net.shape(y)), None, 2)


def unpacked(net: Int8Net, y: int) -> int:
    parts = net.ops_of("UNPACK", (y,), [like(net, y, 1, 6, 8) for _ in range(4)], UnpackOptions(4, 3))
    return net.op("PACK", [parts[i] for i in (3, 1, 1)], like(net, y, 1, 6, 8, 3), PackOptions(3, 3))


def sliced(net: Int8Net, y: int) -> int:
    return net.op("SLICE", (y, int32(net, 0, 1, 2, 1), int32(net, 1, 4, 5, -1)), like(net, y, 1, 4, 5, 3), None, 2)


def depth_to_space(net: Int8Net, y: int) -> int:
    return net.op("DEPTH_TO_SPACE", (y,), like(net, y, 1, 12, 16, 1), DepthToSpaceOptions(2), 2)


def batches(net: Int8Net, y: int, padding: str = "VALID", pads: Sequence[int] = (2, 2, 2, 2)) -> int:
    """A dilated convolution as TensorFlow once wrote it."""
    top, bottom, left, right = pads
    height, width = (6 + top + bottom) // 2, (8 + left + right) // 2
    block, table = int32(net, 2, 2), net.constant(np.array([[top, bottom], [left, right]], np.int32))
    y = net.op("SPACE_TO_BATCH_ND", (y, block, table), like(net, y, 4, height, width, 4), None, 2)
    weights = net.constant(net.random.integers(-127, 128, (5, 3, 3, 4)).astype(np.int8), [0.001])
    bias = net.constant(np.zeros(5, np.int32))
    lost = 2 if padding == "VALID" else 0
    size = (height - lost, width - lost)
    y = net.op(
        "CONV_2D", (y, weights, bias), net.plane((4, *size, 5), 0.05, 3), Conv2DOptions(padding, 1, 1, 1, 1, "NONE"), 3
    )
    crops = net.constant(np.zeros((2, 2), np.int32))
    return net.op("BATCH_TO_SPACE_ND", (y, block, crops), like(net, y, 1, size[0] * 2, size[1] * 2, 5), None, 2)


def between_transposes(net: Int8Net) -> int:
    """Element-wise ops, a mean and a join on planes that have their channels first."""
    y = transpose(net, start(net), 0, 3, 1, 2)
    y = net.op("MUL", (y, int8_constant(net, 4, 1, 1)), like(net, y, 1, 4, 6, 8), MulOptions("NONE"))
    mean = net.op("MEAN", (y, int32(net, 2, 3)), net.plane((1, 4, 1, 1), 0.02, 1), ReducerOptions(True), 2)
    y = net.op("ADD", (y, mean), like(net, y, 1, 4, 6, 8), AddOptions("NONE"))
    other = unary(net, "ABS", y, *quantization(net, y))
    return last(net, transpose(net, concatenate(net, (y, other), 1), 0, 2, 3, 1))


def quantization(net: Int8Net, index: int) -> tuple[float, int]:
    return net.tensors[index].scales[0], net.tensors[index].zero_points[0]


PLACES: dict[str, Case] = {
    "nearest by TILE": moved(tile),
    "nearest by CONCATENATION": moved(repeat_by_joining),
    "pixel shuffle": moved(pixel_shuffle, 12),
    "pixel unshuffle": moved(pixel_unshuffle),
    "DEPTH_TO_SPACE version 2": moved(depth_to_space),
    "SPLIT": moved(split),
    "GATHER": moved(gather),
    "REFLECT": moved(mirror("REFLECT")),
    "SYMMETRIC": moved(mirror("SYMMETRIC")),
    "SLICE": moved(sliced),
    "STRIDED_SLICE": moved(lambda net, y: strided(net, y, (0, 1, 1, 0), (1, 6, 8, 4), (1, 2, 3, 1))),
    "upside down": moved(reverse(1)),
    "left to right": moved(reverse(2)),
    "channels turned round": moved(reverse(3)),
    "transposed picture": moved(lambda net, y: transpose(net, y, 0, 2, 1, 3)),
    "rows below rows": moved(lambda net, y: concatenate(net, (y, sliced_rows(net, y)), 1)),
    "columns beside columns": moved(lambda net, y: concatenate(net, (y, y), 2)),
    "UNPACK and PACK": moved(unpacked),
    "space to batch": moved(batches),
    "space to batch, SAME": moved(lambda net, y: batches(net, y, "SAME", (0, 0, 0, 0))),
    "space to batch, odd pads": moved(lambda net, y: batches(net, y, "VALID", (3, 1, 4, 2))),
    "between transposes": between_transposes,
}


def sliced_rows(net: Int8Net, y: int) -> int:
    return strided(net, y, (0, 2, 0, 0), (1, 5, 8, 4), (1, 1, 1, 1))


# Numbers


def reduced(kind: str, axes: Sequence[int], *, kept: bool, scale: float) -> Case:
    def make(net: Int8Net) -> int:
        y = start(net, 5)
        taken = net.shape(y)
        shape = [1 if axis in axes else n for axis, n in enumerate(taken) if kept or axis not in axes]
        given = net.plane(shape, scale, 5) if kind in ("MEAN", "SUM") else like(net, y, *shape)
        z = net.op(kind, (y, int32(net, *axes)), given, ReducerOptions(kept), 2)
        if not kept:
            z = reshape(net, z, *(1 if axis in axes else n for axis, n in enumerate(taken)))
        return net.op("MUL", (y, z), net.plane(taken, 0.02, 3), MulOptions("NONE"))

    return make


def grouped(net: Int8Net) -> int:
    y = start(net, 6)
    weights = net.constant(net.random.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8), [0.001, 0.002, 0.003, 0.0005])
    bias = net.constant(net.random.integers(-999, 999, 4).astype(np.int32))
    return net.op(
        "CONV_2D", (y, weights, bias), net.plane((1, 3, 4, 4), 0.05, 3), Conv2DOptions("SAME", 2, 2, 1, 1, "RELU6"), 6
    )


def dense(*, scales: Sequence[float], rank: int) -> Case:
    def make(net: Int8Net) -> int:
        y = start(net)
        taken = y if rank == 4 else reshape(net, y, 48, 4)
        weights = net.constant(net.random.integers(-127, 128, (3, 4)).astype(np.int8), scales)
        bias = net.constant(net.random.integers(-999, 999, 3).astype(np.int32))
        given = net.plane((*net.shape(taken)[:-1], 3), 0.02, 3)
        z = net.op("FULLY_CONNECTED", (taken, weights, bias), given, FullyConnectedOptions("RELU", rank == 4), 5)
        return z if rank == 4 else reshape(net, z, 1, 6, 8, 3)

    return make


def extreme(kind: str, other: Callable[[Int8Net, int], int]) -> Case:
    def make(net: Int8Net) -> int:
        y = start(net)
        return net.op(kind, (other(net, y), y), like(net, y, *net.shape(y)), None, 2)

    return make


def per_channel(net: Int8Net, y: int) -> int:
    scale, zero_point = quantization(net, y)
    return net.steps(4, scale=scale, zero_point=zero_point)


def number(net: Int8Net, y: int) -> int:
    scale, zero_point = quantization(net, y)
    return net.constant(np.int8(-20), [scale], 0, [zero_point])


def gelu(net: Int8Net) -> int:
    return unary(net, "GELU", start(net), 0.03, -100, GeluOptions(False))


def island(kind: str) -> Case:
    def make(net: Int8Net) -> int:
        y = start(net)
        real = net.op("DEQUANTIZE", (y,), net.tensor(net.shape(y)), None, 2)
        made = net.op(kind, (real,), net.tensor(net.shape(y)))
        return net.op("QUANTIZE", (made,), net.plane(net.shape(y), 0.02, -3))

    return make


def mish(net: Int8Net) -> int:
    """Five ops, two of them with kernels: one table."""
    y = start(net)
    exp = unary(net, "EXP", y, 0.3, -128)
    one = net.constant(np.int8(127), [1 / 255], 0, [-128])
    more = net.op("ADD", (exp, one), like(net, exp, *net.shape(y)), AddOptions("NONE"), 2)
    tanh = unary(net, "TANH", unary(net, "LOG", more, 0.02, -128), 1 / 128, 0)
    return net.op("MUL", (y, tanh), net.plane(net.shape(y), 0.03, -100), MulOptions("NONE"), 2)


NUMBERS: dict[str, Case] = {
    **{
        f"{kind} of {axes}{'' if kept else ', axes gone'}": reduced(kind, axes, kept=kept, scale=scale)
        for kind, scale in (("MEAN", 0.02), ("SUM", 0.4), ("REDUCE_MAX", 0), ("REDUCE_MIN", 0))
        for axes, kept in (((1, 2), True), ((1, 2), False), ((3,), True), ((1,), True), ((2, 3), True), ((2,), False))
    },
    "groups": grouped,
    "dense on pixels": dense(scales=[0.001, 0.002, 0.005], rank=4),
    "dense on rows of pixels": dense(scales=[0.003], rank=2),
    "smaller of planes": extreme("MINIMUM", lambda net, y: net.conv(y, 4, activation="NONE", zero_point=-7)),
    "larger by channel": extreme("MAXIMUM", per_channel),
    "larger than a number": extreme("MAXIMUM", number),
    "smaller than a repeated plane": extreme(
        "MINIMUM", lambda net, y: net.conv(y, 1, activation="NONE", zero_point=-7)
    ),
    "GELU": gelu,
    "Mish": mish,
    "float SIN": island("SIN"),
    "float FLOOR": island("FLOOR"),
}

CASES = {**ENDS, **PLACES, **NUMBERS}


@pytest.mark.parametrize("name", CASES)
def test_every_way_to_say_a_thing_gives_the_reference_bytes(name: str) -> None:
    net = Int8Net()
    output = CASES[name](net)
    least = 2 if "argmax" in name or "FLOOR" in name else 9
    judge = "tflm" if name.startswith("SUM") else "litert-ref"  # whose reference kernel of SUM adds beyond 8 bits
    assert differing_bytes(net, output, judge=judge, least=least) == 0


def test_where_the_c_differs_from_the_reference_it_is_named(tmp_path: Path) -> None:
    net, path = Int8Net(), tmp_path / "sum.tflite"
    path.write_bytes(net.tflite(NUMBERS["SUM of (3,)"](net)))
    exported = command("export", str(path), "--engine", "stream", "--out", str(tmp_path / "c"))
    compared = command("validate", str(path), "--engine", "litert-ref,stream", "--exact", "--random", "1")
    assert (exported.exit_code, compared.exit_code) == (0, 1)
    for told in (exported.output, str(compared.exception)):
        assert "(SUM 't4') saturates as in TensorFlow Lite Micro" in " ".join(told.split())


@pytest.mark.parametrize("kind", ["ELU", "ROUND"])
def test_what_the_reference_resolver_lacks_is_judged_by_micro(kind: str) -> None:
    pytest.importorskip("tflite_micro")
    net = Int8Net()
    assert differing_bytes(net, island(kind)(net), judge="tflm", least=3) == 0


@pytest.mark.parametrize(
    ("case", "kinds"),
    [
        ("nearest by TILE", ["CONV_2D", "RESIZE_NEAREST_NEIGHBOR", "CONV_2D"]),
        ("nearest by CONCATENATION", ["CONV_2D", "RESIZE_NEAREST_NEIGHBOR", "CONV_2D"]),
        ("channels first", ["CONV_2D"]),
        ("channels first, floats", ["CONV_2D", "ADD"]),
        ("Mish", ["CONV_2D"]),
        ("space to batch, SAME", ["CONV_2D", "CONV_2D", "CONV_2D"]),
        ("between transposes", ["CONV_2D", "MUL", "MEAN", "ADD", "LOOKUP", "CONV_2D"]),
    ],
)
def test_what_a_pattern_becomes(case: str, kinds: list[str]) -> None:
    net = Int8Net()
    nodes = lower(net.graph(CASES[case](net))).nodes[1:]
    assert [node.operation.label for node in nodes if node.operation] == kinds


# Sizes


def open_net() -> Int8Net:
    """A net whose picture may have any size, and whose file states 1x1 for it."""
    net = Int8Net()
    y = last(net, net.max_pool(net.conv(net.picture(1, 1), 4), (2, 2)))
    for i, tensor in enumerate(net.tensors):
        if tensor.data is None:
            net.tensors[i] = dataclasses.replace(tensor, signature=(1, -1, -1, tensor.shape[3]))
    assert y == len(net.tensors) - 1
    return net


def test_an_open_size_is_given_and_the_file_is_not_believed() -> None:
    net = open_net()
    data = net.tflite(len(net.tensors) - 1)
    graph = look_inside(data, size=(7, 10)).graph
    assert [graph.tensors[i].shape for i in (*graph.inputs, *graph.outputs)] == [(1, 7, 10, 3), (1, 4, 5, 3)]
    assert lower(graph).nodes[-1].plane.height == 4


def computed_shape(net: Int8Net, *shape: int) -> int:
    """A list of sizes that the file has no data of: it is put together while the model runs."""
    parts = int32(net, *shape[:1]), int32(net, *shape[1:])
    return net.op("CONCATENATION", parts, net.tensor((len(shape),), "int32"), ConcatenationOptions(0, "NONE"))


def open_batch_net() -> tuple[Int8Net, int]:
    """A net as Keras 3 and TensorFlow's converter write one without a batch: UpSampling2D repeats rows by TILE.

    Behind its RESHAPE, the file states sizes that are none.
    """
    net = Int8Net()
    x = start(net)
    x = net.op("EXPAND_DIMS", (x, int32(net, 2)), like(net, x, 1, 6, 1, 8, 4))
    x = net.op("TILE", (x, int32(net, 1, 1, 2, 1, 1)), like(net, x, 1, 6, 2, 8, 4))
    x = net.op("RESHAPE", (x, computed_shape(net, 1, 12, 8, 4)), like(net, x, 1, 12, 8, 4))
    repeated = x
    x = last(net, x)
    net.tensors[repeated] = dataclasses.replace(net.tensors[repeated], shape=(1, 1, 8, 4), signature=(-1, -1, 8, 4))
    return net, x


def test_sizes_behind_an_open_batch_are_found_by_every_command(tmp_path: Path) -> None:
    net, output = open_batch_net()
    path = tmp_path / "keras3.tflite"
    path.write_bytes(net.tflite(output))
    assert command("validate", str(path), "--engine", "stream,litert-ref", "--exact", "--random", "2").exit_code == 0
    result = command("export", str(path), "--engine", "stream", "--out", str(tmp_path / "c"))
    assert result.exit_code == 0, result.exception
    assert "OUTPUT_HEIGHT 12" in (tmp_path / "c" / "keras3.h").read_text()
    fitted = command("fit", str(path), "--board", "pico", "--json")
    assert fitted.exit_code == 0, fitted.exception
    assert "cannot be streamed" not in fitted.output


def test_a_reshape_by_computed_sizes_is_one_by_constant_ones() -> None:
    """As a classifier has it whose batch is open."""
    net = Int8Net()
    x = start(net)
    x = net.op("RESHAPE", (x, computed_shape(net, 1, 6 * 8 * 4)), like(net, x, 1, 6 * 8 * 4))
    weights = net.constant(net.random.integers(-127, 128, (20, 6 * 8 * 4)).astype(np.int8), [0.002])
    given = net.plane((1, 20), 0.05, 0)
    y = net.op("FULLY_CONNECTED", (x, weights, ABSENT), given, FullyConnectedOptions("NONE", False))
    assert lower(net.graph(y)).nodes[-1].plane.channels == 20
    assert differing_bytes(net, y) == 0


def test_what_reads_a_refused_op_and_is_refused_itself_says_why() -> None:
    net = Int8Net()
    x = start(net)
    for _ in range(2):
        x = net.op("BATCH_MATMUL", (x, x), like(net, x, 1, 6, 8, 4))
    told = [fate.told for fate in fates(net.graph(x))[1:]]
    assert all("attention needs the whole picture" in each for each in told), told


def test_an_open_size_that_nobody_gives_is_asked_for() -> None:
    net = open_net()
    with pytest.raises(UserError, match=r"1x\?x\?x3: give its height and width"):
        look_inside(net.tflite(len(net.tensors) - 1))


def test_a_size_is_two_numbers_and_a_fixed_one_stays() -> None:
    assert parse_size("96x128") == (96, 128)
    for text in ("96", "0x4", "axb", "4x"):
        with pytest.raises(UserError, match="is not HEIGHTxWIDTH"):
            parse_size(text)
    net = Int8Net()
    with pytest.raises(UserError, match="does not leave"):
        look_inside(net.tflite(last(net, net.picture(4, 4))), size=(8, 8))


def command(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def turned(net: Int8Net, source: int, *axes: int) -> int:
    shape = [net.shape(source)[axis] for axis in axes]
    return net.op("TRANSPOSE", (source, int32(net, *axes)), like(net, source, *shape), None, 2)


def test_a_picture_with_channels_first_goes_through_row_by_row() -> None:
    """x - f(x), as PyTorch writes it: no TRANSPOSE stands at either end, yet rows of pixels go in and out."""
    net = Int8Net()
    picture = net.picture(3, 10, 12)
    y = turned(net, net.conv(turned(net, picture, 0, 2, 3, 1), 3, activation="NONE", zero_point=2), 0, 3, 1, 2)
    rest = net.op("SUB", (picture, y), net.plane(net.shape(y), 0.05, 1), SubOptions("NONE"))
    assert differing_bytes(net, rest) == 0
    inner = look_inside(net.tflite(rest)).graph
    assert [inner.tensors[i].shape for i in (*inner.inputs, *inner.outputs)] == [(1, 10, 12, 3)] * 2
    lowered = lower(inner)
    assert [node.operation.label for node in lowered.nodes if node.operation] == ["CONV_2D", "SUB"]


def test_one_channel_first_is_turned_by_a_reshape() -> None:
    """Super-resolution: the axis of 1 is moved, and a pixel shuffle ends with channels first."""
    net = Int8Net()
    picture = net.picture(1, 6, 8)
    last = net.op(
        "RESHAPE", (picture, int32(net, 1, 6, 8, 1)), like(net, picture, 1, 6, 8, 1), ReshapeOptions((1, 6, 8, 1))
    )
    y = net.conv(last, 4, activation="NONE", zero_point=2)
    split = net.op(
        "RESHAPE", (y, int32(net, 1, 6, 8, 2, 2)), like(net, y, 1, 6, 8, 2, 2), ReshapeOptions((1, 6, 8, 2, 2))
    )
    spread = turned(net, split, 0, 1, 3, 2, 4)
    large = net.op(
        "RESHAPE", (spread, int32(net, 1, 1, 12, 16)), like(net, y, 1, 1, 12, 16), ReshapeOptions((1, 1, 12, 16))
    )
    assert differing_bytes(net, large) == 0
    lowered = lower(look_inside(net.tflite(large)).graph)
    assert [node.operation.label for node in lowered.nodes if node.operation] == ["CONV_2D", "DEPTH_TO_SPACE"]
    assert (lowered.nodes[0].plane.height, lowered.nodes[-1].plane.height) == (6, 12)


@pytest.mark.parametrize("channels_last", [True, False], ids=["a convolution reads it", "nothing turns it"])
def test_three_rows_may_be_three_rows(channels_last: bool) -> None:
    net = Int8Net()
    picture = net.picture(3, 10, 12)
    y = net.conv(picture, 2) if channels_last else net.logistic(picture)
    assert look_inside(net.tflite(y)).graph.tensors[look_inside(net.tflite(y)).graph.inputs[0]].shape == (1, 3, 10, 12)
    assert differing_bytes(net, y) == 0


@pytest.mark.parametrize("shape", [(1, 12, 2, 4), (1, 24, 4), (1, 96)], ids=["other rows", "no channels", "flat"])
def test_the_same_numbers_in_other_rows_go_out_in_those_rows(shape: tuple[int, ...]) -> None:
    """Room is made for rows of the model's size; longer ones would be written behind it."""
    net = Int8Net()
    y = start(net, 2)
    y = net.op("RESHAPE", (y, int32(net, *shape)), like(net, y, *shape), ReshapeOptions(shape))
    assert differing_bytes(net, y) == 0
    plane = lower(net.graph(y)).nodes[-1].plane
    assert (1, plane.height, plane.width, plane.channels) == as_plane(shape)


def test_the_largest_channel_of_a_part_is_looked_for_behind_the_cut() -> None:
    net = Int8Net()
    y = start(net)
    part = net.op("SLICE", (y, int32(net, 0, 1, 2, 0), int32(net, 1, 4, 5, 4)), like(net, y, 1, 4, 5, 4), None, 2)
    counted = net.op("ARG_MAX", (part, int32(net, -1)), net.tensor((1, 4, 5), "int32"), ArgMaxOptions("INT32"))
    assert differing_bytes(net, counted, least=2) == 0


def test_the_op_that_computes_in_floats_is_told_not_what_stands_before_it() -> None:
    """As PT2E leaves a sum of two planes: DEQUANTIZE, ADD, QUANTIZE."""
    net = Int8Net()
    y = start(net)
    floats = [net.op("DEQUANTIZE", (plane,), net.tensor(net.shape(plane)), None, 2) for plane in (y, net.conv(y, 4))]
    total = net.op("ADD", floats, net.tensor(net.shape(y)), AddOptions("NONE"))
    given = net.op("QUANTIZE", (total,), net.plane(net.shape(y), 0.1, 0), None, 2)
    with pytest.raises(Unsupported, match=r"op 4 \(ADD 't\d+'\): it computes in float32; its converter left it"):
        lower(read_tflite(net.tflite(given)))


def test_a_picture_that_is_computed_with_in_floats_is_told() -> None:
    net = Int8Net()
    picture = net.picture(6, 8)
    net.inputs = [net.tensor(net.shape(picture))]
    net.op("QUANTIZE", net.inputs, picture)
    y = net.op("DEQUANTIZE", (net.conv(picture, 3),), net.tensor(net.shape(picture)), None, 2)
    clean = net.op("SUB", (net.inputs[0], y), net.tensor(net.shape(picture)), SubOptions("NONE"))
    with pytest.raises(Unsupported, match=r"op 3 \(SUB 't\d+'\) computes with the picture in float32; its"):
        lower(read_tflite(net.tflite(clean)))


def test_commands_take_a_size(tmp_path: Path) -> None:
    net, path = open_net(), tmp_path / "open.tflite"
    path.write_bytes(net.tflite(len(net.tensors) - 1))
    for words in (("export", str(path), "--engine", "stream", "--out", str(tmp_path / "c")), ("fit", str(path))):
        result = command(*words)
        assert "give its height and width" in f"{result.exception} {' '.join(result.output.split())}"
    engines = ("--engine", "stream,litert-ref", "--exact", "--random", "2")
    assert command("validate", str(path), "--size", "9x6", *engines).exit_code == 0
    out = ("--out", str(tmp_path / "c"))
    assert command("export", str(path), "--engine", "stream", "--size", "9x6", *out).exit_code == 0
    [header] = [p for p in (tmp_path / "c").glob("*.h") if "weights" not in p.name]
    assert "INPUT_HEIGHT 9" in header.read_text()


def test_one_of_several_outputs_is_chosen(tmp_path: Path) -> None:
    net, path = Int8Net(), tmp_path / "two.tflite"
    y = start(net)
    path.write_bytes(net.tflite(last(net, y), y))
    words = ("validate", str(path), "--engine", "stream,litert-ref", "--exact", "--random", "2")
    assert "choose among 0 't6' 1x6x8x3, 1 't3' 1x6x8x4" in str(command(*words, "--output", "2").exception)
    out = ("--board", "mps2-an386", "--out", str(tmp_path / "firmware"))
    assert "choose one: 0 't6' 1x6x8x3" in str(command("firmware", str(path), *out).exception)
    for output in ("0", "1", "t3"):
        assert command(*words, "--output", output).exit_code == 0


def test_an_engine_that_runs_a_model_is_named_and_no_circle_told() -> None:
    net = Int8Net()
    y = start(net)
    weights = net.constant(net.random.integers(-127, 128, (3, 1, 1, 4)).astype(np.int8), [0.02])
    given, options = net.plane((1, 6, 8, 3), 0.05, 3), Conv2DOptions("SAME", 1, 1, 1, 1, "NONE")
    z = net.op("CONV_2D", (y, weights, ABSENT), given, options, 3)
    with pytest.raises(UserError, match=r"litert-ref cannot run .*; tflm runs it"):
        open_engine("litert-ref", net.tflite(z))
    assert differing_bytes(net, z, judge="tflm") == 0


# Refusals


def test_all_faults_are_told_at_once_each_with_its_place() -> None:
    net = Int8Net()
    y = start(net)
    y = net.op("CUMSUM", (y, int32(net, 3)), like(net, y, *net.shape(y)))
    y = last(net, y)
    z = net.op("TOPK_V2", (net.conv(net.inputs[0], 4), int32(net, 2)), like(net, y, 1, 6, 8, 3))
    with pytest.raises(UserError) as caught:
        lower(net.graph(net.op("SUB", (y, z), like(net, y, *net.shape(y)), SubOptions("NONE"))))
    lines = str(caught.value).splitlines()
    assert lines[0] == "net cannot be streamed: 2 of its ops stand in the way"
    assert "op 1 (CUMSUM" in lines[1]
    assert "op 4 (TOPK_V2" in lines[2]
    assert "sort on the board" in lines[2]


def test_a_tensor_that_nobody_reads_does_not_matter() -> None:
    net = Int8Net()
    y = start(net)
    net.ops_of("TOPK_V2", (y, net.constant(np.int32(2))), [like(net, y, 1, 6, 8, 2), net.tensor((1, 6, 8, 2), "int32")])
    assert differing_bytes(net, y) == 0


def test_ends_of_a_float_model_stay() -> None:
    net = Int8Net()
    x = net.tensor((1, 4, 4, 3))
    net.inputs = [x]
    graph = net.graph(net.op("NEG", (x,), net.tensor((1, 4, 4, 3))))
    assert without_ends(graph) is graph
    assert image_model(graph).input.dtype == "float32"
    with pytest.raises(UserError, match="float32"):
        lower(graph)
