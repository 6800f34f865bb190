"""Pictures that a net still gets wrong: these are shown more often (hard example mining)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.distill.nets.families import mask_logit
from edgeblur.distill.nets.mask_head import SHRINK
from edgeblur.distill.training.mask_student_model import pooled
from edgeblur.errors import UserError
from edgeblur.pictures.faces import Face
from edgeblur.progress import track
from edgeblur.records import Record
from edgeblur.store.dataset import Dataset, Sample

_SMALLEST_FACE = 16  # pixels: smaller ones are not judged either
_SURE = 0.6  # mean of a face's mask below which it counts as missed
_FOUND = 0.3  # mask value from which a cell counts as found
_FALSE_SHARE = 1 / 128  # of the picture: fewer false cells are a wide rim
_RIM = 2  # cells about a mask that are neither face nor not
_MAX_REPEATS = 8  # times that one picture is shown again
_AT_ONCE = 32

Mask = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Hard(Record):
    """Names of training pictures in which a net misses a face, and in which it finds one that is none."""

    missed: tuple[str, ...]
    false: tuple[str, ...]

    def again(self, samples: Sequence[Sample], share: float, shown: int) -> list[Sample]:
        """What to show beside `shown` pictures, so that each of the two kinds is `share` of all.

        No picture comes more than eight times more: a handful would be learnt by heart.
        """
        known = {sample.name: sample for sample in samples}
        wanted = round(share * shown / (1 - 2 * share))
        return [
            known[name]
            for names in (self.missed, self.false)
            for name in islice(cycle(names), min(wanted, _MAX_REPEATS * len(names)))
        ]


def hard_pictures(net: Any, data: Dataset, path: Path) -> Hard:
    """Let a net that learns masks look at the train split as it is, and note in `path` what it gets wrong.

    What is noted there already is taken from there: a training that is resumed goes on with the same pictures.

    Shrivastava et al. 2016, "Training Region-based Object Detectors with Online Hard Example Mining", chooses anew each
    step; once before a training is enough for one that starts from a trained net.
    """
    import tensorflow as tf
    import tf_keras

    if path.exists():
        return Hard.read(path)
    logit = mask_logit(net)
    _, height, width, _ = net.input_shape
    finder = tf_keras.Model(net.input, logit)
    missed, false = [], []
    samples = data.split("train")
    for start in track(range(0, len(samples), _AT_ONCE), "looking for hard pictures"):
        some = samples[start : start + _AT_ONCE]
        triples = [data.load(sample, (width, height)) for sample in some]
        pictures = np.stack([triple.picture for triple in triples]).astype(np.float32) / 255
        found = tf.sigmoid(finder.predict(pictures, verbose=0))
        masks = pooled(found, SHRINK * found.shape[1] // height).numpy()
        wanted = pooled(
            np.stack([triple.mask for triple in triples])[..., np.newaxis] / np.float32(255), SHRINK
        ).numpy()
        missed += [s.name for s, triple, mask in zip(some, triples, masks, strict=True) if _misses(mask, triple.faces)]
        false += [s.name for s, mask, faces in zip(some, masks, wanted, strict=True) if _finds_falsely(mask, faces)]
    hard = Hard(tuple(missed), tuple(false))
    hard.write(path)
    return hard


def refuse_untrained(hard: float, start: Path | None) -> None:
    """Refuse to ask a net for what it finds hard that has learnt nothing yet.

    Raises:
        UserError: `hard` is wanted without trained weights to start from.
    """
    if hard and start is None:
        raise UserError(
            "hard examples are those that a trained net gets wrong: start from its .keras file",
            options=("hard", "start"),
        )


def _misses(mask: Mask, faces: Iterable[Face]) -> bool:
    """Whether the mask `[h, w, 1]` covers less of a face than hides it."""
    boxes = [face.box for face in faces if face.box.side >= _SMALLEST_FACE]
    insides = [
        mask[max(0, int(box.y / SHRINK)) : math.ceil((box.y + box.h) / SHRINK),
             max(0, int(box.x / SHRINK)) : math.ceil((box.x + box.w) / SHRINK)]
        for box in boxes
    ]  # fmt: skip
    return any(inside.size and inside.mean() < _SURE for inside in insides)


def _finds_falsely(mask: Mask, wanted: Mask) -> bool:
    """Whether the mask `[h, w, 1]` finds much where nothing is wanted, away from the rims of faces."""
    import tensorflow as tf

    near = tf.nn.max_pool2d(wanted[np.newaxis], 1 + 2 * _RIM, 1, "SAME")[0] > 0
    return bool(np.mean((mask >= _FOUND) & ~np.asarray(near)) > _FALSE_SHARE)
