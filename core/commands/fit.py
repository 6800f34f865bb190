"""`edgeblur fit`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

import edgeblur
from edgeblur.commands.options import (
    board_file_option,
    cores_option,
    default_model,
    flash_option,
    frame_options,
    frames_asked_for,
    inner,
    json_option,
    model_option,
    optimize_option,
    output_option,
    ram_option,
    refuse_given,
    resized,
    size_option,
)
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout
from edgeblur.progress import say
from edgeblur.tables import fitted, remarked

if TYPE_CHECKING:
    from edgeblur.models.choose import Chosen


@click.command()
@click.argument("runs_or_models", nargs=-1, type=click.Path(path_type=Path))
@click.option("--board", "board_name", help="One board. [default: all real boards]")
@click.option(
    "--ram-size", type=click.IntRange(1), help="RAM of a board of your own, in bytes; with --flash-size and --core."
)
@click.option("--flash-size", type=click.IntRange(1), help="Its flash, in bytes.")
@click.option("--core", help="Its core: cortex-m4f, cortex-m0plus, rv32imc, ...")
@board_file_option
@click.option("--all", "all_boards", is_flag=True, help="Include the emulated boards.")
@click.option(
    "--kind", help="Estimate time at the clock of this kind of project: zephyr, pico-sdk, ... [default: highest]"
)
@click.option("--npu", help="Instead, ask Vela what an Arm Ethos-U would run: ethos-u55-128, ethos-u85-256, ...")
@model_option
@optimize_option
@ram_option
@flash_option
@cores_option
@size_option
@output_option
@frame_options
@json_option
def command(
    runs_or_models: tuple[Path, ...], board_name: str | None, ram_size: int | None, flash_size: int | None,
    core: str | None, board_file: Path | None, all_boards: bool, kind: str | None,
    npu: str | None, model_name: str | None, optimize: str, ram_bytes: int | None, flash_bytes: int | None, cores: int,
    size: tuple[int, int] | None, output: str | None,
    frame: tuple[int, int] | None, pixels: str | None, hold: str | None, net_size: tuple[int, int] | None,
    margin: int | None, share: int | None, memory: int | None, clamp: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Say whether models fit boards: .tflite files, names of `edgeblur models`, or all int8 models of a run.

    Without RUNS_OR_MODELS, it is the default of `edgeblur models`.

    RAM of the streaming engine is planned to the byte, stack and rows included; flash is exact for weights and tables,
    and estimated for code. TensorFlow Lite Micro stands beside it, with the arena that its own allocator asks for.
    `tight` means that less than 10 % is left. With --frame, the figures are those of veiling frames of a camera's size.

    Exit code 1 if a model does not fit the board that was asked for, or one of --board-file; if no board was asked
    for, when it fits none.
    """
    from edgeblur.firmware_harness.boards.boards import Board, check_cores, find_board, own_board, read_boards
    from edgeblur.firmware_harness.boards.listing import Wanted, select
    from edgeblur.firmware_harness.fit.examine import choose_candidates
    from edgeblur.firmware_harness.fit.fit import check_fits
    from edgeblur.firmware_harness.fit.tables import cross_table, fit_table, parts_table, remarks

    frames = frames_asked_for(frame, pixels, hold, net_size, margin, share, memory, clamp)
    if npu is not None:
        refuse_given(
            "board_name", "all_boards", "kind", "ram_bytes", "flash_bytes", "cores", because="is not for an NPU"
        )
        _npu(choose_candidates(runs_or_models or (default_model(),), model_name), npu, optimize, as_json)
        return
    if ram_size or flash_size or core:
        if not (ram_size and flash_size and core):
            raise UserError("a board of your own takes --ram-size, --flash-size and --core together")
        refuse_given(
            "board_name", "board_file", "all_boards", "kind", "cores", because="is not for a board of your own"
        )
        boards: tuple[Board, ...] = (own_board(core, ram_size, flash_size),)
    elif board_file is not None:
        boards = (find_board(board_name, board_file),) if board_name else read_boards(board_file)
    else:
        boards = (find_board(board_name),) if board_name else select(Wanted(emulated=None if all_boards else False))
    if kind is not None:
        from edgeblur.firmware_harness.projects.kinds import boards_of_kind

        boards = boards_of_kind(boards, kind)
    chosen = [inner(one, size, output) for one in choose_candidates(runs_or_models or (default_model(),), model_name)]
    if frames is None:
        chosen = [resized(one, net_size) for one in chosen]
    options = edgeblur.StreamOptions(optimize, ram_bytes, flash_bytes, cores=cores)
    if board_name is None:
        boards = tuple(board for board in boards if board.cores >= cores)
    for board in boards:
        check_cores(board, cores)
    found = [fit for one in chosen for fit in edgeblur.fit_boards(one.path, boards, options, frames=frames, kind=kind)]
    if as_json:
        results = [fit.as_json() for fit in found]
        click.echo(json.dumps(results[0] if len(results) == 1 else results, indent=2))
    else:
        if len(found) == 1:
            stdout.print(remarked(parts_table(found[0]), stdout))
        else:
            stdout.print(fitted(fit_table(found) if len(chosen) == 1 else cross_table(found), stdout))
        for remark in remarks(found):
            say(remark)
    check_fits(found, each=bool(board_name or ram_size or board_file))


def _npu(chosen: Sequence[Chosen], npu: str, optimize: str, as_json: bool) -> None:
    from edgeblur.firmware_harness.fit.npu import fit_npu, npu_table

    found = [fit_npu(one, npu, optimize=optimize) for one in chosen]
    if as_json:
        results = [one.as_json() for one in found]
        click.echo(json.dumps(results[0] if len(results) == 1 else results, indent=2))
        return
    for one in found:
        stdout.print(remarked(npu_table(one), stdout))
