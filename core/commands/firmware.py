"""`edgeblur firmware`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from edgeblur.commands.options import (
    board_file_option,
    cores_option,
    flash_option,
    force_option,
    frame_options,
    frames_asked_for,
    inner,
    json_option,
    library_asked_for,
    model_argument,
    model_option,
    optimize_option,
    output_option,
    ram_option,
    resized,
    size_option,
    tflm_option,
)
from edgeblur.errors import UserError
from edgeblur.models.choose import choose_tflite
from edgeblur.progress import out as stdout


@click.command()
@model_argument
@click.option(
    "--board",
    "board_name",
    required=True,
    help="Board to write it for: pico, nucleo-f411re, ... (see `edgeblur boards`).",
)
@board_file_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write; new or empty.")
@click.option(
    "--kind", help="bare-metal, stm32, pico-sdk, esp-idf, zephyr, arduino or platformio; by default the board's own."
)
@click.option("--engine", type=click.Choice(["stream", "tflm"]), default="stream", show_default=True,
              help="tflm: TensorFlow Lite Micro instead, in bare-metal projects.")  # fmt: skip
@tflm_option
@model_option
@optimize_option
@ram_option
@flash_option
@cores_option
@size_option
@output_option
@frame_options
@force_option
@json_option
def command(
    run_or_model: Path, board_name: str, board_file: Path | None, out: Path, kind: str | None, engine: str,
    tflm: Path | None,
    model_name: str | None, optimize: str, ram_bytes: int | None, flash_bytes: int | None, cores: int,
    size: tuple[int, int] | None, output: str | None, frame: tuple[int, int] | None, pixels: str | None,
    hold: str | None, net_size: tuple[int, int] | None, margin: int | None, share: int | None, memory: int | None,
    clamp: str | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write a firmware project for a board around a run, a .tflite file or a name of `edgeblur models`.

    Without RUN_OR_MODEL, it is the default of `edgeblur models`.

    The project holds the streaming engine, a hook for the camera's rows, a serial protocol that `edgeblur run --port`
    speaks, and a README with the two commands that build and flash it. With --frame, it also holds a veil for frames of
    the camera's size.
    """
    tflm = library_asked_for(engine, tflm)
    from edgeblur.export.stream.options import StreamOptions

    stream = StreamOptions(optimize, ram_bytes, flash_bytes, cores=cores)
    if tflm is not None and stream != StreamOptions(optimize):
        raise UserError(
            "--ram, --flash and --cores are for the streaming engine: TensorFlow Lite Micro takes what it takes"
        )
    from edgeblur.firmware_harness.boards.boards import find_board
    from edgeblur.firmware_harness.projects.projects import ProjectOptions, write_firmware

    chosen = inner(choose_tflite(run_or_model, model_name), size, output)
    frames = frames_asked_for(frame, pixels, hold, net_size, margin, share, memory, clamp)
    if frames is None:
        chosen = resized(chosen, net_size)
    elif tflm is not None:
        raise UserError("--frame is for the streaming engine: leave --engine tflm out")
    options = ProjectOptions(kind, stream, force, tflm, frames)
    project = write_firmware(chosen.path, find_board(board_name, board_file), out, options)
    if as_json:
        click.echo(json.dumps(project.as_json(), indent=2))
        return
    stdout.print(f"{chosen.name} for {project.board.title} in {out}: {project.kind.title}", soft_wrap=True)
    if project.ram_bytes is not None:
        stdout.print(f"  RAM    {project.ram_bytes:>11,} B   engine and rows, without stack")
    stdout.print(f"  flash  {project.constant_bytes:>11,} B   weights and tables; code comes on top")
    stdout.print(f"  build  cd {shlex.quote(str(out))} && {project.build}", soft_wrap=True)
    stdout.print(f"  flash  {project.flash}", soft_wrap=True)
    stdout.print(f"  tried  {project.checked}", soft_wrap=True)
