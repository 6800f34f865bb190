"""Random nets through the streaming engine: not one byte may differ from LiteRT's reference kernels.

`EDGEBLUR_RANDOM_NETS=500 pytest tests/stream/test_stream_random.py` runs 500 nets instead of the usual number, from
seed EDGEBLUR_RANDOM_FIRST on; bench/random_parts.py does so part by part. Each net has a seed, which a failure names;
`python tests/helpers/random_nets.py SEED` prints it.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import os
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from int8_nets import Int8Net
from random_nets import RandomNet, random_net
from random_ops import MAKERS, NOT_MADE
from rich.console import Console
from stream_c import SANITIZERS, build, compiler, run
from winograd_nets import compile_whole, forced

from edgeblur.errors import DoesNotFit, Unsupported
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.ops import LOWERINGS
from edgeblur.export.stream.ops.conv_2d_winograd import WinogradConv2D
from edgeblur.export.stream.ops.transpose_conv import TiledTransposeConv
from edgeblur.export.stream.options import AIMS, StreamOptions
from edgeblur.export.stream.planning.program import compress
from edgeblur.export.stream.planning.recompute import repeat, repetitions
from edgeblur.export.stream.planning.schedule import Rows, schedule
from edgeblur.export.stream.report.show_plan import plan_svg, plan_table, summarize
from edgeblur.export.tflite.graph import Graph, image_model, read_tflite
from edgeblur.export.tflite.inside import without_ends
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.build import build as build_firmware
from edgeblur.firmware_harness.emulation.build import write_project
from edgeblur.firmware_harness.emulation.emulator import emulate
from edgeblur.firmware_harness.emulation.run import told_apart
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.shell.model import NAME

SVG = "{http://www.w3.org/2000/svg}"
CORES = (None, "cortex-m0", "cortex-m4f", "cortex-m55")
NETS = int(os.environ.get("EDGEBLUR_RANDOM_NETS", "150"))
FIRST = int(os.environ.get("EDGEBLUR_RANDOM_FIRST", "0"))
PICTURES = 3
_BATCH = 25  # nets in one program: starting the compiler costs more than most nets do

_ASSERTED = ("-DEDGEBLUR_ASSERT=assert", "-include", "assert.h")  # every row's place inside the arena
_FLAGS = (["-O0", *SANITIZERS, *_ASSERTED], ["-O0"], ["-O1"], ["-O0"], ["-O0"], ["-O0"])
"""Of one batch after the other; what takes longest least often."""

_KEPT = 200
"""Nets that are kept compiled: the tests of a batch follow one another, so thousands need no more memory."""


def batches() -> list[range]:
    """All seeds, in order."""
    seeds = range(FIRST, FIRST + NETS)
    return [seeds[i : i + _BATCH] for i in range(0, NETS, _BATCH)]


@pytest.fixture(scope="module", params=batches(), ids=str)
def seeds(request: pytest.FixtureRequest) -> list[int]:
    """One batch after the other; without the nets that are refused."""
    batch: range = request.param
    refused = [seed for seed in batch if is_refused(seed)]
    assert len(refused) <= 1, refused
    return [seed for seed in batch if seed not in refused]


def drawn_options(seed: int) -> StreamOptions:
    """Aim, core and budget of flash, anything that `export` takes; the RAM comes later, as it depends on the net."""
    random = np.random.default_rng(seed)
    flash_bytes = [None, 0, int(10 ** random.uniform(2, 6))][int(random.integers(3))]
    return StreamOptions(AIMS[seed % 3], None, flash_bytes, CORES[int(random.integers(len(CORES)))])


def squeezed(graph: Graph, provenance: Provenance, options: StreamOptions, seed: int) -> Compiled:
    """A net in less RAM than it takes, byte by byte down to any budget that making rows twice can still meet."""
    random, found = np.random.default_rng(seed), compile_stream(graph, provenance, options)
    while random.random() < 0.8:
        tighter = dataclasses.replace(options, ram_bytes=found.files.ram_bytes - 1)
        try:
            found = compile_stream(graph, provenance, tighter)
        except DoesNotFit:
            break
    return found


def compile_net(seed: int) -> Compiled:
    """A net compiled for an aim, a core and budgets that its seed draws.

    Every fourth has some rows made twice whether that saves RAM or not, every second of the others a budget of RAM;
    two of five have Winograd's kernel wherever that is possible.
    """
    graph = read_tflite(random_net(seed).tflite, name=f"net{seed}")
    provenance = Provenance(f"net{seed}.tflite", f"net{seed}", graph)
    if seed % 4 != 1 and seed % 5 > 1:
        options = drawn_options(seed)
        return squeezed(graph, provenance, options, seed) if seed % 2 else compile_stream(graph, provenance, options)
    net, random = lower(graph), np.random.default_rng(seed)
    if seed % 5 <= 1:
        net = forced(net, seed)
    for _ in range(2 if seed % 4 == 1 else 0):
        if ways := list(repetitions(net, schedule(net))):
            net, _ = repeat(net, ways[int(random.integers(len(ways)))])
    return compile_whole(net, graph, provenance, optimize="speed" if seed % 3 == 0 else "size")


compiled_net = functools.lru_cache(_KEPT)(compile_net)


@functools.lru_cache(_KEPT)
def reference(seed: int) -> list[bytes]:
    """What LiteRT's reference kernels make of a net's pictures."""
    case = random_net(seed)
    engine = open_engine("litert-ref", case.tflite, several=True)
    return [b"".join(raw.tobytes() for raw in engine.run_all(picture)) for picture in case.pictures(PICTURES)]


def blame(case: RandomNet) -> str:
    """The first op of a net whose output differs by itself, for people to look at."""
    for op in case.net.ops:
        part = RandomNet(case.seed, case.net, (op.outputs[0],))
        engines = [open_engine(name, part.tflite) for name in ("litert-ref", "stream")]
        for picture in part.pictures(PICTURES):
            one, other = (engine.run(picture).astype(int) for engine in engines)
            if (one != other).any():
                return f"{case}\nfirst difference: t{op.outputs[0]}, {op.kind}, by up to {abs(one - other).max()}"
    return f"{case}\nno difference if run one by one"


def is_refused(seed: int) -> bool:
    """Whether a net's scales are so far apart that sums may leave 32 bits, which is refused: about one net in 500."""
    try:
        compiled_net(seed)
    except Unsupported as error:
        if "sums may leave 32 bits" not in str(error):
            raise
        return True
    return False


def test_random_nets_give_the_reference_bytes(seeds: list[int], tmp_path: Path) -> None:
    for seed in seeds:
        compiled_net(seed).files.write(tmp_path, f"net{seed}")
    flags = _FLAGS[seeds[0] // _BATCH % len(_FLAGS)]
    program = build(tmp_path, [f"net{seed}" for seed in seeds], flags)
    pictures = [picture for seed in seeds for picture in random_net(seed).pictures(PICTURES)]
    outputs, at = run(program, "mixed", pictures, PICTURES), 0
    for seed in seeds:
        expected = b"".join(reference(seed))
        assert outputs[at : at + len(expected)] == expected, blame(random_net(seed))
        at += len(expected)
    assert at == len(outputs)


@pytest.mark.parametrize("name", ["microbit", "mps2-an386", "mps3-an547"])
def test_kernels_of_other_cores_give_the_reference_bytes(name: str, tmp_path: Path) -> None:
    """Cortex-M0, M4 and M55 compute in ways of their own, which this host does not compile; a net takes a second."""
    board = find_board(name)
    assert board.emulator is not None
    compiler(board.core.toolchain.compiler)
    compiler(board.emulator.program)
    for seed in range(0, min(NETS, _KEPT), 50):
        case = random_net(seed)
        graph = read_tflite(case.tflite)
        compiled = compile_whole(forced(lower(graph), seed), graph, Provenance(f"net{seed}.tflite", NAME, graph))
        (tmp_path / str(seed)).mkdir()
        firmware = build_firmware(write_project(tmp_path / str(seed), compiled, board, "size"))
        pictures = [picture.tobytes() for picture in case.pictures(PICTURES)]
        outputs, _ = emulate(board, firmware, pictures, output_bytes=len(reference(seed)[0]), limit_s=60)
        model = image_model(without_ends(graph), several=True)
        apart = [b"".join(raw.tobytes() for raw in told_apart(compiled, model, finished)) for finished in outputs]
        assert apart == reference(seed), str(case)


# The plan, without C


def _reads(net: Compiled, node: int, y: int) -> list[tuple[int, int]]:
    """Node and row of all that a row of a node is made from."""
    nodes, result = net.net.nodes, []
    for source, window in zip(nodes[node].inputs, net.net.windows(nodes[node]), strict=True):
        rows = (window.firsts[y] + i * window.step for i in range(window.count))
        result += [(source, row) for row in rows if 0 <= row < nodes[source].plane.height]
    return result


def replay(net: Compiled) -> None:
    """Run a net's program on an arena whose bytes know which row they belong to."""
    arena = np.full((net.plan.arena_bytes, 2), -1)
    done = [0] * len(net.net.nodes)

    def place(row: tuple[int, int]) -> np.ndarray:
        start, size = net.plan.addresses[row], net.net.nodes[row[0]].plane.row_bytes
        assert start % net.plan.unit_bytes == 0
        assert start >= 0
        assert start + size <= net.plan.arena_bytes
        return arena[start : start + size]

    program = compress([step.node for step in net.schedule.steps]).unrolled()
    assert program == tuple(step.node for step in net.schedule.steps)
    for node in program:
        rows = next(rows for rows in net.net.nodes[node].steps if rows.start == done[node])
        done[node] = rows.stop
        for y in rows:
            if node not in net.net.outputs:
                place((node, y))[:] = node, y  # before the rows that it is made from are looked at: it may not hit them
        for source, row in (read for each in rows for read in _reads(net, node, each)):
            assert row < done[source], f"rows {rows} of node {node} read row {row} of node {source} before it is made"
            assert (place((source, row)) == (source, row)).all(), f"row {row} of node {source} is overwritten"
    for node in (0, *net.net.outputs):
        assert done[node] == net.net.nodes[node].plane.height
    assert all(made <= node.plane.height for made, node in zip(done, net.net.nodes, strict=True))


def rounded_live_bytes(net: Compiled) -> int:
    """Bytes alive at the worst moment, in whole units of the plan."""
    unit = net.plan.unit_bytes

    def size(row: Rows) -> int:
        return -(-row.size_bytes // unit) * unit

    changes = Counter[int]()
    for row in net.schedule.rows:
        changes[row.birth] += size(row)
        changes[row.death + 1] -= size(row)
    return int(np.cumsum([changes[at] for at in sorted(changes)]).max())


def test_each_row_is_made_once_before_it_is_read_and_kept_until_then(seeds: list[int]) -> None:
    for seed in seeds:
        net = compiled_net(seed)
        steps = [(step.node, step.row) for step in net.schedule.steps]
        assert len(set(steps)) == len(steps), seed
        replay(net)


def test_each_plan_is_drawn_and_told(seeds: list[int]) -> None:
    for seed in seeds:
        net = compiled_net(seed)
        drawn = ET.fromstring(plan_svg(net))
        assert len(drawn.findall(f"{SVG}path")) >= 2, seed
        console = Console(file=io.StringIO(), width=80)
        console.print(plan_table(summarize(net), console))
        assert all(net.net.nodes[node].name[:4] in console.file.getvalue() for node in range(len(net.net.nodes))), seed


def test_a_second_time_gives_the_same_files(seeds: list[int]) -> None:
    for seed in seeds:
        assert compile_net(seed).files == compiled_net(seed).files, seed


def some_nets() -> list[Compiled]:
    """The first nets, as many as are kept."""
    return [compiled_net(seed) for seed in range(min(NETS, _KEPT)) if not is_refused(seed)]


def test_plans_are_tight() -> None:
    ratios = [net.plan.arena_bytes / rounded_live_bytes(net) for net in some_nets()]
    assert min(ratios) >= 1
    assert np.mean(ratios) < 1.02
    assert max(ratios) < 1.4


def test_an_output_that_unused_ops_read_is_not_copied() -> None:
    net = Int8Net(seed=1)
    output = net.conv(net.picture(8, 8), 2)
    net.logistic(net.conv(output, 3))
    assert len(lower(net.graph(output)).nodes) == 2


# The nets themselves


def test_random_nets_have_every_op() -> None:
    assert set(LOWERINGS) <= MAKERS.keys() | NOT_MADE, "give the new op a maker in tests/helpers/random_ops.py"
    made = Counter(op.kind for seed in range(min(NETS, _KEPT)) for op in random_net(seed).net.ops)
    if NETS >= 150:
        assert min(made[kind] for kind in LOWERINGS.keys() - NOT_MADE) >= 3, made


def test_random_nets_have_every_kernel_and_plan() -> None:
    nets = some_nets()
    kinds = Counter(type(node.operation) for net in nets for node in net.net.nodes)
    if NETS >= 150:
        assert kinds[TiledTransposeConv] >= 3
        assert kinds[WinogradConv2D] >= 3
        assert sum(any(node.recomputes is not None for node in net.net.nodes) for net in nets) >= 3


def test_random_nets_have_something_to_say() -> None:
    outputs = [b"".join(reference(seed)) for seed in range(min(NETS, _KEPT))]
    assert np.mean([len(set(output)) >= min(12, len(output) / 6) for output in outputs]) > 0.7
    assert 0.1 < np.mean([0x7F in output or 0x80 in output for output in outputs]) < 0.95  # int8's ends: saturated
