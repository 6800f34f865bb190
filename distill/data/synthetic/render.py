"""Drawing a synthetic head: hair and hat on top of the painted skin, light, and the way into pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgeblur.distill.data.synthetic.face import Chart, paint_face
from edgeblur.distill.data.synthetic.head import HAIRLINE, Pose, Rng, Surface, build_surface, soft
from edgeblur.distill.data.synthetic.look import Hat, Light, Look, smooth_noise
from edgeblur.pictures.images import Floats, Pixels

Points = NDArray[np.int32]

_ACROSS_DEGREES = 104.0
"""The grid spans this much to both sides of the direction to the camera: a little more than can be seen."""


_THICKNESS = {"none": 0.0, "buzz": 0.015, "short": 0.08, "balding": 0.04, "long": 0.12, "curly": 0.22}


def _hair_edge(look: Look, u: Floats, rng: Rng) -> Floats:
    """The height `[1, columns]` above which the head is covered by hair."""
    fringe = rng.uniform(-0.62, -0.36) if look.hair_style in ("long", "short", "curly") else HAIRLINE
    top = {"balding": -0.95, "none": -1.5}.get(look.hair_style, fringe)
    low = 0.95 if look.hair_style == "long" else rng.uniform(-0.05, 0.25)
    knots = [(0.0, top), (0.32, top - 0.03), (0.55, -0.48), (0.68, -0.1), (0.92, low), (1.2, 0.6), (2.2, 0.8)]
    if look.hair_style == "none":
        knots = [(u_, -1.5) for u_, _ in knots]
    edge = np.interp(np.abs(u), [k[0] for k in knots], [k[1] for k in knots])
    parting = rng.uniform(-0.25, 0.25) if fringe > -0.5 else 0.0
    return (edge + parting * u * (np.abs(u) < 0.5)).astype(np.float32)


@dataclass(frozen=True)
class _Coat:
    """Something over the skin, `[rows, columns]` each: where (0 to 1), its colours, how far it stands out."""

    cover: Floats
    colour: Floats
    outward: Floats


def _eased(lift: Floats) -> Floats:
    """Smoothed over a tenth of a head: where hair rises steeply from the skin, the surface would tear."""
    coarse = Image.fromarray(lift).resize((24, 24), Image.Resampling.BOX)
    return np.asarray(coarse.resize((lift.shape[1], lift.shape[0]), Image.Resampling.BILINEAR))


def _hair(look: Look, y: Floats, u: Floats, rng: Rng) -> _Coat:
    shape = (y.shape[0], u.shape[1])
    curly = look.hair_style == "curly"
    waves = smooth_noise(rng, shape, (22, 26) if curly else (5, 90))
    below = _hair_edge(look, u, rng) + np.float32(0.02) * waves - y
    thick = _THICKNESS[look.hair_style] * rng.uniform(0.7, 1.3)
    lift = _eased(soft(below - np.float32(0.12), 0.3))
    outward = np.float32(thick) * lift * (1 + np.float32(0.16 if curly else 0.05) * waves)
    bright = np.float32(1) + np.float32(0.2) * waves
    return _Coat(soft(below, 0.06), bright[..., None] * np.array(look.hair, np.float32), outward)


def _hat(hat: Hat, y: Floats, u: Floats) -> _Coat:
    below = np.float32(hat.rim) + np.float32(0.08) * np.minimum(np.abs(u), 1) - y
    band = soft(below, 0.04) * soft(np.float32(0.15) - below, 0.03) * np.float32(hat.kind != "cap")
    a, b = np.array(hat.colour, np.float32), np.array(hat.second, np.float32)
    ribs = 1 + np.float32(0.12 if hat.kind == "beanie" else 0.0) * np.sin(60 * u)
    colour = (a + band[..., None] * (b - a)) * ribs[..., None]
    return _Coat(soft(below, 0.03), colour, 0.13 * soft(below - np.float32(0.02), 0.08))


def _coats(look: Look, y: Floats, u: Floats, rng: Rng) -> list[_Coat]:
    hair = _hair(look, y, u, rng)
    if look.hat is None:
        return [hair]
    hat = _hat(look.hat, y, u)
    pressed = hair.outward * (1 - np.float32(0.8) * hat.cover)
    return [replace(hair, outward=np.maximum(pressed, hat.outward)), hat]


def _cast_brim_shadow(chart: Chart, hat: Hat) -> None:
    """The forehead lies in the shade of a brim."""
    if hat.kind != "beanie":
        forehead = chart.window(-0.7, 0.1, -0.8, 0.8)
        under = np.clip(1 - (forehead.y - np.float32(hat.rim)) / np.float32(0.4), 0, 1)
        forehead.dim(np.broadcast_to(1 - 0.35 * under, forehead.colour.shape[:2]))


def _lit(surface: Surface, pose: Pose, light: Light, hairy: Floats) -> tuple[Floats, Floats]:
    """Brightness factor and highlight of every point."""
    to_camera = pose.rotation().T  # the light stands still in the camera's frame; turn it into the head's
    lamp = to_camera @ np.array(light.direction)
    eye = to_camera @ np.array([0.0, 0.0, 1.0])
    half = (lamp + eye) / np.linalg.norm(lamp + eye)
    factor = light.ambient + (1.14 - light.ambient) * np.clip(0.8 * surface.facing(lamp) + 0.2, 0, None)
    gloss = light.gloss * np.clip(surface.facing(half), 0, 1) ** 16 * (1 - 0.6 * hairy)
    return factor, gloss


def _splat(px: Floats, py: Floats, seen: NDArray[np.bool_], order: NDArray[np.intp], size: int) -> Points:
    """For each pixel `[size, size]` the flat index of the surface point seen there, -1 for none.

    Columns are written in `order`, from the outermost, which is farthest from the camera, to the middle, so that a
    nose hides the cheek behind it. Each point fills 2x2 pixels: no holes where the surface is drawn out.
    """
    rows, columns = px.shape
    ids = (np.arange(rows, dtype=np.int32)[None] * np.int32(columns) + order.astype(np.int32)[:, None]).ravel()
    ix, iy = (np.floor(p.T[order].ravel()).astype(np.int32) for p in (px, py))
    keep = seen.T[order].ravel() & (ix >= 0) & (iy >= 0) & (ix < size - 1) & (iy < size - 1)
    at, ids = (iy * np.int32(size) + ix)[keep], ids[keep]
    buffer = np.full(size * size, -1, np.int32)
    for offset in (size + 1, size, 1, 0):
        buffer[at + offset] = ids
    points = buffer.reshape(size, size)
    _close(points)
    _close(points.T)
    return points


def _close(points: Points) -> None:
    """Fill holes a few pixels wide, left where hair tears away from the skin, from the neighbour above."""
    for reach in (1, 2, 4):
        middle = points[reach:-reach]
        above, under = points[: -2 * reach], points[2 * reach :]
        np.copyto(middle, above, where=(middle < 0) & (above >= 0) & (under >= 0))


def _angles(pose: Pose) -> tuple[Floats, NDArray[np.intp]]:
    """Angles of the grid's columns around the head, and the order from the farthest to the nearest.

    A turned head gets more columns on its nose, whose far side is drawn out over many pixels.
    """
    reach = np.radians(_ACROSS_DEGREES)
    across = np.linspace(-reach, reach, max(40, int(1.6 * pose.unit)))
    turned = math.radians(pose.yaw)
    if 20 < abs(pose.yaw) < 90:
        extra = np.linspace(turned - 0.35, turned + 0.35, int(0.7 * pose.unit))
        across = np.union1d(across, extra)
    order = np.argsort(-np.abs(across), kind="stable")
    return (across - turned).astype(np.float32)[None], order


@dataclass(frozen=True)
class HeadPicture:
    """A drawn head: colours `[n, n, 3]`, where it is `[n, n]`, and the pixel of its upper left corner."""

    colours: Pixels
    mask: NDArray[np.bool_]
    corner: tuple[int, int]


def render_head(look: Look, pose: Pose, light: Light, rng: Rng) -> HeadPicture:
    """Draw a head with its hair and hat, in a square just large enough."""
    y = -np.cos(np.linspace(0.02, math.pi, max(40, int(1.9 * pose.unit)))).astype(np.float32)[:, None]
    s, order = _angles(pose)
    u = s * np.float32(look.shape.half_width)
    coats = _coats(look, y, u, rng)
    surface = build_surface(look.shape, y, s, coats[0].outward)
    chart = Chart(y, u, np.empty((y.size, u.size, 3), np.float32))
    paint_face(chart, look, rng)
    if look.hat is not None:
        _cast_brim_shadow(chart, look.hat)
    for coat in coats:
        chart.lay(coat.colour, coat.cover)
    factor, gloss = _lit(surface, pose, light, coats[0].cover)
    colours = chart.colour * factor[..., None] + gloss[..., None]
    seen = surface.facing(pose.rotation()[2]) > 0
    size = int(3.3 * pose.unit) + 8
    left, top = int(pose.cx - size / 2), int(pose.cy - size / 2)
    own = replace(pose, cx=pose.cx - left, cy=pose.cy - top)
    points = _splat(*own.place(*own.flat(surface.xyz)), seen, order, size)
    flat = (np.clip(colours, 0, 1) * 255).astype(np.uint8).reshape(-1, 3)
    return HeadPicture(flat[points], points >= 0, (left, top))
