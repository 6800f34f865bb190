"""Quantization-aware training, for students that lose too much when quantized after training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeblur.distill.nets.families import finds_masks
from edgeblur.distill.nets.keras_files import load_keras, save_model
from edgeblur.distill.nets.unet import UNetSpec
from edgeblur.distill.teacher import spec_of
from edgeblur.distill.training.fit import FitOptions, Teaching, fit
from edgeblur.errors import UserError
from edgeblur.files import as_json, new_folder, refuse_existing, write_together
from edgeblur.progress import say
from edgeblur.quantize.convert import to_quantized
from edgeblur.quantize.quantize import Quantized, QuantizeOptions, account_for
from edgeblur.store.dataset import open_dataset
from edgeblur.store.notes import QUANTIZE, ModelInfo
from edgeblur.store.run_folder import Run, RunModel


def quantize_aware(
    run: Run, model: RunModel, options: QuantizeOptions, fit_options: FitOptions, *, force: bool
) -> Quantized:
    """Go on training a run's model with quantization simulated (Jacob et al. 2018), and convert it: `NAME-qat`.

    Raises:
        UserError: `NAME-qat` exists already (without `force`); the model is none that `suits_qat`; another scheme.
    """
    if options.scheme != "int8":
        raise UserError(f"training goes on for int8 only: quantize to {options.scheme} after training")
    spec = _suited_spec(model)
    aware = RunModel(run.folder / f"{model.name}-qat")
    refuse_existing(aware.folder, force=force)
    data, net = open_dataset(run.dataset), load_keras(model.keras)
    wrapped = simulate_int8(net)
    say(f"{aware.name}: training {model.name} on with int8 simulated")
    teaching = None if model.name == run.teacher.name else Teaching(load_keras(run.teacher.keras))
    with new_folder(aware.folder, force=force) as folder:
        fitted = fit(wrapped, data, folder, fit_options, teaching=teaching)
        int8 = to_quantized(wrapped, None, io_type=options.io_type)
        _take_back(wrapped, net)
        info = ModelInfo(aware.name, kind="student", parent=model.name, quantization_aware=True,
                         spec=spec.as_json(), best=fitted.best, seconds=round(fitted.seconds))  # fmt: skip
        made = RunModel(folder)
        save_model(net, made, info)
        exact, count = made.float_tflite.read_bytes(), len(data.split("train"))
        account = account_for(exact, int8, data, options, calibrated_on=count)
        write_together({folder / QUANTIZE: as_json(account.as_json()), made.int8_tflite: int8})
    run.add(aware.name)
    return Quantized(aware.name, Path(aware.int8_tflite), account)


def suits_qat(model: RunModel) -> bool:
    """Whether `quantize_aware` would take this model of a run."""
    try:
        _suited_spec(model)
    except UserError:
        return False
    return True


def _suited_spec(model: RunModel) -> UNetSpec:
    """The spec of a model that can learn with int8 simulated.

    Raises:
        UserError: it has batch norm, which is folded differently, a gate, or is a mask head.
    """
    spec = spec_of(model)
    if spec.batch_norm:
        raise UserError(
            f"quantization-aware training is for nets without batch norm, and {model.name} has it: quantize it after "
            "training",
            options=("qat",),
        )
    if finds_masks(spec):
        raise UserError(
            f"quantization-aware training would move what the gate of {model.name} passes on: quantize it after "
            "training",
            options=("qat",),
        )
    return spec


def simulate_int8(net: Any) -> Any:
    """The net with int8 rounding of weights and activations simulated in its forward pass."""
    from tensorflow_model_optimization.quantization import keras as quantization

    return quantization.quantize_model(net)


def _take_back(wrapped: Any, net: Any) -> None:
    """Copy the trained kernels and biases out of the wrapped net, by layer name."""
    trained = {w.name.removeprefix("quant_").split(":")[0]: w for w in wrapped.trainable_weights}
    for weight in net.trainable_weights:
        weight.assign(trained[weight.name.split(":")[0]])
