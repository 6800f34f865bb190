"""The mask heads that the nets of a search learn from, at whatever size their inputs have, and start from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from edgeblur.distill.nets.ensemble import load_teacher
from edgeblur.distill.nets.inherit import is_trunk, spec_of_net
from edgeblur.distill.nets.keras_files import at_size, load_keras
from edgeblur.distill.nets.mask_head import MaskSpec
from edgeblur.distill.training.fit import Teaching
from edgeblur.errors import UserError
from edgeblur.models.shelf import keras_of

NONE = "none"
"""The name of no teacher: nets learn from the labels alone."""


def teachings(teacher: str, weight: float) -> Callable[[int, int], Teaching | None]:
    """How a teacher helps a net of an input's height and width.

    Args:
        teacher: a .keras file, a name of the shelf, or `NONE`.
        weight: 0 learns from the labels alone, 1 from the teacher alone.

    Raises:
        UserError: no such file or name, or a net that finds no masks.
    """
    if teacher == NONE or weight == 0:
        return lambda height, width: None
    net = load_teacher(keras_of(teacher), called=teacher, option="teacher")

    @functools.cache
    def at(height: int, width: int) -> Teaching | None:
        return Teaching(at_size(net, height, width), weight)

    return at


def load_start(name: str) -> Any:
    """A mask head whose weights others start from.

    Raises:
        UserError: no such file or name, or another net.
    """
    net = load_keras(keras_of(name))
    if not is_trunk(net):
        raise UserError(f"{name} is not a mask head, whose weights others could start from", options=("starts",))
    return net


@functools.cache
def start_spec(name: str) -> MaskSpec:
    """What such a mask head was built by.

    Raises:
        UserError: as `load_start`.
    """
    return spec_of_net(load_start(name))
