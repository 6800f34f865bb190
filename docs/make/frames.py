"""The table and the picture of docs/frames.md: what a veil by the frame before misses, by speed, growth and memory.

    frames.py [PHOTOS ...] [--split val] [--limit N] [--watched N]

PHOTOS are folders with an annotations.jsonl. Sequences are made from photos with a face; a face counts as open in a
frame if less than 80 % of its ellipse is veiled, judged without any detector; in the fastest sequences of the first
--watched photos CenterFace looks too, at what some choices leave. Writes docs/frames.json and the part of
docs/frames.md between markers, and docs/frames.jpg, whose people are drawn.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgeblur.detectors.open import open_detector
from edgeblur.distill.data.labels import from_labels
from edgeblur.distill.data.synthetic.scene import draw_scene
from edgeblur.export.tflite.finder import Finder, finder_of
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.export.veil.compile import default_veil
from edgeblur.export.veil.plan import VeilOptions, VeilPlan, fitting_finder, plan_veil
from edgeblur.export.veil.reference import Blurrer, alpha, grow, mask_levels, net_picture, remember, shrink
from edgeblur.files import with_part, write_json, write_text
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.privacy.sequences import Bare, Clip, clips
from edgeblur.models.shelf import require_entry
from edgeblur.pictures.images import save_picture
from edgeblur.progress import track

DOCS = Path(__file__).parents[1]
PAGE, MEASURED, PICTURE = DOCS / "frames.md", DOCS / "frames.json", DOCS / "frames.jpg"
BEGIN, END = "<!-- table: begin (made by docs/make/frames.py, not by hand) -->", "<!-- table: end -->"
MODEL, SIZE, SPEEDS = "mask8", (320, 240), (0.0, 0.25, 0.5)
SMALLEST = 16 / 128
"""Faces from so much of a photo's longer side on are filmed."""
SCENE = 14
"""Seed of the drawn one."""
TRIED: tuple[tuple[str, int, int, int], ...] = (
    ("buffer", 0, 0, 0), ("live", 0, 0, 0), ("live", 0, 0, 2), ("live", 1, 0, 1), ("live", 0, 1, 1), ("live", 0, 2, 1),
    ("live", 0, 2, 2), ("live", 1, 2, 2), ("live", 1, 4, 2),
)  # fmt: skip
"""Hold, margin in cells, share in eighths, memory in frames."""
WATCHED = (("buffer", 0, 0, 0), ("live", 0, 0, 0), ("live", 0, 2, 2))
"""At whose frames a detector looks; minutes each."""
THRESHOLD, MIN_IOU = 0.4, 0.3


def measure(folders: list[Path], split: str, limit: int) -> dict[str, Any]:
    """Open faces of every choice, kind of sequence and speed."""
    finder = fitting_finder(finder_of(require_entry(MODEL).path), SIZE)
    engine = open_engine("litert", finder.data)
    plan = plan_veil(finder, SIZE, hold="buffer")
    found: dict[tuple[int, str], Bare] = {}
    count = 0
    for clip in _clips(folders, split, limit):
        count += 1
        frames = [frame.picture.reshape(SIZE[1], -1) for frame in clip.frames]
        pictures = [net_picture(shrink(frame, plan), plan) for frame in frames]
        masks = [engine.run(to_raw(picture, engine.model.input))[0, :, :, 0] for picture in pictures]
        for number, choice in enumerate(TRIED):
            key = number, _column(clip)
            found[key] = _judged(found.get(key, Bare()), clip, masks, _chosen(plan, *choice))
    rows = [
        {"hold": hold, "margin": margin, "share": share, "memory": memory,
         "clips": {kind: vars(bare) for (n, kind), bare in found.items() if n == number}}
        for number, (hold, margin, share, memory) in enumerate(TRIED)
    ]  # fmt: skip
    return {"model": MODEL, "frame": "x".join(map(str, SIZE)), "split": split, "sequences": count, "rows": rows}


def watch(folders: list[Path], split: str, limit: int) -> dict[str, Any]:
    """Faces that CenterFace still finds in sequences of the highest speed."""
    finder = fitting_finder(finder_of(require_entry(MODEL).path), SIZE)
    engine, detector = open_engine("litert", finder.data), open_detector("centerface")
    plan, found = plan_veil(finder, SIZE), [[0, 0] for _ in WATCHED]
    for clip in (clip for clip in _clips(folders, split, limit) if clip.speed == SPEEDS[-1]):
        for count, choice in zip(found, WATCHED, strict=True):
            blurrer = Blurrer(
                _chosen(plan, *choice), lambda picture: engine.run(to_raw(picture, engine.model.input))[0, :, :, 0]
            )
            for number, frame in enumerate(clip.frames):
                veiled = blurrer.blur(frame.picture.reshape(SIZE[1], -1)).reshape(frame.picture.shape)
                if number > 0 and frame.faces:
                    seen = detector.detect(Image.fromarray(veiled), THRESHOLD)
                    count[0] += sum(any(face.box.iou(o.box) >= MIN_IOU for o in seen) for face in frame.faces)
                    count[1] += len(frame.faces)
    rows = [{"choice": list(choice), "found": a, "faces": b} for choice, (a, b) in zip(WATCHED, found, strict=True)]
    return {"detector": detector.name, "threshold": THRESHOLD, "min_iou": MIN_IOU, "photos": limit, "rows": rows}


def _chosen(plan: VeilPlan, hold: str, margin: int, share: int, memory: int) -> VeilPlan:
    clamp = plan.options.low, plan.options.full
    return replace(plan, hold=hold, options=VeilOptions(*clamp, margin=margin, share=share, memory=memory))


def _column(clip: Clip) -> str:
    return f"{clip.kind} {clip.speed:g}"


def _judged(bare: Bare, clip: Clip, masks: list[Any], plan: VeilPlan) -> Bare:
    """The first frame is not judged: live, it would be grey."""
    held = np.zeros((plan.y.cells, plan.x.cells), np.uint8)
    for number, (frame, mask) in enumerate(zip(clip.frames, masks, strict=True)):
        before, held = held, remember(held, grow(mask_levels(mask, plan), plan), plan)
        if number > 0:
            veiled = alpha(before if plan.hold == "live" else held, plan) >= 128
            bare = bare.seen(veiled, frame.faces)
    return bare


def _clips(folders: list[Path], split: str, limit: int) -> Iterator[Clip]:
    photos = [
        photo
        for folder in folders
        for photo in from_labels(folder, folder / "annotations.jsonl", [])
        if photo.split == split and any(face.box.side >= SMALLEST * max(photo.picture.size) for face in photo.faces)
    ]
    random.Random(0).shuffle(photos)
    for seed, photo in enumerate(track(photos[:limit], "filming")):
        yield from clips(photo.picture, photo.faces, SIZE, SPEEDS, seed)


def table() -> str:
    """The part of the page between its markers, from docs/frames.json."""
    told = json.loads(MEASURED.read_text())
    kinds = list(told["rows"][0]["clips"])
    faces = sum(clip["faces"] for clip in told["rows"][0]["clips"].values())
    lines = [
        f"{told['sequences']} sequences of {told['split']} photos at {told['frame']}, {faces} faces in all frames; "
        f"each cell is the faces of which less than 80 % was veiled, of {told['model']}'s int8 net.",
        "",
        "| hold, margin, share, memory | all | " + " | ".join(kinds) + " | share of frames veiled |",
        "| --- |" + " ---: |" * (len(kinds) + 2),
    ]
    for row in told["rows"]:
        clips = row["clips"].values()
        opened = sum(clip["open_fifth"] for clip in clips)
        cells = [f"{row['clips'][kind]['open_fifth']} of {row['clips'][kind]['faces']}" for kind in kinds]
        veiled = sum(clip["veiled"] for clip in clips) / sum(clip["frames"] for clip in clips)
        name = f"{row['hold']}, {row['margin']}, {row['share']}/8, {row['memory']}"
        lines.append(f"| {name} | {opened / faces:.1%} | " + " | ".join(cells) + f" | {veiled:.1%} |")
    return "\n".join([*lines, *_watched(told["watched"])]) + "\n"


def _watched(told: dict[str, Any]) -> list[str]:
    rows = [
        f"{row['found']} of {row['faces']} with {row['choice'][0]}, {', '.join(map(str, row['choice'][1:]))}"
        for row in told["rows"]
    ]
    looked = (
        f"{told['detector']} at {told['threshold']} still finds, for {told['photos']} photos at speed {SPEEDS[-1]:g}"
    )
    return ["", f"{looked}: {'; '.join(rows)}."]


def draw() -> None:
    """Frames of a drawn scene that a camera pans over, as they came and as they left, live."""
    finder = fitting_finder(finder_of(require_entry(MODEL).path), SIZE)
    scene, faces = draw_scene(SCENE, 384)
    clip = next(clip for clip in clips(scene, faces, SIZE, (0.25,), 1) if clip.kind == "pan")
    columns = []
    blurrer = _blurrer(finder)
    for frame in clip.frames[:5]:
        veiled = blurrer.blur(blurrer.plan.pixels.frame_of(frame.picture))
        columns.append(np.concatenate([frame.picture, blurrer.plan.pixels.picture_of(veiled)]))
    sheet = Image.fromarray(np.concatenate(columns, axis=1))
    save_picture(PICTURE, sheet.resize((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS), quality=88)


def _blurrer(finder: Finder) -> Blurrer:
    engine = open_engine("litert-ref", finder.data)
    plan = plan_veil(finder, SIZE, pixels="rgb565le", hold="live", options=default_veil(finder, "live"))
    return Blurrer(plan, lambda picture: engine.run(to_raw(picture, engine.model.input))[0, :, :, 0])


def renewed(page: str) -> str:
    """The page with its table made anew."""
    return with_part(page, BEGIN, END, table(), PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*", help="without them, the page alone is written anew")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=60, help="photos at most")
    parser.add_argument("--watched", type=int, default=8, help="of these, in whose frames CenterFace looks")
    options = parser.parse_args()
    if options.photos:
        told = measure(options.photos, options.split, options.limit)
        write_json(MEASURED, {**told, "watched": watch(options.photos, options.split, options.watched)})
        draw()
    write_text(PAGE, renewed(PAGE.read_text()))


if __name__ == "__main__":
    main()
