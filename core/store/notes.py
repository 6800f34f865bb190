"""What lies beside a model in a run, as JSON: model.json, history.json and quantize.json."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from edgeblur.records import Record

MODEL = "model.json"
HISTORY = "history.json"
QUANTIZE = "quantize.json"
SCHEMES = ("int8", "int16x8")
"""Of quantization: weights and activations of 8 bits; activations of 16."""


@dataclass(frozen=True)
class Epoch(Record):
    """One epoch of a training. Metrics of the validation split begin with `val_`; what a net has none of is None.

    Attributes:
        epoch: its number, from 1.
        val_loss: by which the best epoch is chosen.
        seconds: wall time.
        loss: mean squared error, or of a net that finds masks cross entropy and overlap.
        mae: mean absolute error, 0 to 1.
        psnr: in dB.
        ssim: at most 1.
        iou: of masks, 0 to 1.
    """

    KEYS: ClassVar = ("epoch", "loss", "mae", "psnr", "ssim", "iou", "val_loss", "val_mae", "val_psnr", "val_ssim",
                      "val_iou", "seconds")  # fmt: skip

    epoch: int
    val_loss: float
    seconds: float
    loss: float | None = None
    mae: float | None = None
    psnr: float | None = None
    ssim: float | None = None
    iou: float | None = None
    val_mae: float | None = None
    val_psnr: float | None = None
    val_ssim: float | None = None
    val_iou: float | None = None


@dataclass(frozen=True)
class Gain:
    """Best validation figures of a student without and with its teacher, and the difference; of masks their IoU too.

    A positive gain says that distilling helped.
    """

    alone_val_psnr_db: float | None = None
    distilled_val_psnr_db: float | None = None
    gain_db: float | None = None
    alone_val_iou: float | None = None
    distilled_val_iou: float | None = None
    gain_iou: float | None = None


@dataclass(frozen=True)
class ModelInfo(Record):
    """model.json: what a model is and how it was made.

    Attributes:
        name: in its run.
        parameters: of the net.
        kind: `teacher`, `student`, or `alone` for a student that was trained only to be compared with.
        shelf: its name on the shelf, if it was taken from there.
        parent: the model of the run that it learnt from or was made from.
        teachers: further nets whose masks it learnt from, beside the parent's.
        teacher_weight: share of the teacher in what it learnt from, 0 to 1.
        feature_weight: of attention transfer.
        gained_by_distilling: beside the same student alone.
        pruned_channels: share of the parent's channels that were removed.
        zeroed_weights: share of weights that are zero.
        quantization_aware: trained on with int8 simulated.
        spec: the net by its numbers, as its family has them (`families.read_spec`).
        best: the epoch whose weights were kept.
        seconds: of training.
    """

    REMEDY: ClassVar = "restore it, or train again"
    SPARSE: ClassVar = ("quantization_aware", "teachers")

    name: str | None = None
    parameters: int | None = None
    kind: Literal["teacher", "student", "alone"] | None = None
    shelf: str | None = None
    parent: str | None = None
    teacher_weight: float | None = None
    feature_weight: float | None = None
    gained_by_distilling: Gain | None = None
    pruned_channels: float | None = None
    zeroed_weights: float | None = None
    teachers: tuple[str, ...] = ()
    quantization_aware: bool = False
    spec: Mapping[str, Any] | None = None
    best: Epoch | None = None
    seconds: int | None = None

    @property
    def is_mask_head(self) -> bool:
        """Whether the net is of the family of mask heads, or a centre net, which has the trunk of one."""
        return self.spec is not None and self.spec.get("family") in ("mask", "centre")


@dataclass(frozen=True)
class History(Record):
    """history.json: a training, epoch by epoch.

    Attributes:
        options: that it was begun with, to be compared with those that it is resumed with.
        steps_per_epoch: of the optimizer.
        epochs: so far.
    """

    REMEDY: ClassVar = "restore it, or train again"

    options: Mapping[str, Any]
    steps_per_epoch: int
    epochs: tuple[Epoch, ...]

    def __post_init__(self) -> None:
        numbers = [epoch.epoch for epoch in self.epochs]
        if any(later <= earlier for earlier, later in itertools.pairwise([0, *numbers])):
            raise ValueError(f"epochs should count upwards from 1, but are {numbers!s:.60}")

    @property
    def keep(self) -> str:
        """Which epoch's weights are kept: `best` or `last`."""
        return str(self.options.get("keep", "best"))


@dataclass(frozen=True)
class End:
    """Input or output of a quantized model: a real number is `scale * (byte - zero_point)`."""

    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class LayerLoss:
    """How faithfully quantization keeps one layer's output.

    Attributes:
        name: the layer, as the converter named its output tensor.
        op: kind of the op that makes it.
        snr_db: power of the float signal over the power of the difference, in dB; None if the float output is all zero.
    """

    name: str
    op: str
    snr_db: float | None


@dataclass(frozen=True)
class Account(Record):
    """quantize.json, or quantize_int16x8.json: what quantization cost.

    Attributes:
        calibration_pictures: of the train split, that ranges were taken from.
        test_pictures: that the quantized model was compared with float on.
        input, output: of the quantized model.
        size_bytes, compressed_bytes: of the quantized .tflite, as it is and after DEFLATE.
        float_size_bytes, float_compressed_bytes: of the float one.
        quantized_against_float_psnr_db: of the outputs.
        float_against_target_psnr_db, quantized_against_target_psnr_db: of the outputs against the blurred target, or of
            a detector's scores, as probabilities, against the cells in which faces have their centres.
        loss_db: the first of these two less the second.
        worst_layers: names, the worst first.
        layers: in the order in which they run.
    """

    REMEDY: ClassVar = "quantize again with --force"

    calibration_pictures: int
    test_pictures: int
    input: End
    output: End
    size_bytes: int
    compressed_bytes: int
    float_size_bytes: int
    float_compressed_bytes: int
    quantized_against_float_psnr_db: float
    float_against_target_psnr_db: float
    quantized_against_target_psnr_db: float
    loss_db: float
    worst_layers: tuple[str, ...]
    layers: tuple[LayerLoss, ...]
