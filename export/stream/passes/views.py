"""Tensors as views of planes: where each number of a tensor lies in the planes that it was moved from."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.passes.index_maps import Places

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class View:
    """A tensor whose numbers are those of planes, moved.

    Attributes:
        sources: tensors, the planes.
        places: in the tensor's shape; counted through the sources, one behind the other.
        sizes: how many numbers each source has.
    """

    sources: tuple[int, ...]
    places: Places
    sizes: tuple[int, ...]

    def used(self) -> View:
        """The same without sources that nothing comes from, the others in the order of their tensors' use."""
        bounds = np.cumsum((0, *self.sizes))
        which = np.searchsorted(bounds, self.places.ravel(), side="right") - 1
        kept = [s for s in range(len(self.sources)) if (which == s).any()]
        if len(kept) == len(self.sources):
            return self
        shift, start = np.zeros(len(self.sources), np.int64), 0
        for s in kept:
            shift[s] = start - bounds[s]
            start += self.sizes[s]
        places = self.places + shift[which].reshape(self.places.shape)
        return View(tuple(self.sources[s] for s in kept), places, tuple(self.sizes[s] for s in kept))

    @property
    def is_whole(self) -> bool:
        """Whether it is one source, all of it, in its order."""
        size = self.sizes[0]
        return len(self.sources) == 1 and self.places.size == size and bool((np.diff(self.places.ravel()) == 1).all())

    @property
    def is_shuffled(self) -> bool:
        """Whether it is all numbers of one source, each once."""
        if len(self.sources) > 1 or self.places.size != self.sizes[0]:
            return False
        return bool((np.bincount(self.places.ravel(), minlength=self.sizes[0]) == 1).all())

    def permutations(self, shape: Shape) -> list[tuple[int, ...]]:
        """The axes of its source, of this shape, in the tensor's order, if it is a transposition; all that fit."""
        if len(self.places.shape) != len(shape) or self.places.size != self.sizes[0] or len(self.sources) > 1:
            return []
        plain = np.arange(self.sizes[0]).reshape(shape)
        turned = ((axes, plain.transpose(axes)) for axes in itertools.permutations(range(len(shape))))
        return [axes for axes, there in turned if np.array_equal(there, self.places)]

    def keeps_pixels(self, channels: int) -> bool:
        """Whether the numbers along its last axis are the channels of one pixel of its source, in their order."""
        if len(self.sources) > 1 or self.places.ndim < 1 or self.places.shape[-1] != channels:
            return False
        first = self.places[..., :1]
        return bool((first % channels == 0).all() and (self.places == first + np.arange(channels)).all())


def plane_view(index: int, shape: Shape) -> View:
    """A tensor as a view of itself."""
    size = math.prod(shape)
    return View((index,), np.arange(size, dtype=np.int64).reshape(shape), (size,))


def merged(views: Sequence[View]) -> tuple[tuple[int, ...], tuple[int, ...], list[Places]]:
    """Several views over one list of sources: the sources, their sizes, and the places of each view."""
    sizes: dict[int, int] = {}
    for view in views:
        sizes |= dict(zip(view.sources, view.sizes, strict=True))
    starts = dict(zip(sizes, np.cumsum((0, *sizes.values())).tolist(), strict=False))
    places = []
    for view in views:
        bounds = np.cumsum((0, *view.sizes))
        shift = np.array([starts[s] for s in view.sources]) - bounds[:-1]
        which = np.searchsorted(bounds, view.places.ravel(), side="right") - 1
        places.append(view.places + shift[which].reshape(view.places.shape))
    return tuple(sizes), tuple(sizes.values()), places


def unshuffled(values: NDArray[np.int8], view: View, shape: Shape) -> NDArray[np.int8]:
    """A constant that is paired with a view, as one that is paired with the view's source of this shape."""
    whole = np.broadcast_to(values, view.places.shape)
    moved = np.empty(view.sizes[0], values.dtype)
    moved[view.places.ravel()] = whole.ravel()
    moved = moved.reshape(shape)
    for axis in range(len(shape)):  # an axis along which nothing changes is one of size 1
        first = moved.take([0], axis)
        if (moved == first).all():
            moved = first
    return moved
