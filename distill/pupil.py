"""The model that learns: one step of training, from the ground truth and from a teacher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Teaching:
    """How a teacher helps.

    Attributes:
        teacher: a tf_keras model with the student's input size.
        weight: 0 learns from the ground truth alone, 1 from the teacher alone.
        feature_weight: weight of attention transfer between layers of the same name; 0 is off.
    """

    teacher: Any
    weight: float = 0.5
    feature_weight: float = 0.0


def psnr(target: Any, output: Any) -> Any:
    """Peak signal-to-noise ratio in dB, one value a picture; at most 100, which stands for `no difference seen`."""
    import tensorflow as tf

    return tf.minimum(tf.image.psnr(target, output, 1.0), 100.0)


def ssim(target: Any, output: Any) -> Any:
    """Structural similarity, one value a picture."""
    import tensorflow as tf

    return tf.image.ssim(target, output, 1.0)


def pupil_class() -> type[Any]:
    """The model that learns; a class inside a function because its base needs TensorFlow."""
    import tensorflow as tf
    import tf_keras

    class Pupil(tf_keras.Model):  # type: ignore[misc]
        """A net that learns from the ground truth, and from a teacher's output and features if there is one."""

        def __init__(self, net: Any, teaching: Teaching | None) -> None:
            super().__init__()
            self.net = net
            self.taught = teaching is not None and (teaching.weight > 0 or teaching.feature_weight > 0)
            if teaching is not None and self.taught:
                self.weight, self.feature_weight = teaching.weight, teaching.feature_weight
                names = _shared_layers(net, teaching.teacher) if teaching.feature_weight else []
                self.tapped = _tapped(net, names)
                observed = _tapped(teaching.teacher, names)
                # In a closure, so that checkpoints of the pupil do not hold the teacher.
                self.observe: Callable[[Any], Any] = lambda x: observed(x, training=False)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.net(x, training=training)

        def train_step(self, data: Any) -> Any:
            x, y, weight = data
            with tf.GradientTape() as tape:
                if self.taught:
                    output, loss = self.lesson(x, y, weight)
                else:
                    output = self.net(x, training=True)
                    loss = self.compute_loss(x, y, output, weight)
            self.optimizer.minimize(loss, self.net.trainable_variables, tape=tape)
            return self.compute_metrics(x, y, output, None)

        def test_step(self, data: Any) -> Any:
            x, y, weight = data
            output = self.net(x, training=False)
            self.compute_loss(x, y, output, weight)
            return self.compute_metrics(x, y, output, None)

        def lesson(self, x: Any, y: Any, weight: Any) -> tuple[Any, Any]:
            # (1-a) MSE(s, y) + a MSE(s, t) differs from MSE(s, (1-a) y + a t) by a constant: one loss does for both.
            teacher_output, *teacher_features = tf.nest.flatten(self.observe(x))
            output, *features = tf.nest.flatten(self.tapped(x, training=True))
            mixed = (1.0 - self.weight) * y + self.weight * teacher_output
            loss = self.compute_loss(x, mixed, output, weight)
            for mine, theirs in zip(features, teacher_features, strict=True):
                loss += self.feature_weight * tf.reduce_mean(tf.square(_attention(mine) - _attention(theirs)))
            return output, loss

    return Pupil


def _shared_layers(net: Any, teacher: Any) -> list[str]:
    """Layers whose attention maps are compared: the last activation of each stage that both nets have."""
    names = [layer.name for layer in net.layers if layer.name.endswith("b_relu")]
    theirs = {layer.name for layer in teacher.layers}
    return [name for name in names if name in theirs]


def _tapped(net: Any, names: list[str]) -> Any:
    import tf_keras

    return tf_keras.Model(net.input, [net.output, *(net.get_layer(name).output for name in names)])


def _attention(features: Any) -> Any:
    """The attention map of features `[B, h, w, c]`: squares summed over channels, scaled to mean square 1.

    Zagoruyko and Komodakis 2017; it compares layers of different widths without an adapter.
    """
    import tensorflow as tf

    energy = tf.reduce_mean(tf.square(features), -1)
    scale = tf.sqrt(tf.reduce_mean(tf.square(energy), (1, 2), keepdims=True)) + 1e-6
    return energy / scale
