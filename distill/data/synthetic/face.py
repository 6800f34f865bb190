"""Painting a synthetic face on a head's surface: skin, eyes, brows, nose, mouth and beard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeblur.distill.data.synthetic.head import Rng, bell, soft
from edgeblur.distill.data.synthetic.look import Colour, Look, mix, shade, smooth_noise
from edgeblur.pictures.images import Floats


@dataclass(frozen=True)
class Chart:
    """A part of the head's skin to paint on: heights `[rows, 1]`, sideways lengths `[1, columns]`, colours."""

    y: Floats
    u: Floats
    colour: Floats

    def window(self, y0: float, y1: float, u0: float, u1: float) -> Chart:
        """The part between two heights and two sideways lengths; painting on it paints on the whole."""
        rows = slice(*np.searchsorted(self.y[:, 0], (y0, y1)))
        columns = slice(*np.searchsorted(self.u[0], (u0, u1)))
        return Chart(self.y[rows], self.u[:, columns], self.colour[rows, columns])

    def lay(self, colour: Colour | Floats, cover: Floats) -> None:
        """Paint a colour, or colours `[rows, columns, 3]`, over it; `cover` is 1 where nothing below shows."""
        self.colour[...] += cover[..., None] * (np.asarray(colour, np.float32) - self.colour)

    def dim(self, factor: Floats) -> None:
        """Multiply the colours."""
        self.colour[...] *= factor[..., None]


def _paint_skin(chart: Chart, look: Look, rng: Rng) -> None:
    shape = chart.colour.shape[:2]
    mottle = 1 + 0.035 * smooth_noise(rng, (shape[0], shape[1]), (14, 14))
    mottle += np.float32(rng.uniform(0.01, 0.04)) * rng.standard_normal(shape, np.float32)
    chart.colour[...] = np.array(look.skin, np.float32) * mottle[..., None]


def _paint_blush(chart: Chart, look: Look, rng: Rng) -> None:
    face = chart.window(-0.2, 1.0, -0.7, 0.7)
    warm = mix(look.skin, (0.75, 0.25, 0.2), 0.35)
    cheeks = 0.5 * bell(face.y, 0.28, 0.16) * bell(np.abs(face.u), 0.36, 0.16)
    face.lay(warm, cheeks + 0.4 * bell(face.y, 0.38, 0.10) * bell(face.u, 0, 0.11))
    if look.freckles > 0:
        spots = smooth_noise(rng, (face.y.size, face.u.size), (40, 46)) > 1.6
        face.lay(shade(look.skin, 0.6), look.freckles * spots * bell(face.y, 0.15, 0.25))


def _paint_hollows(chart: Chart, look: Look) -> None:
    """Where little light gets: eye sockets, beside the nose, under the nose, the lip and the brow; wrinkles."""
    face = chart.window(-0.5, 1.0, -0.75, 0.75)
    y, side = face.y, np.abs(face.u)
    tip, mouth = look.shape.nose_length, look.shape.mouth_y
    fold = bell(side - np.float32(0.13) - np.float32(0.38) * (y - tip), 0, 0.03) * soft(y - tip, 0.1)
    dark = (
        0.30 * bell(y, -0.06, 0.10) * bell(side, 0.26, 0.15)
        + 0.16 * bell(y, 0.10, 0.05) * bell(side, 0.26, 0.11)
        + 0.18 * bell(y, 0.02, 0.10) * bell(side, 0.10, 0.05)
        + 0.10 * bell(y, 0.25, 0.18) * bell(side, look.shape.nose_width + 0.05, 0.05)
        + 0.28 * bell(y, tip + 0.07, 0.03) * bell(side, 0.0, 0.13)
        + 0.22 * bell(y, mouth + 0.14, 0.035) * bell(side, 0, 0.16)
        + (0.08 + 0.25 * look.age) * fold * soft(mouth + 0.05 - y, 0.1)
        + 0.15 * look.age * bell(y, 0.13, 0.015) * bell(side, 0.27, 0.09)
    )
    for line in (-0.30, -0.37, -0.44):
        dark = dark + 0.14 * max(0.0, look.age - 0.5) * bell(y, line, 0.012) * bell(side, 0, 0.3)
    face.dim(1 - dark)
    for sign in (-1, 1):
        ear = chart.window(0.0, 0.42, *sorted((sign * 0.85, sign * 1.3)))
        ear.dim(1 - 0.4 * bell(ear.y, 0.2, 0.1) * bell(np.abs(ear.u), 1.0, 0.05))
    jaw = chart.window(0.75, 1.01, -1.2, 1.2)
    jaw.dim(1 - 0.45 * soft(jaw.y - 0.95, 0.12) * np.ones_like(jaw.u))


def _paint_eye(chart: Chart, look: Look, sign: int) -> None:
    half = 0.135 * look.eye_size
    eye = chart.window(-0.25, 0.2, *sorted((sign * 0.05, sign * 0.52)))
    dx = eye.u * np.float32(sign) - np.float32(0.28)
    dy = eye.y + np.float32(0.06) * dx
    bow = np.clip(1 - (dx / np.float32(half)) ** 2, 0, 1)
    height = 0.062 * look.eye_size * look.eyes_open
    upper, lower = -height * bow, 0.6 * height * bow
    inside = soft(dy - upper, 0.02) * soft(lower - dy, 0.02) * (bow > 0)
    eye.lay((0.86, 0.83, 0.80), inside * 0.9)
    away = np.hypot(dx - np.float32(look.gaze * sign), dy + np.float32(0.008))
    eye.lay(look.iris, inside * soft(0.066 - away, 0.02))
    eye.lay((0.03, 0.03, 0.03), inside * soft(0.03 - away, 0.02))
    glint = np.hypot(dx - np.float32(look.gaze * sign + 0.02), dy + np.float32(0.03))
    eye.lay((1.0, 1.0, 1.0), inside * soft(0.014 - glint, 0.02))
    lashes = bell(dy - upper + np.float32(0.005), 0, 0.018) * soft(np.float32(1.1 * half) - np.abs(dx), 0.05)
    eye.lay(shade(look.hair, 0.3), 0.85 * lashes)
    eye.lay(shade(look.skin, 0.5), 0.4 * bell(dy - lower, 0, 0.014) * (bow > 0))
    eye.lay(shade(look.skin, 0.55), 0.45 * bell(dy - upper + np.float32(0.045), 0, 0.014) * (bow > 0))


def _paint_brow(chart: Chart, look: Look, sign: int) -> None:
    brow = chart.window(-0.4, 0.0, *sorted((sign * 0.06, sign * 0.56)))
    dx = brow.u * np.float32(sign) - np.float32(0.30)
    middle = np.float32(-0.175) - np.float32(look.brow_slant) * dx + np.float32(1.1) * dx * dx
    thick = np.float32(look.brow) * np.clip(1.1 - dx * 2, 0.4, 1.3)
    cover = np.exp(-(((brow.y - middle) / thick) ** 2)) * soft(np.float32(0.2) - np.abs(dx), 0.08)
    brow.lay(shade(look.hair, 0.6), 0.85 * cover)


def _paint_mouth(chart: Chart, look: Look) -> None:
    mouth_y, smile, gap = look.shape.mouth_y, look.smile, look.mouth_open
    mouth = chart.window(mouth_y - 0.25, mouth_y + 0.3, -0.45, 0.45)
    half = np.float32(0.21 + 0.05 * max(0.0, smile))
    x = mouth.u / half
    bow = np.clip(1 - x * x, 0, 1)
    line = np.float32(mouth_y + 0.03 * smile) - np.float32(0.05 * smile) * x * x
    dy = mouth.y - line
    top = (-0.055 * look.lips * bow**0.7 * (1 - 0.25 * bell(x, 0, 0.16))) - 0.4 * gap * bow
    bottom = 0.075 * look.lips * bow**0.6 + 0.6 * gap * bow
    red = mix(shade(look.skin, 0.75), (0.68, 0.18, 0.2), 0.25 + 0.5 * look.lip_red)
    mouth.lay(red, 0.9 * soft(dy - top, 0.025) * soft(bottom - dy, 0.025) * (bow > 0))
    if gap > 0:
        hole = soft(dy + 0.4 * gap * bow, 0.015) * soft(0.6 * gap * bow - dy, 0.015) * (bow > 0)
        mouth.lay((0.16, 0.05, 0.05), hole)
        teeth = hole * soft(np.float32(0.1 * gap + 0.01) - dy, 0.015) * soft(np.float32(0.85) - np.abs(x), 0.1)
        mouth.lay((0.90, 0.88, 0.83), teeth)
    else:
        mouth.lay(shade(look.skin, 0.25), 0.8 * bell(dy, 0, 0.014) * (bow > 0.02))
    mouth.lay(shade(look.skin, 0.35), 0.5 * bell(dy, 0, 0.03) * bell(np.abs(x), 1.0, 0.12))


def _paint_nostrils(chart: Chart, look: Look) -> None:
    tip = look.shape.nose_length
    nose = chart.window(tip - 0.1, tip + 0.15, -0.25, 0.25)
    holes = bell(nose.y, tip + 0.045, 0.022) * bell(np.abs(nose.u), 0.55 * look.shape.nose_width, 0.03)
    nose.lay(shade(look.skin, 0.15), 0.85 * holes)


def _paint_beard(chart: Chart, look: Look, rng: Rng) -> None:
    if max(look.beard, look.moustache) <= 0:
        return
    face = chart.window(0.1, 1.01, -1.05, 1.05)
    side, mouth_y = np.abs(face.u), look.shape.mouth_y
    edge = np.float32(0.62) - np.float32(0.75) * np.clip(side - np.float32(0.25), 0, 0.6)
    jaw = soft(face.y - edge, 0.1)
    lips = bell(face.y, mouth_y + 0.01, 0.10) * bell(side, 0, 0.24)
    lip = bell(face.y, mouth_y - 0.11, 0.05) * soft(np.float32(0.26) - side, 0.08)
    grain = 0.75 + 0.3 * rng.standard_normal(face.colour.shape[:2], np.float32)
    cover = np.maximum(look.beard * jaw * np.clip(1 - 1.6 * lips, 0, 1), look.moustache * lip)
    face.lay(shade(look.hair, 0.75), np.clip(cover * grain, 0, 1))


def paint_face(chart: Chart, look: Look, rng: Rng) -> None:
    """Paint bare skin and, where the look has a face, everything in it."""
    _paint_skin(chart, look, rng)
    if look.features:
        _paint_blush(chart, look, rng)
        _paint_hollows(chart, look)
        for sign in (-1, 1):
            _paint_eye(chart, look, sign)
            _paint_brow(chart, look, sign)
        _paint_nostrils(chart, look)
        _paint_beard(chart, look, rng)
        _paint_mouth(chart, look)
