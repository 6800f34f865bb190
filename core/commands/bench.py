"""`edgeblur bench`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeblur.commands.options import flash_option, force_option, json_option, model_option
from edgeblur.errors import RunError, UserError
from edgeblur.files import refuse_unwritable
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

    Counts are exact, so firmware of which no byte has changed is not run again. What --out has not yet is added there;
    with --force new numbers also replace those in it. Exit code 1 if firmware fails, or if an output
    byte differs from LiteRT's reference kernels.
    """
    from edgeblur.firmware_harness.boards.boards import boards, find_board
    from edgeblur.firmware_harness.emulation import bench, bench_tables

    where = [find_board(name) for name in board_names] or [board for board in boards() if board.emulator]
    kept = bench.read_bench(out) if out else bench.Bench()
    models = [choose_tflite(path, model_name) for path in runs_or_models]
    if out:
        refuse_unwritable(out / bench.FRAMES)
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
    """Write what a folder has not yet, and what it has with other numbers only with `force`; tell what was done."""
    from edgeblur.firmware_harness.emulation import bench

    known = {frame.key for frame in kept.frames}
    added = [frame.key for frame in now.frames if frame.key not in known]
    changed = len(bench.differences(kept, now))
    if added or force:
        newer = now if force else bench.joined(now.only(key) for key in added)
        bench.write_bench(folder, kept.updated(newer))
    told = [f"wrote {folder / bench.FRAMES} and {folder / bench.LAYERS}"] if added or force else []
    if changed and not force:
        told += [f"numbers in {folder / bench.FRAMES} that differ now: {changed}; --force replaces them"]
    return "; ".join(told) or f"{folder / bench.FRAMES} is as it was measured now"
