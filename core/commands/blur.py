"""`edgeblur blur`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeblur.commands.options import default_model, force_option, json_option, model_option, refuse_given
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout
from edgeblur.progress import say


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Picture or folder to write.")
@click.option("--with", "with_", metavar="RUN|MODEL|detector[:NAME]",
              help="What blurs: a model (approach B; a file, or a name of `edgeblur models`) or a pretrained detector "
              "(approach A). [default: the default of `edgeblur models`]")  # fmt: skip
@click.option("--fit", default="resize", show_default=True, type=click.Choice(["resize", "tile"]),
              help="How a model meets larger pictures: shrink them to its size, or run overlapping tiles.")  # fmt: skip
@model_option
@force_option
@json_option
def command(
    source: Path, out: Path, with_: str | None, fit: str, model_name: str | None, force: bool, as_json: bool
) -> None:  # fmt: skip
    """Blur the faces of IN (a picture, or all pictures below a folder)."""
    from edgeblur.firmware_harness.comparison.blurrers import blur_files, open_blurrer

    if not source.exists():
        raise UserError(f"{source} does not exist: give a picture or a folder of pictures")
    if (with_ or "").partition(":")[0] == "detector":
        refuse_given("fit", "model_name", because="is for models: a detector meets pictures at full size")
    blurrer = open_blurrer(with_ or str(default_model()), fit=fit, model=model_name)
    skipped: list[str] = []
    written = list(blur_files(source, out, blurrer, force=force, skipped=skipped))
    for sentence in skipped:
        say(f"skipped: {sentence}")
    if as_json:
        print(
            json.dumps(
                {"with": blurrer.name, "how": blurrer.how, "written": list(map(str, written)), "skipped": skipped}
            )
        )
    else:
        stdout.print(f"{len(written)} written to {out} with {blurrer.name}: {blurrer.how}", soft_wrap=True)
