"""`edgeblur train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

import edgeblur
from edgeblur.commands.options import (
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
from edgeblur.progress import say


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Data set made by `edgeblur data make`.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Run folder to make.")
@family_option
@click.option(
    "--width", "base", default=32, show_default=True, type=click.IntRange(1), help="Filters of the top level."
)
@click.option("--levels", default=3, show_default=True, type=click.IntRange(1, 5), help="Pooling levels.")
@click.option(
    "--size", default=128, show_default=True, type=click.IntRange(16), help="Side of the net's input, in pixels."
)
@click.option("--batch-norm/--no-batch-norm", default=False, help="Batch normalization before each ReLU.")
@ending_option
@click.option("--dropout/--no-dropout", default=False, help="0.05 in the deepest encoder level, 0.2 in the bottleneck.")
@fit_options(epochs=30)
@click.option("--start", type=KerasFile(),
              help="Start from the weights of this .keras file, or of a model of the shelf; a mask head "
              "from any other's.")  # fmt: skip
@click.option("--strategy", default="single", show_default=True, type=click.Choice(["single", "multiworker"]),
              help="multiworker: one process per machine, as TF_CONFIG says.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Continue a training that was interrupted.")
@force_option
@json_option
def command(
    data: Path, out: Path, family: str, base: int, levels: int, size: int, batch_norm: bool, output: str,
    dropout: bool, start: Path | None, strategy: str, resume: bool, force: bool, as_json: bool, **learning: Any,
) -> None:  # fmt: skip
    """Train the teacher U-Net (or a relative of it) into a run folder.

    The defaults are the thesis's net: 128x128x3, filters 32-64-128, bottleneck 256, 1,925,667 parameters. With
    --family mask it is a wide mask head, from whose masks a narrow one can learn.
    """
    if family != "unet":
        refuse_given("levels", "batch_norm", "output", "dropout", because=f"is for U-Nets, not for --family {family}")
    if family == "centre":
        raise UserError("a centre net learns from a teacher: train one of another family, then `edgeblur distill "
                        f"{out} --family centre`", options=("family",))  # fmt: skip
    if family == "live":
        refuse_given("base", because="is not for --family live, which has one width")
    from edgeblur.distill.nets.keras_files import require_tensorflow

    require_tensorflow()
    from edgeblur.distill.nets.families import NetSpec, augmentation
    from edgeblur.distill.nets.mask_head import live_spec, mask_spec
    from edgeblur.distill.nets.unet import unet_spec
    from edgeblur.distill.training.fit import Fitted

    spec: NetSpec
    if family == "live":
        spec = live_spec(height=size, width=size)
    elif family == "mask":
        spec = mask_spec(base, height=size, width=size)
    else:
        spec = unet_spec(base, levels, height=size, width=size, batch_norm=batch_norm, dropout=dropout, output=output)
    fit = edgeblur.FitOptions(augmentation=augmentation(family, output), **learning)
    run = edgeblur.train_teacher(
        data, out, edgeblur.TrainOptions(spec, fit, strategy, start), resume=resume, force=force
    )  # fmt: skip
    if not run.teacher.keras.exists():
        say(f"{out}: trained as one of several workers; the chief writes the run")
        return
    fitted = Fitted.read(run.teacher)
    best = fitted.best
    if as_json:
        click.echo(json.dumps({"out": str(out), "best": best.as_json(), "seconds": round(fitted.seconds)}))
        return
    stdout.print(
        f"{out}: best epoch {best.epoch}, validation {best.val_psnr:.2f} dB, SSIM {best.val_ssim:.3f}, "
        f"MAE {best.val_mae:.4f}; curves in {out}/teacher/curves.png"
    )
