"""`edgeblur page`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeblur.commands.options import Size, force_option, json_option, model_argument, model_option
from edgeblur.progress import out as stdout


@click.command()
@model_argument
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The .html file to write.")
@click.option("--frame", default="320x240", show_default=True, metavar="WXH", type=Size(), help="Size of the frames.")
@model_option
@force_option
@json_option
def command(
    run_or_model: Path, out: Path, frame: tuple[int, int], model_name: str | None, force: bool, as_json: bool
) -> None:
    """Write one HTML page in which a mask net runs: on drawn scenes, on pictures dropped in, and on the webcam.

    The C that `edgeblur export --frame` writes for a board is compiled to WebAssembly (clang and lld) and runs in the
    page, which shows frame, veil and mask, RAM, and the estimated frames per second on a board. The page opens no
    connection: nothing leaves it.
    """
    from edgeblur.export.veil.compile import FrameOptions
    from edgeblur.firmware_harness.page.page import write_page
    from edgeblur.models.choose import choose_tflite

    chosen = choose_tflite(run_or_model, model_name)
    page = write_page(chosen, out, FrameOptions(*frame), force=force)
    if as_json:
        clamps = [list(clamp) for clamp in page.clamps]
        facts = {"model": chosen.name, "page": str(out), "size_bytes": page.size_bytes, "ram_bytes": page.ram_bytes}
        click.echo(json.dumps({**facts, "frame": f"{frame[0]}x{frame[1]}", "clamps": clamps}, indent=2))
        return
    size = f"{frame[0]}x{frame[1]}"
    stdout.print(f"{out}: {page.size_bytes / 1e6:.1f} MB, {chosen.name} on frames of {size}; open it in a browser")
