"""A synthetic person around the head: neck, shoulders and clothes, hair behind, hats and glasses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from edgeblur.distill.data.synthetic.backdrop import Ink, ink
from edgeblur.distill.data.synthetic.head import Pose, Rng
from edgeblur.distill.data.synthetic.look import Colour, Light, Look, any_colour, mix, shade, smooth_noise
from edgeblur.distill.data.synthetic.render import render_head
from edgeblur.pictures.images import Floats, to_bytes

Points = list[tuple[float, float]]

_SUPERSAMPLE = 2
_NECK_SLICES = 24


@dataclass(frozen=True)
class Wear:
    """What a person wears below the hat.

    Attributes:
        glasses: `none`, `clear` or `dark`.
        pattern: `plain`, `stripes` or `check`.
        collar: `none`, `v` or `shirt`.
    """

    glasses: str
    cloth: Colour
    second: Colour
    pattern: str
    collar: str

    @classmethod
    def draw(cls, rng: Rng) -> Wear:
        """Random clothes; a quarter of the people have glasses."""
        return cls(
            glasses=str(rng.choice(["none", "clear", "dark"], p=[0.77, 0.16, 0.07])),
            cloth=any_colour(rng),
            second=any_colour(rng),
            pattern=str(rng.choice(["plain", "plain", "stripes", "check"])),
            collar=str(rng.choice(["none", "v", "shirt"])),
        )


@dataclass(frozen=True)
class Person:
    """One person in a scene."""

    look: Look
    wear: Wear
    pose: Pose

    def plane(self, points: Points) -> Points:
        """Points of the picture plane in head units, upright with the head, as pixels."""
        x, y = (np.array(values, np.float32) for values in zip(*points, strict=True))
        px, py = self.pose.place(x, y)
        return list(zip(px.tolist(), py.tolist(), strict=True))

    def below(self, points: Points) -> Points:
        """The same for the body, which stands upright below a tilted head."""
        ((x0, y0),) = self.plane([(0.0, 0.85)])
        return [(x0 + x * self.pose.unit, y0 + (y - 0.85) * self.pose.unit) for x, y in points]


def _wobbly(rng: Rng, points: Points, amount: float) -> Points:
    moves = rng.normal(0, amount, (len(points), 2))
    return [(x + dx, y + dy) for (x, y), (dx, dy) in zip(points, moves.tolist(), strict=True)]


def _dress(rng: Rng, layer: Image.Image, outline: Points, person: Person, light: Light) -> None:
    """Fill the body's outline with cloth, brighter on the lamp's side, with soft folds."""
    xs, ys = zip(*outline, strict=True)
    left, right = max(0, int(min(xs))), min(layer.width, int(max(xs)) + 1)
    top, bottom = max(0, int(min(ys))), min(layer.height, int(max(ys)) + 1)
    if right <= left or bottom <= top:
        return
    size = (right - left, bottom - top)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in outline], fill=255)
    folds = 0.05 * smooth_noise(rng, (32, 32), (6, 10))
    lamp = 0.18 * light.direction[0] * np.linspace(-1, 1, 32, dtype=np.float32)[None]
    bright: Floats = 0.78 + 0.22 * light.ambient + lamp + folds
    grey = Image.fromarray(to_bytes(np.clip(bright, 0, 1))).resize(size, Image.Resampling.BILINEAR)
    cloth = ImageChops.multiply(_cloth(rng, size, person), Image.merge("RGB", (grey, grey, grey)))
    layer.paste(cloth, (left, top), mask)


def _cloth(rng: Rng, size: tuple[int, int], person: Person) -> Image.Image:
    wear, n = person.wear, max(size)
    fill = Image.new("RGB", size, ink(wear.cloth))
    if wear.pattern == "plain":
        return fill
    draw, step = ImageDraw.Draw(fill), max(4.0, person.pose.unit * rng.uniform(0.12, 0.4))
    width, across = max(1, int(step * rng.uniform(0.15, 0.6))), rng.random() < 0.6
    for k in range(int(n / step) + 1):
        if across or wear.pattern == "check":
            draw.line((0, k * step, n, k * step), ink(wear.second), width)
        if not across or wear.pattern == "check":
            draw.line((k * step, 0, k * step, n), ink(wear.second), width)
    return fill


def _draw_neck(layer: Image.Image, person: Person, half: float) -> None:
    """A column of skin, dark under the chin, from the jaw to the collar."""
    draw, skin = ImageDraw.Draw(layer), person.look.skin
    (ax, ay), (bx, by) = person.plane([(0.0, 0.45)])[0], person.below([(0.0, 1.75)])[0]
    reach = half * person.pose.unit
    for start in np.linspace(0, 1, _NECK_SLICES, endpoint=False).tolist():
        stop = start + 1 / _NECK_SLICES
        x0, y0, x1, y1 = (ax + (bx - ax) * start, ay + (by - ay) * start, ax + (bx - ax) * stop, ay + (by - ay) * stop)
        dark = 0.45 + 0.4 * max(0.0, start - 0.3) / 0.6
        for share, light in ((1.0, 0.8), (0.85, 0.87), (0.65, 0.93)):
            w = reach * share * (1 + 0.8 * max(0.0, start - 0.6))
            draw.polygon([(x0 - w, y0), (x0 + w, y0), (x1 + w, y1), (x1 - w, y1)], ink(shade(skin, dark * light)))


def _draw_legs(layer: Image.Image, person: Person, half: float) -> None:
    """Two legs down to the ground, of people who stand far away."""
    draw = ImageDraw.Draw(layer)
    for sign in (-1, 1):
        leg = [(0.0, 4.5), (sign * half, 4.5), (sign * (half - 0.1), 11.0), (sign * 0.15, 11.0)]
        draw.polygon(person.below(leg), ink(shade(person.wear.second, 0.7)))


def _draw_body(rng: Rng, layer: Image.Image, person: Person, light: Light) -> None:
    wide, slope = rng.uniform(1.25, 1.8), rng.uniform(0.15, 0.45)
    _draw_legs(layer, person, wide - 0.3)
    half = rng.uniform(0.32, 0.45)
    _draw_neck(layer, person, half)
    side = [(half + 0.02, 1.25), (half + 0.25, 1.36), (wide * 0.75, 1.36 + slope * 0.5), (wide, 1.5 + slope),
            (wide + 0.15, 2.2), (wide + 0.2, 4.6), (wide - 0.3, 4.7)]  # fmt: skip
    dip = rng.uniform(1.4, 1.6)
    outline = [(-x, y) for x, y in reversed(side)] + [(-0.2, dip), (0.2, dip), *side]
    _dress(rng, layer, person.below(outline), person, light)
    draw = ImageDraw.Draw(layer)
    if person.wear.collar == "v":
        draw.polygon(person.below([(-half, 1.27), (half, 1.27), (0.0, 2.1)]), ink(shade(person.look.skin, 0.85)))
    if person.wear.collar == "shirt":
        for sign in (-1, 1):
            flap = [(sign * (half + 0.05), 1.2), (0.0, 1.65), (sign * 0.3, 1.85), (sign * (half + 0.2), 1.4)]
            draw.polygon(person.below(flap), ink(mix(person.wear.second, (0.95, 0.95, 0.95), 0.6)))


def _draw_hair_behind(rng: Rng, layer: Image.Image, person: Person) -> None:
    """Long hair hanging behind the neck, in strands."""
    if person.look.hair_style != "long":
        return
    draw, colour = ImageDraw.Draw(layer), person.look.hair
    length, wide = rng.uniform(0.9, 2.2), rng.uniform(0.72, 0.95)
    side = [(0.5, -0.85), (0.68, -0.5), (wide, 0.1), (wide + 0.05, length * 0.7), (wide - 0.1, length)]
    outline = [(-x, y) for x, y in reversed(side)] + side
    draw.polygon(person.plane(_wobbly(rng, outline, 0.03)), ink(shade(colour, 0.6)))
    for x in rng.uniform(-wide, wide, 14).tolist():
        strand = person.plane([(x * 0.8, -0.5), (x, 0.3), (x * 1.02, length * rng.uniform(0.75, 1.05))])
        draw.line(strand, ink(shade(colour, rng.uniform(0.45, 1.0))), max(1, int(person.pose.unit * 0.06)))


def _ring(radius: float, depth: float, y: float, start: float, stop: float) -> tuple[Floats, Floats, Floats]:
    """Points around the head at height y, angles in degrees from the front."""
    s = np.radians(np.linspace(start, stop, 40)).astype(np.float32)
    return np.float32(radius) * np.sin(s), np.full_like(s, y), np.float32(depth) * np.cos(s)


def _draw_brim(layer: Image.Image, person: Person) -> None:
    """The part of a hat that stands out flat from the head; a cap's only in front."""
    hat, pose = person.look.hat, person.pose
    if hat is None or hat.kind == "beanie":
        return
    wide = person.look.shape.half_width * 1.1
    spread = 75.0 if hat.kind == "cap" else 180.0
    far, thick = (1.5, 0.95) if hat.kind == "cap" else (1.65, 1.75)
    outer = pose.project(_ring(wide * thick, far, hat.rim + 0.03, -spread, spread))
    inner = pose.project(_ring(wide, 0.92, hat.rim, spread, -spread))
    ImageDraw.Draw(layer).polygon(outer + inner, ink(shade(hat.colour, 0.65)))


def _rim(person: Person, sign: int, high: float, wide: float, power: float) -> Points:
    t = np.linspace(0, 2 * math.pi, 28, dtype=np.float32)
    x = sign * 0.29 + wide * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** power
    y = 0.03 + high * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** power
    z = 0.87 - 0.6 * x * x
    return person.pose.project((x.astype(np.float32), y.astype(np.float32), z.astype(np.float32)))


def _fill_glass(layer: Image.Image, lens: Points, *, dark: bool) -> None:
    """Tint what lies behind a lens."""
    xs, ys = zip(*lens, strict=True)
    left, top = int(min(xs)), int(min(ys))
    glass = Image.new("L", (int(max(xs)) - left + 2, int(max(ys)) - top + 2))
    ImageDraw.Draw(glass).polygon([(x - left, y - top) for x, y in lens], fill=235 if dark else 18)
    tint = Image.new("RGBA", glass.size, (18, 18, 22, 255) if dark else (235, 240, 245, 255))
    layer.paste(tint, (left, top), glass)


def _draw_glasses(rng: Rng, layer: Image.Image, person: Person) -> None:
    wear, pose = person.wear, person.pose
    if wear.glasses == "none":
        return
    frame: Ink = ink(shade(any_colour(rng), 0.35)) if rng.random() < 0.8 else ink(any_colour(rng))
    draw, width = ImageDraw.Draw(layer), max(1, int(pose.unit * rng.uniform(0.015, 0.045)))
    high, wide, power = rng.uniform(0.13, 0.19), rng.uniform(0.2, 0.25), rng.choice([0.6, 1.0])
    sides = [sign for sign in (-1, 1) if sign * pose.yaw < 38]  # the nose hides the other lens
    for sign in sides:
        lens = _rim(person, sign, high, wide, power)
        _fill_glass(layer, lens, dark=wear.glasses == "dark")
        draw.line([*lens, lens[0]], frame, width, joint="curve")
        if sign * pose.yaw < 12:  # the other bow is hidden behind the face
            edge = sign * (0.29 + wide)
            bow = np.array([[edge, 0.0, 0.72], [sign * (person.look.shape.half_width + 0.05), 0.03, 0.1]], np.float32)
            draw.line(pose.project((bow[:, 0], bow[:, 1], bow[:, 2])), frame, width)
    bridge = np.array([[-0.09, 0.0, 0.9], [0.09, 0.0, 0.9]], np.float32)
    draw.line(pose.project((bridge[:, 0], bridge[:, 1], bridge[:, 2])), frame, width)


def draw_person(rng: Rng, person: Person, light: Light, size: int) -> Image.Image:
    """Draw one person, antialiased, on an empty RGBA canvas of `size` x `size`."""
    person = replace(person, pose=person.pose.scaled(_SUPERSAMPLE))
    layer = Image.new("RGBA", (size * _SUPERSAMPLE, size * _SUPERSAMPLE))
    _draw_hair_behind(rng, layer, person)
    _draw_body(rng, layer, person, light)
    head = render_head(person.look, person.pose, light, rng)
    layer.paste(Image.fromarray(head.colours), head.corner, Image.fromarray(head.mask))
    _draw_brim(layer, person)
    if person.look.features:
        _draw_glasses(rng, layer, person)
    return layer.reduce(_SUPERSAMPLE)
