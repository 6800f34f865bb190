"""Fidelity: MAE, PSNR and SSIM of a picture against a reference, as a whole, inside the face mask, outside it.

All values are on the scale 0 to 1. A mask pixel of `INSIDE` (128) or more is inside; one below `OUTSIDE` (8) is
outside: not just 0, because a mask kept as JPEG or resized rings by a few levels where nothing was blurred. The
soft edge in between counts in neither part, only in the whole image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.pictures.images import Pixels
from edgeblur.records import Record, record_of

INSIDE = 128
OUTSIDE = 8

_WINDOW = 11
_SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2

Picture = Pixels | NDArray[np.floating[Any]]
"""`[height, width, channels]`, bytes 0 to 255 or floats 0 to 1."""
_Map = NDArray[np.float64]
_Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class _Stored:
    """A `Part` as JSON has it: of identical pictures `psnr_db` is null."""

    mae: float
    psnr_db: float | None
    ssim: float | None = None
    identical: bool = False


@dataclass(frozen=True)
class Part(Record):
    """How far an output is from its reference over one part of the picture.

    Attributes:
        mae: mean absolute error, 0 to 1.
        mse: mean squared error, 0 to 1.
        ssim: structural similarity, at most 1; None if the part has no pixel 5 or more from the border.
    """

    mae: float
    mse: float
    ssim: float | None

    @property
    def psnr_db(self) -> float:
        """Peak signal-to-noise ratio in dB, of a peak of 1; infinite for identical pictures.

        To a billionth: what was read from JSON is then what was written.
        """
        return round(-10 * math.log10(self.mse), 9) if self.mse else math.inf

    def as_json(self) -> dict[str, Any]:
        """`mae`, `psnr_db`, `ssim`; JSON has no infinity: identical pictures get null and `"identical": true`."""
        identical = self.mse == 0
        result: dict[str, Any] = {
            "mae": round(self.mae, 6),
            "psnr_db": None if identical else round(self.psnr_db, 3),
        }
        if self.ssim is not None:
            result["ssim"] = round(self.ssim, 5)
        return {**result, "identical": True} if identical else result

    @classmethod
    def from_json(cls, data: Any) -> Part:
        """The inverse of `as_json`; the mean squared error is that of the PSNR."""
        known = record_of(_Stored, data)
        return cls(known.mae, 0.0 if known.psnr_db is None else 10 ** (-known.psnr_db / 10), known.ssim)


@dataclass(frozen=True)
class Fidelity(Record):
    """The three parts of a fidelity; `inside` and `outside` are None without a mask or without such a pixel."""

    image: Part
    inside: Part | None = None
    outside: Part | None = None


def unit(picture: Picture) -> _Map:
    """Bytes 0 to 255, or floats 0 to 1, as float64 0 to 1."""
    if picture.dtype == np.uint8:
        return picture / np.float64(255)
    return picture.astype(np.float64)


def mae(output: Picture, reference: Picture) -> float:
    """Mean absolute error, 0 to 1."""
    return float(np.abs(unit(output) - unit(reference)).mean())


def psnr_db(output: Picture, reference: Picture) -> float:
    """Peak signal-to-noise ratio in dB, of a peak of 1; infinite for identical pictures."""
    mse = float(np.square(unit(output) - unit(reference)).mean())
    return Part(0.0, mse, None).psnr_db


def _smooth(x: _Map) -> _Map:
    """Gaussian window over the first two axes, without padding: 10 rows and columns are lost."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    rows = x.shape[0] - _WINDOW + 1
    columns = x.shape[1] - _WINDOW + 1
    x = sum((w * x[i : i + rows] for i, w in enumerate(weights)), np.zeros(()))
    return sum((w * x[:, i : i + columns] for i, w in enumerate(weights)), np.zeros(()))


def ssim_map(output: Picture, reference: Picture) -> _Map | None:
    """Structural similarity of each 11x11 window (Gaussian, sigma 1.5), the mean of the channels.

    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE TIP 13(4), 2004; K1 = 0.01, K2 = 0.03.

    Args:
        output: `[h, w, c]`.
        reference: the same shape.

    Returns:
        `[h - 10, w - 10]`, one value a window that lies whole in the picture, at its middle; None if the
        picture is smaller than a window.
    """
    if min(output.shape[:2]) < _WINDOW:
        return None
    x, y = unit(output), unit(reference)
    mean_x, mean_y = _smooth(x), _smooth(y)
    variances = _smooth(x * x + y * y) - mean_x**2 - mean_y**2
    covariance = _smooth(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = (2 * covariance + _C2) / (variances + _C2)
    result: _Map = (luminance * structure).mean(axis=-1)
    return result


def ssim(output: Picture, reference: Picture) -> float | None:
    """Mean of `ssim_map`; None if the picture is smaller than 11x11."""
    similarity = ssim_map(output, reference)
    return None if similarity is None else float(similarity.mean())


def _part(error: _Map, similarity: _Map | None, where: _Bools) -> Part | None:
    """The metrics over the pixels `where`, None if there is none.

    Args:
        error: `[h, w, c]`, output minus reference.
        similarity: `[h - 10, w - 10]`.
        where: `[h, w]`.
    """
    if not where.any():
        return None
    chosen, half = error[where], _WINDOW // 2
    windows = None if similarity is None else similarity[where[half:-half, half:-half]]
    return Part(
        mae=float(np.abs(chosen).mean()),
        mse=float(np.square(chosen).mean()),
        ssim=None if windows is None or not windows.size else float(windows.mean()),
    )


def fidelity(output: Picture, reference: Picture, mask: Pixels | None = None) -> Fidelity:
    """How far `output` is from `reference`, over the image, inside the mask, outside it.

    Args:
        output: `[h, w, c]`, bytes 0 to 255 or floats 0 to 1.
        reference: the same shape, bytes or floats.
        mask: `[h, w]`, 255 where a face was blurred fully.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    if output.shape != reference.shape or (mask is not None and mask.shape != output.shape[:2]):
        shapes = f"{output.shape}, {reference.shape}, {None if mask is None else mask.shape}"
        raise ValueError(f"output, reference and mask must have one height and width, got {shapes}")
    error, similarity = unit(output) - unit(reference), ssim_map(output, reference)
    image = _part(error, similarity, np.ones(output.shape[:2], np.bool_))
    if image is None:
        raise ValueError("a picture without pixels has no fidelity")
    if mask is None:
        return Fidelity(image)
    return Fidelity(image, _part(error, similarity, mask >= INSIDE), _part(error, similarity, mask < OUTSIDE))


def outside_psnr_db(outputs: Iterable[tuple[Picture, Picture, Pixels]]) -> float | None:
    """PSNR outside the masks, as `mean_fidelity` has it, in a tenth of the time: without the similarity.

    Args:
        outputs: output, reference and mask of each picture, as `fidelity` takes them.

    Returns:
        In dB; None where no picture has a pixel outside its mask.
    """
    chosen = [(unit(output) - unit(reference))[mask < OUTSIDE] for output, reference, mask in outputs]
    errors = [float(np.square(error).mean()) for error in chosen if error.size]
    return Part(0.0, math.fsum(errors) / len(errors), None).psnr_db if errors else None


def _mean_part(parts: Sequence[Part]) -> Part | None:
    if not parts:
        return None
    similarities = [p.ssim for p in parts if p.ssim is not None]
    return Part(
        mae=math.fsum(p.mae for p in parts) / len(parts),
        mse=math.fsum(p.mse for p in parts) / len(parts),
        ssim=math.fsum(similarities) / len(similarities) if similarities else None,
    )


def mean_fidelity(pictures: Sequence[Fidelity]) -> Fidelity:
    """The fidelity over many pictures, each picture (not each pixel) counting once.

    MAE, MSE and SSIM are averaged over the pictures that have the part, and PSNR is taken of the mean MSE. That
    is lower (never higher) than the mean of the pictures' PSNR, and one identical picture does not make it infinite.

    Raises:
        ValueError: no picture.
    """
    image = _mean_part([f.image for f in pictures])
    if image is None:
        raise ValueError("the mean of no picture does not exist")
    return Fidelity(
        image,
        _mean_part([f.inside for f in pictures if f.inside is not None]),
        _mean_part([f.outside for f in pictures if f.outside is not None]),
    )
