"""What a model protects and spoils, on photos whose faces are known: pictures at its own size, or a camera's frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeblur.errors import UserError
from edgeblur.export.tflite.detector import detector_heads
from edgeblur.export.tflite.graph import blurring_model
from edgeblur.export.veil.compile import FrameOptions, plan_frames
from edgeblur.export.veil.reference import Blurrer
from edgeblur.firmware_harness.blurring.veils import open_veil, run_finder
from edgeblur.firmware_harness.engines.engines import Engine
from edgeblur.firmware_harness.privacy.filmed import film
from edgeblur.firmware_harness.privacy.judges import open_judges
from edgeblur.firmware_harness.privacy.photos import (
    PrivacyPhotos,
    labelled_of_dataset,
    photos_of_dataset,
    photos_with_labels,
)
from edgeblur.firmware_harness.privacy.protection import Privacy, PrivacyOptions, measure_privacy
from edgeblur.models.choose import Chosen
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels

if TYPE_CHECKING:
    from edgeblur.distill.data.photos import LabelledPhoto


@dataclass(frozen=True)
class LabelledPhotos:
    """Where photos with labelled faces are.

    Attributes:
        photos, labels: a folder and its label file.
        data: a data set, of which the test split is judged; by default that of a model's run.
        limit: photos at most, evenly spread.
    """

    photos: Path | None
    labels: Path | None
    data: Path | None
    limit: int | None

    def at(self, size: tuple[int, int], chosen: Chosen, *, in_shape: bool = False) -> PrivacyPhotos:
        """All of them at `(width, height)`; `in_shape` as a camera would frame them.

        Raises:
            UserError: there are none.
        """
        root = self.data or (chosen.run.dataset if chosen.run and not self.photos else None)
        if self.photos and self.labels:
            return photos_with_labels(self.photos, self.labels, size, self.limit, in_shape=in_shape)
        if root and not self.photos:
            return photos_of_dataset(root, size, self.limit, in_shape=in_shape)
        raise UserError(
            "privacy is measured on photos with labelled faces: of a run, a data set, or a folder with a label file",
            options=("data", "photos", "labels"),
        )

    def again(self, found: PrivacyPhotos) -> Iterable[LabelledPhoto]:
        """The same photos at their own size."""
        from edgeblur.distill.data.labels import from_labels

        if found.dataset:
            return labelled_of_dataset(found.dataset.root, limit=self.limit)
        assert self.photos
        assert self.labels
        return from_labels(self.photos, self.labels, [], None, self.limit)


def judge_privacy(
    chosen: Chosen, engine: Engine, options: PrivacyOptions, where: LabelledPhotos, frames: FrameOptions | None
) -> Privacy:
    """Find labelled photos, and measure. A detector's boxes are veiled.

    Raises:
        UserError: there are none, or the model gives no picture of its input's size and is no detector.
    """
    if frames is not None:
        return _frame_privacy(chosen, engine, options, where, frames)
    graph = engine.model.graph
    if detector_heads(graph):  # as boards do with pictures of its size
        blur, end = open_veil(graph, engine=engine.name).blur, engine.model.input
    else:
        blur, end = engine.blur, blurring_model(graph).input
    found = where.at((end.width, end.height), chosen)
    return measure_privacy(found, lambda picture, faces: blur(picture), options, name=chosen.name)


def _frame_privacy(
    chosen: Chosen, engine: Engine, options: PrivacyOptions, where: LabelledPhotos, frames: FrameOptions
) -> Privacy:
    """The same for frames of a camera's size, veiled as firmware does; of `live` and `rows` also in sequences.

    A still photo is veiled as its second frame: live, the first one is grey. Faces count from as many pixels on as
    cover `min_side_px` of the net's input.
    """
    finder, plan = plan_frames(engine.model.graph, replace(frames, pixels="rgb888"))
    find = run_finder(finder, plan, engine.name)
    size, scale = (frames.width, frames.height), max(plan.width / plan.x.net, plan.height / plan.y.net)
    options = replace(options, min_side_px=round(options.min_side_px * scale, 1))

    def veiled(picture: Pixels, faces: tuple[Face, ...]) -> Pixels:
        blurrer, frame = Blurrer(plan, find), picture.reshape(plan.height, -1)
        if plan.hold == "live":
            blurrer.blur(frame)
        return blurrer.blur(frame).reshape(picture.shape)

    found = where.at(size, chosen, in_shape=True)
    measured = replace(measure_privacy(found, veiled, options, name=chosen.name), hold=plan.hold)
    if plan.hold == "buffer":
        return measured
    judges = open_judges(options.detectors)
    filmed = film(
        where.again(found), plan, find, judges, source=found.description, min_side_px=options.min_side_px
    )  # fmt: skip
    return replace(measured, filmed=filmed)
