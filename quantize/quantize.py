"""Post-training quantization of a run's models, with an account of what it cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.distill.nets.keras_files import float_tflite, load_keras
from edgeblur.distill.nets.unet import has_gate
from edgeblur.errors import UserError
from edgeblur.export.tflite.detector import detector_heads
from edgeblur.export.tflite.graph import ImageEnd, image_model, read_tflite
from edgeblur.files import as_json, compressed_bytes, refuse_existing, refuse_place, refuse_unwritable, write_together
from edgeblur.models.choose import choose_model
from edgeblur.pictures.images import Floats, to_floats
from edgeblur.pictures.metrics import psnr_db
from edgeblur.progress import say
from edgeblur.quantize.convert import calibration_pictures, to_quantized
from edgeblur.quantize.correct import correct_gate
from edgeblur.quantize.diagnose import diagnose
from edgeblur.quantize.equalize import equalize
from edgeblur.store.dataset import Dataset, Triple, evenly, open_dataset
from edgeblur.store.notes import MODEL, SCHEMES, Account, End
from edgeblur.store.run_folder import Run, RunModel, open_run

QAT_WORTH_DB = 0.5
"""If post-training quantization loses more than this, training aware of it is worth its time."""


@dataclass(frozen=True)
class QuantizeOptions:
    """How a net is quantized and how it is checked.

    Attributes:
        io_type: `int8` or `uint8` at both ends; of `int16x8` they are int16.
        calibration: pictures of the train split that activation ranges are taken from.
        limit: maximum number of test pictures on which the quantized net is compared with float.
        equalize: rescale channels first, so that each uses the range that it shares with others; and open a gate as far
            as in float.
        scheme: one of `SCHEMES`: `int8`, or `int16x8` with activations of 16 bits.

    Raises:
        UserError: an unknown scheme.
    """

    io_type: str = "int8"
    calibration: int = 200
    limit: int = 100
    equalize: bool = True
    scheme: str = "int8"

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise UserError(f"unknown scheme {self.scheme!r}: choose among {', '.join(SCHEMES)}")


@dataclass(frozen=True)
class Quantized:
    """A quantized model and what it lost; `loss_db` is PSNR against the blurred target, float minus quantized."""

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
    """Quantize one model of a run: writes int8.tflite and quantize.json into its folder, or those of another scheme.

    An int8_mask.tflite that was cut out of an int8.tflite before goes.

    Raises:
        UserError: it is quantized already (without `force`), or has an op that the scheme does not have.
    """
    path = model.quantized(options.scheme)
    refuse_place(path, force=force)
    data = open_dataset(run.dataset)
    net = load_keras(model.keras)
    count = min(options.calibration, len(data.split("train")))
    say(f"{model.name}: quantizing, calibrated on {count} training pictures")
    made, account = _quantize(net, model.float_tflite.read_bytes(), data, options)
    write_together({model.quantized_account(options.scheme): as_json(account.as_json()), path: made})
    if options.scheme == "int8":
        model.masks[0].unlink(missing_ok=True)
    return Quantized(model.name, path, account)


def quantize_file(path: Path, data: Path | None, out: Path, options: QuantizeOptions, *, force: bool) -> Quantized:
    """Quantize any .keras model that outputs a picture or a mask, or a centre net.

    Writes int8.tflite, float.tflite and quantize.json into `out`, or those of another scheme.

    Raises:
        UserError: no data set to calibrate with, `out` occupied, an op that the scheme does not have.
    """
    if data is None:
        raise UserError(f"{options.scheme} needs pictures to calibrate with: name a data set", options=("data",))
    refuse_existing(out, force=force)
    refuse_unwritable(RunModel(out).quantized_account(options.scheme))
    dataset, net = open_dataset(data), load_keras(path, masks=True)
    exact = float_tflite(net)
    made, account = _quantize(net, exact, dataset, options)
    model, told = RunModel(out), as_json(account.as_json())
    quantized = model.quantized(options.scheme)
    write_together({model.float_tflite: exact, quantized: made, model.quantized_account(options.scheme): told})
    return Quantized(path.stem, quantized, account)


def _quantize(net: Any, exact: bytes, data: Dataset, options: QuantizeOptions) -> tuple[bytes, Account]:
    _, height, width, _ = net.input_shape
    pictures = calibration_pictures(data, options.calibration, height, width)
    _refuse_overflow(net, pictures[0])
    gated = options.equalize and has_gate(net)  # asked first: once equalized, it is not recognized
    # An equalized net has the same output; layers that are compared have to be of one size.
    compared = float_tflite(net) if options.equalize and equalize(net, pictures) else exact
    made = to_quantized(net, pictures, io_type=options.io_type, scheme=options.scheme)
    if gated:
        correct_gate(net, made, pictures)
        made = to_quantized(net, pictures, io_type=options.io_type, scheme=options.scheme)
    account = account_for(compared, made, data, options, calibrated_on=len(pictures))
    return made, replace(account, float_size_bytes=len(exact), float_compressed_bytes=compressed_bytes(exact))


def _refuse_overflow(net: Any, picture: Floats) -> None:
    """Weights may be numbers, and what comes of them none: the converter then leaves ops in float without a reason."""
    import tf_keras

    outputs = {layer.name: layer.get_output_at(0) for layer in net.layers}
    found = tf_keras.Model(net.inputs, outputs)(picture, training=False)
    if broken := next((name for name, value in found.items() if not np.isfinite(value).all()), None):
        raise UserError(
            f"the layer {broken} outputs infinite numbers or NaN, so it has no scale: the weights "
            "up to it are damaged, or the training went astray; train the net anew, with a lower learning rate"
        )


def account_for(exact: bytes, made: bytes, data: Dataset, options: QuantizeOptions, *, calibrated_on: int) -> Account:
    """What quantize.json holds: sizes, both ends' scales, layers by signal-to-noise, PSNR on the test split.

    Of a detector the scores count, as probabilities, against the cells in which labelled faces have their centres.
    """
    graph = read_tflite(made)
    ends, heads = image_model(graph, several=True), detector_heads(graph)
    output = ends.outputs[heads[0].scores] if heads else ends.output
    samples = evenly(data.split("test"), options.limit)
    if not samples:
        raise UserError(f"{data.root} has no test split to compare int8 with float on: make it again with a test share")
    triples = [data.load(s, (ends.input.width, ends.input.height)) for s in samples]
    found = diagnose(exact, made, [to_floats(t.picture)[np.newaxis] for t in triples])
    targets = np.stack([_centres(t, output, ends.input) if heads else _target(t, output) for t in triples])
    float_db, made_db = _psnr_db(found.float_outputs, targets), _psnr_db(found.quantized_outputs, targets)
    return Account(
        calibration_pictures=calibrated_on,
        test_pictures=len(samples),
        input=_end(ends.input),
        output=_end(output),
        size_bytes=len(made),
        compressed_bytes=compressed_bytes(made),
        float_size_bytes=len(exact),
        float_compressed_bytes=compressed_bytes(exact),
        quantized_against_float_psnr_db=_psnr_db(found.quantized_outputs, found.float_outputs),
        float_against_target_psnr_db=float_db,
        quantized_against_target_psnr_db=made_db,
        loss_db=round(float_db - made_db, 3),
        worst_layers=tuple(layer.name for layer in found.worst()),
        layers=found.layers,
    )


def _target(triple: Triple, end: ImageEnd) -> Floats:
    """What a net should output: the blurred picture, or of a net without picture output the mask of each cell."""
    if end.channels != 1:
        return to_floats(triple.blur)
    height, width = (side // cells for side, cells in zip(triple.mask.shape, (end.height, end.width), strict=True))
    cells = to_floats(triple.mask).reshape(end.height, height, end.width, width)
    mask: Floats = cells.mean(axis=(1, 3))[..., np.newaxis]
    return mask


def _centres(triple: Triple, scores: ImageEnd, picture: ImageEnd) -> Floats:
    """What a detector should say of each cell: 1 where a face has its centre."""
    target: Floats = np.zeros((scores.height, scores.width, scores.channels), np.float32)
    for box in (face.box for face in triple.faces):
        row = int((box.y + box.h / 2) * scores.height / picture.height)
        column = int((box.x + box.w / 2) * scores.width / picture.width)
        target[min(max(row, 0), scores.height - 1), min(max(column, 0), scores.width - 1)] = 1
    return target


def _end(end: ImageEnd) -> End:
    assert end.scale is not None
    assert end.zero_point is not None
    return End(end.dtype, end.scale, end.zero_point)


def _psnr_db(outputs: Floats, references: Floats) -> float:
    """PSNR of many pictures `[N, H, W, C]`, 0 to 1, over their common mean squared error, in dB; at most 100."""
    return round(min(100.0, psnr_db(np.clip(outputs, 0, 1), references)), 3)
