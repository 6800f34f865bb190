"""`edgeblur distill`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

import edgeblur
from edgeblur.commands.mask_files import show_masks, write_masks
from edgeblur.commands.options import (
    FiniteRange,
    KerasFile,
    ending_option,
    family_option,
    fit_options,
    force_option,
    json_option,
    refuse_given,
)  # fmt: skip
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout
from edgeblur.store.run_folder import open_run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@family_option
@click.option("--width", default=8, show_default=True, type=click.IntRange(1), help="Filters of the top level.")
@click.option("--levels", default=3, show_default=True, type=click.IntRange(2, 4), help="Pooling levels of a U-Net.")
@ending_option
@click.option("--teacher-weight", default=0.5, show_default=True, type=FiniteRange(0, 1),
              help="0 learns from the ground truth alone, 1 from the teacher alone.")  # fmt: skip
@click.option("--with-teacher", "with_teachers", multiple=True, metavar="NAME",
              help="Another net to learn masks from, beside the run's teacher: a .keras file or a name of the shelf. "
              "Repeatable; the student learns from the mean.")  # fmt: skip
@click.option("--feature-weight", default=0.0, show_default=True, type=FiniteRange(0),
              help="Weight of attention transfer between layers of the same place.")  # fmt: skip
@click.option("--prune", default=0.0, help="Then remove this share of whole channels: smaller and faster.")
@click.option("--sparsity", default=0.0, help="Then zero this share of single weights: smaller when compressed.")
@click.option("--mask-alone", is_flag=True,
              help="Also write the mask part of a mask net alone, without its picture output: float_mask.tflite, the "
              "same weights.")  # fmt: skip
@click.option("--alone/--no-alone", default=True, help="Also train the student without the teacher, to compare.")
@fit_options(epochs=30)
@click.option("--start", type=KerasFile(),
              help="Start from the weights of this .keras file, or of a model of the shelf; a mask head "
              "from any other's; with --no-alone. "
              "[default: --from-study starts as the trial did]")  # fmt: skip
@click.option("--from-study", "study", help="Train a net that `edgeblur search` tried: the storage of its study.")
@click.option("--trial", type=click.IntRange(0), help="Number of the trial in that study.")
@click.option("--study-name", default="edgeblur", show_default=True, help="Name of the study in its storage.")
@click.option("--resume", is_flag=True, help="Continue a training that was interrupted.")
@force_option
@json_option
def command(
    run: Path, family: str, width: int, levels: int, output: str, teacher_weight: float,
    with_teachers: tuple[str, ...], feature_weight: float, prune: float, sparsity: float, mask_alone: bool,
    alone: bool, start: Path | None, study: str | None, trial: int | None, study_name: str, resume: bool, force: bool,
    as_json: bool, **learning: Any,
) -> None:  # fmt: skip
    """Distill the teacher of RUN into a narrower student, and prune it if asked.

    A student that is already trained is pruned as it is, not trained again. With --family mask the student is a mask
    head; it learns from the teacher's masks where the teacher is one too (`edgeblur train --family mask`). So does
    --family centre, a face detector: its scores and boxes are veiled in frames, as those of other detectors.
    """
    if family != "unet":
        refuse_given("levels", "output", because=f"is for U-Nets, not for --family {family}")
    elif study is None:
        refuse_given("mask_alone", because="is for mask nets: add --family mask or live")
    if family in ("live", "centre"):
        refuse_given("width", because=f"is not for --family {family}, which has one width")
    if study is None:
        refuse_given("trial", "study_name", because="chooses in a study: add --from-study")
    else:
        refuse_given("family", "width", "levels", "output", because="is said by the trial of --from-study")
    opened = open_run(run)
    from edgeblur.distill.nets.keras_files import require_tensorflow

    require_tensorflow()
    from edgeblur.distill.nets.families import augmentation
    from edgeblur.models.shelf import keras_of

    if study is not None:
        family = "mask"
    fit = edgeblur.FitOptions(augmentation=augmentation(family, output), **learning)
    options = edgeblur.StudentOptions(
        family, width, levels, output, teacher_weight, feature_weight, prune, sparsity, alone, start,
        with_teachers=tuple(map(keras_of, with_teachers)), fit=fit,
    )  # fmt: skip
    if study is not None:
        options = _from_study(options, study, study_name, trial)
    models = edgeblur.distill_student(opened, options, resume=resume, force=force)
    masks = write_masks(models, int8=False, force=force) if mask_alone else []
    if as_json:
        told = {"models": [m.info().as_json() for m in models]}
        print(json.dumps({**told, **({"masks": [str(path) for path in masks]} if mask_alone else {})}))
        return
    for model in models:
        info = model.info()
        line = f"{model.name}: {'unknown' if info.parameters is None else f'{info.parameters:,}'} parameters"
        if info.best and info.best.val_psnr is not None:
            line += f", validation {info.best.val_psnr:.2f} dB"
        elif info.best and info.best.val_iou is not None:
            line += f", validation: IoU of centres {info.best.val_iou:.3f}"
        if info.gained_by_distilling and info.gained_by_distilling.gain_db is not None:
            line += f" ({info.gained_by_distilling.gain_db:+.2f} dB against the same student trained alone)"
        stdout.print(line)
    show_masks(masks)


def _from_study(
    options: edgeblur.StudentOptions, study: str, name: str, trial: int | None
) -> edgeblur.StudentOptions:  # fmt: skip
    """The same for a net of a study, which is called by its trial in the run."""
    from edgeblur.models.shelf import keras_of
    from edgeblur.search.storage import shown
    from edgeblur.search.study import front, read_study, read_trial
    from edgeblur.search.teachers import NONE

    try:
        if trial is None:
            best = ", ".join(str(one.number) for one in front(read_study(study, name))) or "none yet"
            raise UserError(f"which net of {shown(study)}? Name it with --trial; the front consists of {best}")
        chosen = read_trial(study, trial, name)
    except UserError as error:
        if error.options == ("study",):  # as `search` calls it
            error.options = ("from_study",)
        raise
    start = options.start
    if start is None and chosen.start != NONE:
        start = keras_of(chosen.start)
    return replace(options, net=chosen.spec, called=f"trial{trial}", start=start)
