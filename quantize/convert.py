"""A trained net becomes a full int8 .tflite: calibrated, batch 1, no float op left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from edgeblur.dataset import Dataset
from edgeblur.distill.keras_files import concrete, silent_stderr
from edgeblur.errors import RunError, UserError
from edgeblur.export.tflite import read_tflite, require_int8
from edgeblur.images import Floats, to_floats

IO_TYPES = ("int8", "uint8")


def calibration_pictures(data: Dataset, count: int, height: int, width: int) -> list[Floats]:
    """Up to `count` pictures of the train split, spread evenly over it, each `[1, height, width, 3]`, 0 to 1.

    Raises:
        UserError: the train split is empty.
    """
    samples = data.split("train")
    if not samples:
        raise UserError(f"{data.root} has no train split, so there is nothing to calibrate with: give another --data")
    chosen = [samples[i * len(samples) // min(count, len(samples))] for i in range(min(count, len(samples)))]
    return [to_floats(data.load(s, (width, height)).picture)[np.newaxis] for s in chosen]


def to_int8(net: Any, pictures: list[Floats] | None, *, io_type: str = "int8") -> bytes:
    """Quantize a tf_keras net after training: int8 weights (per channel) and activations.

    Args:
        net: `[N, H, W, 3]` floats 0 to 1 to a picture.
        pictures: the calibration set, each `[1, H, W, 3]`; None for a net that was trained aware of quantization
            and knows its ranges.
        io_type: `int8` or `uint8` at both ends.

    Raises:
        UserError: the net has an op that exists in float only.
        RunError: the converter failed otherwise, or left a float tensor behind.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    def representative() -> Iterator[list[Floats]]:
        yield from ([picture] for picture in pictures or [])

    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete(net)], net)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if pictures is not None:
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = getattr(tf, io_type)
    try:
        with silent_stderr():
            model: bytes = converter.convert()
    except (ConverterError, RuntimeError, ValueError) as error:
        raise _refusal(error) from error
    require_int8(read_tflite(model))
    return model


def _refusal(error: Exception) -> UserError | RunError:
    """One sentence for what the converter said in many."""
    text = str(error)
    ops = sorted(set(re.findall(r"tf\.([A-Z]\w+)", text)) | set(re.findall(r"(?:op|Op):? '?(?:tf\.|tfl\.)(\w+)", text)))
    if ops:
        return UserError(
            f"the net has ops that cannot run in int8 ({', '.join(ops)}): replace them by convolutions, ReLU, pooling, "
            "concat or sigmoid"
        )
    return RunError(
        f"the converter could not quantize this net: {text.strip().splitlines()[0][:200] if text else error!r}"
    )
