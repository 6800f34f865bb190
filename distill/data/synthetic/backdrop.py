"""What stands behind synthetic faces, and things that could be taken for faces: balls, plates, bare skin."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from edgeblur.distill.data.synthetic.head import Rng
from edgeblur.distill.data.synthetic.look import Colour, any_colour, mix, shade, skin_tone, smooth_noise
from edgeblur.pictures.images import Floats, to_bytes

Ink = tuple[int, int, int]
"""Red, green, blue in 0 to 255, as Pillow draws."""


def ink(colour: Colour) -> Ink:
    """A colour as Pillow wants it."""
    r, g, b = (round(255 * min(1.0, max(0.0, c))) for c in colour)
    return r, g, b


def _ramp(rng: Rng, n: int) -> Image.Image:
    """A gradient between two colours in any direction, unevenly lit."""
    a, b = any_colour(rng), any_colour(rng)
    if rng.random() < 0.6:
        b = mix(a, b, 0.3)
    turn = rng.uniform(0, 2 * math.pi)
    at = np.linspace(-1, 1, 48, dtype=np.float32)
    share = np.clip(0.5 + 0.5 * (at[None] * math.cos(turn) + at[:, None] * math.sin(turn)), 0, 1)
    share = share + 0.12 * smooth_noise(rng, (48, 48), (4, 4))
    colours = np.array(a) + share[..., None] * (np.array(b) - np.array(a))
    return Image.fromarray(to_bytes(colours)).resize((n, n), Image.Resampling.BICUBIC)


def _tiles(rng: Rng, n: int) -> Image.Image:
    """Bricks or tiles with joints."""
    joint, stone = any_colour(rng), any_colour(rng)
    picture = Image.new("RGB", (n, n), ink(joint))
    draw = ImageDraw.Draw(picture)
    h = n * rng.uniform(0.04, 0.16)
    w = h * rng.choice([1.0, 2.0, 2.6])
    gap, staggered, vary = max(1.0, h * rng.uniform(0.03, 0.12)), rng.random() < 0.6, rng.uniform(0, 0.15)
    for row in range(int(n / h) + 1):
        shift = -w / 2 if staggered and row % 2 else 0.0
        for column in range(int(n / w) + 2):
            x, y = column * w + shift, row * h
            draw.rectangle((x, y, x + w - gap, y + h - gap), ink(shade(stone, rng.normal(1, vary))))
    return picture


def _blobs(rng: Rng, n: int) -> Image.Image:
    """Lights and things far out of focus."""
    picture = _ramp(rng, 96)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(8, 40)):
        x, y, r = rng.uniform(0, 96), rng.uniform(0, 96), rng.uniform(2, 16)
        draw.ellipse((x - r, y - r * rng.uniform(0.6, 1.6), x + r, y + r), ink(any_colour(rng)))
    return _defocused(picture, rng.integers(10, 40)).resize((n, n), Image.Resampling.BICUBIC)


def _foliage(rng: Rng, n: int) -> Image.Image:
    """Leaves, grass, gravel, cloth: noise of several grain sizes between a few colours."""
    leafy = mix((0.18, 0.34, 0.1), any_colour(rng), rng.choice([0.15, 0.9]))
    cells = int(rng.integers(5, 14))
    grain = sum(0.6**level * smooth_noise(rng, (n, n), (cells * 2**level, cells * 2**level)) for level in range(5))
    share = np.asarray(0.75 + rng.uniform(0.2, 0.4) * grain, np.float32)[..., None]
    tint = np.array(leafy, np.float32)
    leaves = Image.fromarray(to_bytes(np.clip(tint * share, 0, 1)))
    return leaves.resize((n, n), Image.Resampling.BILINEAR)


def _windows(rng: Rng, n: int) -> Image.Image:
    """A room or a house front: wall, floor, windows, pictures, furniture."""
    picture = _ramp(rng, n)
    draw = ImageDraw.Draw(picture)
    if rng.random() < 0.6:
        floor = n * rng.uniform(0.6, 0.9)
        draw.rectangle((0, floor, n, n), ink(any_colour(rng)))
    for _ in range(rng.integers(1, 7)):
        x, y, w, h = rng.uniform(-0.1, 0.9) * n, rng.uniform(-0.1, 0.8) * n, *(rng.uniform(0.08, 0.45, 2) * n)
        frame = rng.uniform(0.005, 0.02) * n
        draw.rectangle((x, y, x + w, y + h), ink(any_colour(rng)))
        draw.rectangle((x + frame, y + frame, x + w - frame, y + h - frame), ink(any_colour(rng)))
        for k in range(1, int(rng.integers(1, 4))):
            bar = x + w * k / 3
            draw.line((bar, y, bar, y + h), ink(any_colour(rng)), int(frame) + 1)
    return picture


def _lines(rng: Rng, n: int) -> Image.Image:
    """Stripes, blinds, shelves, fences, cables."""
    picture = _ramp(rng, n)
    draw = ImageDraw.Draw(picture)
    turn, step = rng.choice([0.0, math.pi / 2, rng.uniform(0, math.pi)]), rng.uniform(0.03, 0.15) * n
    width = max(1, int(step * rng.uniform(0.05, 0.6)))
    colours = [any_colour(rng) for _ in range(3)]
    along, across = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
    for k in range(-int(0.8 * n / step), int(0.8 * n / step) + 1):
        middle = n / 2 + across * k * step + rng.normal(0, 0.03 * step, 2)
        ends = np.concatenate([middle - along * n, middle + along * n]).tolist()
        draw.line(ends, ink(colours[rng.integers(3)]), width)
    return picture


def _writing(rng: Rng, n: int) -> Image.Image:
    """Rows of small dark marks like print, posters or a shop front."""
    picture = _ramp(rng, n)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(2, 6)):
        x0, y0, w = rng.uniform(-0.1, 0.7) * n, rng.uniform(0, 0.8) * n, rng.uniform(0.2, 0.7) * n
        h, colour = rng.uniform(0.012, 0.06) * n, ink(any_colour(rng))
        for row in range(int(rng.integers(1, 7))):
            x = x0
            while x < x0 + w:
                step = h * rng.uniform(0.3, 1.1)
                y = y0 + row * h * 1.6
                if rng.random() < 0.85:
                    ends = (x, y + h * rng.uniform(0, 0.5), x + step * 0.7, y + h * rng.uniform(0.5, 1))
                    draw.line(ends, colour, max(1, int(h / 5)))
                x += step
    return picture


def _defocused(picture: Image.Image, cells: int) -> Image.Image:
    """Blurred until about `cells` details are left across, by going down and up: far cheaper than a Gaussian."""
    small = picture.resize((int(cells), int(cells)), Image.Resampling.BOX)
    return small.resize(picture.size, Image.Resampling.BICUBIC)


_KINDS: tuple[Callable[[Rng, int], Image.Image], ...] = (
    _ramp, _tiles, _blobs, _foliage, _windows, _windows, _lines, _writing,
)  # fmt: skip


def draw_backdrop(rng: Rng, n: int) -> Image.Image:
    """A background of `n` x `n` pixels: one kind, two joined, or one out of focus."""
    first = _KINDS[rng.integers(len(_KINDS))](rng, n)
    if rng.random() < 0.35:
        second = _KINDS[rng.integers(len(_KINDS))](rng, n)
        turned, at = rng.random() < 0.5, int(n * rng.uniform(0.2, 0.8))
        first.paste(second.crop((0, 0, at, n) if turned else (0, 0, n, at)), (0, 0))
    if rng.random() < 0.45:
        first = _defocused(first, rng.integers(12, 96))
    return first


def rounded(rng: Rng, picture: Image.Image, mask: Image.Image, colour: Colour, at: tuple[int, int]) -> None:
    """Paste `mask` in a colour, lit from one side so that it looks round."""
    x, y = np.meshgrid(*[np.linspace(-1, 1, 24, dtype=np.float32)] * 2)
    lamp = rng.uniform(-0.4, 0.4, 2)
    light = np.clip(1.15 - 0.35 * ((x - lamp[0]) ** 2 + (y - lamp[1]) ** 2), 0.2, 1.25)
    body: Floats = light[..., None] * np.array(colour, np.float32)
    flat = Image.fromarray(to_bytes(np.clip(body, 0, 1))).resize(mask.size, Image.Resampling.BICUBIC)
    picture.paste(flat, at, mask)


def _ball(rng: Rng, picture: Image.Image, r: int) -> None:
    n = picture.width
    skin = rng.random() < 0.5
    colour = skin_tone(rng) if skin else any_colour(rng)
    h = int(r * rng.uniform(0.95, 1.4))
    mask = Image.new("L", (2 * r, 2 * h))
    ImageDraw.Draw(mask).ellipse((0, 0, 2 * r - 1, 2 * h - 1), fill=255)
    x, y = (int(v) for v in rng.uniform(-0.1, 1.0, 2) * n)
    rounded(rng, picture, mask, colour, (x, y))
    if not skin:
        draw = ImageDraw.Draw(picture)
        for _ in range(rng.integers(0, 4)):
            start = rng.uniform(0, 360)
            a, b = x + rng.uniform(0.2, 1.0) * r, y + rng.uniform(0.2, 1.0) * h
            draw.arc((a, b, a + r * 0.9, b + h * 0.8), start, start + rng.uniform(40, 200), ink(any_colour(rng)), 3)


def _plate(rng: Rng, picture: Image.Image, r: int) -> None:
    draw, n = ImageDraw.Draw(picture), picture.width
    x, y = rng.uniform(0, 1, 2) * n
    flat = rng.uniform(0.5, 1)
    for share in sorted(rng.uniform(0.2, 1, rng.integers(2, 6)), reverse=True):
        draw.ellipse((x - r * share, y - r * share * flat, x + r * share, y + r * share * flat), ink(any_colour(rng)))
    for hour in range(12 if rng.random() < 0.4 else 0):
        a, b = math.cos(hour * math.pi / 6), flat * math.sin(hour * math.pi / 6)
        draw.line((x + 0.8 * r * a, y + 0.8 * r * b, x + 0.93 * r * a, y + 0.93 * r * b), (20, 20, 20), 2)


def _arm(rng: Rng, picture: Image.Image, r: int) -> None:
    """A bare arm or a branch: a thick bent line, rounded at its ends."""
    n, colour = picture.width, skin_tone(rng)
    draw, width = ImageDraw.Draw(picture), max(3, int(r * rng.uniform(0.3, 0.7)))
    points = [tuple(p) for p in (rng.uniform(0, 1, (3, 2)) * n).tolist()]
    for share, light in ((1.0, 0.8), (0.6, 1.0)):
        draw.line(points, ink(shade(colour, light)), int(width * share) or 1, joint="curve")
        for x, y in points:
            half = width * share / 2
            draw.ellipse((x - half, y - half, x + half, y + half), ink(shade(colour, light)))


def _box(rng: Rng, picture: Image.Image, r: int) -> None:
    draw, n = ImageDraw.Draw(picture), picture.width
    x, y = rng.uniform(-0.1, 1, 2) * n
    w, h = rng.uniform(0.4, 2.5, 2) * r
    draw.polygon(
        [(x, y), (x + w, y + rng.normal(0, 0.1) * h), (x + w, y + h), (x, y + h * rng.uniform(0.8, 1.1))],
        ink(any_colour(rng)),
    )
    draw.rectangle((x + 0.1 * w, y + 0.2 * h, x + 0.8 * w, y + 0.3 * h), ink(any_colour(rng)))


def add_distractor(rng: Rng, picture: Image.Image) -> None:
    """Draw one thing that has no face but a face's outline, colour or contrast."""
    kinds = (_ball, _ball, _plate, _arm, _box)
    radius = max(4, int(picture.width * math.exp(rng.uniform(math.log(0.04), math.log(0.28)))))
    kinds[rng.integers(len(kinds))](rng, picture, radius)


def speckled(rng: Rng, picture: Image.Image) -> Image.Image:
    """Uneven dirt and light over everything drawn so far, so that no surface is perfectly flat."""
    n = picture.width
    fine = np.float32(rng.uniform(0, 0.025)) * rng.standard_normal((n, n), np.float32)
    noise = 0.92 + fine + 0.05 * smooth_noise(rng, (n, n), (6, 6))
    grey = Image.fromarray(to_bytes(np.clip(noise, 0, 1)))
    return ImageChops.multiply(picture, Image.merge("RGB", (grey, grey, grey)))
