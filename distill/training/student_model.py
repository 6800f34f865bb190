"""The model that learns: one step of training, from the ground truth and from a teacher."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_FACE_IN_MASK = 2.0
"""How much more a face's cell counts in the masks of `Finding`."""


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


@dataclass(frozen=True)
class Finding:
    """Deep supervision: during training, the coarser stages of a U-Net also have to predict where the faces are.

    A net that only sees how a picture should look hedges: a face it is not sure of becomes half transparent, which
    protects nobody. Lee et al. 2015, "Deeply-Supervised Nets". The heads for it are dropped when training ends.

    Attributes:
        weight: of the cross entropy of the masks beside the loss of the picture.
        face_weight: the weight of face pixels that `lessons` was asked for; the mask is read from it.
    """

    weight: float
    face_weight: float


def psnr(target: Any, output: Any) -> Any:
    """Peak signal-to-noise ratio in dB, one value a picture; at most 100, which stands for `no difference seen`."""
    import tensorflow as tf

    return tf.minimum(tf.image.psnr(target, output, 1.0), 100.0)


def ssim(target: Any, output: Any) -> Any:
    """Structural similarity, one value a picture."""
    import tensorflow as tf

    return tf.image.ssim(target, output, 1.0)


def fidelity_metrics() -> list[Any]:
    """MAE, PSNR and SSIM with variables: functions get theirs in the first step, which is then traced a second time."""
    import tf_keras

    metrics = tf_keras.metrics
    return [metrics.MeanAbsoluteError("mae"), *(metrics.MeanMetricWrapper(f, f.__name__) for f in (psnr, ssim))]


def student_model_class() -> type[Any]:
    """The model that learns; a class inside a function because its base needs TensorFlow."""
    import tensorflow as tf
    import tf_keras

    class StudentModel(tf_keras.Model):  # type: ignore[misc]
        """A net that learns from the ground truth, and from a teacher's output and features if there is one."""

        def __init__(self, net: Any, teaching: Teaching | None, finding: Finding | None = None) -> None:
            super().__init__()
            self.net, self.finding = net, finding
            taught = teaching is not None and (teaching.weight > 0 or teaching.feature_weight > 0)
            self.teaching_weight = teaching.weight if teaching and taught else 0.0
            self.feature_weight = teaching.feature_weight if teaching and taught else 0.0
            self.compared = _shared_layers(net, teaching.teacher) if teaching and self.feature_weight else []
            coarse = coarse_stages(net) if finding else []
            self.tapped = _tapped(net, [*self.compared, *coarse])
            self.finders = finders(net, coarse)
            self.observe: Callable[[Any], list[Any]] | None = None
            if teaching and taught:
                observed = _tapped(teaching.teacher, self.compared)
                # In a closure, so that checkpoints of the student do not hold the teacher.
                self.observe = lambda x: tf.nest.flatten(observed(x, training=False))

        def call(self, x: Any, training: bool = False) -> Any:
            return self.net(x, training=training)

        def train_step(self, data: Any) -> Any:
            x, y, weight = data
            with tf.GradientTape() as tape:
                output, *features = tf.nest.flatten(self.tapped(x, training=True))
                target, theirs = self.lesson(x, y)
                loss = self.compute_loss(x, target, output, weight)
                for mine, other in zip(features, theirs, strict=False):  # behind these, features for the finders
                    loss += self.feature_weight * tf.reduce_mean(tf.square(_attention(mine) - _attention(other)))
                if self.finding:
                    loss += self.finding.weight * self.found(self.finding, features[len(theirs) :], weight)
            finders = [variable for finder in self.finders for variable in finder.trainable_variables]
            self.optimizer.minimize(loss, [*self.net.trainable_variables, *finders], tape=tape)
            return self.compute_metrics(x, y, output, None)

        def test_step(self, data: Any) -> Any:
            x, y, weight = data
            output = self.net(x, training=False)
            self.compute_loss(x, y, output, weight)
            return self.compute_metrics(x, y, output, None)

        def lesson(self, x: Any, y: Any) -> tuple[Any, list[Any]]:
            """The picture to learn, and the teacher's features."""
            if self.observe is None:
                return y, []
            # (1-a) MSE(s, y) + a MSE(s, t) differs from MSE(s, (1-a) y + a t) by a constant: one loss does for both.
            shown, *features = self.observe(x)
            return (1.0 - self.teaching_weight) * y + self.teaching_weight * shown, features

        def found(self, finding: Finding, features: list[Any], weight: Any) -> Any:
            """Cross entropy of the masks that the finders predict from the coarse stages, each at its own size."""
            mask = (weight[..., tf.newaxis] - 1.0) / (finding.face_weight - 1.0)
            loss = 0.0
            for finder, coarse in zip(self.finders, features, strict=True):
                loss += coarse_loss(mask, finder(coarse))
            return loss

    return StudentModel


def finders(net: Any, stages: list[str]) -> list[Any]:
    """A 1x1 conv for each of a net's stages, which predicts from its features where faces are."""
    import tf_keras

    made = [tf_keras.layers.Conv2D(1, 1, name=f"find_{name}") for name in stages]
    for finder, name in zip(made, stages, strict=True):
        finder.build(net.get_layer(name).output_shape)  # now, so that a checkpoint finds its variables
    return made


def coarse_loss(mask: Any, logit: Any) -> Any:
    """Cross entropy of what a finder predicts, `[B, h, w, 1]`, and the mask, `[B, H, W, 1]`, 0 to 1, shrunk to it."""
    import tensorflow as tf

    wanted = tf.image.resize(mask, tf.shape(logit)[1:3], method="area")
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=logit)
    return tf.reduce_mean(entropy * (1.0 + _FACE_IN_MASK * wanted))


def _shared_layers(net: Any, teacher: Any) -> list[str]:
    """Layers whose attention maps are compared: the last activation of each stage that both nets have."""
    names = [layer.name for layer in net.layers if layer.name.endswith("b_relu")]
    theirs = {layer.name for layer in teacher.layers}
    return [name for name in names if name in theirs]


def coarse_stages(net: Any) -> list[str]:
    """The last activation of each stage from the bottom up, but for the finest: by then a face must be known."""
    names = [layer.name for layer in net.layers if layer.name.endswith("_relu")]
    ends = {re.sub("[a-z]_relu$", "", name): name for name in names}
    return [name for stage, name in ends.items() if stage == "mid" or (stage.startswith("dec") and stage != "dec1")]


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
