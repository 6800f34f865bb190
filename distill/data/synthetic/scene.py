"""Synthetic face scenes: pictures with labelled faces that need no photo, for the demo and the tests.

Every scene is drawn from its seed alone, with numpy and Pillow: people with 3-D heads in front of a background,
among things that are no faces, seen through an imperfect camera. CenterFace (threshold 0.4, IoU 0.3) finds 95 % of
their faces of 24 pixels and more (679 of 711 in 400 scenes of 192 pixels) and 3 where there are none; still they are
no photos: a model trained on them alone is a demonstration.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgeblur.distill.data.synthetic.backdrop import add_distractor, draw_backdrop, speckled
from edgeblur.distill.data.synthetic.camera import take_photo
from edgeblur.distill.data.synthetic.head import HeadShape, Pose, Rng, label
from edgeblur.distill.data.synthetic.look import Light, Look
from edgeblur.distill.data.synthetic.person import Person, Wear, draw_person
from edgeblur.errors import UserError
from edgeblur.pictures.faces import Box, Face

SMALLEST_FACE, LARGEST_FACE = 0.12, 0.75
"""Longer side of a face's box, as a share of the picture's side."""

MOST_HIDDEN = 0.6
"""A face of which others cover more than this share is not drawn."""

LEAST_INSIDE = 0.25
"""A face of which less than this share lies inside the picture is not drawn."""

_FACE_FREE = 0.15
_SUPERSAMPLE = 2
_SMALLEST_PICTURE = 32
_SEEDS_PER_STREAM = 1_000_000


def _inside(box: Box, size: int) -> float:
    """The share of a box that lies inside the picture."""
    w = min(box.x + box.w, size) - max(box.x, 0)
    h = min(box.y + box.h, size) - max(box.y, 0)
    return max(w, 0) * max(h, 0) / (box.w * box.h)


def _draw_pose(rng: Rng, shape: HeadShape, side: float) -> tuple[Pose, Face]:
    """A pose at the origin, and the face there, whose box has the longer side `side`, in pixels."""
    yaw = rng.uniform(-70, 70) if rng.random() < 0.15 else rng.normal(0, 18)
    loose = Pose(
        cx=0,
        cy=0,
        unit=100,
        yaw=float(np.clip(yaw, -70, 70)),
        pitch=float(np.clip(rng.normal(0, 8), -20, 20)),
        roll=float(np.clip(rng.normal(0, 10), -32, 32)),
        perspective=rng.uniform(0.03, 0.2),
    )
    face = label(shape, loose)
    scale = side / face.box.side
    return loose.scaled(scale), face.moved(0, 0, scale)


def _disc(face: Face) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A few hundred points spread evenly over a face's ellipse."""
    grid = np.linspace(-0.95, 0.95, 20)
    x, y = (v.ravel() for v in np.meshgrid(grid, grid))
    x, y = x[x * x + y * y <= 1], y[x * x + y * y <= 1]
    e, turn = face.ellipse, math.radians(face.ellipse.degrees)
    a, b = x * e.w / 2, y * e.h / 2
    return e.cx + a * math.cos(turn) - b * math.sin(turn), e.cy + a * math.sin(turn) + b * math.cos(turn)


def _visible(face: Face, cover: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of a face inside the picture, and share of that which nearer people hide."""
    size = cover.shape[0]
    x, y = (np.floor(v).astype(int) for v in _disc(face))
    inside = (x >= 0) & (y >= 0) & (x < size) & (y < size)
    share = min(float(inside.mean()), _inside(face.box, size))
    return share, float(cover[y[inside], x[inside]].mean()) if inside.any() else 1.0


def _spot(rng: Rng, box: Box, size: int) -> tuple[float, float]:
    """How far to move a box so that it lies somewhere in the picture, now and then over its border."""
    over = 0.4 if rng.random() < 0.15 else 0.0
    room_x, room_y = (max(0.0, size - side + 2 * over * side) for side in (box.w, box.h))
    x = rng.uniform(0, 1) * room_x - over * box.w
    y = rng.beta(1.2, 1.5) * room_y - over * box.h
    return x - box.x, y - box.y


def _place(rng: Rng, pose: Pose, still: Face, cover: NDArray[np.bool_]) -> tuple[Pose, Face] | None:
    """Find a place where the face may be labelled, free of nearer people if possible; None if there is none."""
    size = cover.shape[0]
    for attempt in range(12):
        dx, dy = _spot(rng, still.box, size)
        face = still.moved(dx, dy, 1.0)
        inside, hidden = _visible(face, cover)
        tolerated = 0.05 if attempt < 6 else MOST_HIDDEN - 0.05
        if inside >= LEAST_INSIDE + 0.05 and hidden <= tolerated and inside * (1 - hidden) >= LEAST_INSIDE:
            return replace(pose, cx=dx, cy=dy), face
    return None


@dataclass(frozen=True)
class _Layer:
    """One person on an empty RGBA canvas; no face for those who turn their back."""

    picture: Image.Image
    face: Face | None


def _people(rng: Rng, size: int, light: Light) -> list[_Layer]:
    """Draw 1 to 6 people, the nearest (largest) first, none of whose faces is too hidden to be labelled."""
    count = int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.5, 0.2, 0.12, 0.08, 0.06, 0.04]))
    low, high = math.log(SMALLEST_FACE), math.log(LARGEST_FACE if count < 3 else 0.45)
    sides = sorted((math.exp(v) * size for v in rng.uniform(low, high, count)), reverse=True)
    cover = np.zeros((size, size), np.bool_)
    layers: list[_Layer] = []
    for side in sides:
        look = Look.draw(rng)
        placed = _place(rng, *_draw_pose(rng, look.shape, side), cover)
        if placed is None:
            continue
        person = Person(look, Wear.draw(rng), placed[0])
        layer = _Layer(draw_person(rng, person, light, size), placed[1])
        layers.append(layer)
        cover |= np.asarray(layer.picture.getchannel("A")) > 127
    return layers


def _faceless(rng: Rng, size: int, light: Light) -> _Layer:
    """Someone seen from behind, or a head without a face such as a shop window's."""
    behind = rng.random() < 0.6
    look = Look.draw(rng, features=False)
    if behind and look.hair_style == "none":
        look = replace(look, hair_style="short")
    pose, still = _draw_pose(rng, look.shape, size * math.exp(rng.uniform(math.log(SMALLEST_FACE), math.log(0.5))))
    dx, dy = _spot(rng, still.box, size)
    yaw = 180 + rng.uniform(-20, 20) if behind else pose.yaw
    person = Person(look, Wear.draw(rng), replace(pose, cx=dx, cy=dy, yaw=yaw))
    return _Layer(draw_person(rng, person, light, size), None)


def draw_scene(seed: int, size: int = 192) -> tuple[Image.Image, tuple[Face, ...]]:
    """Draw one scene; the same seed and size give the same bytes.

    Args:
        seed: not negative; about 15 in 100 seeds give a scene without a face.
        size: side of the square picture in pixels, at least 32.

    Returns:
        An RGB picture and its faces, the nearest first. A box runs from the hairline to the chin and may reach over
        the picture's border; the ellipse covers the same face and turns with it.

    Raises:
        UserError: a negative seed or a picture too small.
    """
    if seed < 0 or size < _SMALLEST_PICTURE:
        raise UserError(
            f"a synthetic scene needs a seed of 0 or more and a side of {_SMALLEST_PICTURE} pixels or more, "
            f"got seed {seed} and side {size}"
        )
    rng = np.random.default_rng(seed)
    light = Light.draw(rng)
    picture = draw_backdrop(rng, size * _SUPERSAMPLE)
    face_free = rng.random() < _FACE_FREE
    for _ in range(rng.integers(1, 6) if face_free else rng.integers(0, 3)):
        add_distractor(rng, picture)
    picture = speckled(rng, picture.reduce(_SUPERSAMPLE))
    layers = [] if face_free else _people(rng, size, light)
    if rng.random() < (0.5 if face_free else 0.08):
        layers.append(_faceless(rng, size, light))  # behind everyone else, so that it hides no face
    for layer in reversed(layers):
        picture.paste(layer.picture, (0, 0), layer.picture)
    faces = tuple(layer.face for layer in layers if layer.face)
    return take_photo(rng, picture), faces


def synthetic_scenes(count: int, seed: int = 0, size: int = 192) -> Iterator[tuple[str, Image.Image, tuple[Face, ...]]]:
    """Draw `count` different scenes.

    Args:
        count: how many.
        seed: which stream; streams of different seeds share no scene (up to a million scenes each).
        size: side of the square pictures in pixels.

    Yields:
        A source name such as `synthetic:00042` (the number is `draw_scene`'s seed), the picture, its faces.
    """
    for index in range(count):
        scene = seed * _SEEDS_PER_STREAM + index
        yield f"synthetic:{scene:05d}", *draw_scene(scene, size)
