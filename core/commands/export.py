"""`edgeblur export`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

import edgeblur
from edgeblur.commands.options import (
    board_file_option,
    cores_option,
    flash_option,
    force_option,
    frame_options,
    frames_asked_for,
    inner,
    json_option,
    model_argument,
    model_option,
    optimize_option,
    output_option,
    ram_option,
    refuse_given,
    resized,
    size_option,
)
from edgeblur.errors import UserError
from edgeblur.models.choose import Chosen, choose_tflite
from edgeblur.progress import out as stdout
from edgeblur.progress import say

if TYPE_CHECKING:
    from edgeblur.export.stream.options import StreamOptions
    from edgeblur.export.veil.compile import FrameOptions


@click.command()
@model_argument
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write; new or empty.")
@click.option(
    "--engine",
    type=click.Choice(["tflm", "stream"]),
    default="tflm",
    show_default=True,
    help="tflm: C array for TensorFlow Lite Micro; stream: C that runs row by row, in about an eighth of its RAM.",
)
@model_option
@click.option("--name", help="The C identifier; by default made from the model's name.")
@optimize_option
@ram_option
@flash_option
@cores_option
@click.option(
    "--board", "board_name", help="Board to choose kernels and predict instructions for. [default: a Cortex-M4]"
)
@board_file_option
@size_option
@output_option
@frame_options
@force_option
@json_option
def command(
    run_or_model: Path, out: Path, engine: str, model_name: str | None, name: str | None, optimize: str,
    ram_bytes: int | None, flash_bytes: int | None, cores: int, board_name: str | None, board_file: Path | None,
    frame: tuple[int, int] | None,
    size: tuple[int, int] | None, output: str | None,
    pixels: str | None, hold: str | None, net_size: tuple[int, int] | None, margin: int | None, share: int | None,
    memory: int | None, clamp: str | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write a model as C for firmware: a run, a .tflite file or a name of `edgeblur models`.

    Without RUN_OR_MODEL, it is the default of `edgeblur models`.

    With --engine tflm: the .tflite, a C array of it (.h and .c), a header for TensorFlow Lite Micro with the ops to
    register, the arena size and the quantization parameters, and a README.

    With --engine stream: C99 that needs no library, takes picture rows in and gives finished rows out, and a drawing of
    its memory plan. With --frame: a net that finds faces in a small copy of each frame, and a veil that blurs them at
    the frame's own size.
    """
    from edgeblur.firmware_harness.boards.boards import check_cores, find_board

    frames = frames_asked_for(frame, pixels, hold, net_size, margin, share, memory, clamp)
    if frames is not None and engine == "tflm":
        raise UserError("--frame is for the streaming engine: add --engine stream")
    if board_name is None:
        refuse_given("board_file", because="describes boards: name one as --board")
    board = find_board(board_name, board_file) if board_name else None
    if board is not None:
        check_cores(board, cores)
    options = edgeblur.StreamOptions(optimize, ram_bytes, flash_bytes, board.core.name if board else None, cores)
    if engine == "tflm" and options != edgeblur.StreamOptions():
        raise UserError(
            "--ram, --flash, --cores, --optimize and --board are for the streaming engine: add --engine stream"
        )
    chosen = inner(choose_tflite(run_or_model, model_name), size, output)
    from edgeblur.export.identifier import default_identifier

    label = f"{chosen.model.name}_{chosen.path.stem}" if chosen.model else chosen.shelf_name or chosen.path.stem
    name = name if name is not None else default_identifier(label)
    if frames is not None:
        _frames(chosen, out, frames, name, options, force, as_json)
        return
    chosen = resized(chosen, net_size)
    if engine == "stream":
        _stream(chosen, out, name, options, force, as_json)
    else:
        _tflm(chosen, out, name, force, as_json)


def _tflm(chosen: Chosen, out: Path, name: str, force: bool, as_json: bool) -> None:
    result = edgeblur.export_tflm(chosen.path, out, name=name, force=force)
    for remark in result.remarks:
        say(f"note: {remark}")
    if as_json:
        click.echo(json.dumps({"model": chosen.name, **result.as_json()}, indent=2))
        return
    arena, macs = result.arena.bytes, result.cost.macs
    stdout.print(f"{chosen.name} as {result.name} in {out}: {', '.join(result.files)}", soft_wrap=True, markup=False)
    stdout.print(f"  model      {result.graph.size_bytes:>11,} B   SHA-256 {result.graph.sha256}", soft_wrap=True)
    if arena is not None:
        stdout.print(f"  arena      {arena:>11,} B   TensorFlow Lite Micro, reference kernels")
    if macs is not None:
        stdout.print(f"  work       {macs:>11,} MAC an image")
    stdout.print(f"  parameters {result.cost.parameters:>11,}")


def _frames(
    chosen: Chosen, out: Path, frames: FrameOptions, name: str, options: StreamOptions, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    from edgeblur.export.stream.report.show_plan import plan_table
    from edgeblur.export.veil.write import HELD

    result = edgeblur.compile_frames(chosen.path, out, frames, options, name=name, force=force)
    if as_json:
        click.echo(json.dumps({"model": chosen.name, **result.as_json()}, indent=2))
        return
    plan, files = result.frames.plan, result.frames.files
    stdout.print(f"{chosen.name} as {result.name} in {out}: {', '.join(result.files)}", soft_wrap=True, markup=False)
    stdout.print(f"frames: {plan.width}x{plan.height} {plan.pixels.name}, held {plan.hold}: {HELD[plan.hold]}")
    stdout.print(plan_table(result.summary(), stdout))
    stdout.print(f"RAM: {files.ram_bytes:,} B with the veil, without stack")
    if code := result.code:
        stdout.print(f"flash: {code.flash_bytes:,} B ({code.told})", soft_wrap=True)


def _stream(chosen: Chosen, out: Path, name: str, options: StreamOptions, force: bool, as_json: bool) -> None:
    from edgeblur.export.stream.differences import differences
    from edgeblur.export.stream.report.show_plan import plan_table
    from edgeblur.export.tflite.outputs import several_outputs

    result = edgeblur.compile_model(chosen.path, out, options, name=name, force=force)
    for told in differences(result.graph):
        say(f"note: {told}; `edgeblur validate --engine tflm,stream` compares with the former")
    if as_json:
        click.echo(json.dumps({"model": chosen.name, **result.as_json()}, indent=2))
        return
    stdout.print(f"{chosen.name} as {result.name} in {out}: {', '.join(result.files)}", soft_wrap=True, markup=False)
    for output in several_outputs(result.graph):
        stdout.print(f"  {output}", soft_wrap=True, markup=False)
    stdout.print(plan_table(result.summary(), stdout))
    if code := result.cost.code:
        stdout.print(f"flash: {code.flash_bytes:,} B ({code.told})", soft_wrap=True)
