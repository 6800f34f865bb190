"""`edgeblur run`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeblur.commands.options import json_option, model_option, optimize_option, ram_option
from edgeblur.progress import out as stdout
from edgeblur.progress import say
from edgeblur.run import choose_tflite

_PATH = click.Path(path_type=Path)


@click.command(short_help="Run an int8 .tflite on an emulated board: bytes, instructions, RAM, flash.")
@click.argument("run_or_model", type=_PATH)
@click.option("--board", "board_name", required=True, help="Where: mps2-an386, riscv32-virt, ... (see boards.toml).")
@model_option
@click.option("--photos", type=_PATH, help="A folder of photos, resized to the model's input.")
@click.option("--random", type=click.IntRange(1), help="So many seeded random pictures. [default: 5]")
@click.option("--limit", type=click.IntRange(1), help="At most so many pictures, evenly spread.")
@optimize_option
@ram_option
@click.option("--keep", type=_PATH, help="A new folder to keep sources, linked files and outputs in.")
@json_option
def command(
    run_or_model: Path, board_name: str, model_name: str | None, photos: Path | None, random: int | None,
    limit: int | None, optimize: str, ram_bytes: int | None, keep: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Build firmware around RUN_OR_MODEL, run it on a board, and compare every output byte with the host's.

    The streaming engine is cross-compiled with start-up code and linker script of ours and runs in QEMU, which counts
    instructions. Exit code 1 if a byte differs from LiteRT's reference kernels.
    """
    from edgeblur.firmware_harness.board_run import layer_run_table, run_table
    from edgeblur.firmware_harness.boards import find_board
    from edgeblur.firmware_harness.emulated_run import EmulatedOptions, run_emulated

    options = EmulatedOptions(photos, random, limit, optimize, ram_bytes, keep)
    result = run_emulated(choose_tflite(run_or_model, model_name), find_board(board_name), options)
    for remark in result.skipped:
        say(f"skipped: {remark}")
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=2, allow_nan=False))
    else:
        stdout.print(run_table(result), "", layer_run_table(result), sep="\n")
    result.check()
