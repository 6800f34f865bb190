"""How well a net protects where it spoils as little as is asked: leaks at equal fidelity, on validation photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeblur.detectors.open import USUAL_JUDGES
from edgeblur.distill.nets.clamp import Clamp, clamp_net
from edgeblur.distill.nets.mask_head import MASK
from edgeblur.errors import UserError
from edgeblur.firmware_harness.comparison.clamp_curve import SPLIT, predicted
from edgeblur.firmware_harness.privacy.judges import open_judges
from edgeblur.firmware_harness.privacy.protection import MIN_SIDE_PX, Examiner, Protection
from edgeblur.pictures.images import Floats, Pixels, to_bytes
from edgeblur.pictures.metrics import outside_psnr_db
from edgeblur.records import Record
from edgeblur.store.dataset import Dataset, Triple, evenly

_WIDTH = 0.2  # of a clamp: docs/models.md has those of the shelf
_STEPS = 7  # halvings of the way: to less than 0.01 of a mask value
_LOWEST, _HIGHEST = 0.01, 0.79


@dataclass(frozen=True)
class Quality(Record):
    """A float net on validation photos, at the lowest clamp that leaves them as they are outside the faces.

    Attributes:
        leak_rate: of the judge that finds most; 0 to 1.
        leaked, faces: what it was counted from.
        judge: who that is.
        outside_db: PSNR outside the masks; below what was asked where no clamp reaches that.
        face_free, changed: photos without a face, and those of them that are visibly changed.
        clamp: at which it was measured.
    """

    leak_rate: float
    leaked: int
    faces: int
    judge: str
    outside_db: float
    face_free: int
    changed: int
    clamp: Clamp


@dataclass(frozen=True)
class QualityOptions:
    """On what terms.

    Attributes:
        outside_db: PSNR outside the masks that all nets are brought to.
        judges: as `judges.parse_judge` reads them.
        photos: of the validation split, at most, evenly spread.
    """

    outside_db: float = 33.0
    judges: tuple[str, ...] = USUAL_JUDGES
    photos: int | None = None


def measure_quality(net: Any, data: Dataset, options: QualityOptions) -> Quality:
    """Bring a mask head to the wanted fidelity by its clamp, and let the judges look.

    Faces count from 16 pixels of 128 on, whatever the size of the net's input, so that nets of all sizes are judged by
    the same faces.

    Raises:
        UserError: a package is missing, no such judge, or no validation photo has such a face.
    """
    _, height, width, _ = net.input_shape
    triples = [data.load(sample, (width, height)) for sample in evenly(data.split(SPLIT), options.photos)]
    smallest = MIN_SIDE_PX * width / 128
    blending = _Blending.of(net, triples)
    clamp = _clamp_at(blending, options.outside_db)
    judged = Examiner(triples, open_judges(options.judges), None, smallest, regions=False)
    return _quality(judged.examine(f"clamp {clamp}", blending.outputs(clamp), None), clamp, triples)


def _clamp_at(blending: _Blending, outside_db: float) -> Clamp:
    """The lowest clamp of the usual width that keeps the fidelity; the highest where none does."""
    low, high = _LOWEST, _HIGHEST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        outputs = blending.outputs(_clamp(middle))
        outside = outside_psnr_db((out, t.blur, t.mask) for out, t in zip(outputs, blending.triples, strict=True))
        kept = outside is None or outside >= outside_db
        low, high = (low, middle) if kept else (middle, high)
    return _clamp(high)


def _clamp(low: float) -> Clamp:
    return Clamp(round(low, 4), round(low + _WIDTH, 4))


@dataclass(frozen=True)
class _Blending:
    """Photos and the masks that a net finds in them: it looks once, however many clamps are tried.

    Attributes:
        net: the whole mask head, whose clamp is set.
        blend: what makes its output of picture and mask.
        triples: the photos.
        masks: one a photo, `[h, w, 1]`, 0 to 1.
    """

    net: Any
    blend: Any
    triples: Sequence[Triple]
    masks: Floats

    @classmethod
    def of(cls, net: Any, triples: Sequence[Triple]) -> _Blending:
        """Look at all photos."""
        import tf_keras

        mask = net.get_layer(MASK).output
        masks = np.concatenate(list(predicted(tf_keras.Model(net.input, mask), triples)))
        return cls(net, tf_keras.Model([net.input, mask], net.output), triples, masks)

    def outputs(self, clamp: Clamp) -> list[Pixels]:
        """What the net makes of the photos with this clamp, as bytes."""
        clamp_net(self.net, clamp)
        return [out for batch in predicted(self.blend, self.triples, self.masks) for out in to_bytes(batch)]


def _quality(protection: Protection, clamp: Clamp, triples: Sequence[Triple]) -> Quality:
    worst, outside = protection.worst_leak, protection.fidelity.outside
    if worst is None or worst.rate is None:
        raise UserError(
            f"none of the {len(triples)} validation photos has a face of {MIN_SIDE_PX} px of 128 and more: make the "
            "data set with a larger share for validation"
        )
    return Quality(
        worst.rate, worst.leaked, worst.faces, worst.judge, round(outside.psnr_db, 3) if outside else 0.0,
        protection.over_blur.face_free, protection.over_blur.face_free_changed, clamp,
    )  # fmt: skip
