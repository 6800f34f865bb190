"""`make random-boards` on two nets: one output, and several."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from stream_c import compiler

from edgeblur.firmware_harness.boards.boards import find_board

SCRIPT = Path(__file__).parents[2] / "bench" / "random_boards.py"


def test_random_nets_on_a_board_are_counted(tmp_path: Path) -> None:
    board = find_board("mps2-an386")
    assert board.emulator is not None
    compiler(board.core.toolchain.compiler)
    compiler(board.emulator.program)
    figures = tmp_path / "figures.json"
    options = ["--nets", "4", "--pictures", "1", "--board", board.name, "--figures", str(figures)]
    done = subprocess.run([sys.executable, str(SCRIPT), *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(figures.read_text())[board.name]
    assert (told["core"], told["nets"], told["differing_bytes"], told["differ"]) == ("cortex-m4f", 4, 0, [])
    assert told["outputs"] > 4
    assert told["bytes_compared"] > 0
