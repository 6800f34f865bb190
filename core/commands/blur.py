"""`edgeblur blur`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

import edgeblur
from edgeblur.commands.options import Size, force_option, json_option, model_option, refuse_given
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout
from edgeblur.progress import say


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Picture, video or folder to write.")
@click.option("--with", "with_", metavar="RUN|MODEL|detector[:NAME]",
              help="What blurs: a model (approach B; a file, or a name of `edgeblur models`) or a pretrained detector "
              "(approach A). [default: the default of `edgeblur models`]")  # fmt: skip
@click.option("--fit", type=click.Choice(["veil", "resize", "tile"]),
              help="How a model handles larger pictures. veil: find faces in a small copy, blur them at the picture's "
              "size; resize: shrink the picture to the model's size; tile: run overlapping tiles. [default: veil if "
              "the model has a mask, else resize]")  # fmt: skip
@click.option("--input", "net_size", type=Size(), metavar="WxH",
              help="Look for faces at this size: a larger size finds smaller faces.")  # fmt: skip
@click.option("--veil", "style", type=click.Choice(["blur", "pixelate", "black"]), default="blur", show_default=True,
              help="What covers a face.")  # fmt: skip
@click.option("--memory", "memory_frames", type=click.IntRange(0, 600), default=8, show_default=True,
              help="Number of video frames for which a face stays veiled after it was last found.")  # fmt: skip
@model_option
@click.option("--resume", is_flag=True, help="Skip what an earlier run has already written.")
@force_option
@json_option
def command(
    source: Path, out: Path, with_: str | None, fit: str | None, net_size: tuple[int, int] | None, style: str,
    memory_frames: int, model_name: str | None, resume: bool, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Blur the faces in IN: a picture, a video, or all pictures and videos below a folder.

    A model with a mask (the default has one) finds faces at its own size and veils them at the picture's: every other
    pixel stays as it was. PNG, WebP and TIFF are written without loss, JPEG at quality 95; transparency, greyscale and
    colour profiles are kept, all other metadata (EXIF, thumbnails, places) is dropped. Videos keep their sound and
    timing; a face is veiled from two frames before it is first found until --memory frames after it was last found.
    """
    # Before NumPy is imported: matrices of a veil are small, and OpenBLAS's threads wait longer than they work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from edgeblur.firmware_harness.blurring.video import is_video

    if not source.exists():
        raise UserError(f"{source} does not exist: give a picture, a video or a folder of them")
    if (with_ or "").partition(":")[0] == "detector":
        refuse_given("fit", "model_name", "net_size", because="is for models: a detector meets pictures at full size")
    if source.is_file() and not is_video(source):
        refuse_given("memory_frames", because="is for videos")
    found = edgeblur.blur_pictures(
        source, out, with_, name=model_name, fit=fit, net=net_size, style=style, memory_frames=memory_frames,
        resume=resume, force=force,
    )  # fmt: skip
    for sentence in found.skipped:
        say(f"skipped: {sentence}")
    if as_json:
        print(json.dumps(found.as_json()))
    else:
        stdout.print(f"{found.counted} written to {out} with {found.blurrer}: {found.how}", soft_wrap=True)
