"""`edgeblur bench`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeblur.commands.options import flash_option, force_option, json_option, model_option
from edgeblur.errors import RunError, UserError
from edgeblur.models.choose import choose_tflite
from edgeblur.progress import out as stdout
from edgeblur.progress import say
from edgeblur.tables import fitted

if TYPE_CHECKING:
    from edgeblur.firmware_harness.emulation.bench import Bench

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("runs_or_models", nargs=-1, required=True, type=_PATH)
@model_option
@click.option("--board", "board_names", multiple=True, help="Only this board; repeatable. [default: all emulated]")
@click.option(
    "--optimize", "aims", multiple=True, type=click.Choice(["size", "balanced", "speed"]), default=("size", "speed"),
    show_default=True, help="What the C is optimised for; repeatable.",
)  # fmt: skip
@flash_option
@click.option(
    "--out", type=_PATH, help="Folder for frames.csv and layers.csv; if they exist, results are compared with them."
)
@force_option
@json_option
def command(
    runs_or_models: tuple[Path, ...], model_name: str | None, board_names: tuple[str, ...], aims: tuple[str, ...],
    flash_bytes: int | None, out: Path | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run int8 models on emulated boards, one picture each, and show what changed since --out was written.

    Counts are exact, so firmware of which no byte has changed is not run again. With --force the new numbers replace
    those in --out; numbers that were not measured this time are kept. Exit code 1 if firmware fails, or if an output
    byte differs from LiteRT's reference kernels.
    """
    from edgeblur.firmware_harness.boards.boards import boards, find_board
    from edgeblur.firmware_harness.emulation import bench, bench_tables

    where = [find_board(name) for name in board_names] or [board for board in boards() if board.emulator]
    kept = bench.read_bench(out) if out else bench.Bench()
    models = [choose_tflite(path, model_name) for path in runs_or_models]
    outcome = bench.measure(models, where, tuple(dict.fromkeys(aims)), kept, flash_bytes=flash_bytes)
    now = outcome.bench
    changed, layers = bench.differences(kept, now), bench.layer_differences(kept, now)
    for remark in outcome.skipped:
        say(f"skipped: {remark}")
    if outcome.skipped and not now.frames:
        raise UserError(f"nothing was measured: {outcome.skipped[0]}")
    if as_json:
        click.echo(json.dumps(asdict(outcome) | {"changed": list(map(asdict, changed))}, indent=2))
    else:
        stdout.print(fitted(bench_tables.bench_table(now), stdout))
        if changed:
            stdout.print("", bench_tables.difference_table(changed), sep="\n")
        if layers:
            stdout.print("", bench_tables.layer_difference_table(layers), sep="\n")
    if out:
        say(_keep(out, kept, now, force=force))
    if outcome.failed:
        raise RunError(outcome.failed[0])


def _keep(folder: Path, kept: Bench, now: Bench, *, force: bool) -> str:
    """Write the first measurements into a folder, later ones only with `force`; tell what was done."""
    from edgeblur.firmware_harness.emulation import bench

    if force or not kept.frames:
        bench.write_bench(folder, kept.updated(now))
        return f"wrote {folder / bench.FRAMES} and {folder / bench.LAYERS}"
    changed = len(bench.differences(kept, now))
    new = len({frame.key for frame in now.frames} - {frame.key for frame in kept.frames})
    advice = "; --force keeps the new ones" if changed or new else ""
    return f"numbers that are not in {folder / bench.FRAMES}: {changed}, and {new} new lines{advice}"
