"""The tables of docs/target.md: how strong a blur must be, before any net is asked. `make target DATA=...` runs it.

    target.py DATA [--masks] [--name "photos of other sources"] [--split val] [--limit N]

The split's photos are blurred by their labels at 128x128, for a grid of strengths and growths, and two detectors look
for the faces. With --masks, perfect masks go through a mask head's blur and blend instead, grown by more and more
pixels. Writes docs/target.json or docs/target_masks.json, a set of photos each name, and the parts of docs/target.md
between markers.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.detectors.detector import Detector
from edgeblur.detectors.open import USUAL_JUDGES, open_detector
from edgeblur.distill.nets.families import build_net
from edgeblur.distill.nets.mask_head import MASK, SHRINK, mask_spec
from edgeblur.files import with_part, write_json, write_text
from edgeblur.firmware_harness.privacy.identity import Blur
from edgeblur.firmware_harness.privacy.judges import THRESHOLD, open_judges
from edgeblur.firmware_harness.privacy.leaks import leak_rate
from edgeblur.firmware_harness.privacy.protection import (
    MIN_IOU,
    MIN_SIDE_PX,
    Examiner,
    target_blur,
    untouched,
)
from edgeblur.pictures.blur import BlurStyle
from edgeblur.pictures.images import to_bytes, to_floats
from edgeblur.progress import track
from edgeblur.store.dataset import Triple, evenly, open_dataset

DOCS = Path(__file__).parents[1]
PAGE, MEASURED, MASKS = DOCS / "target.md", DOCS / "target.json", DOCS / "target_masks.json"
BEGIN = "<!-- tables: begin (made by `make target`, not by hand) -->"
END = "<!-- tables: end -->"
MASKS_BEGIN = "<!-- masks: begin (made by `python docs/make/target.py DATASET --masks`, not by hand) -->"
MASKS_END = "<!-- masks: end -->"
SIZE = 128
STRENGTHS, GROWTHS = (0.3, 0.45, 0.6), (1.2, 1.35, 1.5)
MARGINS = (0, 1, 2, 3, 4)
"""Pixels by which perfect masks are grown to all sides."""
_AT_ONCE = 64

Row = dict[str, Any]


def measure(data: Path, split: str, limit: int | None) -> dict[str, Any]:
    """Leaks of the untouched photos and of each style."""
    judged = _judged(data, split, limit)
    looking = [open_detector(name) for name in USUAL_JUDGES]
    styles = [BlurStyle(strength, grow) for strength in STRENGTHS for grow in GROWTHS]
    rows: list[Row] = [{"leaked": leaks(judged, looking, untouched)}]
    for style in track(styles, "styles"):
        told = leaks(judged, looking, target_blur(style))
        rows.append({"strength": style.strength, "grow": style.grow, "leaked": told})
    return {**_terms(judged, split), "rows": rows}


def measure_masks(data: Path, split: str, limit: int | None) -> dict[str, Any]:
    """Leaks of a mask head that finds every face perfectly, and what it spoils outside of the target's masks."""
    import tensorflow as tf
    import tf_keras

    from edgeblur.distill.training.mask_student_model import pooled

    judged = _judged(data, split, limit)
    examiner = Examiner(judged, open_judges(USUAL_JUDGES), None, MIN_SIDE_PX, regions=False)
    spec = mask_spec(height=SIZE, width=SIZE)
    net = build_net(spec)
    blend = tf_keras.Model([net.input, net.get_layer(MASK).output], net.output)
    masks = np.stack([to_floats(triple.mask) for triple in judged])[..., np.newaxis]
    pictures = np.stack([to_floats(triple.picture) for triple in judged])
    rows: list[Row] = []
    for margin in MARGINS:
        grown = pooled(tf.nn.max_pool2d(masks, 1 + 2 * margin, 1, "SAME"), SHRINK).numpy()
        blurred = to_bytes(blend.predict([pictures, grown], batch_size=_AT_ONCE, verbose=0))
        told = examiner.examine(f"margin {margin}", list(blurred), None)
        outside = told.fidelity.outside
        leaked = {name: leak.leaked for name, leak in zip(USUAL_JUDGES, told.leaks, strict=True)}
        rows.append({"margin": margin, "leaked": leaked, "psnr_outside_db": outside and round(outside.psnr_db, 2)})
    return {**_terms(judged, split), "threshold_mask": spec.threshold, "full_mask": spec.full, "rows": rows}


def _judged(data: Path, split: str, limit: int | None) -> list[Triple]:
    """Photos with a face that counts."""
    dataset = open_dataset(data)
    triples = [dataset.load(s, (SIZE, SIZE)) for s in evenly(dataset.split(split), limit)]
    return [t for t in triples if any(face.box.side >= MIN_SIDE_PX for face in t.faces)]


def _terms(judged: Sequence[Triple], split: str) -> dict[str, Any]:
    faces = sum(face.box.side >= MIN_SIDE_PX for t in judged for face in t.faces)
    return {"split": split, "size": SIZE, "faces": faces, "threshold": THRESHOLD, "min_iou": MIN_IOU}


def leaks(triples: Sequence[Triple], detectors: Sequence[Detector], blur: Blur) -> dict[str, int]:
    """How many faces each detector still finds."""
    pairs = [(blur(t.picture, t.faces), t.faces) for t in triples]
    terms = {"threshold": THRESHOLD, "min_iou": MIN_IOU, "min_side_px": MIN_SIDE_PX}
    return {detector.name: leak_rate(detector, pairs, **terms).leaked for detector in detectors}


def tables(measured: Path) -> str:
    """A part of the page between its markers, from what was measured."""
    sets = json.loads(measured.read_text())
    return "\n".join(line for name, told in sets.items() for line in table(name, told)) + "\n"


def table(name: str, told: dict[str, Any]) -> Iterator[str]:
    size, masks = told["size"], "full_mask" in told
    what, more = ("masks grown by", ["dB outside"]) if masks else ("strength x growth", [])
    yield f"{name}, {told['split']} split at {size}x{size}: {told['faces']} faces of at least {MIN_SIDE_PX} pixels."
    yield ""
    yield f"| {what} | " + " | ".join([*(f"found by {d}" for d in USUAL_JUDGES), *more]) + " |"
    yield "| --- |" + " ---: |" * (len(USUAL_JUDGES) + len(more))
    for row in told["rows"]:
        cells = [f"{row['leaked'][d]} ({row['leaked'][d] / told['faces']:.1%})" for d in USUAL_JUDGES]
        if masks:
            cells = [f"{row['margin']} pixels", *cells, f"{row['psnr_outside_db']:.1f}"]
        else:
            cells = [f"{row['strength']:g} x {row['grow']:g}" if "strength" in row else "untouched", *cells]
        yield "| " + " | ".join(cells) + " |"
    yield ""


def renewed(page: str) -> str:
    """The page with its tables made anew."""
    page = with_part(page, BEGIN, END, tables(MEASURED), PAGE)
    return with_part(page, MASKS_BEGIN, MASKS_END, tables(MASKS), PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--masks", action="store_true")
    parser.add_argument("--name", default="photos")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    if options.data:
        path, measuring = (MASKS, measure_masks) if options.masks else (MEASURED, measure)
        known = json.loads(path.read_text()) if path.exists() else {}
        write_json(path, {**known, options.name: measuring(options.data, options.split, options.limit)})
    write_text(PAGE, renewed(PAGE.read_text()))


if __name__ == "__main__":
    main()
