"""Random nets on every emulated core: each output byte must be that of LiteRT's reference kernels.

    make random-boards
    python bench/random_boards.py [--nets 50] [--pictures 2] [--board mps2-an386 ...] [--figures FILE.json]

The nets are those of tests/helpers/random_nets.py, by their seeds from 0 on: any operator, any end, one output or
several. Half of them have Winograd's kernel wherever that is possible, and each second is compiled for speed. A net
that has no room on a board is passed over, and another takes its place. After each board its figures are written: nets,
outputs and bytes compared, bytes that differ, and the seeds of those nets.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from random_nets import RandomNet, random_net
from winograd_nets import compile_whole, forced

from edgeblur.errors import Unsupported, UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.lower import lower
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.firmware_harness.boards.boards import Board, boards, find_board
from edgeblur.firmware_harness.emulation.build import NAME, build, write_project
from edgeblur.firmware_harness.emulation.emulator import emulate
from edgeblur.firmware_harness.emulation.run import told_apart
from edgeblur.firmware_harness.engines.engines import Engine, open_engine
from edgeblur.firmware_harness.shell.room import check_room, with_stack

FIGURES = Path(__file__).parent / "random_boards.json"
_LIMIT_S = 300


@dataclass
class Figures:
    """A board's: nets that ran, their outputs, bytes; seeds that differed, were refused, had no room."""

    core: str
    nets: int = 0
    outputs: int = 0
    bytes_compared: int = 0
    differing_bytes: int = 0
    differ: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    no_room: list[int] = field(default_factory=list)


def compiled_net(case: RandomNet) -> Compiled:
    """A net's C; its seed decides kernels and aim.

    Raises:
        Unsupported: its sums may leave 32 bits.
    """
    graph = read_tflite(case.tflite, name=f"net{case.seed}")
    net, seed = lower(graph), case.seed
    net = forced(net, seed) if seed % 4 < 2 else net
    return compile_whole(
        net, graph, Provenance(f"net{seed}.tflite", NAME, graph), optimize="speed" if seed % 2 else "size"
    )


def differing(board: Board, compiled: Compiled, reference: Engine, case: RandomNet, pictures: int) -> tuple[int, int]:
    """Build a net for a board and run it there: output bytes compared, and how many differ from the reference's.

    Raises:
        UserError: it has no room.
    """
    optimize = "speed" if case.seed % 2 else "size"
    given = case.pictures(pictures)
    wanted = [reference.run_all(picture) for picture in given]
    board = with_stack(board, compiled)
    check_room(f"net{case.seed}", compiled, board)
    size = sum(raw.nbytes for raw in wanted[0])
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as folder:
        firmware = build(write_project(Path(folder), compiled, board, optimize))
        finished, _ = emulate(
            board, firmware, [picture.tobytes() for picture in given], output_bytes=size, limit_s=_LIMIT_S
        )
    pairs = [
        (one, other)
        for outputs, row in zip(wanted, finished, strict=True)
        for one, other in zip(outputs, told_apart(compiled, reference.model, row), strict=True)
    ]
    return pictures * size, sum(
        sum(a != b for a, b in zip(one.tobytes(), other.tobytes(), strict=True)) for one, other in pairs
    )


def try_board(board: Board, nets: int, pictures: int) -> Figures:
    """Nets of one seed after the other, until so many ran."""
    figures, seed = Figures(board.core.name), -1
    while figures.nets < nets:
        seed += 1
        case = random_net(seed)
        try:
            compiled = compiled_net(case)
        except Unsupported:
            figures.refused.append(seed)
            continue
        reference = open_engine("litert-ref", case.tflite, several=True)
        try:
            compared, different = differing(board, compiled, reference, case, pictures)
        except UserError:
            figures.no_room.append(seed)
            continue
        figures.nets, figures.outputs = figures.nets + 1, figures.outputs + len(reference.model.outputs)
        figures.bytes_compared, figures.differing_bytes = (
            figures.bytes_compared + compared, figures.differing_bytes + different,
        )  # fmt: skip
        if different:
            figures.differ.append(seed)
            print(f"{board.name}: {different} of {compared} bytes of net {seed} differ", flush=True)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line a board; 1 if a byte differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=50)
    parser.add_argument("--pictures", type=int, default=2)
    parser.add_argument("--board", action="append", help="by default all that are emulated in QEMU")
    parser.add_argument("--figures", type=Path, default=FIGURES)
    options = parser.parse_args(arguments)
    chosen = [find_board(name) for name in options.board or ()] or [board for board in boards() if board.emulator]
    told = json.loads(options.figures.read_text()) if options.figures.exists() else {}
    for board in chosen:
        told[board.name] = asdict(try_board(board, options.nets, options.pictures))
        options.figures.write_text(json.dumps(told, indent=2) + "\n")
        print(f"{board.name}: {told[board.name]}", flush=True)
    return int(any(told[board.name]["differing_bytes"] for board in chosen))


if __name__ == "__main__":
    sys.exit(main())
