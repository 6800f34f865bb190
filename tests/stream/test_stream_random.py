"""Random nets through the streaming engine: not one byte may differ from LiteRT's reference kernels.

`EDGEBLUR_RANDOM_NETS=500 pytest tests/stream/test_stream_random.py` runs 500 nets instead of the usual number. Each
net has a seed, which a failure names; `python tests/helpers/random_nets.py SEED` prints it.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from int8_nets import Int8Net
from random_nets import RandomNet, random_net
from random_ops import MAKERS, NOT_MADE
from stream_c import SANITIZERS, build, compiler, run
from winograd_nets import compile_whole, forced

from edgeblur.errors import Unsupported
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.ops import LOWERINGS
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.planning.program import compress
from edgeblur.export.stream.planning.recompute import repeat, repetitions
from edgeblur.export.stream.planning.schedule import Rows, schedule
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.build import NAME, write_project
from edgeblur.firmware_harness.emulation.build import build as build_firmware
from edgeblur.firmware_harness.emulation.emulator import emulate
from edgeblur.firmware_harness.engines.engines import open_engine

NETS = int(os.environ.get("EDGEBLUR_RANDOM_NETS", "150"))
PICTURES = 3
_BATCH = 25  # nets in one program: starting the compiler costs more than most nets do

_ASSERTED = ("-DEDGEBLUR_ASSERT=assert", "-include", "assert.h")  # every row's place inside the arena
_FLAGS = (["-O0", *SANITIZERS, *_ASSERTED], ["-O0"], ["-O1"], ["-O0"], ["-O0"], ["-O0"])
"""Of one batch after the other; what takes longest least often."""

batches = pytest.mark.parametrize("seeds", [range(i, min(i + _BATCH, NETS)) for i in range(0, NETS, _BATCH)], ids=str)


def compile_net(seed: int) -> Compiled:
    """A net compiled for size or for speed; every fourth with some rows made twice, as a RAM budget would have it.

    Two of five have Winograd's kernel wherever that is possible.
    """
    graph = read_tflite(random_net(seed).tflite, name=f"net{seed}")
    provenance = Provenance(f"net{seed}.tflite", f"net{seed}", graph)
    optimize = "speed" if seed % 3 == 0 else "size"
    if seed % 4 != 1 and seed % 5 > 1:
        return compile_stream(graph, provenance, StreamOptions(optimize))
    net, random = lower(graph), np.random.default_rng(seed)
    if seed % 5 <= 1:
        net = forced(net, seed)
    for _ in range(2 if seed % 4 == 1 else 0):
        if ways := list(repetitions(net, schedule(net))):
            net, _ = repeat(net, ways[int(random.integers(len(ways)))])
    return compile_whole(net, graph, provenance, optimize=optimize)


compiled_net = functools.cache(compile_net)


@functools.cache
def reference(seed: int) -> list[bytes]:
    """What LiteRT's reference kernels make of a net's pictures."""
    case = random_net(seed)
    engine = open_engine("litert-ref", case.tflite)
    return [engine.run(picture).tobytes() for picture in case.pictures(PICTURES)]


def blame(case: RandomNet) -> str:
    """The first op of a net whose output differs by itself, for people to look at."""
    for op in case.net.ops:
        part = RandomNet(case.seed, case.net, op.outputs[0])
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


@batches
def test_random_nets_give_the_reference_bytes(seeds: range, tmp_path: Path) -> None:
    refused = [seed for seed in seeds if is_refused(seed)]
    assert len(refused) <= 1, refused
    _compare([seed for seed in seeds if seed not in refused], seeds.start // _BATCH, tmp_path)


def _compare(seeds: Sequence[int], batch: int, tmp_path: Path) -> None:
    for seed in seeds:
        compiled_net(seed).files.write(tmp_path, f"net{seed}")
    program = build(tmp_path, [f"net{seed}" for seed in seeds], _FLAGS[batch % len(_FLAGS)])
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
    for seed in range(0, NETS, 50):
        case = random_net(seed)
        graph = read_tflite(case.tflite)
        compiled = compile_whole(forced(lower(graph), seed), graph, Provenance(f"net{seed}.tflite", NAME, graph))
        (tmp_path / str(seed)).mkdir()
        firmware = build_firmware(write_project(tmp_path / str(seed), compiled, board, "size"))
        pictures = [picture.tobytes() for picture in case.pictures(PICTURES)]
        outputs, _ = emulate(board, firmware, pictures, output_bytes=len(reference(seed)[0]), limit_s=60)
        assert outputs == reference(seed), str(case)


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
            if node != net.net.output:
                place((node, y))[:] = node, y  # before the rows that it is made from are looked at: it may not hit them
        for source, row in (read for each in rows for read in _reads(net, node, each)):
            assert row < done[source], f"rows {rows} of node {node} read row {row} of node {source} before it is made"
            assert (place((source, row)) == (source, row)).all(), f"row {row} of node {source} is overwritten"
    for node in (0, net.net.output):
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


@batches
def test_each_row_is_made_once_before_it_is_read_and_kept_until_then(seeds: range) -> None:
    for seed in seeds:
        net = compiled_net(seed)
        steps = [(step.node, step.row) for step in net.schedule.steps]
        assert len(set(steps)) == len(steps), seed
        replay(net)


@batches
def test_a_second_time_gives_the_same_files(seeds: range) -> None:
    for seed in seeds:
        assert compile_net(seed).files == compiled_net(seed).files, seed


def test_plans_are_tight() -> None:
    ratios = [compiled_net(seed).plan.arena_bytes / rounded_live_bytes(compiled_net(seed)) for seed in range(NETS)]
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
    made = Counter(op.kind for seed in range(NETS) for op in random_net(seed).net.ops)
    if NETS >= 150:
        assert min(made[kind] for kind in LOWERINGS.keys() - NOT_MADE) >= 3, made


def test_random_nets_have_something_to_say() -> None:
    outputs = [b"".join(reference(seed)) for seed in range(NETS)]
    assert np.mean([len(set(output)) >= min(12, len(output) / 6) for output in outputs]) > 0.7
    assert 0.1 < np.mean([0x7F in output or 0x80 in output for output in outputs]) < 0.95  # int8's ends: saturated
