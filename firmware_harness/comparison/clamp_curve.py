"""What a net that finds masks protects and what it spoils at one clamp after the other, on validation photos."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from edgeblur.detectors.open import USUAL_JUDGES
from edgeblur.distill.nets.clamp import Clamp, clamp_net, clamp_of, load_clamped
from edgeblur.errors import UserError
from edgeblur.files import as_json, write_together
from edgeblur.firmware_harness.privacy.judges import THRESHOLD, open_judges
from edgeblur.firmware_harness.privacy.protection import MIN_IOU, MIN_SIDE_PX, Examiner, Protection
from edgeblur.pictures.images import Floats, Pixels, to_bytes, to_floats
from edgeblur.progress import track
from edgeblur.records import Record
from edgeblur.store.dataset import Dataset, Triple, evenly
from edgeblur.store.run_folder import RunModel

CLAMPS = tuple(Clamp(low / 10, (low + 2) / 10) for low in range(1, 7))
"""Measured where nobody names others: 0.1:0.3 to 0.6:0.8."""
SPLIT = "val"
"""Choosing is learning: the test split stays unseen."""
_BATCH = 32  # photos


@dataclass(frozen=True)
class ClampPoint(Record):
    """What a net does with one clamp."""

    FLAT: ClassVar = ("protection",)

    clamp: Clamp
    protection: Protection


@dataclass(frozen=True)
class ClampCurve(Record):
    """clamp.json: one net at several clamps, on the same photos.

    Attributes:
        model: its name in the run.
        data: where the data set lies.
        images: photos of its validation split.
        width: of the net's input, in pixels; the photos were resized to it.
        height: of the net's input, in pixels.
        detectors: who looked for faces.
        clamp: the one that the net had when it was measured.
        points: the lowest clamp first.
        precision: the net ran in floats.
        split: of the data set.
        threshold, min_iou, min_side_px: on what terms a finding counts, and which faces do.
    """

    KEYS: ClassVar = ("model", "precision", "data", "split", "images", "width", "height", "detectors", "threshold",
                      "min_iou", "min_side_px")  # fmt: skip

    model: str
    data: str
    images: int
    width: int
    height: int
    detectors: tuple[str, ...]
    clamp: Clamp
    points: tuple[ClampPoint, ...]
    precision: str = "float32"
    split: str = SPLIT
    threshold: float = THRESHOLD
    min_iou: float = MIN_IOU
    min_side_px: float = MIN_SIDE_PX


def measure_clamps(
    model: RunModel,
    data: Dataset,
    clamps: Sequence[Clamp] = CLAMPS,
    *,
    detectors: Sequence[str] = USUAL_JUDGES,
    limit: int | None = None,
) -> ClampCurve:
    """Examine a run's mask head, or its U-Net with a gate, at each clamp.

    It runs in float, on the data set's validation split at the net's size.

    Args:
        model: stays as it is on disk.
        data: whose validation photos are looked at: those of the model's run, or photos of where it is to be used.
        clamps: in the order of the curve.
        detectors: who looks for faces in the outputs, as `judges.parse_judge` reads it.
        limit: photos at most, evenly spread.

    Raises:
        UserError: an empty validation split, no mask head and no gate, or no such detector.
    """
    samples = evenly(data.split(SPLIT), limit)
    if not samples:
        raise UserError(f"the data set {data.root} has no picture in its {SPLIT} split: make it from more photos")
    looking = open_judges(detectors)
    net = load_clamped(model)
    clamp, (_, height, width, _) = clamp_of(net), net.input_shape
    triples = [data.load(sample, (width, height)) for sample in track(samples, "reading photos")]
    examiner = Examiner(triples, looking, None, MIN_SIDE_PX, regions=False)
    points = tuple(_point(examiner, net, each) for each in clamps)
    return ClampCurve(model.name, str(data.root), len(samples), width, height, tuple(detectors), clamp, points)


def _point(examiner: Examiner, net: Any, clamp: Clamp) -> ClampPoint:
    clamp_net(net, clamp)
    outputs = outputs_of(net, examiner.triples)
    return ClampPoint(clamp, examiner.examine(f"clamp {clamp}", outputs, None))


def outputs_of(net: Any, triples: Sequence[Triple]) -> list[Pixels]:
    """What the net makes of the photos, as bytes."""
    return [output for batch in predicted(net, triples) for output in to_bytes(batch)]


def predicted(net: Any, triples: Sequence[Triple], *planes: Floats) -> Iterator[Floats]:
    """What the net makes of the photos, batch by batch.

    Args:
        net: of one input, or of one more for each of `planes`.
        triples: the photos.
        planes: what goes in beside them, by photo.
    """
    for start in range(0, len(triples), _BATCH):
        some = slice(start, start + _BATCH)
        pictures = np.stack([to_floats(triple.picture) for triple in triples[some]])
        made: Floats = net.predict_on_batch([pictures, *(plane[some] for plane in planes)] if planes else pictures)
        yield made


def write_curve(curve: ClampCurve, model: RunModel) -> None:
    """Write clamp.json and clamp.png into the model's folder, replacing those of an earlier measurement."""
    write_together({model.folder / "clamp.png": _drawn(curve), model.folder / "clamp.json": as_json(curve.as_json())})


def _drawn(curve: ClampCurve) -> bytes:
    """The curve as a PNG: fidelity outside the faces against the leak rate, a line for each detector."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a screen

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    for index, name in enumerate(curve.detectors):
        places = _places(curve, index)
        beside, side = (((-5, 5), "right"), ((5, -9), "left"))[index % 2]  # of two lines each has a side of its own
        (line,) = axes.plot([x for x, _, _ in places], [y for _, y, _ in places], marker="o", markersize=4, label=name)
        for x, y, text in places:
            axes.annotate(text, (x, y), beside, textcoords="offset points", ha=side, fontsize=7, color=line.get_color())
    axes.margins(0.15)  # so that labels stay inside
    photos = f"{curve.images} {SPLIT} photos of {Path(curve.data).name} at {curve.width}x{curve.height}"
    axes.set_title(f"{curve.model} by its clamp: {photos}, float", fontsize=10)
    axes.set_xlabel(f"faces of {MIN_SIDE_PX} px and more still found, %", fontsize=8)
    axes.set_ylabel("PSNR outside the faces, dB", fontsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")  # the curve rises: no point lies there
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _places(curve: ClampCurve, detector: int) -> list[tuple[float, float, str]]:
    """Leak rate in per cent, dB, label; a point without a face, or where nothing was changed, has no place."""
    places = []
    for point in curve.points:
        rate, outside = point.protection.leaks[detector].rate, point.protection.fidelity.outside
        if rate is not None and outside is not None and math.isfinite(outside.psnr_db):
            now = " (now)" if point.clamp == curve.clamp else ""
            places.append((100 * rate, outside.psnr_db, f"{point.clamp}{now}"))
    return places
