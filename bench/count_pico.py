"""Cycles of small nets on the emulated Pico, layer by layer; `make probes` runs it. count_pico.py FILE...

rp2040js counts what Arm's manual says of the Cortex-M0+ (flash without wait states). Writes bench/pico.csv: a row a
layer, and one without a name for the whole frame.
"""

from __future__ import annotations

import argparse
import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.options import StreamOptions
from edgeblur.files import write_bytes
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.build import build, write_project
from edgeblur.firmware_harness.emulation.result import BoardRun
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, compile_model, prepare
from edgeblur.models.choose import Chosen
from edgeblur.progress import say

PATH = Path(__file__).with_name("pico.csv")
COLUMNS = ("model", "optimize", "number", "name", "kernel", "cycles", "compiler", "emulator")
BOARD = find_board("pico")


def measured(model: Path, optimize: str) -> BoardRun:
    """One random picture through direct kernels, as the other probes were counted."""
    chosen = Chosen(model, None, None, model.name)
    options = EmulatedOptions(random=1, stream=StreamOptions(optimize, flash_bytes=1))
    rig = prepare(chosen, BOARD, options, *compile_model(chosen, options, BOARD))
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as name:
        project = write_project(Path(name), rig.compiled, BOARD, optimize)
        return rig.measure(project, build(project))


def rows(model: Path, optimize: str) -> Iterator[tuple[object, ...]]:
    run = measured(model, optimize)
    run.check()
    tools = (run.compiler, run.emulator)
    yield model.name, optimize, 0, "", "", run.counts.median, *tools
    for number, layer in enumerate(run.counts.layers, 1):
        yield model.name, optimize, number, layer.name, layer.kernel, layer.count, *tools


def main(models: Sequence[Path]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for model in models:
        for optimize in OPTIMIZE:
            try:
                found = list(rows(model, optimize))
            except UserError as refusal:  # too large for a Pico
                say(str(refusal))
                continue
            table.writerows(found)
            say(f"{model.name}, {optimize}: {found[0][5]:,} cycles")
            write_bytes(PATH, text.getvalue().encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+", metavar="FILE", help="a .tflite")
    main(parser.parse_args().models)
