"""The tables and the picture of docs/frames.md: what a veil by the frame before misses, by speed, growth and memory.

    frames.py [--val DATASET] [--test NAME=DATASET ...] [--limit N] [--model NAME ...]

Sequences are made from the photos of data sets that have a face. Of DATASET's val split all choices are counted; a face
counts as open in a frame if less than 80 % of its ellipse is veiled, judged without any detector. Of the test split of
each --test data set the defaults are stated, beside `buffer`, and CenterFace looks as well. Writes docs/frames.json and
the parts of docs/frames.md between markers, and docs/frames.jpg, whose people are drawn.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgeblur.distill.data.photos import LabelledPhoto
from edgeblur.distill.data.synthetic.scene import draw_scene
from edgeblur.export.tflite.finder import Finder, finder_of
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.export.veil.compile import default_veil
from edgeblur.export.veil.plan import VeilOptions, VeilPlan, fitting_finder, plan_veil
from edgeblur.export.veil.reference import Blurrer, alpha, grow, mask_levels, net_picture, remember, shrink
from edgeblur.files import with_part, write_json, write_text
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.privacy.filmed import MOST_TIMES, SMALLEST, SPEEDS, Filmed, film
from edgeblur.firmware_harness.privacy.intervals import wilson
from edgeblur.firmware_harness.privacy.judges import open_judges
from edgeblur.firmware_harness.privacy.photos import labelled_of_dataset
from edgeblur.firmware_harness.privacy.sequences import Bare, Clip, clips
from edgeblur.models.shelf import require_entry
from edgeblur.pictures.images import save_picture
from edgeblur.progress import track

DOCS = Path(__file__).parents[1]
PAGE, MEASURED, PICTURE = DOCS / "frames.md", DOCS / "frames.json", DOCS / "frames.jpg"
BEGIN, END = "<!-- {0}: begin (made by docs/make/frames.py, not by hand) -->", "<!-- {0}: end -->"
MODELS, DRAWN_BY, SIZE = ("mask8", "live"), "live", (320, 240)
SMALLEST_PX = 16 / 128 * SIZE[0]
"""Faces that are judged in a frame, their longer side: 16 pixels of a net's input."""
SCENE = 14
"""Seed of the drawn one."""
TRIED: tuple[tuple[str, int, int, int], ...] = (
    ("buffer", 0, 0, 0), ("live", 0, 0, 0), ("live", 0, 0, 2), ("live", 1, 0, 2), ("live", 2, 0, 2), ("live", 0, 1, 2),
    ("live", 0, 2, 0), ("live", 0, 2, 1), ("live", 0, 2, 2), ("live", 0, 2, 4), ("live", 1, 2, 2), ("live", 0, 4, 2),
)  # fmt: skip
"""Hold, margin in cells, share in eighths, memory in frames."""
JUDGE, EVERY = "centerface", 3
"""Who looks at the test photos, and at one of how many frames."""


def choose(model: str, folder: Path, limit: int) -> dict[str, Any]:
    """Open faces of every choice, by kind of sequence and speed."""
    finder = fitting_finder(finder_of(require_entry(model).path), SIZE)
    engine = open_engine("litert", finder.data)
    plan = plan_veil(finder, SIZE, hold="buffer")
    found: dict[tuple[int, str], Bare] = {}
    photos = _near(labelled_of_dataset(folder, "val"), limit)
    for seed, photo in enumerate(track(photos, f"{model}: choices")):
        for clip in clips(photo.picture, photo.faces, SIZE, SPEEDS, seed):
            frames = [frame.picture.reshape(SIZE[1], -1) for frame in clip.frames]
            pictures = [net_picture(shrink(frame, plan), plan) for frame in frames]
            masks = [engine.run(to_raw(picture, engine.model.input))[0, :, :, 0] for picture in pictures]
            for number, choice in enumerate(TRIED):
                key = number, f"{clip.kind} {clip.speed:g}"
                found[key] = _judged(found.get(key, Bare()), clip, masks, _chosen(plan, *choice))
    rows = [
        {"hold": hold, "margin": margin, "share": share, "memory": memory,
         "clips": {kind: _rounded(bare) for (n, kind), bare in found.items() if n == number}}
        for number, (hold, margin, share, memory) in enumerate(TRIED)
    ]  # fmt: skip
    return {"model": model, "frame": "x".join(map(str, SIZE)), "split": "val", "photos": len(photos), "rows": rows}


def _near(photos: Iterable[LabelledPhoto], limit: int | None) -> list[LabelledPhoto]:
    """Photos with a face that can be filmed, evenly spread."""
    found = [p for p in photos if any(face.box.side >= SMALLEST * max(p.picture.size) for face in p.faces)]
    return [found[i * len(found) // limit] for i in range(limit)] if limit and limit < len(found) else found


def _rounded(bare: Bare) -> dict[str, Any]:
    return {**vars(bare), "veiled": round(bare.veiled, 3)}


def _chosen(plan: VeilPlan, hold: str, margin: int, share: int, memory: int) -> VeilPlan:
    clamp = plan.options.low, plan.options.full
    return replace(plan, hold=hold, options=VeilOptions(*clamp, margin=margin, share=share, memory=memory))


def _judged(bare: Bare, clip: Clip, masks: list[Any], plan: VeilPlan) -> Bare:
    """The first frame is not judged: live, it would be grey."""
    held = np.zeros((plan.y.cells, plan.x.cells), np.uint8)
    for number, (frame, mask) in enumerate(zip(clip.frames, masks, strict=True)):
        before, held = held, remember(held, grow(mask_levels(mask, plan), plan), plan)
        if number > 0:
            veiled = alpha(before if plan.hold == "live" else held, plan) >= 128
            bare = bare.seen(veiled, tuple(face for face in frame.faces if face.box.side >= SMALLEST_PX))
    return bare


def state(model: str, name: str, folder: Path, limit: int) -> dict[str, Any]:
    """What `live` with its defaults leaves open beside `buffer`, on photos that took no part in any choice."""
    finder = fitting_finder(finder_of(require_entry(model).path), SIZE)
    engine = open_engine("litert", finder.data)
    plan = plan_veil(finder, SIZE, hold="live", options=default_veil(finder, "live"))
    filmed = film(
        _near(labelled_of_dataset(folder), limit), plan,
        lambda picture: engine.run(to_raw(picture, engine.model.input))[0, :, :, 0], open_judges([JUDGE]),
        source=name, min_side_px=SMALLEST_PX, every=EVERY,
    )  # fmt: skip
    return {"model": model, "photos_of": name, **filmed.as_json()}


def choices_table(told: list[dict[str, Any]]) -> str:
    """Of each model, a row for each choice."""
    speeds = ["0", "0.25", "0.5", "zoom", "turn"]
    lines = [
        f"Val photos ({told[0]['photos']}), {told[0]['frame']}; each cell is the faces of which less than 80 % was "
        f"veiled, over all kinds of sequences of a speed.",
        "",
        "| model | hold, margin, share, memory | " + " | ".join(speeds) + " | all | frame veiled |",
        "| --- | --- |" + " ---: |" * (len(speeds) + 2),
    ]
    for measured in told:
        for row in measured["rows"]:
            opened, faces, veiled, frames = Counter[str](), Counter[str](), 0.0, 0
            for clip, bare in row["clips"].items():
                kind, speed = clip.split()
                column = kind if kind in speeds else speed
                opened[column] += bare["open_fifth"]
                faces[column] += bare["faces"]
                veiled, frames = veiled + bare["veiled"], frames + bare["frames"]
            cells = [f"{opened[c]} of {faces[c]}" for c in speeds]
            name = f"{row['hold']}, {row['margin']}, {row['share']}/8, {row['memory']}"
            lines.append(
                f"| {measured['model']} | {name} | {' | '.join(cells)} | {opened.total() / faces.total():.1%} | "
                f"{veiled / frames:.1%} |"
            )
    return "\n".join(lines) + "\n"


def stated_table(told: list[dict[str, Any]]) -> str:
    """Of each model and data set, a row for each judge."""
    lines = [
        f"Test photos, {'x'.join(map(str, SIZE))}, all kinds of sequences of up to {max(SPEEDS):g} face widths a "
        f"frame; faces, frame by frame, of which less than 80 % was veiled, or that {JUDGE} still finds (it looks at "
        f"one of {EVERY} frames); 95 % intervals:",
        "",
        f"| model, photos | judge | buffer | live | live : buffer (at most {MOST_TIMES:g}) |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for each in told:
        filmed = Filmed.from_json({key: value for key, value in each.items() if key not in ("model", "photos_of")})
        for judge in filmed.judges:
            cells = [_counted(*filmed.total(hold, judge)) for hold in ("buffer", filmed.hold)]
            name = f"{each['model']}, {filmed.photos} {each['photos_of']}"
            ratio = filmed.ratios.get(judge)
            lines.append(f"| {name} | {judge} | {' | '.join(cells)} | {'-' if ratio is None else f'{ratio:.2f}'} |")
    return "\n".join(lines) + "\n"


def _counted(leaked: int, faces: int) -> str:
    low, high = wilson(leaked, faces) or (0, 0)
    return f"{leaked} of {faces} = {leaked / faces:.1%} ({100 * low:.1f}-{100 * high:.1f})"


def draw() -> None:
    """Frames of a drawn scene that a camera pans over, as they came and as they left, live."""
    finder = fitting_finder(finder_of(require_entry(DRAWN_BY).path), SIZE)
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
    """The page with its tables made anew."""
    told = json.loads(MEASURED.read_text())
    for name, text in (("choices by speed", choices_table(told["choices"])), ("stated", stated_table(told["stated"]))):
        page = with_part(page, BEGIN.format(name), END.format(name), text, PAGE)
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--val", type=Path, help="a data set; without any, the page alone is written anew")
    parser.add_argument("--test", action="append", default=[], metavar="NAME=DATASET")
    parser.add_argument("--limit", type=int, default=0, help="photos of a data set at most, evenly spread")
    parser.add_argument("--model", action="append", choices=MODELS, help="measure this one alone")
    options = parser.parse_args()
    told, models = json.loads(MEASURED.read_text()), options.model or MODELS
    for model in models if options.val else ():
        told["choices"] = _with(told["choices"], [choose(model, options.val, options.limit)])
    for model in models if options.test else ():
        named = [text.partition("=")[::2] for text in options.test]
        told["stated"] = _with(told["stated"], [state(model, n, Path(folder), options.limit) for n, folder in named])
    write_json(MEASURED, told)
    if options.val:
        draw()
    write_text(PAGE, renewed(PAGE.read_text()))


def _with(before: list[dict[str, Any]], measured: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All but what was measured anew, and that."""
    new = {each["model"] for each in measured}
    kept = [each for each in before if each["model"] not in new]
    return sorted([*kept, *measured], key=lambda each: MODELS.index(each["model"]))


if __name__ == "__main__":
    main()
