"""Nets with activations of 16 bits and weights of 8 through the streaming engine, compared with LiteRT's reference."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import os
from pathlib import Path

import numpy as np
import pytest
from int16_nets import CURVE, Int16Net, differing_numbers, pictures, random_net
from stream_c import SANITIZERS, build, compiler, run, write_net

from edgeblur.errors import Unsupported, UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import compile_stream
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.ops.int16.conv_2d import Conv2DInt16
from edgeblur.export.stream.ops.int16.curve import curve
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import image_model, read_tflite
from edgeblur.export.tflite.pixels import from_raw, to_raw
from edgeblur.export.tflm.arena import record_arena
from edgeblur.export.tflm.ops import missing_kernels
from edgeblur.export.veil.compile import FrameOptions, plan_frames
from edgeblur.firmware_harness.blurring.veils import has_veil
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.build import build as build_firmware
from edgeblur.firmware_harness.emulation.build import write_project
from edgeblur.firmware_harness.emulation.emulator import emulate
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.host_c import NAME, build_library, compile_for_host
from edgeblur.firmware_harness.shell.model import firmware_model

NETS = int(os.environ.get("EDGEBLUR_RANDOM_NETS", "36"))
PICTURES = 2


@functools.cache
def tflite(seed: int) -> bytes:
    net, output = random_net(seed)
    return net.tflite(output)


@functools.cache
def reference(seed: int) -> list[bytes]:
    """What LiteRT's reference kernels make of a net's pictures."""
    engine = open_engine("litert-ref", tflite(seed))
    return [engine.run(raw).tobytes() for raw in pictures(engine.model.input.tensor.shape, PICTURES)]


def test_random_nets_give_the_reference_numbers(tmp_path: Path) -> None:
    names = [f"net{seed}" for seed in range(NETS)]
    given = []
    for seed, name in enumerate(names):
        graph = read_tflite(tflite(seed), name=name)
        write_net(graph, name, tmp_path, optimize="speed" if seed % 5 == 0 else "size")
        given += pictures(graph.tensors[graph.inputs[0]].shape, PICTURES)
    made = run(build(tmp_path, names, ["-O0", *SANITIZERS]), "mixed", given, PICTURES)
    at = 0
    for seed in range(NETS):
        expected = b"".join(reference(seed))
        assert made[at : at + len(expected)] == expected, [op.kind for op in random_net(seed)[0].ops]
        at += len(expected)
    assert at == len(made)


@pytest.mark.parametrize(("name", "seed"), [("microbit", 3), ("mps2-an386", 4), ("mps3-an547", 6), ("riscv32-virt", 8)])
def test_kernels_of_other_cores_give_the_reference_numbers(name: str, seed: int, tmp_path: Path) -> None:
    board = find_board(name)
    assert board.emulator is not None
    compiler(board.core.toolchain.compiler)
    compiler(board.emulator.program)
    graph = read_tflite(tflite(seed))
    compiled = compile_stream(graph, Provenance("net.tflite", NAME, graph))
    firmware = build_firmware(write_project(tmp_path, compiled, board, "size"))
    given = [raw.tobytes() for raw in pictures(graph.tensors[graph.inputs[0]].shape, PICTURES)]
    made, _ = emulate(board, firmware, given, output_bytes=len(reference(seed)[0]), limit_s=60)
    assert made == reference(seed)


def test_random_nets_have_every_kernel() -> None:
    nets = [lower(read_tflite(tflite(seed))) for seed in range(NETS)]
    kernels = {node.operation.kernel for net in nets for node in net.nodes if node.operation}
    assert len(kernels) == 13, "all but MOVE, which a test of its own has"


def test_what_moves_numbers_is_copied() -> None:
    net = Int16Net()
    x = net.conv(net.picture(6, 8), 4)
    shape = (1, 6, 8, 4)
    begin, size = (net.constant(np.array(n, np.int32)) for n in ((0, 1, 2, 1), (1, 4, 5, 2)))
    y = net.op("SLICE", (x, begin, size), net.same(x, (1, 4, 5, 2)))
    assert differing_numbers(net, net.op("PAD", (y, net.constant(np.array([(0, 0), (1, 1), (2, 1), (1, 1)], np.int32))),
                                         net.same(x, shape))) == 0  # fmt: skip
    assert "move_int16" in [n.operation.kernel for n in lower(net.graph(y)).nodes if n.operation]


@pytest.mark.parametrize("kind", ["LOGISTIC", "TANH"])
@pytest.mark.parametrize("scale", [1 / 4096, 1 / 2048, 1 / 3000, 1 / 700, 1 / 32767, 0.1])
def test_curves_are_exact_for_every_number(kind: str, scale: float) -> None:
    net = Int16Net()
    data = net.tflite(net.logistic(net.picture(64, 128, 8, scale), kind))
    every = np.arange(-(2**15), 2**15).astype(np.int16).reshape(1, 64, 128, 8)
    expected, made = (open_engine(name, data).run(every) for name in ("litert-ref", "stream"))
    assert (expected == made).all()


def test_the_curve_is_that_of_the_reference() -> None:
    """Its numbers are the nearest ones to 1.2: somebody else's rounding, which no formula gives."""
    exact = 65536 / (1 + np.exp(-np.arange(256) / 24))
    assert abs(curve() - exact).max() < 1.2
    assert (np.diff(curve().astype(int)) >= 0).all()


def wide_net(bias: int, scale: float) -> tuple[Int16Net, int]:
    """A convolution whose bias is as large as that, a depthwise one and a transposed one."""
    net = Int16Net(2)
    x = net.picture(5, 7, 4)

    def large(source: int, position: int, scale: float) -> int:
        index = net.ops[-1].inputs[position]
        tensor = net.tensors[index]
        steps = np.linspace(-bias, bias, tensor.elements).astype(np.int64)
        net.tensors[index] = dataclasses.replace(tensor, data=steps.tobytes())
        net.tensors[source] = dataclasses.replace(net.tensors[source], scales=(float(np.float32(scale)),))
        return source

    x = large(net.conv(x, 5, activation="NONE", gain=40), 2, scale)
    x = large(net.depthwise(x, 2), 2, scale * 40)
    x = large(net.up_conv(x, 3), 3, scale * 200)
    return net, large(net.up_conv(x, 3, (3, 3)), 3, scale * 900)


@pytest.mark.parametrize(("bias", "scale"), [(2**33, 3.0), (2**40, 400.0), (1000, 1e-6)])
def test_sums_of_more_than_32_bits(bias: int, scale: float) -> None:
    net, output = wide_net(bias, scale)
    first = lower(net.graph(output)).nodes[1].operation
    assert isinstance(first, Conv2DInt16)
    assert not first.sums.narrow
    assert differing_numbers(net, output, least=3) == 0


def test_without_bias_it_is_what_tensorflow_lite_micro_makes() -> None:
    """LiteRT has no such kernel: it misses the bias."""
    net = Int16Net()
    assert differing_numbers(net, net.conv(net.picture(9, 8), 5, bias=False), judge="tflm") == 0


@pytest.mark.parametrize("cores", [1, 2])
def test_several_outputs_and_two_cores(cores: int, tmp_path: Path) -> None:
    net = Int16Net(3)
    x = net.conv(net.picture(12, 16), 6)
    outputs = (net.logistic(net.conv(x, 2, stride=(2, 2))), net.pairwise("ADD", x, x, net.scale(x) * 1.7))
    data = net.tflite(*outputs)
    model = image_model(read_tflite(data), several=True)
    stream = open_engine("stream", data, compiled=compile_for_host(model, StreamOptions(cores=cores)), several=True)
    raw = pictures((1, 12, 16, 3), 1)[0]
    expected = open_engine("litert-ref", data, several=True).run_all(raw)
    assert all((one == other).all() for one, other in zip(expected, stream.run_all(raw), strict=True))


@pytest.mark.parametrize("scale", [1 / 32767, 1 / 40000, 0.01])
def test_pixels_go_in_and_come_out(scale: float, tmp_path: Path) -> None:
    """push_row and pop_row take and give bytes as cameras have them, as `to_raw` and `from_raw` turn them."""
    net = Int16Net()
    data = net.tflite(net.resize(net.picture(8, 16, 3, scale), 16, 16, bilinear=True))
    model = image_model(read_tflite(data))
    compiled = compile_for_host(model)
    compiled.files.write(tmp_path, NAME)
    build_library(tmp_path / f"{NAME}.c", tmp_path / "net.so")
    picture = np.random.default_rng(0).integers(0, 256, (8, 16, 3)).astype(np.uint8)
    finished, state = np.empty((16, 16, 3), np.uint8), np.zeros(compiled.files.state_bytes // 4, np.uint32)
    places = [ctypes.c_void_p(array.ctypes.data) for array in (state, picture, finished)]
    assert ctypes.CDLL(str(tmp_path / "net.so")).model_run(*places) == 0
    expected = from_raw(open_engine("litert-ref", data).run(to_raw(picture, model.input)), model.output)
    assert (finished == np.rint(expected * 255)).all()
    assert finished.min() < 10
    assert finished.max() > 200


def test_rows_take_twice_the_bytes() -> None:
    net = Int16Net()
    graph = net.graph(net.conv(net.conv(net.picture(32, 32), 8), 3))
    files = compile_stream(graph, Provenance("net", "net", graph)).files
    assert files.row_bytes == 2 * (32 * 3 + 32 * 3)


def test_what_takes_8_bits_only_says_so(tmp_path: Path) -> None:
    net = Int16Net()
    data = net.tflite(net.logistic(net.conv(net.picture(16, 16), 1, stride=(2, 2))))
    with pytest.raises(UserError, match="computes with 16 bits, and a veil goes by a mask of 8: quantize it with"):
        plan_frames(read_tflite(data), FrameOptions(32, 32))
    assert not has_veil(read_tflite(data)), "blur shrinks the picture, as with any other net"
    (tmp_path / "net.tflite").write_bytes(data)
    with pytest.raises(UserError, match="of our firmware carry bytes: export it with `edgeblur export"):
        firmware_model(tmp_path / "net.tflite")
    net = Int16Net()
    graph = net.graph(net.resize(net.picture(4, 4), 8, 8, bilinear=True))
    assert missing_kernels(graph) == ["RESIZE_BILINEAR"]


def refusal(net: Int16Net, output: int) -> str:
    with pytest.raises(Unsupported) as caught:
        lower(net.graph(output))
    return str(caught.value)


def test_what_cannot_be_streamed_says_so() -> None:
    net = Int16Net()
    x = net.conv(net.picture(6, 5), 4)
    told = refusal(net, net.op("SOFTMAX", (x,), net.like(x, 6, 5, 4)))
    assert "there is no kernel of 16 bits for it; docs/operators.md lists those" in told
    net.tensors[net.ops[0].inputs[2]] = dataclasses.replace(net.tensors[net.ops[0].inputs[2]], dtype="int32")
    assert "is int32; quantize it with TensorFlow's converter" in refusal(net, x)
    net = Int16Net()
    x = net.conv(net.picture(6, 5), 4)
    net.tensors[x] = dataclasses.replace(net.tensors[x], zero_points=(3,))
    assert "is int16 with zero point 3; quantize the model anew" in refusal(net, x)
    net = Int16Net()
    x = net.picture(6, 5, 3, CURVE)
    assert "all its scales are powers of two" in refusal(net, net.pairwise("ADD", x, x, CURVE * 2))
    net = Int16Net()
    x = net.conv(net.picture(6, 5, 3), 4)
    weights = net.ops[0].inputs[1]
    net.tensors[weights] = dataclasses.replace(net.tensors[weights], shape=(4, 3, 9, 1))
    assert "groups are for 8 bits only" in refusal(net, x)


@pytest.mark.parametrize(("bilinear", "runs"), [(True, False), (False, True)])
def test_what_tensorflow_lite_micro_prepares_and_cannot_run_has_no_arena(bilinear: bool, runs: bool) -> None:
    pytest.importorskip("tflite_micro")
    net = Int16Net()
    arena = record_arena(net.tflite(net.resize(net.picture(4, 4), 8, 8, bilinear=bilinear)))
    assert (arena.bytes is not None) == runs
    assert runs or "cannot run this model" in str(arena.why_not)
