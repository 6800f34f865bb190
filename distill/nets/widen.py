"""A wider net that starts as a narrower one's function (Chen et al. 2016, "Net2Net"), and need not learn it anew."""

from __future__ import annotations

from typing import Any

import numpy as np


def widened(
    tensors: list[Any], shapes: list[tuple[int, ...]], rng: np.random.Generator, *, sums: bool = True
) -> list[Any] | None:
    """A layer's weights for a net that has every channel several times; None where the shapes are no multiples.

    What reads the copies of a channel gets shares of its weight that sum to it, so that the layer's output is the same.
    The shares are drawn: equal ones would learn the same for ever, and nothing would have been won. Holds for layers
    that take a channel or a sum of channels, not behind a concatenation, where copies are no longer side by side.

    Args:
        tensors: of the narrower layer: kernels `[kh, kw, in, out]` and vectors `[out]`.
        shapes: those of the wider layer.
        rng: draws the shares.
        sums: whether the layer sums over channels; a depthwise conv does not, and a copy has the whole kernel.
    """
    if len(tensors) != len(shapes) or not all(map(_fits, (tensor.shape for tensor in tensors), shapes)):
        return None
    return [_repeated(tensor, shape, rng, sums) for tensor, shape in zip(tensors, shapes, strict=True)]


def _fits(narrow: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    if len(narrow) != len(wide) or narrow[:-2] != wide[:-2]:
        return False
    return all(many % few == 0 for few, many in zip(narrow, wide, strict=True))


def _repeated(tensor: Any, shape: tuple[int, ...], rng: np.random.Generator, sums: bool) -> Any:
    copies = [many // few for few, many in zip(tensor.shape, shape, strict=True)]
    repeated = np.tile(tensor, copies)
    if not sums or tensor.ndim < 2 or copies[-2] == 1:
        return repeated
    shares = rng.dirichlet(np.ones(copies[-2]), size=(*tensor.shape[:-1], shape[-1]))
    return repeated * np.concatenate(np.moveaxis(shares, -1, 0), axis=-2).astype(repeated.dtype)
