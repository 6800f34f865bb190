"""Random numbers for what is varied on several threads: the same ones whichever thread comes first."""

from __future__ import annotations

from typing import Any


class Draws:
    """Random numbers of one batch: a function of its seed and of how many were drawn before.

    TensorFlow's own `tf.random.uniform` counts on across batches. Where several batches are made at the same time, each
    training would get other numbers.
    """

    def __init__(self, seed: Any) -> None:
        """Args: seed: an integer, or a scalar int64 tensor."""
        self.seed, self.count = seed, 0

    def uniform(self, shape: Any, low: Any = 0.0, high: Any = 1.0) -> Any:
        """Floats of this shape from `low` to `high`, numbers or tensors that broadcast to it."""
        import tensorflow as tf

        self.count += 1  # while the graph is made: each place that draws has its own number
        seed = tf.stack([tf.cast(self.seed, tf.int64), tf.constant(self.count, tf.int64)])
        return tf.random.stateless_uniform(shape, seed, low, high)
