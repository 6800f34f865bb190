"""The table of choices in docs/frames.md: how a picture meets the finder, and how what it found is veiled.

    frame_choices.py [PHOTOS ...] [--split val] [--limit 150]

PHOTOS are folders with an annotations.jsonl. Faces of 16 pixels and more, at 128, in --limit photos that have one, and
--limit photos without a face are judged at their own size: CenterFace at 0.4 looks for the faces; a face-free photo is
visibly changed from a mean of 2/255 on. Writes docs/frame_choices.json and the part of docs/frames.md between markers.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.detectors.open import open_detector
from edgeblur.distill.data.labels import from_labels
from edgeblur.distill.data.photos import LabelledPhoto
from edgeblur.export.tflite.finder import Finder, finder_of
from edgeblur.export.veil.plan import VeilOptions, VeilPlan, fitting_finder, plan_veil
from edgeblur.export.veil.reference import Blurrer
from edgeblur.files import with_part, write_json, write_text
from edgeblur.firmware_harness.blurring.veils import run_finder
from edgeblur.firmware_harness.privacy.leaks import VISIBLE_CHANGE, leak_rate
from edgeblur.models.shelf import require_entry
from edgeblur.pictures.blur import blur_faces
from edgeblur.pictures.images import Pixels
from edgeblur.pictures.metrics import OUTSIDE
from edgeblur.progress import track

DOCS = Path(__file__).parents[1]
PAGE, MEASURED = DOCS / "frames.md", DOCS / "frame_choices.json"
BEGIN, END = "<!-- choices: begin (made by docs/make/frame_choices.py, not by hand) -->", "<!-- choices: end -->"
MODEL, CLAMP = "mask8", (0.3, 0.5)
THRESHOLD, SMALLEST = 0.4, 16 / 128
"""Of CenterFace; of judged faces, of the photo's longer side."""


@dataclass(frozen=True)
class Choice:
    """A row of the table.

    Attributes:
        name: for people.
        shape: `frame`: the net is rewritten to the picture's; `stretched`, or `letterbox` in the net's own.
        veil: how what was found is veiled.
    """

    name: str
    shape: str = "frame"
    veil: VeilOptions = field(default_factory=lambda: VeilOptions(*CLAMP))


def _veiled(name: str, low: float, full: float, **more: Any) -> Choice:
    return Choice(name, veil=replace(VeilOptions(low, full), **more))


CHOICES = (
    Choice("the net rewritten to the frame's shape (what is done)"),
    Choice("stretched to 128x128", "stretched"),
    Choice("letterbox in 128x128, rim repeated", "letterbox"),
    _veiled("clamp 0.2:0.4", 0.2, 0.4),
    _veiled("clamp 0.1:0.3", 0.1, 0.3),
    _veiled("clamp 0.2:0.3", 0.2, 0.3),
    _veiled("grown by a cell", 0.3, 0.5, margin=1),
    _veiled("clamp 0.4:0.5, grown by a cell", 0.4, 0.5, margin=1),
    _veiled("squares of 16 without mixing", 0.3, 0.5, smooth=False),
    _veiled("squares of 8, mixed", 0.3, 0.5, grid=8),
    _veiled("squares of 24, mixed", 0.3, 0.5, grid=24),
    _veiled("squares of 32, mixed", 0.3, 0.5, grid=32),
)


def _plan(finder: Finder, size: tuple[int, int], choice: Choice) -> tuple[Finder, VeilPlan]:
    if choice.shape == "frame":
        finder = fitting_finder(finder, size)
    plan = plan_veil(finder, size, options=choice.veil)
    if choice.shape == "stretched":
        plan = replace(plan, x=replace(plan.x, content=plan.x.net), y=replace(plan.y, content=plan.y.net))
    return finder, plan


def _blur(choice: Choice) -> Callable[[Pixels], Pixels]:
    whole, found = finder_of(require_entry(MODEL).path), dict[tuple[int, int], tuple[VeilPlan, Any]]()

    def blur(picture: Pixels) -> Pixels:
        height, width, _ = picture.shape
        if (width, height) not in found:
            finder, plan = _plan(whole, (width, height), choice)
            found[width, height] = plan, run_finder(finder, plan, "litert")
        plan, find = found[width, height]
        return Blurrer(plan, find).blur(picture.reshape(height, -1)).reshape(picture.shape)

    return blur


def measure(faces: Sequence[LabelledPhoto], free: Sequence[LabelledPhoto]) -> list[dict[str, Any]]:
    """A row for each choice."""
    detector, rows = open_detector("centerface"), []
    masks = [np.asarray(blur_faces(photo.picture, photo.faces)[1]) for photo in faces]
    for choice in track(CHOICES, "choices"):
        blur = _blur(choice)
        before = [np.asarray(photo.picture) for photo in faces]
        after = [blur(picture) for picture in before]
        judged = [
            (out, tuple(face for face in photo.faces if face.box.side >= SMALLEST * max(photo.picture.size)))
            for out, photo in zip(after, faces, strict=True)
        ]
        leak = leak_rate(detector, judged, threshold=THRESHOLD, min_side_px=1)
        clear = [np.asarray(photo.picture) for photo in free]
        changed = sum(float(np.abs(blur(p).astype(int) - p).mean()) / 255 > VISIBLE_CHANGE for p in clear)
        errors = [
            float(((a.astype(float) - b) ** 2)[mask < OUTSIDE].mean())
            for a, b, mask in zip(after, before, masks, strict=True)
            if (mask < OUTSIDE).any()
        ]
        outside_db = 10 * np.log10(255**2 / np.mean(errors))
        rows.append({"name": choice.name, "found": leak.leaked, "faces": leak.faces, "changed": changed,
                     "face_free": len(clear), "outside_db": round(float(outside_db), 2)})  # fmt: skip
    return rows


def _photos(folders: list[Path], split: str, limit: int, *, with_face: bool) -> list[LabelledPhoto]:
    def fits(photo: LabelledPhoto) -> bool:
        large = any(face.box.side >= SMALLEST * max(photo.picture.size) for face in photo.faces)
        return large if with_face else not photo.faces

    found = [
        photo
        for folder in folders
        for photo in from_labels(folder, folder / "annotations.jsonl", [])
        if photo.split == split and fits(photo)
    ]
    random.Random(0).shuffle(found)
    return found[:limit]


def table() -> str:
    """The part of the page between its markers, from docs/frame_choices.json."""
    told = json.loads(MEASURED.read_text())
    first, clamp = told["rows"][0], ":".join(map(str, CLAMP))
    lines = [
        f"On {told['split']} photos ({told['photos']} with faces of 16 pixels and more at 128, {first['faces']} faces; "
        f"{first['face_free']} without a face), each judged at its own size of up to 256 pixels by CenterFace at "
        f"{THRESHOLD}, with {told['model']} and the clamp {clamp} unless another is named:",
        "",
        "| | faces still found | face-free photos visibly changed | outside the faces |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in told["rows"]:
        found, changed = f"{row['found']} of {row['faces']}", f"{row['changed']} of {row['face_free']}"
        lines.append(f"| {row['name']} | {found} | {changed} | {row['outside_db']:.1f} dB |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*", help="without them, the page alone is written anew")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=150, help="photos at most, with and without a face")
    options = parser.parse_args()
    if options.photos:
        faces, free = (_photos(options.photos, options.split, options.limit, with_face=kind) for kind in (True, False))
        rows = measure(faces, free)
        write_json(MEASURED, {"model": MODEL, "split": options.split, "photos": len(faces), "rows": rows})
    write_text(PAGE, with_part(PAGE.read_text(), BEGIN, END, table(), PAGE))


if __name__ == "__main__":
    main()
