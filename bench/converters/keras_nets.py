"""Int8 nets as Keras 3 and TensorFlow's converter write them.

.venv/bin/python bench/converters/keras_nets.py FOLDER
.venv/bin/python bench/judge_nets.py FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

SIZE = 32
Tensor = keras.KerasTensor


def conv(x: Tensor, channels: int, kernel: int = 3, **options: object) -> Tensor:
    """A convolution, batch norm, ReLU."""
    x = layers.Conv2D(channels, kernel, padding="same", use_bias=False, **options)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def unet(x: Tensor) -> Tensor:
    first = conv(x, 8)
    second = conv(layers.MaxPooling2D()(first), 16)
    y = conv(layers.MaxPooling2D()(second), 16)
    y = layers.Concatenate()([layers.UpSampling2D()(y), second])
    y = layers.Concatenate()([layers.Conv2DTranspose(8, 2, 2)(conv(y, 16)), first])
    return layers.Conv2D(3, 1, activation="sigmoid")(conv(y, 8))


def mobile(x: Tensor) -> Tensor:
    y = layers.Activation("hard_silu")(layers.Conv2D(8, 3, 2, "same")(x))
    y = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(y)))
    y = layers.Add()([y, layers.SeparableConv2D(8, 3, padding="same", activation="relu6")(y)])
    y = layers.UpSampling2D(interpolation="bilinear")(layers.Conv2D(4, 1)(y))
    return layers.Softmax()(y)


def espcn(x: Tensor) -> Tensor:
    y = layers.Conv2D(8, 3, padding="same", activation="tanh")(
        layers.Conv2D(16, 5, padding="same", activation="tanh")(x)
    )
    return keras.ops.clip(
        layers.Lambda(lambda z: tf.nn.depth_to_space(z, 2))(layers.Conv2D(12, 3, padding="same")(y)), 0, 1
    )


def excite(x: Tensor) -> Tensor:
    y = conv(x, 8)
    body = conv(y, 8)
    weight = layers.GlobalAveragePooling2D(keepdims=True)(body)
    weight = layers.Conv2D(8, 1, activation="hard_sigmoid")(layers.Conv2D(4, 1, activation="relu")(weight))
    return layers.Conv2D(3, 3, padding="same")(layers.Add()([y, layers.Multiply()([body, weight])]))


def heads(x: Tensor) -> list[Tensor]:
    fine = conv(conv(x, 8, strides=2), 8)
    coarse = conv(fine, 16, strides=2)
    scores = [layers.Conv2D(2, 1, activation="sigmoid")(y) for y in (fine, coarse)]
    return [scores[0], layers.Conv2D(4, 1)(fine), scores[1], layers.Conv2D(4, 1)(coarse)]


def denoise(x: Tensor) -> Tensor:
    y = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(8, 3, padding="same")(x))
    y = layers.LeakyReLU()(layers.Conv2D(8, 3, padding="same", dilation_rate=2)(y))
    return layers.Subtract()([x, layers.Conv2D(3, 3, padding="same")(y)])


def gated(x: Tensor) -> Tensor:
    y = layers.Activation("gelu")(layers.Conv2D(16, 3, padding="same", groups=1)(x))
    half, gate = keras.ops.split(y, 2, axis=-1)
    y = layers.Multiply()([half, layers.Activation("silu")(gate)])
    return layers.Conv2D(3, 1)(layers.ZeroPadding2D(((1, 0), (0, 1)))(layers.AveragePooling2D(2)(y)))


def classes(x: Tensor) -> Tensor:
    y = conv(layers.SpatialDropout2D(0.1)(conv(x, 8)), 8, strides=2)
    return layers.Lambda(lambda z: tf.argmax(z, -1))(layers.Conv2DTranspose(5, 3, 2, "same")(y))


NETS: dict[str, Callable[[Tensor], Tensor | list[Tensor]]] = {
    "unet": unet, "mobile": mobile, "espcn": espcn, "excite": excite, "heads": heads, "denoise": denoise,
    "gated": gated, "classes": classes,
}  # fmt: skip


def convert(name: str) -> bytes:
    """Full int8 with float ends, as the converter writes by default."""
    keras.utils.set_random_seed(1)
    picture = layers.Input((SIZE, SIZE, 3), batch_size=1)
    net = keras.Model(picture, NETS[name](picture))
    random = np.random.default_rng(0)
    pictures = [random.random((1, SIZE, SIZE, 3), np.float32) for _ in range(8)]
    converter = tf.lite.TFLiteConverter.from_keras_model(net)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([one] for one in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def main() -> None:
    """Convert all nets; one that the converter does not take is told, and passed over."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in NETS:
        try:
            (folder / f"keras_{name}.tflite").write_bytes(convert(name))
            print(f"keras {name}", flush=True)
        except Exception as error:
            print(f"keras {name}: {str(error).splitlines()[0]}", flush=True)


if __name__ == "__main__":
    main()
