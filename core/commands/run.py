"""`edgeblur run`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

import edgeblur
from edgeblur.commands.options import (
    POSITIVE,
    board_file_option,
    cores_option,
    flash_option,
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
    refuse_given,
    resized,
    size_option,
    tflm_option,
)
from edgeblur.errors import UserError
from edgeblur.files import refuse_unwritable
from edgeblur.models.choose import Chosen, choose_tflite
from edgeblur.progress import out as stdout
from edgeblur.progress import say

if TYPE_CHECKING:
    from edgeblur.export.veil.compile import FrameOptions
    from edgeblur.firmware_harness.emulation.run import EmulatedOptions
    from edgeblur.firmware_harness.serial.run import SerialOptions

_PATH = click.Path(path_type=Path)


@click.command()
@model_argument
@click.option("--board", "board_name", help="An emulated board: mps2-an386, riscv32-virt, ... (see `edgeblur boards`).")
@board_file_option
@click.option("--emulated", is_flag=True, help="Emulate a real board: pico runs in rp2040js, which counts cycles.")
@click.option("--port", help="Serial port of a board with firmware of `edgeblur firmware`: /dev/ttyACM0, COM3, ...")
@model_option
@click.option("--photos", type=_PATH, help="A folder of photos, resized to the model's input.")
@click.option("--random", type=click.IntRange(1), help="Number of random pictures (seeded). [default: 5]")
@click.option("--limit", type=click.IntRange(1), help="Maximum number of pictures, evenly spread.")
@click.option("--baud", default=115200, show_default=True, type=click.IntRange(300), help="Baud rate of --port.")
@click.option("--timeout", "silence_s", default=30.0, show_default=True, type=POSITIVE,
              help="Give up on the board at --port after this many seconds of silence.")  # fmt: skip
@click.option(
    "--camera",
    "picture",
    type=_PATH,
    help="Save a picture of the camera of the board at --port, as the board blurs it, to this file.",
)
@click.option("--compiler", type=click.Choice(["gcc", "clang"]), default="gcc", show_default=True,
              help="Compiler of an emulated board's firmware.")  # fmt: skip
@click.option("--engine", type=click.Choice(["stream", "tflm"]), default="stream", show_default=True,
              help="tflm: TensorFlow Lite Micro on an emulated board, to compare with.")  # fmt: skip
@tflm_option
@optimize_option
@ram_option
@flash_option
@cores_option
@size_option
@output_option
@frame_options
@click.option("--keep", type=_PATH, help="Keep sources, linked files and outputs in this new folder.")
@json_option
def command(
    run_or_model: Path, board_name: str | None, board_file: Path | None, emulated: bool, port: str | None,
    model_name: str | None,
    photos: Path | None, random: int | None, limit: int | None, baud: int, silence_s: float, picture: Path | None,
    compiler: str, engine: str, tflm: Path | None, optimize: str, ram_bytes: int | None, flash_bytes: int | None,
    cores: int, size: tuple[int, int] | None, output: str | None,
    frame: tuple[int, int] | None, pixels: str | None,
    hold: str | None, net_size: tuple[int, int] | None, margin: int | None, share: int | None, memory: int | None,
    clamp: str | None, keep: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Run RUN_OR_MODEL on a board, and compare every output byte with the host's.

    RUN_OR_MODEL is a run, a .tflite file or a name of `edgeblur models`; without it, it is the default of those.

    With --board: the streaming engine is cross-compiled with our own start-up code and linker script, and runs in QEMU,
    which counts instructions. With --board pico --emulated it runs in rp2040js, which counts cycles.

    With --port: pictures go over a serial line to a board that runs firmware of `edgeblur firmware`, and come back;
    the board's own counter measures milliseconds. With --board as well, the board must have that name.

    With --frame: frames of a camera's size are veiled, one after the other, and compared with the veil's reference. A
    board at --port whose firmware was written with --frame takes such frames without being asked, and --camera saves
    one.

    With --engine tflm: your TensorFlow Lite Micro, built by its own Makefile, behind the same interface on an emulated
    board, in the smallest arena in which it runs.

    Exit code 1 if a byte differs from LiteRT's reference kernels. What a run's model took is kept in RUN/boards.json,
    for `edgeblur report`.
    """
    chosen = inner(choose_tflite(run_or_model, model_name), size, output)
    if chosen.run is not None:
        refuse_unwritable(chosen.run.folder / "boards.json")
    if board_file is not None and (board_name is None or port is not None):
        refuse_given("board_file", because="describes an emulated board: name it as --board, and give no --port")
    if emulated and (port is not None or board_name is None):
        raise UserError("--emulated is for a real board that is emulated: give its name as --board, and no --port")
    from edgeblur.export.stream.options import StreamOptions

    stream = StreamOptions(optimize, ram_bytes, flash_bytes, cores=cores)
    tflm = library_asked_for(engine, tflm)
    if tflm is not None and stream != StreamOptions(optimize):
        raise UserError(
            "--ram, --flash and --cores are for the streaming engine: TensorFlow Lite Micro takes what it takes"
        )
    frames = frames_asked_for(frame, pixels, hold, net_size, margin, share, memory, clamp)
    if frames is None:
        chosen = resized(chosen, net_size)
    elif tflm is not None:
        raise UserError("--frame is for the streaming engine: leave --engine tflm out")
    if port is not None:
        if keep is not None or stream != StreamOptions() or compiler != "gcc" or tflm is not None:
            raise UserError(
                "--keep, --compiler, --engine, --ram, --flash, --cores and --optimize are for emulated boards: "
                "the one at --port has its firmware"
            )
        from edgeblur.firmware_harness.serial.link import LinkOptions
        from edgeblur.firmware_harness.serial.run import SerialOptions

        options = SerialOptions(LinkOptions(port, baud, silence_s), board_name, photos, random, limit, frames)
        if picture is not None:
            _camera(chosen, options, picture, as_json)
        else:
            _serial(chosen, options, as_json)
    elif picture is not None:
        raise UserError("--camera is for a board at a serial port: give that as --port")
    elif board_name is not None:
        from edgeblur.firmware_harness.emulation.run import EmulatedOptions

        aims = EmulatedOptions(photos, random, limit, stream, keep, compiler, tflm)
        _emulated(chosen, board_name, board_file, emulated, aims, frames, as_json)
    else:
        raise UserError("run needs a board: give an emulated one as --board, or a real one's serial port as --port")


def _emulated(
    chosen: Chosen, board_name: str, board_file: Path | None, emulated: bool, options: EmulatedOptions,
    frames: FrameOptions | None, as_json: bool,
) -> None:  # fmt: skip
    from edgeblur.firmware_harness.boards.boards import find_board
    from edgeblur.firmware_harness.emulation.result import layer_run_table, run_table

    board = find_board(board_name, board_file)
    if board.twin and not emulated:
        raise UserError(f"{board.name} is a real board: give its serial port as --port, or add --emulated")
    result = edgeblur.run_on_board(chosen.path, board.name, options, frames=frames, board_file=board_file)
    _remark(result.skipped)
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=2, allow_nan=False))
    else:
        stdout.print(run_table(result))
        if result.counts.layers:
            stdout.print("", layer_run_table(result), sep="\n")
    result.check()


def _serial(chosen: Chosen, options: SerialOptions, as_json: bool) -> None:
    from edgeblur.firmware_harness.boards.records import keep_record
    from edgeblur.firmware_harness.serial.run import serial_table

    result = edgeblur.run_on_port(chosen.path, options)
    _remark(result.skipped)
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=2, allow_nan=False))
    else:
        stdout.print(serial_table(result))
    result.check()
    if not (result.may_be_emulated or result.veil):
        keep_record(chosen, result.ran)


def _camera(chosen: Chosen, options: SerialOptions, picture: Path, as_json: bool) -> None:
    if options.photos is not None or options.random is not None:
        raise UserError("run takes one kind of picture: give only one of --photos, --random and --camera")
    times = edgeblur.take_picture(chosen.path, options, picture)
    if as_json:
        timed = {"ms": times.ms} if times.ms is not None else {}
        click.echo(json.dumps({"picture": str(picture), "port": options.link.port, **timed}))
        return
    took = f", {times.ms:,.2f} ms of the engine" if times.ms is not None else ""
    stdout.print(f"{picture}: a picture of the camera at {options.link.port}{took}", soft_wrap=True)


def _remark(skipped: Sequence[str]) -> None:
    for remark in skipped:
        say(f"skipped: {remark}")
