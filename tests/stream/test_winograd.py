"""Winograd's F(2x2, 3x3) in integers: the same bytes as LiteRT's reference kernels, and chosen where it pays."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from int8_nets import Int8Net, picture_bytes, unet
from stream_c import SANITIZERS, run
from stream_c import build as build_nets
from test_stream_random import replay
from tools import require
from winograd_nets import compile_whole, forced, winograd_layers

from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.costs.choose import BALANCED, WINOGRAD, choose_kernels, constant_bytes, cost_on
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net.layer import Layer
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.ops.conv_2d import Conv2D
from edgeblur.export.stream.ops.conv_2d_winograd import WinogradConv2D, as_winograd, takes_winograd, transform
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.planning.budget import plan_within
from edgeblur.export.stream.planning.layout import ram_bytes
from edgeblur.export.stream.planning.recompute import repeat, repetitions
from edgeblur.export.stream.planning.schedule import schedule
from edgeblur.export.stream.report.footprints import footprint_of
from edgeblur.export.stream.report.plan_summary import summarize
from edgeblur.export.stream.report.show_plan import plan_table
from edgeblur.export.tflite.graph import Graph
from edgeblur.export.tflite.options import Conv2DOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.build import build, write_project
from edgeblur.firmware_harness.emulation.elf import read_elf
from edgeblur.firmware_harness.emulation.emulator import emulate
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.fit.examine import examine
from edgeblur.firmware_harness.fit.fit import fit
from edgeblur.firmware_harness.fit.plan import compile_suited
from edgeblur.firmware_harness.shell.model import NAME
from edgeblur.models.choose import choose_tflite


def cheaper(layer: Layer, kernel: str) -> float:
    """A cost model that always prefers Winograd's kernel."""
    return 1.0 if kernel == WINOGRAD else 2.0


def compiled(graph: Graph, seed: int = 0) -> Compiled:
    made = compile_whole(forced(lower(graph), seed), graph, Provenance("net.tflite", "model", graph))
    assert winograd_layers(made.net)
    return made


def differing_bytes(net: Int8Net, output: int, made: Compiled, extremes: bool = False) -> int:
    """Output bytes that differ from LiteRT's, for noise and, if there are extremes, for black and white."""
    data = net.tflite(output)
    reference, stream = open_engine("litert-ref", data), open_engine("stream", data, compiled=made)
    raws = [picture_bytes(net, seed) for seed in range(2)]
    if extremes:
        raws += [
            np.where(raws[0] < 0, -128, 127).astype(np.int8),
            np.full_like(raws[0], -128),
            np.full_like(raws[0], 127),
        ]
    return sum(int((reference.run(raw) != stream.run(raw)).sum()) for raw in raws)


def sandwich(inputs: int, channels: int, height: int, width: int, **options: object) -> tuple[Int8Net, int]:
    """A 3x3 convolution between two of 1x1."""
    net = Int8Net(inputs * 64 + channels)
    source = net.conv(net.picture(height, width), inputs, (1, 1), activation="NONE", zero_point=3)
    made = net.conv(source, channels, scale=0.03, **{"activation": "NONE", "zero_point": -5, **options})  # type: ignore[arg-type]
    return net, net.conv(made, 3, (1, 1), activation="NONE", zero_point=1, scale=0.03)


@pytest.mark.parametrize("channels", [(1, 1), (2, 5), (3, 4), (4, 3), (5, 40), (8, 8), (17, 6), (32, 12), (40, 7)])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 2), (5, 4), (6, 7), (7, 13), (4, 33)])
def test_any_channels_and_sizes(channels: tuple[int, int], size: tuple[int, int]) -> None:
    net, output = sandwich(*channels, *size)
    for seed in range(2):
        assert differing_bytes(net, output, compiled(net.graph(output), seed)) == 0


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("activation", ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize("zero_point", [-128, 3, 127])
def test_any_padding_activation_and_zero_point(padding: str, activation: str, zero_point: int) -> None:
    net = Int8Net(3)
    source = net.conv(net.picture(9, 10), 6, (1, 1), activation="NONE", zero_point=zero_point)
    made = net.conv(source, 9, padding=padding, activation=activation, zero_point=-zero_point // 2, scale=0.03)
    output = net.conv(made, 3, (1, 1), activation="NONE", zero_point=0)
    assert differing_bytes(net, output, compiled(net.graph(output)), extremes=True) == 0


def extreme(sign: str, channels: int = 40) -> tuple[Int8Net, int]:
    """Weights of -127 and 127 only, inputs of -128 and 127."""
    net = Int8Net(1)
    source = net.picture(6, 9, channels=1, scale=1, zero_point=0)
    wide = net.join(*[source] * channels)
    taps = np.ones((8, 3, 3, channels), np.int8) * 127
    if sign == "turns":
        taps[:, ::2, 1::2] *= -1
        taps[1::2] *= -1
        taps[..., ::2] *= -1
    weights = net.constant(taps, [0.001] * 8)
    bias = net.constant(np.arange(8, dtype=np.int32) * 1_000_000 - 4_000_000, [0.001] * 8)
    plane = net.plane((1, 6, 9, 8), 0.001 * 127 * 300, 0)
    made = net.op("CONV_2D", (wide, weights, bias), plane, Conv2DOptions("SAME", 1, 1, 1, 1, "NONE"), 3)
    return net, net.max_pool(made, (1, 1))


@pytest.mark.parametrize("sign", ["one", "turns"])
def test_the_largest_numbers(sign: str) -> None:
    net, output = extreme(sign)
    assert differing_bytes(net, output, compiled(net.graph(output)), extremes=True) == 0


@pytest.mark.parametrize("board_name", ["mps2-an386", "mps2-an385", "mps3-an547"])
def test_other_cores_give_the_same_bytes(board_name: str, tmp_path: Path) -> None:
    """Cortex-M4 and M55 have instructions for it; an M3 runs what any processor does."""
    board = find_board(board_name)
    assert board.emulator is not None
    require(board.core.toolchain.compiler, board.emulator.program)
    cases = [extreme("turns", 7), sandwich(12, 9, 7, 13), sandwich(8, 8, 6, 24, activation="RELU", zero_point=-128)]
    for case, (net, output) in enumerate(cases):
        graph = net.graph(output)
        made = compile_whole(forced(lower(graph), case), graph, Provenance("net.tflite", NAME, graph))
        (tmp_path / str(case)).mkdir()
        firmware = build(write_project(tmp_path / str(case), made, board, "speed"))
        raws = [picture_bytes(net, seed) for seed in range(2)] + [np.full_like(picture_bytes(net), 127)]
        expected = [open_engine("litert-ref", net.tflite(output)).run(raw).tobytes() for raw in raws]
        given = [raw.tobytes() for raw in raws]
        assert emulate(board, firmware, given, output_bytes=len(expected[0]), limit_s=60)[0] == expected


def random_chain(seed: int) -> tuple[Int8Net, int]:
    """Convolutions, most of them 3x3, pools, joins of planes made before, tables; any size and channels."""
    net = Int8Net(seed)
    random = net.random
    planes = [net.picture(*map(int, random.integers(1, 24, 2)), channels=int(random.choice([1, 3])))]
    for _ in range(int(random.integers(3, 9))):
        source = planes[-1]
        kind = random.choice(["conv"] * 5 + ["thin", "pool", "join", "table"])
        if kind == "pool" and min(net.shape(source)[1:3]) > 3:
            planes.append(net.max_pool(source))
        elif kind == "table":
            planes.append(net.logistic(source))
        else:
            beside = [p for p in planes[1:] if kind == "join" and net.tensors[p].scales == net.tensors[source].scales
                      and net.tensors[p].zero_points == net.tensors[source].zero_points
                      and net.shape(p)[:3] == net.shape(source)[:3]]  # fmt: skip
            taken = net.join(source, beside[0]) if beside else source
            padding = "VALID" if min(net.shape(source)[1:3]) > 4 and random.random() < 0.2 else "SAME"
            planes.append(net.conv(taken, int(random.integers(1, 14)), (1, 1) if kind == "thin" else (3, 3),
                                   padding=padding, activation=str(random.choice(["NONE", "RELU", "RELU6"])),
                                   scale=0.03, zero_point=int(random.choice([-128, -10, 100]))))  # fmt: skip
    return net, net.conv(planes[-1], 2, (1, 1), activation="NONE", zero_point=0, scale=0.03)


def chain(seed: int) -> Compiled:
    """A random chain, compiled; every third with rows that are made twice."""
    net, output = random_chain(seed)
    graph = net.graph(output)
    whole = forced(lower(graph), seed)
    if seed % 3 == 0 and (ways := list(repetitions(whole, schedule(whole)))):
        whole, _ = repeat(whole, ways[seed % len(ways)])
    optimize = "speed" if seed % 2 else "size"
    return compile_whole(whole, graph, Provenance("net.tflite", f"net{seed}", graph), optimize=optimize)


SEEDS = range(40)


@pytest.mark.parametrize("flags", [["-O1", *SANITIZERS], ["-O2"]], ids=["sanitized", "fast"])
def test_random_chains(flags: list[str], tmp_path: Path) -> None:
    seeds = SEEDS[: len(SEEDS) // 2] if "-O1" in flags else SEEDS[len(SEEDS) // 2 :]
    for seed in seeds:
        chain(seed).files.write(tmp_path, f"net{seed}")
    program = build_nets(tmp_path, [f"net{seed}" for seed in seeds], flags)
    pictures = [picture_bytes(random_chain(seed)[0], i) for seed in seeds for i in range(2)]
    outputs, at = run(program, "mixed", pictures, 2), 0
    for seed in seeds:
        net, output = random_chain(seed)
        engine = open_engine("litert-ref", net.tflite(output))
        expected = b"".join(engine.run(picture_bytes(net, i)).tobytes() for i in range(2))
        assert outputs[at : at + len(expected)] == expected, seed
        at += len(expected)
    assert at == len(outputs)


def test_random_chains_have_every_way_to_step() -> None:
    made = [node for seed in SEEDS for node in chain(seed).net.nodes if isinstance(node.operation, WinogradConv2D)]
    assert {(node.operation.early_rows, node.plane.height % 2) for node in made if node.operation} == {
        (0, 0), (0, 1), (1, 0), (1, 1)
    }  # fmt: skip
    assert sum(len(node.inputs) > 1 for node in made) > 2
    assert sum(node.table is not None for node in made) > 2
    assert any(node.recomputes is not None for node in made)


def test_plans_keep_rows_that_are_made_together() -> None:
    for seed in SEEDS:
        replay(chain(seed))


def test_rows_that_are_made_twice() -> None:
    net = Int8Net()
    output = unet(net, 4, 2, (32, 24))
    graph = net.graph(output)
    whole = forced(lower(graph), 1)
    twice, _ = repeat(whole, next(iter(repetitions(whole, schedule(whole)))))
    made = compile_whole(twice, graph, Provenance("net.tflite", "model", graph))
    assert made.net.macs_recomputed > 0
    assert differing_bytes(net, output, made) == 0


def test_a_ram_budget_holds_with_winograd() -> None:
    net = Int8Net()
    output = unet(net, 4, 3, (64, 64))
    chosen = choose_kernels(lower(net.graph(output)), StreamOptions("speed"), cost=cheaper, ram_share=1)
    free = plan_within(chosen, None)
    need = ram_bytes(free.net, free.schedule, free.plan)
    tight = plan_within(chosen, need - 500)
    assert tight.recomputation is not None
    assert ram_bytes(tight.net, tight.schedule, tight.plan) <= need - 500
    assert winograd_layers(tight.net) >= winograd_layers(chosen) > 0


def test_direct_kernels_for_the_sake_of_ram_say_so() -> None:
    net = Int8Net()
    graph = net.graph(unet(net, 8, 2, (64, 64)))
    made = compile_stream(
        graph, Provenance("net.tflite", "model", graph), StreamOptions("speed", ram_bytes=22_500, core="cortex-m4f")
    )
    assert winograd_layers(choose_kernels(lower(graph), StreamOptions("speed"), cost=cost_on("cortex-m4f")))
    assert not winograd_layers(made.net)
    assert ram_bytes(made.net, made.schedule, made.plan) <= 22_500
    whys = [plane.get("why", "") for plane in summarize(made).as_json()["planes"] if plane.get("kernel") == "direct"]
    assert any(
        "fewer instructions" in why and why.endswith("B of flash, and more RAM than the 22,500 B that all may take")
        for why in whys
    )


def test_transformed_weights_are_what_the_matrices_make() -> None:
    weights = np.random.default_rng(0).integers(-127, 128, (5, 3, 3, 6)).astype(np.int8)
    made = transform(weights, [6])
    assert made.shape == (4, 2, 4, 2, 2, 4, 2)
    assert made[0, 0, 0, 0, 0, 0, 0] == weights[0, :, :, 0].astype(int).sum()  # row 1, column 1: all nine
    assert made[2, 1, 2, 1, 1, 0, 0] == 4 * weights[4, 0, 0, 5]  # row 0, column 0; channel 4 of 5; input 4 + 1 + 0
    assert made[3, 0, 2, 0, 0, 1, 1] == -4 * weights[1, 2, 0, 2]  # row 3 has its sign changed
    assert not made[:, 1, ..., 1:, :].any()  # channels that fill up
    assert np.abs(transform(np.full((4, 3, 3, 4), -127, np.int8), [4])).max() == 9 * 127


def conv(net: Net, n: int) -> Conv2D:
    operation = net.nodes[n].operation
    assert isinstance(operation, Conv2D)
    return operation


def test_it_takes_what_fits_and_nothing_else() -> None:
    net = Int8Net()
    source = net.picture(12, 12)
    for options in ({}, {"stride": (2, 2)}, {"dilation": (2, 2)}, {"kernel": (1, 3)}):
        source = net.conv(source, 4, **options)  # type: ignore[arg-type]
    whole = lower(net.graph(source))
    assert [takes_winograd(conv(whole, n)) for n in range(1, 5)] == [True, False, False, False]
    large = dataclasses.replace(conv(whole, 1), bias=np.full(4, 2**29, np.int32))
    assert not takes_winograd(large)


def test_fit_tells_what_the_linker_makes(tmp_path: Path) -> None:
    net, board = Int8Net(), find_board("mps2-an386")
    require(board.core.toolchain.compiler)
    (tmp_path / "net.tflite").write_bytes(net.tflite(unet(net, 4)))
    model_file = choose_tflite(tmp_path / "net.tflite", None)
    model = examine(model_file, StreamOptions("speed"))
    made = compile_suited(model_file, StreamOptions("speed"), board)
    assert winograd_layers(made.net) > 5
    linked, found = read_elf(build(write_project(tmp_path / "c", made, board, "speed"))), fit(model, board).stream
    assert found is not None
    sizes = {memory.kind: memory.size_bytes for memory in found.memories}
    assert sizes["RAM"] == linked.ram_bytes
    assert 0.95 < sizes["flash"] / linked.flash_bytes < 1.05
    frame = fit(model, board).frame
    assert frame is not None
    assert frame.instructions < 50_000_000  # with direct kernels 58 million
    assert model.footprint_on(find_board("mps3-an547")) is model.footprint
    assert board.flash is not None
    small = dataclasses.replace(board, flash=dataclasses.replace(board.flash, size_bytes=80_000))
    snug, roomy = (model.footprint_on(on) for on in (small, board))
    assert snug is not None
    assert roomy is not None
    assert roomy == footprint_of(made)
    assert 0 < snug.kernels[WINOGRAD] < roomy.kernels[WINOGRAD] == winograd_layers(made.net)


# Steps of two rows


@pytest.mark.parametrize(("early", "height", "steps"), [
    (0, 4, [range(2), range(2, 4)]), (1, 4, [range(1), range(1, 3), range(3, 4)]), (0, 3, [range(2), range(2, 3)]),
    (1, 3, [range(1), range(1, 3)]), (0, 1, [range(1)]), (1, 1, [range(1)]),
])  # fmt: skip
def test_steps_cover_the_plane(early: int, height: int, steps: list[range]) -> None:
    net, output = sandwich(4, 4, height, 4)
    whole = lower(net.graph(output))
    nodes = list(whole.nodes)
    nodes[2] = dataclasses.replace(nodes[2], operation=as_winograd(conv(whole, 2), early))
    made = Net("net", tuple(nodes))
    assert made.nodes[2].steps == steps
    assert [step.row for step in schedule(made).steps if step.node == 2] == [step.start for step in steps]
    assert [step.rows for step in schedule(made).steps if step.node == 2] == list(map(len, steps))


def test_the_output_goes_out_row_by_row() -> None:
    net = Int8Net()
    whole = lower(net.graph(net.conv(net.picture(4, 4), 4)))
    node = dataclasses.replace(whole.nodes[1], operation=as_winograd(conv(whole, 1)))
    with pytest.raises(ValueError, match="row by row"):
        Net("net", (whole.nodes[0], node))
    assert choose_kernels(whole, StreamOptions("speed"), cost=cheaper).nodes[1].why is None


# The choice


def unet8() -> Net:
    net = Int8Net()
    return lower(net.graph(unet(net, 8)))


def test_size_and_other_cores_keep_their_kernels() -> None:
    net = unet8()
    assert choose_kernels(net, StreamOptions("size"), cost=cheaper) is net
    assert choose_kernels(net, StreamOptions("speed"), cost=cost_on("cortex-m55")) is net
    assert cost_on("cortex-m3") is None
    assert cost_on(None) is None


@pytest.mark.parametrize("flash_bytes", [1, 150_000, 200_000, 1_000_000])
def test_flash_is_kept(flash_bytes: int) -> None:
    net = unet8()
    chosen = choose_kernels(net, StreamOptions("speed", flash_bytes=flash_bytes), cost=cost_on("cortex-m4f"))
    assert (winograd_layers(chosen) > 0) == (flash_bytes > 150_000 - 1)
    assert constant_bytes(chosen) <= max(flash_bytes, constant_bytes(net))
    assert all(node.why for node in chosen.nodes if type(node.operation) is Conv2D and node.plane.channels > 3)


def test_balanced_takes_at_most_half_as_much_flash_again() -> None:
    net = unet8()
    chosen = choose_kernels(net, StreamOptions("balanced"), cost=cost_on("cortex-m4f"))
    fast = choose_kernels(net, StreamOptions("speed"), cost=cost_on("cortex-m4f"))
    assert 0 < winograd_layers(chosen) < winograd_layers(fast)
    assert constant_bytes(chosen) < BALANCED * (constant_bytes(net) + 4000)


def test_ram_grows_by_little() -> None:
    net = unet8()
    chosen = choose_kernels(net, StreamOptions("speed"), cost=cost_on("cortex-m4f"))
    before, after = (plan_within(each, None) for each in (net, chosen))
    assert winograd_layers(chosen) >= 10
    assert ram_bytes(after.net, after.schedule, after.plan) < 1.02 * ram_bytes(before.net, before.schedule, before.plan)
    kept = [node.why for node in chosen.nodes if node.why and not isinstance(node.operation, WinogradConv2D)]
    assert any("more RAM" in why for why in kept)


def test_the_plan_tells_each_kernel_and_why() -> None:
    net = Int8Net()
    graph = net.graph(unet(net, 8))
    made = compile_stream(graph, Provenance("net.tflite", "model", graph), StreamOptions("speed", core="cortex-m4f"))
    told = summarize(made).as_json()["planes"]
    assert {plane.get("kernel") for plane in told} == {None, "direct", "winograd"}
    assert all("fewer instructions" in plane["why"] for plane in told if plane.get("kernel") == "winograd")
    from rich.console import Console

    console = Console(width=250)
    with console.capture() as capture:
        console.print(plan_table(summarize(made), console))
    assert capture.get().count("winograd") >= 10
