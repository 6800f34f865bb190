"""All privacy measures of one model on the same photos, beside those of the untouched photos and of the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from edgeblur.detectors.embedding import FaceEmbedding
from edgeblur.detectors.open import USUAL_JUDGES
from edgeblur.errors import UserError
from edgeblur.firmware_harness.privacy.changes import Changes, changes, mean_changes
from edgeblur.firmware_harness.privacy.filmed import Filmed
from edgeblur.firmware_harness.privacy.identity import Blur, Gallery, Identity
from edgeblur.firmware_harness.privacy.judges import Judge, OpenJudge, open_judges
from edgeblur.firmware_harness.privacy.leaks import Leak, OverBlur, leak_rates, mean_over_blur, over_blur
from edgeblur.firmware_harness.privacy.photos import PrivacyPhotos
from edgeblur.firmware_harness.privacy.reversibility import AttackOptions, Reversal, measure_reversal, require_training
from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels
from edgeblur.pictures.metrics import Fidelity, fidelity, mean_fidelity
from edgeblur.progress import track
from edgeblur.records import Record
from edgeblur.store.dataset import Triple

MIN_IOU = 0.3
"""A finding that overlaps a label's box by so much is a leak."""
MIN_SIDE_PX = 16
"""Smaller faces are not judged: longer side of the box, at the model's size."""


@dataclass(frozen=True)
class PrivacyOptions:
    """What is measured.

    Attributes:
        detectors: who looks for faces in the output, as `judges.parse_judge` reads it; none leaves leak rates out.
        identity: look faces up by their embedding.
        min_side_px: faces with a smaller longer side are not judged.
        attack: train a net to undo the blur; None leaves that out.
    """

    detectors: tuple[str, ...] = USUAL_JUDGES
    identity: bool = True
    min_side_px: float = MIN_SIDE_PX
    attack: AttackOptions | None = None


@dataclass(frozen=True)
class Protection(Record):
    """What something that blurs protects and what it spoils.

    Attributes:
        fidelity: against the target; outside the masks that is the untouched photo.
        over_blur: change outside the masks.
        leaks: one for each detector.
        changes: where it blurred; None where that was not asked.
        identity: what the embedding still says; None without one, or without two different faces.
        reversal: what an attack on the blur won back; None if there was none.
    """

    KEYS: ClassVar = ("fidelity", "leaks", "over_blur")
    NAMES: ClassVar = {"reversal": "reversibility"}
    SPARSE: ClassVar = ("leaks",)

    fidelity: Fidelity
    over_blur: OverBlur
    leaks: tuple[Leak, ...] = ()
    changes: Changes | None = None
    identity: Identity | None = None
    reversal: Reversal | None = None

    @property
    def worst_leak(self) -> Leak | None:
        """Of the detector that still finds most; None if no detector looked, or there was no face."""
        known = [leak for leak in self.leaks if leak.rate is not None]
        return max(known, key=lambda leak: leak.rate or 0, default=None)


@dataclass(frozen=True)
class Privacy:
    """A model's protection, and the two yardsticks on the same photos.

    Attributes:
        description: the photos, for people.
        images, face_free: how many photos, and those without a face.
        min_side_px: of the judged faces.
        untouched: the photos as they are: what detectors and embedding find at all.
        target: the photos blurred by their labels: what a model learns.
        model: what was examined.
        skipped: a sentence for each picture that could not be used.
        hold: how frames were held; None of pictures at the model's size.
        filmed: what sequences of frames leave open; None without any.
    """

    description: str
    images: int
    face_free: int
    min_side_px: float
    untouched: Protection
    target: Protection
    model: Protection
    skipped: tuple[str, ...] = ()
    hold: str | None = None
    filmed: Filmed | None = None

    @property
    def rows(self) -> dict[str, Protection]:
        """The three by name."""
        return {"untouched": self.untouched, "target": self.target, "model": self.model}

    def as_json(self) -> dict[str, Any]:
        """Everything by name."""
        return {
            "photos": self.description,
            "skipped": list(self.skipped),
            "images": self.images,
            "face_free": self.face_free,
            "min_side_px": self.min_side_px,
            **{name: row.as_json() for name, row in self.rows.items()},
            **({"hold": self.hold} if self.hold else {}),
            **({"sequences": self.filmed.as_json()} if self.filmed else {}),
        }


def untouched(picture: Pixels, faces: tuple[Face, ...]) -> Pixels:
    """The yardstick that blurs nothing."""
    return picture


def target_blur(style: BlurStyle) -> Blur:
    """The yardstick that blurs every labelled face, as the data set's targets are."""
    return lambda picture, faces: np.asarray(blur_faces(Image.fromarray(picture), faces, style)[0])


@dataclass(frozen=True)
class Examiner:
    """Photos, detectors and gallery, ready to examine whatever blurs.

    Attributes:
        triples: the photos.
        judges: loaded.
        gallery: the clear faces; None leaves identity out.
        min_side_px: of faces that a detector should not find.
        regions: measure also where pictures were changed.
    """

    triples: Sequence[Triple]
    judges: tuple[OpenJudge, ...]
    gallery: Gallery | None
    min_side_px: float = MIN_SIDE_PX
    regions: bool = True

    def examine(self, name: str, outputs: Sequence[Pixels], blur: Blur | None) -> Protection:
        """Measure outputs.

        Args:
            name: for the progress bars.
            outputs: one a photo, of the photo's size.
            blur: what made them, for second shots of the photos; None for the untouched photos.
        """
        pairs = list(zip(self.triples, outputs, strict=True))
        identity = None
        if self.gallery:
            identity = self.gallery.look_up(blur, name) if blur else self.gallery.untouched()
        return Protection(
            fidelity=mean_fidelity([fidelity(out, t.blur, t.mask) for t, out in pairs]),
            leaks=self._leaks(pairs, name),
            over_blur=mean_over_blur([over_blur(t.picture, out, t.mask) for t, out in pairs]),
            changes=mean_changes([changes(t.picture, out, t.mask) for t, out in pairs]) if self.regions else None,
            identity=identity,
        )

    def _leaks(self, pairs: Sequence[tuple[Triple, Pixels]], name: str) -> tuple[Leak, ...]:
        """One for each judge; those that differ by their threshold alone look once."""
        found: dict[Judge, Leak] = {}
        for each in self.judges:
            if each.judge in found:
                continue
            alike = [
                judge
                for judge in (other.judge for other in self.judges)
                if (judge.detector, judge.enlarged) == (each.judge.detector, each.judge.enlarged)
            ]
            looked_at = track([(out, t.faces) for t, out in pairs], f"{each.judge}: {name}")
            leaks = leak_rates(
                each.detector, looked_at, [judge.threshold for judge in alike],
                enlarged=each.judge.enlarged, min_iou=MIN_IOU, min_side_px=self.min_side_px,
            )  # fmt: skip
            found.update(zip(alike, leaks, strict=True))
        return tuple(found[each.judge] for each in self.judges)

    def yardsticks(self, style: BlurStyle) -> tuple[Protection, Protection]:
        """The untouched photos and the target."""
        return (
            self.examine("untouched", [t.picture for t in self.triples], None),
            self.examine("target", [t.blur for t in self.triples], target_blur(style)),
        )


def open_examiner(
    triples: Sequence[Triple], options: PrivacyOptions, *, gallery_px: float | None = None, regions: bool = True
) -> Examiner:
    """Load the detectors and the embedding, and find the clear faces.

    Args:
        triples: the photos.
        options: who looks, and for which faces.
        gallery_px: faces with a smaller longer side are not looked up; the options' limit by default.
        regions: measure also where pictures were changed.

    Raises:
        UserError: a package is missing, or no such detector.
    """
    embedding = FaceEmbedding() if options.identity else None
    judges = open_judges(options.detectors)
    gallery = Gallery(triples, embedding, gallery_px or options.min_side_px) if embedding else None
    return Examiner(triples, judges, gallery, options.min_side_px, regions)


def measure_privacy(
    photos: PrivacyPhotos, blur: Blur, options: PrivacyOptions | None = None, *, name: str = "model"
) -> Privacy:
    """Measure what a model protects and what it spoils, beside the untouched photos and the target.

    Args:
        photos: from `photos_of_dataset` or `photos_with_labels`.
        blur: the model.
        options: detectors, faces, attack.
        name: of the model, for the progress bars.

    Raises:
        UserError: a package is missing, no such detector, or nothing to train an attack on.
    """
    chosen = options or PrivacyOptions()
    if chosen.attack and photos.dataset is None:
        raise UserError("the attack is trained on a data set's train split: name one, or a run", options=("data",))
    if chosen.attack:
        require_training()
    examiner = open_examiner(photos.triples, chosen)
    outputs = [blur(t.picture, t.faces) for t in track(photos.triples, name)]
    first, target = examiner.yardsticks(photos.style)
    model = examiner.examine(name, outputs, blur)
    if chosen.attack and photos.dataset:
        won = measure_reversal(photos.dataset, photos.triples, blur, examiner.gallery, chosen.attack)
        model = replace(model, reversal=won)
    images, free = len(photos.triples), photos.face_free
    return Privacy(photos.description, images, free, chosen.min_side_px, first, target, model, photos.skipped)
