"""How a synthetic person looks: skin, hair, eyes, mouth, hat; and the light that falls on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgeblur.distill.data.synthetic.head import HeadShape, Rng
from edgeblur.pictures.images import Floats

Colour = tuple[float, float, float]
"""Red, green, blue in 0 to 1."""

_SKIN = np.array(
    [
        (250, 218, 196), (241, 194, 164), (226, 172, 134), (205, 143, 104),
        (170, 110, 76), (130, 82, 56), (96, 60, 42), (70, 44, 32),
    ]
) / 255  # fmt: skip
_HAIR = np.array(
    [(22, 18, 18), (40, 28, 22), (70, 45, 28), (110, 72, 42), (170, 125, 70), (205, 170, 110), (140, 60, 30),
     (140, 138, 136), (190, 186, 180)]
) / 255  # fmt: skip
_IRIS = np.array([(52, 32, 22), (80, 52, 30), (60, 82, 60), (72, 104, 140)]) / 255


@dataclass(frozen=True)
class Light:
    """The scene's light.

    Attributes:
        direction: unit vector from the head to the lamp; x right, y down, z to the camera.
        ambient: share of light that comes from everywhere.
        gloss: strength of the highlight on skin.
    """

    direction: tuple[float, float, float]
    ambient: float
    gloss: float

    @classmethod
    def draw(cls, rng: Rng) -> Light:
        """Mostly from above and in front, sometimes hard from the side."""
        d = np.array([rng.normal(0, 0.6), rng.uniform(-1.0, 0.15), rng.uniform(0.35, 1.2)])
        x, y, z = (d / np.linalg.norm(d)).tolist()
        return cls((x, y, z), rng.uniform(0.3, 0.7), rng.uniform(0, 0.22))


@dataclass(frozen=True)
class Hat:
    """What covers the head above the height `rim`: a `cap`, a hat with a `brim` or a `beanie`."""

    kind: str
    colour: Colour
    second: Colour
    rim: float

    @classmethod
    def draw(cls, rng: Rng) -> Hat | None:
        """A random hat; four people of five have none."""
        if rng.random() > 0.18:
            return None
        kind = ("cap", "brim", "beanie")[rng.integers(3)]
        return cls(kind, any_colour(rng), any_colour(rng), rng.uniform(-0.58, -0.36))


@dataclass(frozen=True)
class Look:
    """One person's appearance. Lengths in head units, colours in 0 to 1.

    Attributes:
        hair_style: `none`, `buzz`, `short`, `balding`, `long` or `curly`.
        eyes_open: 0 closed, 1 normal, more for wide.
        smile: curve of the mouth, negative for sad.
        mouth_open: gap between the lips.
        beard: 0 none, up to 1 for a full one.
        hat: None for most.
        features: false makes a head without a face, to teach that skin alone is none.
    """

    shape: HeadShape
    skin: Colour
    hair: Colour
    iris: Colour
    hair_style: str
    eyes_open: float
    eye_size: float
    gaze: float
    brow: float
    brow_slant: float
    smile: float
    mouth_open: float
    lips: float
    lip_red: float
    beard: float
    moustache: float
    age: float
    freckles: float
    hat: Hat | None = None
    features: bool = True

    @classmethod
    def draw(cls, rng: Rng, *, features: bool = True) -> Look:
        """A random person."""
        bearded = rng.random() < 0.25
        return cls(
            shape=replace(HeadShape.draw(rng), relief=float(features)),
            skin=skin_tone(rng),
            hair=_pick(_HAIR, rng, _HAIR_SHARES),
            iris=_pick(_IRIS, rng),
            hair_style=str(rng.choice(["none", "buzz", "short", "short", "balding", "long", "long", "curly"])),
            eyes_open=0.0 if rng.random() < 0.05 else rng.uniform(0.7, 1.25),
            eye_size=rng.uniform(0.88, 1.15),
            gaze=rng.uniform(-0.05, 0.05),
            brow=rng.uniform(0.025, 0.05),
            brow_slant=rng.uniform(-0.15, 0.25),
            smile=rng.uniform(-0.25, 0.9),
            mouth_open=rng.uniform(0.03, 0.13) if rng.random() < 0.4 else 0.0,
            lips=rng.uniform(0.7, 1.35),
            lip_red=rng.uniform(0.1, 0.9),
            beard=rng.uniform(0.3, 0.95) if bearded else 0.0,
            moustache=rng.uniform(0.4, 0.95) if bearded or rng.random() < 0.05 else 0.0,
            age=rng.uniform(0, 1),
            freckles=max(0.0, rng.uniform(-0.6, 0.35)),
            hat=Hat.draw(rng),
            features=features,
        )


_HAIR_SHARES = (0.24, 0.2, 0.16, 0.12, 0.08, 0.06, 0.04, 0.06, 0.04)


def any_colour(rng: Rng) -> Colour:
    """A colour of the made world: mostly muted, sometimes loud."""
    fate = rng.random()
    spread = 0.04 if fate < 0.5 else 0.1 if fate < 0.85 else 0.28
    r, g, b = np.clip(rng.uniform(0.08, 0.92) + rng.normal(0, spread, 3), 0.02, 0.98).tolist()
    return r, g, b


def _pick(palette: NDArray[np.float64], rng: Rng, shares: tuple[float, ...] | None = None) -> Colour:
    odd = 0.3 if rng.random() < 0.05 else 0.05  # dyed hair, coloured lenses
    r, g, b = np.clip(palette[rng.choice(len(palette), p=shares)] * rng.normal(1, odd, 3), 0, 1).tolist()
    return r, g, b


def skin_tone(rng: Rng) -> Colour:
    """Any human skin tone, the whole range alike."""
    at = rng.uniform(0, len(_SKIN) - 1)
    low = int(at)
    mixed = _SKIN[low] * (1 - at + low) + _SKIN[min(low + 1, len(_SKIN) - 1)] * (at - low)
    r, g, b = np.clip(mixed * rng.normal(1, 0.03, 3), 0, 1).tolist()
    return r, g, b


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made darker or lighter."""
    r, g, b = (min(1.0, c * factor) for c in colour)
    return r, g, b


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with `share` of `b`."""
    r, g, c = (x * (1 - share) + y * share for x, y in zip(a, b, strict=True))
    return r, g, c


def smooth_noise(rng: Rng, shape: tuple[int, int], cells: tuple[int, int]) -> Floats:
    """Normal noise of `cells` (rows, columns) knots, drawn out smoothly to `shape`."""
    knots = Image.fromarray(rng.standard_normal(cells, np.float32))
    return np.asarray(knots.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
