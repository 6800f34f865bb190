"""Rows made by two cores together: the same bytes, without a race, by threads of this host and by kernels of boards."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from int8_nets import Int8Net, unet
from random_nets import RandomNet, random_net
from stream_c import HARNESS, SANITIZERS, build, run
from tools import require
from winograd_nets import compile_whole, forced

from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.costs.cost import frame_cost
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.planning.halves import halves
from edgeblur.export.stream.planning.layout import scratch_bytes
from edgeblur.export.tflite.graph import Graph, read_tflite
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.build import NAME, write_project
from edgeblur.firmware_harness.emulation.build import build as build_firmware
from edgeblur.firmware_harness.emulation.emulator import emulate
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.models.read import read_model
from edgeblur.models.shelf import find_entry

THREADS = str(HARNESS.with_name("two_threads.c"))
RACES = ("-O1", "-g1", "-fsanitize=thread", "-pthread", THREADS)
SEEDS = (1, 7, 16, 17, 27, 30, 55)
"""Of random nets that have every kernel whose rows two cores share; Winograd's is in the U-Net as well."""

PICTURES = 2


def _cases() -> list[RandomNet]:
    net = Int8Net(seed=5)
    return [*map(random_net, SEEDS), RandomNet(99, net, (unet(net, 4, 2, (32, 24)),))]


def _compile(graph: Graph, name: str, optimize: str, *, seed: int | None = None) -> Compiled:
    """For two cores; Winograd's kernel, which makes two rows at a time, wherever a seed is given and it is possible."""
    provenance = Provenance(f"{name}.tflite", name, graph)
    if seed is None:
        return compile_stream(graph, provenance, StreamOptions(optimize, cores=2))
    return compile_whole(dataclasses.replace(forced(lower(graph), seed), cores=2), graph, provenance, optimize=optimize)


def test_two_threads_give_the_bytes_of_the_reference_without_a_race(tmp_path: Path) -> None:
    names, given, expected, together = [], [], [], set()
    for case in _cases():
        name = f"net{case.seed}"
        graph = read_tflite(case.tflite, name=name)
        compiled = _compile(graph, name, "size" if case.seed % 2 else "speed", seed=case.seed)
        compiled.files.write(tmp_path, name)
        together |= {n.operation.kernel for n in compiled.net.nodes if n.operation and halves(compiled.net, n)}
        engine, pictures = open_engine("litert-ref", case.tflite), case.pictures(PICTURES)
        names.append(name)
        given += pictures
        expected += [engine.run(picture).tobytes() for picture in pictures]
    assert {"conv_2d", "conv_2d_winograd", "depthwise_conv_2d", "grouped_conv_2d", "transpose_conv"} <= together
    assert {"add", "mul", "extremes", "prelu", "average_pool_2d", "max_pool_2d", "resize_bilinear"} <= together
    out = run(build(tmp_path, names, RACES, program="threads"), "mixed", given, PICTURES)
    assert out == b"".join(expected)
    alone = build(tmp_path, names, ("-O1", *SANITIZERS), program="alone")  # without the second thread: the weak hooks
    assert run(alone, "mixed", given, PICTURES) == out


@pytest.mark.parametrize("name", ["microbit", "mps2-an386", "mps3-an547"])
def test_kernels_of_other_cores_make_halves_of_rows(name: str, tmp_path: Path) -> None:
    """Cortex-M0, M4 and M55 load words and vectors, which this host does not: one core makes both halves there."""
    board = find_board(name)
    assert board.emulator is not None
    require(board.core.toolchain.compiler, board.emulator.program)
    for case in _cases()[5:]:
        seed = case.seed
        graph = read_tflite(case.tflite)
        (tmp_path / str(seed)).mkdir()
        alone = compile_stream(graph, Provenance("net.tflite", NAME, graph))
        project = write_project(tmp_path / str(seed), alone, board, "size")
        _compile(graph, NAME, "size", seed=seed).files.write(tmp_path / str(seed), NAME)
        pictures, engine = case.pictures(1), open_engine("litert-ref", case.tflite)
        expected = [engine.run(picture).tobytes() for picture in pictures]
        firmware = build_firmware(project)
        given = [picture.tobytes() for picture in pictures]
        assert emulate(board, firmware, given, output_bytes=len(expected[0]), limit_s=60)[0] == expected, str(case)


def test_a_second_core_takes_scratch_and_the_plan_stays(tmp_path: Path) -> None:
    net = Int8Net(seed=3)
    graph = read_tflite(net.tflite(unet(net, 4, 2, (32, 32))))
    provenance = Provenance("net.tflite", "net", graph)
    one, two = (compile_stream(graph, provenance, StreamOptions(cores=cores)) for cores in (1, 2))
    assert two.files.state_bytes == one.files.state_bytes + scratch_bytes(one.net)
    assert two.plan.arena_bytes == one.plan.arena_bytes
    assert two.files.constants_crc32 == one.files.constants_crc32  # the same weights, once
    assert "_fork" not in one.files.source + one.files.header
    assert all(halves(two.net, node) for node in two.net.nodes if node.operation)
    assert not any(halves(one.net, node) for node in one.net.nodes)
    assert "--cores 2" in StreamOptions(cores=2).arguments
    with pytest.raises(UserError, match="a row is made by 1 or 2 cores, got 3"):
        StreamOptions(cores=3)


def test_halves_cover_a_row_once() -> None:
    entry = find_entry("mask8")
    assert entry is not None
    graph = read_model(entry.path)
    net = dataclasses.replace(lower(graph), cores=2)
    for node in net.nodes[1:]:
        if pair := halves(net, node):
            left, right = pair
            assert left.out_moved == 0
            assert left.size_bytes == right.out_moved
            assert right.out_moved + right.size_bytes == node.plane.row_bytes
            assert abs(left.share - 0.5) < 0.2


@pytest.mark.parametrize(("optimize", "least"), [("size", 1.9), ("speed", 1.9)])
def test_the_predicted_speedup_is_below_two(optimize: str, least: float) -> None:
    entry = find_entry("mask8")
    assert entry is not None
    net = lower(read_model(entry.path))
    alone = frame_cost(net, "cortex-m0plus", optimize=optimize)
    both = frame_cost(dataclasses.replace(net, cores=2), "cortex-m0plus", optimize=optimize)
    assert alone is not None
    assert both is not None
    assert both.speedup is not None
    assert alone.speedup is None
    assert least < both.speedup < 2
    assert both.cycles is not None
    assert alone.cycles == pytest.approx(both.cycles * both.speedup, rel=1e-6)
