"""What a net is shown: a data set's triples, cropped, scaled, flipped, recoloured and recomposed on the fly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeblur.distill.training.draws import Draws
from edgeblur.errors import UserError
from edgeblur.progress import track
from edgeblur.store.dataset import Dataset, Sample

_CHANNELS = 7  # picture 3, blurred 3, mask 1
_ZOOMED_OUT = 5.0  # times the share of the picture that is face: the smallest crop is no smaller
_BAR_HALF_WIDTH = 0.01, 0.04  # of the picture: as wide as half a small face at most
_BAR_HALF_LENGTH = 0.1, 0.4
_FACELESS_SIDE = 0.25, 0.6  # of the picture's side
_TRIES = 12  # windows, of which the one with least face is shown
_LOOK = 8  # pixels a side to which a window is shrunk to see how much face it has
_PORTRAIT = 0.4  # of the picture's side: the face of a portrait is larger
_CACHE_BYTES = 6 * 2**30  # beyond this, pictures are decoded again each epoch instead of kept

Windows = tuple[Any, Any, Any, Any]
"""Top, left, height and width of what is cut out of each picture, `[B]` each, as shares of the picture."""


@dataclass(frozen=True)
class Augmentation:
    """How pictures are varied, so that faces are not always central, large and well lit.

    Attributes:
        smallest_crop: side of the smallest random crop, as a share of the picture's side.
        paste: share of pictures that get another picture's faces at other places and sizes.
        smallest_paste: by how much a pasted picture is shrunk at most, as a share of the frame.
        faceless: share of pictures of which a part without a face is shown, if one is found: nets take hands, shirts
            and backs for faces, and photos without faces seldom have any.
        brightness: largest factor of darkening or brightening, as a power of two.
        flip: mirror half of the pictures.
        turn: largest turn of a scene to either side, in degrees.
        stretch: largest factor by which scenes and pasted faces are squeezed or stretched, as a power of two: a turned
            face is a narrow one.
        grain: largest noise of a camera in the dark, as a share of white; only for nets that learn masks, as a net
            that outputs the picture would learn to take it away.
        cover: share of pictures with a bar in front, as a hand, a microphone or a pole would be: what is left of a
            face is a face; only for nets that learn masks.
        defocus: share of pictures out of focus; only for nets that learn masks.
        scenes: how often at most a scene (several faces, or one that is small) is shown in an epoch that shows all
            others once: photos for training are mostly portraits, photos in life are not.
    """

    smallest_crop: float = 0.45
    paste: float = 0.5
    smallest_paste: float = 0.3
    faceless: float = 0.0
    brightness: float = 0.8
    flip: bool = True
    turn: float = 0.0
    stretch: float = 0.0
    grain: float = 0.0
    cover: float = 0.0
    defocus: float = 0.0
    scenes: int = 1


def lessons(
    data: Dataset, split: str, *, height: int, width: int, batch: int, face_weight: float,
    augment: Augmentation | None, workers: int = 1, masks: bool = False, again: Sequence[Sample] = (), seed: int = 0,
) -> Any:  # fmt: skip
    """A `tf.data.Dataset` of batches `(picture, target, weight)`, floats `[B, H, W, 3]`, `[B, H, W, 3]`, `[B, H, W]`.

    Decoded pictures stay in memory as bytes if they fit; crop, scale, flip, colour and copy-paste then run on whole
    batches inside TensorFlow, so that the input is not the bottleneck.

    Args:
        face_weight: how much more a pixel inside the face mask counts; 1 is plain MSE.
        augment: None for validation: every picture as it is, in order.
        workers: among which each batch is shared out. No worker may go empty, so with several of them the pictures
            that fill no batch are left out: other ones each epoch in training, the last ones in validation.
        masks: only the masks are to be learnt: where pictures are varied, the target is left at the picture itself.
            Varying takes longer than a step of a small net, and takes half as long without a blurred picture.
        again: samples to show once more each time that they are named here.
        seed: of the order and of how pictures are varied; each epoch goes on from it to other ones.

    Raises:
        UserError: the split is empty, has fewer pictures than there are workers, or a picture is damaged.
    """
    import tensorflow as tf

    samples = [*shown(data, split, augment), *again]
    if not samples:
        raise UserError(f"{data.root} has no pictures in its {split} split: make it again with a share for {split}")
    if workers > 1:
        batch = _shared_batch(data, split, len(samples), batch, workers, keep_size=augment is not None)
    distinct = {sample.name: sample for sample in samples}
    small = len(distinct) * data.size**2 * _CHANNELS <= _CACHE_BYTES
    if small:  # kept once, however often it is shown
        kept = tf.constant(_decode_all(data, list(distinct.values())))
        rows = {name: row for row, name in enumerate(distinct)}
        source = tf.data.Dataset.from_tensor_slices([rows[sample.name] for sample in samples])
    else:
        source = tf.data.Dataset.from_tensor_slices(
            tuple(
                [str(path) for path in column]
                for column in zip(*((s.picture, s.blur, s.mask) for s in samples), strict=True)
            )
        ).map(_decode, num_parallel_calls=tf.data.AUTOTUNE)
    if augment:
        source = source.shuffle(len(samples) if small else 1024, seed)
    source = source.batch(batch, drop_remainder=workers > 1)
    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    source = tf.data.Dataset.zip((source, seeds))

    def lesson(pixels: Any, seed: Any) -> tuple[Any, Any, Any]:
        if small:
            pixels = tf.gather(kept, pixels)
        if masks and augment:
            pixels = tf.concat([pixels[..., :3], pixels[..., 6:]], -1)
        floats = tf.cast(pixels, tf.float32) / 255.0
        floats = (
            _vary(floats, height, width, augment, Draws(seed))
            if augment
            else tf.image.resize(floats, (height, width), antialias=True)
        )
        picture, target, mask = floats[..., :3], floats[..., -4:-1], floats[..., -1]
        return picture, target, 1.0 + (face_weight - 1.0) * mask

    shared_out = tf.data.Options()  # several workers: each takes its part of every batch
    shared_out.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    source = source.with_options(shared_out)
    return source.map(lesson, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def shown(data: Dataset, split: str, augment: Augmentation | None) -> list[Sample]:
    """What an epoch shows of a split: every picture once, scenes as often as `augment` says while they are few."""
    samples = data.split(split)
    scenes = sum(_is_scene(sample, data.size) for sample in samples)
    fair = (len(samples) - scenes) // max(scenes, 1)  # as many as all others together are enough
    times = max(1, min(augment.scenes if augment else 1, fair))
    return [sample for sample in samples for _ in range(times if _is_scene(sample, data.size) else 1)]


def _is_scene(sample: Sample, size: int) -> bool:
    """Whether a picture of `size` pixels has several faces, or one that is small in it."""
    longest = [max(face.box.w, face.box.h) for face in sample.faces]
    return len(longest) > 1 or any(side < _PORTRAIT * size for side in longest)


def _shared_batch(data: Dataset, split: str, count: int, batch: int, workers: int, *, keep_size: bool) -> int:
    """Pictures a step on all workers together: as asked for, or the size that leaves the fewest pictures out."""
    if min(count, batch) < workers:
        raise UserError(
            f"{workers} workers need at least {workers} pictures a step and in each split, got a batch of {batch} and "
            f"{count} pictures in the {split} split of {data.root}",
            options=("batch",),
        )
    if keep_size:
        return min(count, batch)
    return max(range(workers, min(count, batch) + 1, workers), key=lambda size: (count // size * size, size))


def _decode_all(data: Dataset, samples: list[Sample]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """All triples as one array `[N, size, size, 7]` of bytes."""
    pixels = np.empty((len(samples), data.size, data.size, _CHANNELS), np.uint8)
    for row, sample in zip(pixels, track(samples, f"reading {samples[0].split}"), strict=True):
        triple = data.load(sample)
        row[..., :3], row[..., 3:6], row[..., 6] = triple.picture, triple.blur, triple.mask
    return pixels


def _decode(picture: Any, blur: Any, mask: Any) -> Any:
    import tensorflow as tf

    parts = [tf.io.decode_jpeg(tf.io.read_file(p), channels=c) for p, c in ((picture, 3), (blur, 3), (mask, 1))]
    return tf.concat(parts, -1)


def _vary(pixels: Any, height: int, width: int, augment: Augmentation, draws: Draws) -> Any:
    """Random crops of the batch, with faces of other pictures pasted in, in other light: `[B, height, width, C]`.

    C is 7, or 4 without the blurred picture; the mask is last.
    """
    import tensorflow as tf

    count = tf.shape(pixels)[0]
    # Into a portrait there is nothing to zoom, into a crowd there is.
    smallest = tf.clip_by_value(_ZOOMED_OUT * tf.reduce_mean(pixels[..., -1], (1, 2)), augment.smallest_crop, 0.85)
    scale = draws.uniform([count], smallest, 1.0)
    tall = scale * draws.uniform([count], 0.9, 1.0)
    windows = _anywhere(*_stretched(tall, scale, augment.stretch, draws, largest=1.0), draws)
    if augment.faceless:
        windows = _away_from_faces(windows, pixels[..., -1:], augment.faceless, draws)
    scene = (_cut_turned if augment.turn else _cut)(pixels, windows, height, width, augment, draws)
    scene = _paste_faces(scene, tf.roll(pixels, 1, axis=0), height, width, augment, draws)
    if augment.cover:
        scene = _cover(scene, augment.cover, draws)
    if augment.defocus:
        scene = _defocus(scene, augment.defocus)
    scene = _relight(scene, augment, draws)
    return _grainy(scene, augment.grain, draws) if augment.grain else scene


def _stretched(tall: Any, wide: Any, stretch: float, draws: Draws, *, largest: float) -> tuple[Any, Any]:
    """Windows of another shape and about the same area: `[B]` and `[B]`, neither side beyond `largest`."""
    import tensorflow as tf

    if not stretch:
        return tall, wide
    root = 2.0 ** draws.uniform(tf.shape(wide), -stretch / 2, stretch / 2)
    return tf.minimum(tall / root, largest), tf.minimum(wide * root, largest)


def _anywhere(tall: Any, wide: Any, draws: Draws) -> Windows:
    """Windows of `tall` x `wide` at random places, inside the picture where they fit into it."""
    import tensorflow as tf

    top, left = (draws.uniform(tf.shape(side)) * (1.0 - side) for side in (tall, wide))
    return top, left, tall, wide


def _away_from_faces(windows: Windows, mask: Any, share: float, draws: Draws) -> Windows:
    """The last `share` of the windows exchanged for smaller ones: of a dozen tries each, the one with least mask.

    The last, as other pictures' faces are pasted into the first.
    """
    import tensorflow as tf

    count = tf.cast(tf.round(share * tf.cast(tf.shape(mask)[0], tf.float32)), tf.int32)
    mask = mask[tf.shape(mask)[0] - count :]
    side = draws.uniform([count * _TRIES], *_FACELESS_SIDE)
    top, left, tall, wide = tries = _anywhere(side, side, draws)
    boxes = tf.stack([top, left, top + tall, left + wide], axis=1)
    seen = tf.image.crop_and_resize(mask, boxes, tf.repeat(tf.range(count), _TRIES), (_LOOK, _LOOK))
    best = tf.argmin(tf.reshape(tf.reduce_mean(seen, (1, 2, 3)), [count, _TRIES]), axis=1, output_type=tf.int32)
    chosen = tf.range(count) * _TRIES + best
    top, left, tall, wide = (
        tf.concat([values[: tf.shape(values)[0] - count], tf.gather(tried, chosen)], 0)
        for values, tried in zip(windows, tries, strict=True)
    )
    return top, left, tall, wide


def _cut(pixels: Any, windows: Windows, height: int, width: int, augment: Augmentation, draws: Draws) -> Any:
    """Cut windows out of the pictures; beyond a picture's border all is 0."""
    import tensorflow as tf

    count = tf.shape(pixels)[0]
    top, left, tall, wide = windows
    right = left + wide
    if augment.flip:  # a box whose sides are swapped mirrors the picture
        swap = draws.uniform([count]) < 0.5
        left, right = tf.where(swap, right, left), tf.where(swap, left, right)
    boxes = tf.stack([top, left, top + tall, right], axis=1)
    return tf.image.crop_and_resize(pixels, boxes, tf.range(count), (height, width), extrapolation_value=0.0)


def _cut_turned(pixels: Any, windows: Windows, height: int, width: int, augment: Augmentation, draws: Draws) -> Any:
    """Cut windows like `_cut`, turned about their middle; beyond the picture's border it goes on as in a mirror."""
    import tensorflow as tf

    count, size = tf.shape(pixels)[0], tf.cast(tf.shape(pixels)[1:3], tf.float32)
    top, left, tall, wide = windows
    middle_y, middle_x = size[0] * (top + tall / 2), size[1] * (left + wide / 2)
    angle = draws.uniform([count], -augment.turn, augment.turn) * (math.pi / 180)
    mirror = tf.where(draws.uniform([count]) < (0.5 if augment.flip else 0.0), -1.0, 1.0)
    step_x, step_y = wide * size[1] / width * mirror, tall * size[0] / height
    cos, sin = tf.cos(angle), tf.sin(angle)
    # From a pixel of the window to the pixel of the picture that it shows: x' = a x + b y + c, y' = d x + e y + f.
    a, b, d, e = cos * step_x, -sin * step_y, sin * step_x, cos * step_y
    x, y = (width - 1) / 2, (height - 1) / 2
    none = tf.zeros([count])
    shown = tf.stack([a, b, middle_x - a * x - b * y, d, e, middle_y - d * x - e * y, none, none], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels, transforms=shown, output_shape=(height, width), fill_value=0.0,
        interpolation="BILINEAR", fill_mode="REFLECT",
    )  # fmt: skip


def _paste_faces(scene: Any, others: Any, height: int, width: int, augment: Augmentation, draws: Draws) -> Any:
    """Lay another picture's faces, shrunk, over the scene: picture, blurred target and mask alike.

    Either the whole picture goes in (one portrait becomes one of several), or only its faces with a soft rim.
    """
    import tensorflow as tf

    count = tf.cast(tf.round(augment.paste * tf.cast(tf.shape(scene)[0], tf.float32)), tf.int32)
    scene, rest, others = scene[:count], scene[count:], others[:count]  # the batch is in random order already
    shrink = 1.0 / draws.uniform([count], augment.smallest_paste, 0.9)
    covered = tf.concat([others, tf.ones_like(others[..., :1])], -1)
    windows = _anywhere(*_stretched(shrink, shrink, augment.stretch, draws, largest=math.inf), draws)
    pasted = _cut(covered, windows, height, width, augment, draws)
    pasted, inside = pasted[..., :-1], pasted[..., -1:]
    rim = pasted[..., -1:]
    for pool, size in ((tf.nn.max_pool2d, 7), (tf.nn.avg_pool2d, 5)):  # first along one axis, then the other: faster
        rim = pool(pool(rim, (size, 1), 1, "SAME"), (1, size), 1, "SAME")
    whole = tf.cast(draws.uniform([count, 1, 1, 1]) < 0.35, tf.float32)
    matte = inside * tf.maximum(whole, rim)
    mixed = scene * (1.0 - matte) + pasted * matte
    # A face's soft rim over another face hides nothing of it: all of it stays face. A whole picture does hide it.
    mask = tf.maximum(scene[..., -1:] * (1.0 - whole * inside), pasted[..., -1:] * matte)
    return tf.concat([tf.concat([mixed[..., :-1], mask], -1), rest], 0)


def _cover(scene: Any, share: float, draws: Draws) -> Any:
    """Lay a bar of another picture in front of a share of the pictures, at any place and turn; the mask stays."""
    import tensorflow as tf

    height, width = scene.shape[1], scene.shape[2]
    count = tf.cast(tf.round(share * tf.cast(tf.shape(scene)[0], tf.float32)), tf.int32)
    scene, rest, others = scene[:count], scene[count:], tf.roll(scene, 1, axis=0)[:count]
    y, x = (tf.range(size, dtype=tf.float32) / size for size in (height, width))

    def draw(low: float, high: float) -> Any:
        return draws.uniform([count, 1, 1], low, high)

    down, right, turn = y[:, tf.newaxis] - draw(0.0, 1.0), x[tf.newaxis, :] - draw(0.0, 1.0), draw(0.0, math.pi)
    across = right * tf.cos(turn) + down * tf.sin(turn)
    along = down * tf.cos(turn) - right * tf.sin(turn)
    bar = (tf.abs(across) < draw(*_BAR_HALF_WIDTH)) & (tf.abs(along) < draw(*_BAR_HALF_LENGTH))
    covered = tf.where(bar[..., tf.newaxis], others[..., :-1], scene[..., :-1])
    return tf.concat([tf.concat([covered, scene[..., -1:]], -1), rest], 0)


def _defocus(scene: Any, share: float) -> Any:
    """Blur a share of the pictures a little, as a lens out of focus does; the mask stays."""
    import tensorflow as tf

    count = tf.cast(tf.round(share * tf.cast(tf.shape(scene)[0], tf.float32)), tf.int32)
    scene, rest = scene[count:], scene[:count]
    soft = tf.nn.avg_pool2d(rest[..., :-1], 3, 1, "SAME")
    return tf.concat([scene, tf.concat([soft, rest[..., -1:]], -1)], 0)


def _relight(scene: Any, augment: Augmentation, draws: Draws) -> Any:
    """Brightness, contrast and tint, the same for picture and target: blurring is linear, so the pair stays true."""
    import tensorflow as tf

    count = tf.shape(scene)[0]
    gain = 2.0 ** draws.uniform([count, 1, 1, 1], -augment.brightness, augment.brightness / 2)
    tint = draws.uniform([count, 1, 1, 3], 0.9, 1.1)
    lift = draws.uniform([count, 1, 1, 1], -0.05, 0.08)
    grey = tf.cast(draws.uniform([count, 1, 1, 1]) < 0.1, tf.float32)

    def light(picture: Any) -> Any:
        lit = tf.clip_by_value(picture * gain * tint + lift, 0.0, 1.0)
        return lit * (1.0 - grey) + tf.reduce_mean(lit, -1, keepdims=True) * grey

    pictures = [light(scene[..., at : at + 3]) for at in range(0, scene.shape[-1] - 1, 3)]
    return tf.concat([*pictures, scene[..., -1:]], -1)


def _grainy(scene: Any, largest: float, draws: Draws) -> Any:
    """Noise over the picture alone, from none to `largest`, differently strong in each."""
    import tensorflow as tf

    strength = draws.uniform([tf.shape(scene)[0], 1, 1, 1], 0.0, largest)
    picture, mask = scene[..., :-1], scene[..., -1:]
    noisy = picture + strength * draws.uniform(tf.shape(picture), -1.7, 1.7)  # as strong as a deviation of 1
    return tf.concat([tf.clip_by_value(noisy, 0.0, 1.0), mask], -1)
