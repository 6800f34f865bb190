"""A trained net becomes an integer .tflite: calibrated, batch 1, no float op left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgeblur.distill.nets.keras_files import convert, converter_of, unsupported
from edgeblur.errors import UserError
from edgeblur.export.tflite.graph import Graph, read_tflite, require_int8
from edgeblur.pictures.images import Floats, to_floats
from edgeblur.store.dataset import Dataset, evenly

_OPS = {
    "int8": "TFLITE_BUILTINS_INT8",
    "int16x8": "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",
}

_NO_SCALE = 1e-7  # the converter gives a tensor that is always 0 a scale of 8e-9


def calibration_pictures(data: Dataset, count: int, height: int, width: int) -> list[Floats]:
    """Up to `count` pictures of the train split, spread evenly over it, each `[1, height, width, 3]`, 0 to 1.

    Raises:
        UserError: the train split is empty.
    """
    samples = data.split("train")
    if not samples:
        raise UserError(
            f"{data.root} has no train split, so there is nothing to calibrate with: give another data set",
            options=("data",),
        )
    return [to_floats(data.load(s, (width, height)).picture)[np.newaxis] for s in evenly(samples, count)]


def to_quantized(net: Any, pictures: list[Floats] | None, *, io_type: str = "int8", scheme: str = "int8") -> bytes:
    """Quantize a tf_keras net after training: int8 weights (per channel), and activations of 8 or 16 bits.

    Args:
        net: `[N, H, W, 3]` floats 0 to 1 to a picture.
        pictures: the calibration set, each `[1, H, W, 3]`; None for a net that was trained aware of quantization
            and knows its ranges.
        io_type: `int8` or `uint8` at both ends; of `int16x8` they are int16.
        scheme: one of `edgeblur.store.notes.SCHEMES`.

    Raises:
        UserError: the net has an op that the scheme does not have.
        RunError: the converter failed otherwise.
    """
    import tensorflow as tf

    def representative() -> Iterator[list[Floats]]:
        yield from ([picture] for picture in pictures or [])

    converter = converter_of(net)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if pictures is not None:
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [getattr(tf.lite.OpsSet, _OPS[scheme])]
    ends = "int16" if scheme == "int16x8" else io_type
    converter.inference_input_type = converter.inference_output_type = getattr(tf, ends)
    model = convert(converter, scheme)
    graph = read_tflite(model)
    _refuse_float_ops(graph, scheme)
    _refuse_blind(graph)
    require_int8(graph)
    return model


def _refuse_blind(graph: Graph) -> None:
    """A mask head whose mask was 0 throughout has no range for its blend; some interpreters cannot even load it."""
    if any(op.kind == "MUL" and max(graph.tensors[op.outputs[0]].scales, default=1.0) < _NO_SCALE for op in graph.ops):
        raise UserError(
            "the net finds no face in the calibration pictures, so its blur has no scale in int8: "
            "train it longer, or calibrate with pictures of faces"
        )


def _refuse_float_ops(graph: Graph, scheme: str) -> None:
    """The converter leaves an op in float, between DEQUANTIZE and QUANTIZE, if it has no integer kernel."""
    float_tensors = {tensor.index for tensor in graph.tensors if "float" in tensor.dtype}
    kinds = {op.kind for op in graph.ops if float_tensors & {*op.outputs}} - {"DEQUANTIZE"}
    if kinds:
        raise unsupported(kinds, scheme)
