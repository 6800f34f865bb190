"""The head of a synthetic face as a small 3-D surface: its shape, its pose, its shading and its labels.

Head coordinates: x to the right, y down, z towards the viewer; the crown is at y = -1, the eyes at 0, the chin
at 1, so that one unit is about 11 cm. A surface point is named by its height y and its angle s around the
vertical axis (0 in front), which is why most features are products of one row and one column vector.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeblur.pictures.faces import Box, Ellipse, Face
from edgeblur.pictures.images import Floats

Rng = np.random.Generator

HAIRLINE = -0.56
"""Height of the hairline above the forehead's middle; the face is labelled from here to the chin."""

_CHEEK_DEGREES = 74.0
"""The face ends here, in front of the ears."""


@dataclass(frozen=True)
class HeadShape:
    """What differs from skull to skull, in head units (about 11 cm); `relief` 0 leaves a plain egg."""

    half_width: float = 0.64
    jaw_taper: float = 0.28
    chin_power: float = 5.0
    nose_length: float = 0.42
    nose_height: float = 0.26
    nose_width: float = 0.12
    brow_ridge: float = 0.04
    cheekbone: float = 0.03
    chin: float = 0.05
    mouth_y: float = 0.645
    ear: float = 0.13
    relief: float = 1.0

    @classmethod
    def draw(cls, rng: Rng) -> HeadShape:
        """A random head."""
        return cls(
            half_width=rng.uniform(0.60, 0.69),
            jaw_taper=rng.uniform(0.18, 0.40),
            chin_power=rng.uniform(4, 8),
            nose_length=rng.uniform(0.37, 0.46),
            nose_height=rng.uniform(0.15, 0.27),
            nose_width=rng.uniform(0.09, 0.16),
            brow_ridge=rng.uniform(0.0, 0.07),
            cheekbone=rng.uniform(0.0, 0.06),
            chin=rng.uniform(0.02, 0.08),
            mouth_y=rng.uniform(0.62, 0.68),
            ear=rng.uniform(0.08, 0.17),
        )


@dataclass(frozen=True)
class Pose:
    """Where a head is and how it is turned.

    Attributes:
        cx: pixel column of the head's origin (between the eyes, inside the head).
        cy: pixel row of it.
        unit: pixels per head unit.
        yaw: degrees, positive turns the nose to the right of the picture.
        pitch: degrees, positive looks up.
        roll: degrees, positive tilts clockwise.
        perspective: how much nearer parts grow: a part one unit nearer is 1 / (1 - perspective) times larger.
    """

    cx: float
    cy: float
    unit: float
    yaw: float
    pitch: float
    roll: float
    perspective: float = 0.1

    def scaled(self, factor: float) -> Pose:
        """The same head in a picture `factor` times larger."""
        return replace(self, cx=self.cx * factor, cy=self.cy * factor, unit=self.unit * factor)

    def rotation(self) -> NDArray[np.float64]:
        """Head to camera, `[3, 3]`, without the roll."""
        a, b = math.radians(self.yaw), math.radians(self.pitch)
        turn = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
        nod = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
        product: NDArray[np.float64] = nod @ turn
        return product

    def flat(self, xyz: tuple[Floats, Floats, Floats]) -> tuple[Floats, Floats]:
        """Head points in the picture plane before roll, in head units: right and down of the origin."""
        r = self.rotation().astype(np.float32)
        x, y, z = (r[i, 0] * xyz[0] + r[i, 1] * xyz[1] + r[i, 2] * xyz[2] for i in range(3))
        nearness = 1 / (1 - np.float32(self.perspective) * z)
        return x * nearness, y * nearness

    def place(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Points of the picture plane (head units, before roll) as pixels."""
        c, s = (np.float32(f(math.radians(self.roll)) * self.unit) for f in (math.cos, math.sin))
        return x * c - y * s + np.float32(self.cx), x * s + y * c + np.float32(self.cy)

    def project(self, xyz: tuple[Floats, Floats, Floats]) -> list[tuple[float, float]]:
        """Head points as a list of pixel pairs."""
        px, py = self.place(*self.flat(xyz))
        return list(zip(px.ravel().tolist(), py.ravel().tolist(), strict=True))


@dataclass(frozen=True)
class Surface:
    """A head's skin on a grid of heights and angles: positions `[rows, columns]` and outward normals.

    Attributes:
        y: height of each row, `[rows, 1]`.
        u: angle of each column times the head's half width, `[1, columns]`: close to x in front of the head.
        xyz: positions.
        normal: unit normals, three arrays.
    """

    y: Floats
    u: Floats
    xyz: tuple[Floats, Floats, Floats]
    normal: tuple[Floats, Floats, Floats]

    def facing(self, direction: NDArray[np.float64]) -> Floats:
        """Cosine between the skin and a direction in head coordinates, `[rows, columns]`."""
        a, b, c = direction.astype(np.float32)
        product: Floats = self.normal[0] * a + self.normal[1] * b + self.normal[2] * c
        return product


def bell(values: Floats, centre: float, width: float) -> Floats:
    """Gaussian bump of height 1."""
    bump: Floats = np.exp(-(((values - np.float32(centre)) / np.float32(width)) ** 2))
    return bump


def soft(values: Floats, edge: float) -> Floats:
    """0 below, 1 above zero, with a ramp `edge` wide."""
    return np.clip(values / np.float32(edge) + np.float32(0.5), 0, 1)


def _nose(shape: HeadShape, y: Floats, u: Floats) -> Floats:
    tip = shape.nose_length
    rise = np.clip((y + 0.12) / (tip + 0.08), 0, 1)
    height = shape.nose_height * rise**1.3 * soft(tip + 0.05 - y, 0.12)
    width = np.float32(shape.nose_width) * (np.float32(0.55) + np.float32(0.45) * rise)
    ridge = height * np.exp(-(np.abs(u / width) ** 2.5))
    wings = 0.07 * bell(y, tip, 0.07) * bell(np.abs(u), 0.95 * shape.nose_width, 0.055)
    bump: Floats = ridge + wings
    return bump


def _relief(shape: HeadShape, y: Floats, u: Floats) -> Floats:
    """How far the face stands out over the plain head, towards the viewer."""
    side = np.abs(u)
    lips = bell(y, shape.mouth_y - 0.05, 0.045) + bell(y, shape.mouth_y + 0.055, 0.05)
    relief: Floats = (
        _nose(shape, y, u)
        - 0.10 * bell(y, -0.01, 0.11) * bell(side, 0.27, 0.14)
        + 0.05 * bell(y, 0.0, 0.06) * bell(side, 0.28, 0.10)
        + shape.brow_ridge * bell(y, -0.17, 0.07) * bell(side, 0.24, 0.18)
        + shape.cheekbone * bell(y, 0.22, 0.16) * bell(side, 0.40, 0.14)
        + 0.045 * lips * bell(u, 0, 0.16)
        + shape.chin * bell(y, 0.88, 0.10) * bell(u, 0, 0.16)
    )
    return relief


def _profiles(shape: HeadShape, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Half width, depth in front and depth behind at each height."""
    up, down = np.clip(-y, 0, 1), np.clip(y, 0, 1)
    top = np.sqrt(1 - up**2.6)
    width = shape.half_width * top * (1 - shape.jaw_taper * down**2) * np.sqrt(1 - down**shape.chin_power)
    front = 0.80 * np.sqrt(1 - up**3) * np.sqrt(1 - down**9) * (1 - 0.06 * down)
    back = 0.92 * top * (1 - 0.65 * down) * np.sqrt(1 - down**4)
    return width.astype(np.float32), front.astype(np.float32), back.astype(np.float32)


def _normals(x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats, Floats]:
    """Cross product of the grid's two directions; y varies along the rows only."""

    def along(values: Floats, axis: int) -> Floats:
        padded = np.pad(values, [(1, 1) if i == axis else (0, 0) for i in (0, 1)], mode="edge")
        return padded[2:] - padded[:-2] if axis == 0 else padded[:, 2:] - padded[:, :-2]

    xs, zs, xt, zt, yt = along(x, 1), along(z, 1), along(x, 0), along(z, 0), along(y, 0)
    nx, ny, nz = -zs * yt, zs * xt - xs * zt, xs * yt
    length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-9)
    return nx / length, ny / length, nz / length


def build_surface(shape: HeadShape, y: Floats, s: Floats, outward: Floats | None = None) -> Surface:
    """The skin at the heights `y` `[rows, 1]` and angles `s` `[1, columns]` (radians).

    Args:
        shape: whose head.
        y: rising heights in -1 to 1.
        s: rising angles.
        outward: `[rows, columns]`, how far hair or a hat stands out from the skin, as a share.
    """
    u = s * np.float32(shape.half_width)
    width, front, back = _profiles(shape, y)
    cos, sin = np.cos(s), np.sin(s)
    ear = shape.ear * bell(y, 0.2, 0.2) * bell(np.abs(s), math.radians(92), 0.16)
    x = width * sin * (1 + ear)
    z = np.where(cos > 0, front, back) * cos + shape.relief * _relief(shape, y, u) * soft(cos - 0.15, 0.3)
    full = np.broadcast_to(y, x.shape)
    if outward is not None:
        grow = 1 + outward
        x, full, z = x * grow, full * grow, z * grow
    return Surface(y, u, (x, full, z), _normals(x, np.ascontiguousarray(full), z))


def face_points(shape: HeadShape, pose: Pose) -> tuple[Floats, Floats]:
    """The visible face, hairline to chin and cheek to cheek, as points of the plane before roll."""
    y = np.linspace(HAIRLINE, 0.995, 28, dtype=np.float32)[:, None]
    s = np.linspace(-_CHEEK_DEGREES, _CHEEK_DEGREES, 25, dtype=np.float32)[None] * np.float32(math.pi / 180)
    surface = build_surface(shape, y, s)
    seen = surface.facing(pose.rotation()[2]) > 0
    x, y = pose.flat(surface.xyz)
    return x[seen], y[seen]


def label(shape: HeadShape, pose: Pose) -> Face:
    """The face's tight box and its ellipse, in pixels; both may reach over the picture's border."""
    x, y = face_points(shape, pose)
    px, py = pose.place(x, y)
    box = Box(float(px.min()), float(py.min()), float(np.ptp(px)), float(np.ptp(py)))
    middle = np.array([x.min() + x.max(), y.min() + y.max()], np.float32) / 2
    cx, cy = pose.place(middle[:1], middle[1:])
    axes = float(np.ptp(x)) * pose.unit, float(np.ptp(y)) * pose.unit
    return Face(box, Ellipse(float(cx[0]), float(cy[0]), *axes, pose.roll))
