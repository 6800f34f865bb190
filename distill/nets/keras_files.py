"""Trained models on disk: model.keras, model.json and float.tflite of a run's model folder."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.distill.nets.centres import has_centres
from edgeblur.distill.nets.stored_nets import refuse_code
from edgeblur.distill.nets.unet import renew_gate
from edgeblur.errors import RunError, UserError, missing_package
from edgeblur.files import telling_disk_errors, write_bytes
from edgeblur.store.notes import MODEL, ModelInfo
from edgeblur.store.run_folder import RunModel


def require_tensorflow() -> None:
    """Import TensorFlow quietly, or raise the sentence that says how to install it.

    Raises:
        UserError: TensorFlow or tf_keras is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # On by itself only where a CPU has AVX-512; a narrow mask head learns nearly three times as fast with it on others.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        with silent_stderr():
            import tensorflow  # noqa: F401
            import tf_keras  # noqa: F401
    except ImportError as error:
        raise missing_package("tensorflow", "train", error) from error


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Send the process's standard error nowhere: TensorFlow's C++ greets there before it reads its log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def at_size(net: Any, height: int, width: int) -> Any:
    """A net for pictures of another size: it is all convolutions, so its weights stay.

    Args:
        net: a tf_keras model, `[N, H, W, 3]` to the same shape.
        height, width: multiples of what its levels divide by.
    """
    import tf_keras

    if tuple(net.input_shape[1:3]) == (height, width):
        return net
    other = tf_keras.models.clone_model(net, input_tensors=tf_keras.layers.Input((height, width, 3)))
    other.set_weights(net.get_weights())
    return other


def load_keras(path: Path, *, masks: bool = False) -> Any:
    """Load a tf_keras model whose input and output are one picture each, `[N, H, W, 3]`, or a centre net.

    Args:
        path: a .keras or .h5 file.
        masks: the output may as well be a mask, `[N, H / n, W / n, 1]`: a mask head without its picture output.

    Raises:
        UserError: the file is missing, would run code of its own, cannot be read by tf_keras, or the model's shapes
            are others, or a weight is no finite number.
    """
    import tf_keras

    if not path.exists():
        raise UserError(f"{path} does not exist: give a .keras or .h5 file that tf_keras wrote")
    refuse_code(path)
    try:
        net = tf_keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, IndexError, RecursionError) as error:
        raise UserError(
            f"{path} cannot be read as a tf_keras model ({(str(error).splitlines() or [repr(error)])[0][:120]}): "
            "save it with tf_keras (Keras 3 files are another format)"
        ) from error
    _require_picture_to_picture(net, path, masks=masks)
    if broken := next((w.name for w in net.weights if not np.isfinite(w.numpy()).all()), None):
        raise UserError(f"{path} has weights that are no numbers ({broken}): its training went astray; train it anew, "
                        "with a lower learning rate")  # fmt: skip
    renew_gate(net)
    return net


def _require_picture_to_picture(net: Any, path: Path, *, masks: bool) -> None:
    shapes = [tuple(tensor.shape) for tensor in (*net.inputs, *net.outputs)]
    found = " and ".join(map(str, shapes))
    if len(net.inputs) == 1 and None not in shapes[0][1:] and shapes[0][3:] == (3,) and has_centres(net):
        return
    if len(net.inputs) != 1 or len(net.outputs) != 1 or any(len(shape) != 4 for shape in shapes):
        raise UserError(f"{path} should take one picture and give one ([N, H, W, 3]), it has {found}")
    if None in shapes[0][1:]:
        raise UserError(f"{path} has an open input size {shapes[0]}: fix height, width and channels for a board")
    if shapes[0][3] != 3 or not (shapes[1][1:] == shapes[0][1:] or (masks and _is_mask(shapes[1], of=shapes[0]))):
        raise UserError(f"{path} should take an RGB picture and give one of the same size, it has {found}")


def _is_mask(shape: tuple[int | None, ...], *, of: tuple[int | None, ...]) -> bool:
    """Whether an output has one number for each square of the picture."""
    _, height, width, channels = shape
    if channels != 1 or not height or not width:
        return False
    cell = (of[1] or 0) // height
    return cell > 0 and (height * cell, width * cell) == of[1:3]


def concrete(net: Any) -> Any:
    """The net's inference as a concrete function of batch 1, so that the converter leaves no shape ops behind."""
    import tensorflow as tf

    _, height, width, channels = net.input_shape
    signature = tf.TensorSpec([1, height, width, channels], tf.float32, name="picture")
    return tf.function(lambda picture: net(picture, training=False)).get_concrete_function(signature)


def converter_of(net: Any) -> Any:
    """A TFLiteConverter of the net's inference."""
    import tensorflow as tf

    # It saves what it is given: of a whole net each layer is traced anew, for the same bytes in several times the time.
    variables = tf.Module()
    variables.kept = net.weights
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete(net)], variables)


def float_tflite(net: Any, *, float16: bool = False) -> bytes:
    """The net as a float .tflite, `[1, H, W, 3]` floats 0 to 1 to the same.

    Args:
        net: a tf_keras model.
        float16: store the weights in 16 bits, which halves the file; it computes with 32.

    Raises:
        UserError: the net has an op that TensorFlow Lite lacks.
        RunError: the converter failed otherwise.
    """
    import tensorflow as tf

    converter = converter_of(net)
    if float16:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return convert(converter)


def convert(converter: Any, scheme: str = "int8") -> bytes:
    """Run a TFLiteConverter quietly; refusals name the scheme that it was asked for.

    Raises:
        UserError: an op that cannot be converted as asked; it is named.
        RunError: the converter failed otherwise.
    """
    from tensorflow.lite.python.convert_phase import ConverterError

    try:
        with silent_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it remarks that a net trained aware of quantization needs no calibration
            converted: bytes = converter.convert()
    except (ConverterError, RuntimeError, ValueError) as error:
        raise _refusal(str(error), scheme) from error
    return converted


def _refusal(text: str, scheme: str) -> UserError | RunError:
    """One sentence for what the converter said in many."""
    ops = set(re.findall(r"\btf\.([A-Z]\w+)", text)) | set(re.findall(r"\b[oO]p:? '?(?:tfl?\.)?([A-Z]\w+)", text))
    if ops:
        return unsupported(ops, scheme)
    return RunError(
        f"the converter could not convert this net: {(text.strip() or 'no reason given').splitlines()[0][:200]}"
    )


def unsupported(ops: Iterable[str], scheme: str = "int8") -> UserError:
    """The refusal of a net with ops that no microcontroller's integer kernels have."""
    return UserError(
        f"the net has ops that cannot run in {scheme} ({', '.join(sorted(ops))}): replace them by convolutions, ReLU, "
        "pooling, concat or sigmoid"
    )


def save_model(net: Any, model: RunModel, info: ModelInfo) -> None:
    """Write model.keras, float.tflite and model.json (`info` and the parameter count) of a trained net."""
    partial = model.folder / "partial.keras"
    try:
        with telling_disk_errors(model.keras):
            net.save(partial)
        write_bytes(model.float_tflite, float_tflite(net))
        replace(info, name=info.name or model.name, parameters=net.count_params()).write(model.folder / MODEL)
        partial.replace(model.keras)  # last: a model counts as finished when this file is there
    finally:
        partial.unlink(missing_ok=True)
    shutil.rmtree(model.folder / "checkpoint", ignore_errors=True)
    (model.folder / "best.npz").unlink(missing_ok=True)
