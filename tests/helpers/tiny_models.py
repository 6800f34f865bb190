"""Tiny seeded nets, U-Nets as .tflite bytes too, so that a test can have any shape, type and width it wants."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from edgeblur.distill.nets.keras_files import converter_of
from edgeblur.distill.nets.mask_head import MaskSpec, build_mask_head, set_clamp
from edgeblur.firmware_harness.engines.engines import ENGINES

HAS_TFLITE_RUNTIME = sys.version_info < (3, 12)
"""Its last release is for Python 3.11."""

ENGINES_HERE = tuple(name for name in ENGINES if name != "stream" and (HAS_TFLITE_RUNTIME or name != "tflite-runtime"))
"""Interpreters that take any model; the streaming engine, for int8 nets of some ops, has tests of its own."""


def tiny_unet(height: int = 32, width: int = 32, base: int = 2, seed: int = 7) -> Any:
    """A U-Net of two levels: two convolutions each, pooling, transposed convolution, concat, 1x1 and sigmoid.

    The weights are random, the last layer's scaled so that the output uses the whole range of values.
    """
    import tf_keras as K

    K.utils.set_random_seed(seed)
    layers = K.layers
    picture = layers.Input((height, width, 3))

    def pair(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", bias_initializer="uniform")(x)
        return x

    skip = pair(picture, base)
    deep = pair(layers.MaxPooling2D()(skip), 2 * base)
    up = layers.Conv2DTranspose(base, 2, strides=2, padding="same")(deep)
    merged = pair(layers.Concatenate()([up, skip]), base)
    last = layers.Conv2D(3, 1)
    logits = last(merged)
    model = K.Model(picture, layers.Activation("sigmoid")(logits))
    # Spread out, or at Keras's start every output byte would lie within a few steps of the middle.
    noise = np.random.default_rng(seed).random((1, height, width, 3), np.float32)
    start = np.asarray(K.Model(picture, logits)(noise))
    kernel = last.get_weights()[0] * (2 / start.std((0, 1, 2)))
    last.set_weights([kernel, -start.mean((0, 1, 2)) * 2 / start.std((0, 1, 2))])
    return model


def lively(spec: MaskSpec) -> Any:
    """A mask head with weights as training leaves them, whose masks are neither empty nor full."""
    import tf_keras

    net = build_mask_head(spec, seed=5)
    random = np.random.default_rng(3)
    for layer in net.layers:
        if layer.name.endswith("_norm"):
            layer.set_weights([w * random.uniform(0.7, 1.4, w.shape) for w in layer.get_weights()])
    head = net.get_layer("mask_logit")
    noise = random.random((4, spec.height, spec.width, 3), np.float32)
    blocks = np.kron(random.random((4, 4, 4, 3)), np.ones((1, spec.height // 4, spec.width // 4, 1)))
    logits = tf_keras.Model(net.input, head.output).predict(np.concatenate([noise, blocks.astype("f")]), verbose=0)
    kernel, bias = head.get_weights()
    spread = 2 / logits.std()
    head.set_weights([kernel * spread, (bias - logits.mean()) * spread])
    set_clamp(net, 0.4, 0.7)
    return net


def float_tflite(model: Any) -> bytes:
    """The model as a float32 .tflite, batch 1, values 0 to 1."""
    return bytes(converter_of(model).convert())


def int8_tflite(model: Any, io: str = "int8") -> bytes:
    """The model fully quantized, calibrated on seeded noise and ramps; `io` is int8, uint8 or float32."""
    import tensorflow as tf

    random = np.random.default_rng(1)

    def calibration() -> Any:
        for i in range(8):
            noise = random.random((1, *model.input_shape[1:]), np.float32)
            yield [noise if i % 2 else np.sort(noise, axis=1 + i // 4)]

    converter = converter_of(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.as_dtype(io)
    return bytes(converter.convert())


def function_tflite(
    function: Any, shape: tuple[int, ...], *, custom_ops: bool = False, small_weights: bool = False
) -> bytes:
    """Any TensorFlow function of one float tensor as a .tflite that computes in float32.

    Ops that TensorFlow Lite lacks may stay as custom ones; large weights may be kept as int8.
    """
    import tensorflow as tf

    traced = tf.function(function).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module())
    converter.allow_custom_ops = custom_ops
    if small_weights:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return bytes(converter.convert())
