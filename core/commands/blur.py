"""`edgeblur blur`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeblur.commands.options import default_model, force_option, json_option, model_option, refuse_given
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout
from edgeblur.progress import say

if TYPE_CHECKING:
    from edgeblur.firmware_harness.blurring.blurrers import Blurrer
    from edgeblur.firmware_harness.blurring.files import BlurredFile


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Picture, video or folder to write.")
@click.option("--with", "with_", metavar="RUN|MODEL|detector[:NAME]",
              help="What blurs: a model (approach B; a file, or a name of `edgeblur models`) or a pretrained detector "
              "(approach A). [default: the default of `edgeblur models`]")  # fmt: skip
@click.option("--fit", type=click.Choice(["veil", "resize", "tile"]),
              help="How a model meets larger pictures: veil at their size what it finds at its own; shrink them "
              "to its size; or run overlapping tiles. [default: veil if it has a mask, else resize]")  # fmt: skip
@click.option("--veil", "style", type=click.Choice(["blur", "pixelate", "black"]), default="blur", show_default=True,
              help="What is shown in place of a face.")  # fmt: skip
@click.option("--memory", "memory_frames", type=click.IntRange(0, 600), default=8, show_default=True,
              help="Frames of a video for which a face stays veiled after it was last found.")  # fmt: skip
@model_option
@click.option("--resume", is_flag=True, help="Leave out what an earlier run wrote already.")
@force_option
@json_option
def command(
    source: Path, out: Path, with_: str | None, fit: str | None, style: str, memory_frames: int, model_name: str | None,
    resume: bool, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Blur the faces of IN (a picture, a video, or all pictures and videos below a folder).

    A model with a mask (the default has one) finds faces at its own size and veils them at the picture's: every other
    pixel stays as it was. PNG, WebP and TIFF are written without loss, JPEG anew at quality 95; transparency, grey and
    colour profiles stay, all else that a file says (EXIF, thumbnails, places) is dropped. Videos keep sound and
    times; a face is veiled from two frames before it is found until --memory frames after.
    """
    from edgeblur.firmware_harness.blurring.batch import blur_files
    from edgeblur.firmware_harness.blurring.blurrers import open_blurrer
    from edgeblur.firmware_harness.blurring.video import Memory, is_video

    if not source.exists():
        raise UserError(f"{source} does not exist: give a picture, a video or a folder of them")
    if (with_ or "").partition(":")[0] == "detector":
        refuse_given("fit", "model_name", because="is for models: a detector meets pictures at full size")
    blurrer = open_blurrer(with_ or str(default_model()), fit=fit, model=model_name, style=style)
    skipped: list[str] = []
    if source.is_file() and not is_video(source):
        refuse_given("memory_frames", because="is for videos")
    memory = Memory(after=memory_frames)
    found = blur_files(source, out, blurrer, memory=memory, resume=resume, force=force, skipped=skipped)
    written = list(found)
    for sentence in skipped:
        say(f"skipped: {sentence}")
    if as_json:
        print(json.dumps(_as_json(blurrer, written, skipped)))
    else:
        stdout.print(f"{_counted(written)} written to {out} with {blurrer.name}: {blurrer.how}", soft_wrap=True)


def _counted(written: list[BlurredFile]) -> str:
    frames, seconds = sum(each.frames for each in written), sum(each.seconds for each in written)
    if frames == len(written):
        return str(len(written))
    return f"{frames} frames ({frames / max(seconds, 1e-9):.1f} a second)"


def _as_json(blurrer: Blurrer, written: list[BlurredFile], skipped: list[str]) -> dict[str, object]:
    from edgeblur.firmware_harness.blurring.video import is_video

    frames = sum(each.frames for each in written)
    return {
        "with": blurrer.name,
        "how": blurrer.how,
        "pictures": sum(not is_video(each.path) for each in written),
        "frames": frames,
        "veiled_share": round(sum(each.veiled_share * each.frames for each in written) / max(frames, 1), 6),
        "seconds": round(sum(each.seconds for each in written), 3),
        "written": [str(each.path) for each in written],
        "skipped": skipped,
    }
