"""Nets that find masks as teachers, one or several: what a student learns from several is their mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeblur.distill.nets.families import mask_logit
from edgeblur.distill.nets.keras_files import load_keras
from edgeblur.distill.nets.mask_head import LOGIT, MASK, SHRINK
from edgeblur.errors import UserError


def load_teacher(path: Path, *, called: str, option: str) -> Any:
    """Load a net that finds masks, for others to learn from.

    Args:
        path: of its .keras file.
        called: the net, by whoever named it.
        option: by which it was named.

    Raises:
        UserError: it cannot be read, or has no mask.
    """
    net = load_keras(path)
    if mask_logit(net) is None:
        raise UserError(
            f"{called} paints, and has no mask to teach: name a mask head, or a U-Net with a gate", options=(option,)
        )
    return net


def ensemble(nets: Sequence[Any]) -> Any:
    """A tf_keras model `[N, H, W, 3]` to a mask `[N, H/4, W/4, 1]`, whose logit is the mean of those of `nets`.

    A mean of logits is the geometric mean of what they believe, made into a distribution again (Hinton et al. 2015,
    "Distilling the Knowledge in a Neural Network", names both kinds of mean). A gate's cells are pixels: 4x4 of them
    count as one.

    Args:
        nets: tf_keras models of one input size that find masks; one of them is given back as it is.
    """
    import tf_keras

    if len(nets) == 1:
        return nets[0]
    layers = tf_keras.layers
    _, height, width, _ = nets[0].input_shape
    picture = layers.Input((height, width, 3), name="picture")
    logits = []
    for number, net in enumerate(nets, 1):
        logit = tf_keras.Model(net.input, mask_logit(net), name=f"net{number}")(picture)
        size = SHRINK * logit.shape[1] // height
        logits.append(layers.AveragePooling2D(size)(logit) if size > 1 else logit)
    mean = layers.Average(name=LOGIT)(logits)
    return tf_keras.Model(picture, layers.Activation("sigmoid", name=MASK)(mean), name="ensemble")
