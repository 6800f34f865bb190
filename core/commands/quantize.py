"""`edgeblur quantize`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

import edgeblur
from edgeblur.commands.mask_files import show_masks, write_masks
from edgeblur.commands.options import force_option, json_option, refuse_given
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout
from edgeblur.progress import say
from edgeblur.store.run_folder import Run, RunModel

if TYPE_CHECKING:
    from edgeblur.quantize.quantize import Quantized


@click.command()
@click.argument("target", metavar="RUN_OR_MODEL", type=click.Path(path_type=Path))
@click.option("--int8", is_flag=True, help="Full int8: weights, activations, input and output.")
@click.option("--int16x8", is_flag=True,
              help="8-bit weights and 16-bit activations: for nets whose picture suffers in int8. Takes twice the "
              "RAM.")  # fmt: skip
@click.option("--model", "model_name", help="Which model of a run; all of them by default.")
@click.option("--data", type=click.Path(path_type=Path), help="Data set to calibrate with. [default: the run's]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the .tflite of a bare .keras file.")
@click.option("--io", "io_type", default="int8", show_default=True, type=click.Choice(["int8", "uint8"]),
              help="Type of input and output.")  # fmt: skip
@click.option("--calibration", default=200, show_default=True, type=click.IntRange(1),
              help="Number of pictures of the train split to calibrate with.")  # fmt: skip
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1), help="Number of test pictures to compare on."
)
@click.option("--equalize/--no-equalize", default=True, show_default=True,
              help="Rescale channels first, so that small ones keep their precision, and correct gates.")  # fmt: skip
@click.option("--output", type=click.Choice(["mask"]),
              help="Also write the mask part of mask nets alone, without their picture output: int8_mask.tflite, the "
              "same weights.")  # fmt: skip
@click.option(
    "--qat", is_flag=True, help="Continue training with int8 simulated, for students that lose more than 0.5 dB."
)
@click.option("--epochs", default=5, show_default=True, type=click.IntRange(1), help="Number of epochs of --qat.")
@force_option
@json_option
def command(
    target: Path, int8: bool, int16x8: bool, model_name: str | None, data: Path | None, out: Path | None, io_type: str,
    calibration: int, limit: int, equalize: bool, output: str | None, qat: bool,
    epochs: int, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Quantize a run's models, or one .keras file, to int8 or int16x8, and show the loss layer by layer."""
    if not int8 and not int16x8:
        raise click.UsageError("Missing option '--int8' or '--int16x8'.")
    if int8 and int16x8:
        raise UserError("name one scheme: --int8, or --int16x8 for activations of 16 bits", options=("int8", "int16x8"))
    if int16x8:
        refuse_given("io_type", "output", "qat", because="is for --int8")
    if not target.exists():
        from edgeblur.models.shelf import find_entry

        shelved = f", such as $(edgeblur models path {target} --keras)" if find_entry(str(target)) else ""
        raise UserError(f"{target} does not exist: give a run folder or a .keras file{shelved}")
    from edgeblur.distill.nets.keras_files import require_tensorflow
    from edgeblur.quantize.quantize import models_to_quantize, quantize_file

    scheme = "int16x8" if int16x8 else "int8"
    options = edgeblur.QuantizeOptions(io_type, calibration, limit, equalize, scheme)
    run, models = models_to_quantize(target, model_name)
    if run is None and qat:
        raise UserError(f"--qat goes on training a model of a run on the run's data: {target} is a file, give the run")
    if run is not None:
        refuse_given("data", "out", because=f"is for a bare .keras file: {target} is a run, with data of its own")
    if not qat:
        refuse_given("epochs", because="is for --qat: without it nothing is trained")
    require_tensorflow()  # only now: it takes seconds, and what is above needs none of it
    if run is None:
        done = [quantize_file(target, data, out or target.with_suffix(f".{scheme}"), options, force=force)]
    elif qat:
        fit = edgeblur.FitOptions(epochs=epochs, learning_rate=2e-4)
        students = [m for m in models if m.info().kind == "student"]
        model = (students or models)[-1]
        done = [edgeblur.quantize_model(run, model.name, options, train_on=fit, force=force)]
    else:
        waiting = [m for m in models if force or not m.quantized(scheme).exists()]
        if not waiting and output is None:
            raise UserError(f"all models of {target} are quantized already: add --force to do it again")
        done = [edgeblur.quantize_model(run, m.name, options, force=force) for m in waiting]
    masks = []
    if output is not None:
        new = run is None or qat
        of = [RunModel(quantized.path.parent) for quantized in done] if new else models
        masks = write_masks(of, int8=True, force=force)
        if not masks:
            raise UserError(f"{target} has no mask net, so no mask alone: leave --output mask out")
    if as_json:
        told = [{"name": q.name, "path": str(q.path), **q.account.as_json()} for q in done]
        print(json.dumps({"models": told, **({"masks": [str(path) for path in masks]} if output else {})}))
        return
    for quantized in done:
        _show(quantized, run, scheme)
    show_masks(masks)


def _show(quantized: Quantized, run: Run | None, scheme: str) -> None:
    from edgeblur.quantize.qat import suits_qat
    from edgeblur.quantize.quantize import QAT_WORTH_DB

    account = quantized.account
    table = Table("layer", "op", "SNR, dB", title=f"{quantized.name}: {scheme} against float, layer by layer")
    for layer in account.layers:
        worst = " (worst)" if layer.name in account.worst_layers else ""
        table.add_row(layer.name, layer.op, "-" if layer.snr_db is None else f"{layer.snr_db:.1f}{worst}")
    stdout.print(table)
    stdout.print(
        f"{quantized.path}: {account.size_bytes:,} bytes (float {account.float_size_bytes:,}); on "
        f"{account.test_pictures} test pictures {account.quantized_against_target_psnr_db:.2f} dB against the target, "
        f"float {account.float_against_target_psnr_db:.2f}: {scheme} loses {quantized.loss_db:.2f} dB"
    )
    if quantized.loss_db > QAT_WORTH_DB:
        model = RunModel(quantized.path.parent)
        able = run is not None and scheme == "int8" and not model.info().quantization_aware and suits_qat(model)
        advice = f": try `edgeblur quantize --int8 --qat {run.folder} --model {model.name}`" if run and able else ""
        say(f"{quantized.name} loses more than {QAT_WORTH_DB} dB{advice}")
