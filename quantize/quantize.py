"""Post-training quantization of a run's models, with an account of what it cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.distill.nets.keras_files import float_tflite, load_keras
from edgeblur.distill.nets.unet import has_gate
from edgeblur.errors import UserError
from edgeblur.export.tflite.graph import ImageEnd, image_model, read_tflite
from edgeblur.files import as_json, compressed_bytes, refuse_existing, write_together
from edgeblur.models.choose import choose_model
from edgeblur.pictures.images import Floats, to_floats
from edgeblur.pictures.metrics import psnr_db
from edgeblur.progress import say
from edgeblur.quantize.convert import calibration_pictures, to_int8
from edgeblur.quantize.correct import correct_gate
from edgeblur.quantize.diagnose import diagnose
from edgeblur.quantize.equalize import equalize
from edgeblur.store.dataset import Dataset, Triple, evenly, open_dataset
from edgeblur.store.notes import MODEL, QUANTIZE, Account, End
from edgeblur.store.run_folder import Run, RunModel, open_run

QAT_WORTH_DB = 0.5
"""If post-training quantization loses more than this, training aware of it is worth its time."""


@dataclass(frozen=True)
class QuantizeOptions:
    """How a net is quantized and how it is checked.

    Attributes:
        io_type: `int8` or `uint8` at both ends.
        calibration: pictures of the train split that activation ranges are taken from.
        limit: pictures of the test split that int8 is compared with float on, at most.
        equalize: rescale channels first, so that each uses the range that it shares with others; and open a gate as far
            as in float.
    """

    io_type: str = "int8"
    calibration: int = 200
    limit: int = 100
    equalize: bool = True


@dataclass(frozen=True)
class Quantized:
    """A quantized model and what it lost; `loss_db` is PSNR against the blurred target, float minus int8."""

    name: str
    path: Path
    account: Account

    @property
    def loss_db(self) -> float:
        """What quantization cost on the test split, in dB."""
        return self.account.loss_db


def models_to_quantize(target: Path, name: str | None) -> tuple[Run | None, list[RunModel]]:
    """What RUN_OR_MODEL means to `quantize`: a run's models (or the one that is named), or one bare .keras file.

    Those trained for comparison only are left out, and those that learnt with int8 simulated: theirs came of that.

    Raises:
        UserError: nothing there; a .tflite, which is converted already; a model that is not in the run, or that
            learnt with int8 simulated; a name beside a file.
    """
    if target.suffix == ".tflite":
        raise UserError(f"{target} is a .tflite already: quantize the .keras model that it was made from")
    if target.is_file():
        if name is not None:
            raise UserError(f"{target} is a file: leave the model {name} out, or give a run folder", options=("model",))
        return None, []
    if not target.exists():
        raise UserError(f"{target} does not exist: give a run folder or a .keras file")
    if name is None and not (target / MODEL).is_file():
        run = open_run(target)
        return run, [m for m in run.some_models() if m.info().kind != "alone" and not _learnt_int8(m)]
    run, model = choose_model(target, name)
    if _learnt_int8(model):
        raise UserError(f"{model.name} learnt with int8 simulated, and its int8.tflite came of that: name its parent, "
                        f"{model.info().parent}")  # fmt: skip
    return run, [model]


def _learnt_int8(model: RunModel) -> bool:
    return model.info().quantization_aware


def quantize_run_model(run: Run, model: RunModel, options: QuantizeOptions, *, force: bool) -> Quantized:
    """Quantize one model of a run: writes int8.tflite and quantize.json into its folder.

    An int8_mask.tflite that was cut out of an int8.tflite before goes.

    Raises:
        UserError: it is quantized already (without `force`), or has an op without int8.
    """
    refuse_existing(model.int8_tflite, force=force)
    data = open_dataset(run.dataset)
    net = load_keras(model.keras)
    count = min(options.calibration, len(data.split("train")))
    say(f"{model.name}: quantizing, calibrated on {count} training pictures")
    int8, account = _quantize(net, model.float_tflite.read_bytes(), data, options)
    write_together({model.folder / QUANTIZE: as_json(account.as_json()), model.int8_tflite: int8})
    model.masks[0].unlink(missing_ok=True)
    return Quantized(model.name, model.int8_tflite, account)


def quantize_file(path: Path, data: Path | None, out: Path, options: QuantizeOptions, *, force: bool) -> Quantized:
    """Quantize anybody's .keras model, which puts out a picture or a mask.

    Writes int8.tflite, float.tflite and quantize.json into `out`.

    Raises:
        UserError: no data set to calibrate with, `out` occupied, an op without int8.
    """
    if data is None:
        raise UserError("int8 needs pictures to calibrate with: name a data set", options=("data",))
    refuse_existing(out, force=force)
    dataset, net = open_dataset(data), load_keras(path, masks=True)
    exact = float_tflite(net)
    int8, account = _quantize(net, exact, dataset, options)
    parts = {"float.tflite": exact, "int8.tflite": int8, QUANTIZE: as_json(account.as_json())}
    write_together({out / name: data for name, data in parts.items()})
    return Quantized(path.stem, out / "int8.tflite", account)


def _quantize(net: Any, exact: bytes, data: Dataset, options: QuantizeOptions) -> tuple[bytes, Account]:
    _, height, width, _ = net.input_shape
    pictures = calibration_pictures(data, options.calibration, height, width)
    gated = options.equalize and has_gate(net)  # asked first: once equalized, it is not recognized
    # An equalized net puts out the same; layers that are compared have to be of one size.
    compared = float_tflite(net) if options.equalize and equalize(net, pictures) else exact
    int8 = to_int8(net, pictures, io_type=options.io_type)
    if gated:
        correct_gate(net, int8, pictures)
        int8 = to_int8(net, pictures, io_type=options.io_type)
    account = account_for(compared, int8, data, options, calibrated_on=len(pictures))
    return int8, replace(account, float_size_bytes=len(exact), float_compressed_bytes=compressed_bytes(exact))


def account_for(exact: bytes, int8: bytes, data: Dataset, options: QuantizeOptions, *, calibrated_on: int) -> Account:
    """What quantize.json holds: sizes, both ends' scales, layers by signal-to-noise, PSNR on the test split."""
    ends = image_model(read_tflite(int8))
    samples = evenly(data.split("test"), options.limit)
    if not samples:
        raise UserError(f"{data.root} has no test split to compare int8 with float on: make it again with a test share")
    triples = [data.load(s, (ends.input.width, ends.input.height)) for s in samples]
    found = diagnose(exact, int8, [to_floats(t.picture)[np.newaxis] for t in triples])
    targets = np.stack([_target(t, ends.output) for t in triples])
    float_db, int8_db = _psnr_db(found.float_outputs, targets), _psnr_db(found.int8_outputs, targets)
    return Account(
        calibration_pictures=calibrated_on,
        test_pictures=len(samples),
        input=_end(ends.input),
        output=_end(ends.output),
        size_bytes=len(int8),
        compressed_bytes=compressed_bytes(int8),
        float_size_bytes=len(exact),
        float_compressed_bytes=compressed_bytes(exact),
        int8_against_float_psnr_db=_psnr_db(found.int8_outputs, found.float_outputs),
        float_against_target_psnr_db=float_db,
        int8_against_target_psnr_db=int8_db,
        loss_db=round(float_db - int8_db, 3),
        worst_layers=tuple(layer.name for layer in found.worst()),
        layers=found.layers,
    )


def _target(triple: Triple, end: ImageEnd) -> Floats:
    """What a net should put out: the blurred picture, or of a net without picture output the mask of each cell."""
    if end.channels != 1:
        return to_floats(triple.blur)
    height, width = (side // cells for side, cells in zip(triple.mask.shape, (end.height, end.width), strict=True))
    cells = to_floats(triple.mask).reshape(end.height, height, end.width, width)
    mask: Floats = cells.mean(axis=(1, 3))[..., np.newaxis]
    return mask


def _end(end: ImageEnd) -> End:
    assert end.scale is not None
    assert end.zero_point is not None
    return End(end.dtype, end.scale, end.zero_point)


def _psnr_db(outputs: Floats, references: Floats) -> float:
    """PSNR of many pictures `[N, H, W, C]`, 0 to 1, over their common mean squared error, in dB; at most 100."""
    return round(min(100.0, psnr_db(np.clip(outputs, 0, 1), references)), 3)
