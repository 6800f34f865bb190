"""`edgeblur data`."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import click

import edgeblur
from edgeblur.commands.options import POSITIVE, SEED, force_option, json_option, refuse_given
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout
from edgeblur.progress import say


@click.group()
def command() -> None:
    """Data sets in the thesis's layout: train/ train_blur/ train_mask/ val/ ... with a manifest."""


def _shares(context: click.Context, parameter: click.Parameter, text: str) -> tuple[float, float, float] | None:
    """`70/20/10` as shares that sum to 1; None for `labels`."""
    if text == "labels":
        return None
    try:
        train, val, test = (float(part) for part in text.split("/"))
        total = train + val + test
        if not math.isfinite(total) or min(train, val, test) < 0 or train <= 0:
            raise ValueError
    except ValueError as error:
        raise click.BadParameter(f"should be train/val/test such as 70/20/10, or `labels`, not {text!r}") from error
    return train / total, val / total, test / total


@command.command()
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path))
@click.option("--labels", multiple=True, type=click.Path(path_type=Path),
              help="annotations.jsonl of each PHOTOS folder, in the same order; repeatable.")  # fmt: skip
@click.option("--source", help="Instead of PHOTOS: synthetic:600, tfds:wider_face or tfds:celeb_a.")
@click.option(
    "--scenes", type=click.IntRange(1), help="Also draw this many scenes; with `--split labels` they are for training."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Data set to make.")
@click.option("--detector", default="centerface", show_default=True, help="Detector that labels photos without labels.")
@click.option("--split", "shares", default="70/20/10", show_default=True, callback=_shares,
              help="Train/val/test by source picture, or `labels` to keep each label's own split.")  # fmt: skip
@click.option("--hold-out", multiple=True, metavar="MAKER",
              help="A maker (`dataset` in the labels) whose photos are only for validation; repeatable.")  # fmt: skip
@click.option("--terms", help="Keep only pictures under these licence terms, comma-separated, as the labels name them.")
@click.option(
    "--size",
    default=192,
    show_default=True,
    type=click.IntRange(16, 4096),
    help="Side of the stored square pictures, in pixels.",
)
@click.option("--strength", default=0.45, show_default=True, type=POSITIVE,
              help="Standard deviation of the blur, as a share of the face's longer side.")  # fmt: skip
@click.option("--grow", default=1.35, show_default=True, type=POSITIVE,
              help="Factor by which the face's ellipse is enlarged.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1), help="Maximum number of pictures.")
@click.option(
    "--seed", default=0, show_default=True, type=SEED, help="Random seed for the split, the crops and the scenes."
)
@force_option
@json_option
def make(
    photos: tuple[Path, ...], labels: tuple[Path, ...], source: str | None, scenes: int | None, out: Path,
    detector: str, shares: tuple[float, float, float] | None, hold_out: tuple[str, ...], terms: str | None, size: int,
    strength: float,
    grow: float, limit: int | None, seed: int, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make a data set from PHOTOS (one or more folders) and their labels, or from another --source.

    Without labels, a pretrained face detector finds the faces.
    """
    from edgeblur.files import refuse_existing, refuse_swallowing
    from edgeblur.pictures.blur import BlurStyle

    refuse_existing(out, force=force)
    refuse_swallowing(out, (*photos, *labels))
    if bool(photos) == bool(source):
        raise UserError("data make needs photo folders or a --source (such as synthetic:600), one of the two")
    if terms is not None and not terms.strip(", "):
        raise UserError("--terms should name licence terms to keep, such as cc0,cc-by, but names none")
    if hold_out and not labels:
        raise UserError(
            "--hold-out goes by the `dataset` that a label file names for each picture: name one with --labels"
        )
    if source:
        from edgeblur.distill.data.sources import parse_source

        parse_source(source)
        because = f"is for photo folders: {source} has its own faces, and all are taken"
        refuse_given("labels", "terms", "hold_out", because=because)
    options = edgeblur.MakeOptions(
        size, shares or (0.7, 0.2, 0.1), seed, keep_splits=shares is None, hold_out=frozenset(hold_out),
        style=BlurStyle(strength=strength, grow=grow),
    )  # fmt: skip
    skipped: list[str] = []
    data = edgeblur.make_dataset(
        out, photos, labels, options, source=source, scenes=scenes or 0, detector=detector, limit=limit, force=force,
        terms=[term.strip() for term in terms.split(",")] if terms is not None else None, skipped=skipped,
    )  # fmt: skip
    counts = asdict(data.manifest.counts)
    faces = sum(len(sample.faces) for sample in data.samples)
    for sentence in skipped:
        say(f"skipped: {sentence}")
    if as_json:
        print(json.dumps({"out": str(out), "counts": counts, "faces": faces, "skipped": skipped}))
    else:
        splits = ", ".join(f"{count} {split}" for split, count in counts.items())
        stdout.print(f"{out}: {splits} pictures with {faces} faces ({len(skipped)} files skipped)", markup=False)
