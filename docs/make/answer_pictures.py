"""The sheet of docs/a-or-b.md: scenes that edgeblur draws, through every detector and every int8 model of the shelf.

`answer.py --pictures` makes it alone. One row for each approach: of the scenes not shown yet, the one that it does
worst; and one row of a scene without a face, that in which all of them together change most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edgeblur.detectors.open import open_detector
from edgeblur.files import as_json, sha256, write_together
from edgeblur.firmware_harness.blurring.blurrers import detector_blurrer
from edgeblur.firmware_harness.blurring.veils import open_approach
from edgeblur.firmware_harness.comparison.contact_sheet import jpeg
from edgeblur.firmware_harness.comparison.scenes import (
    JudgedScene,
    drawn_scenes,
    judge_scenes,
    most_exposed,
    most_false,
)
from edgeblur.firmware_harness.comparison.strips import Section, Strip, strip_sheet
from edgeblur.models.read import read_model
from edgeblur.models.shelf import INT8, entries
from edgeblur.pictures.blur import BlurStyle
from edgeblur.pictures.images import Pixels
from edgeblur.store.dataset import Triple

SCENES, SEED, SIZE_PX = 60, 7, 128
"""The scenes of the models' cards."""
LIMIT_BYTES = 500_000

DOCS = Path(__file__).parents[1]
PICTURE, RECORD = DOCS / "a-or-b.jpg", DOCS / "a-or-b.pictures.json"

Blur = Callable[[Triple], Pixels]
Judged = Mapping[str, Sequence[JudgedScene]]


def approaches(blurrers: Sequence[str]) -> Iterator[tuple[str, Blur]]:
    """All that blurs, by its heading: detectors, then the int8 models in the shelf's order, detectors first."""
    for name in blurrers:
        yield f"A: {name}", by_detector(name)
    models = [entry for entry in entries() if entry.path.name == INT8]
    for entry in sorted(models, key=lambda entry: entry.shelved.note.kind != "detector"):
        approach, blur = open_approach(read_model(entry.path), entry.path)
        yield f"{approach}: {entry.name}", on_pictures(blur)


def by_detector(name: str) -> Blur:
    blurrer = detector_blurrer(name)
    return lambda triple: np.asarray(blurrer.blur(Image.fromarray(triple.picture)))


def on_pictures(blur: Callable[[Pixels], Pixels]) -> Blur:
    return lambda triple: blur(triple.picture)


def judged_by_all(blurrers: Sequence[str], judges: Sequence[str], scenes: int) -> Judged:
    """The same scenes through every approach; a face is found if one of the judges finds it."""
    detectors = [open_detector(name) for name in judges]
    drawn = drawn_scenes(scenes, seed=SEED, size=SIZE_PX)
    return {name: judge_scenes(name, drawn, blur, detectors) for name, blur in approaches(blurrers)}


def worst(judged: Judged) -> Iterator[tuple[str, int]]:
    """For each approach the place of its worst scene, none twice: by exposed faces, else by false blurs."""
    shown: set[int] = set()
    for name, row in judged.items():
        left = [one for place, one in enumerate(row) if place not in shown]
        found = most_exposed(left, 1) or most_false(left, 1)
        if found:
            shown.add(place := row.index(found[0]))
            yield name, place


def face_free(judged: Judged) -> int | None:
    """The place of the scene without a face in which all together change most; None if nothing is changed there."""
    rows = list(judged.values())
    places = [place for place, one in enumerate(rows[0]) if not one.scene.triple.faces]
    shares = {place: sum(row[place].false_share for row in rows) for place in places}
    place = max(shares, key=lambda place: shares[place], default=None)
    return place if place is not None and shares[place] else None


def sheet(judged: Judged) -> Image.Image:
    """The rows, each with the untouched scene, its target, and what everything made of it."""
    sections = [Section("The worst scene of each approach", [
        strip(judged, place, judged[name][place].marked, f"Worst for {name}: {judged[name][place].caption}")
        for name, place in worst(judged)
    ])]  # fmt: skip
    place = face_free(judged)
    if place is not None:
        shares = ", ".join(f"{name} {row[place].false_share:.0%}" for name, row in judged.items())
        untouched = next(iter(judged.values()))[place].scene.triple.picture
        sections.append(Section("No face to blur", [strip(judged, place, untouched, f"Changed of it: {shares}")]))
    return strip_sheet(["untouched", "target", *judged], sections)


def strip(judged: Judged, place: int, untouched: Pixels, caption: str) -> Strip:
    row = [one[place] for one in judged.values()]
    return Strip([untouched, row[0].scene.triple.blur, *(one.output for one in row)], caption)


def files() -> dict[str, str]:
    """The int8 models of the shelf, by name, with the SHA-256 that the sheet holds for."""
    return {entry.name: sha256(entry.path.read_bytes()) for entry in entries() if entry.path.name == INT8}


def record(scenes: int, judged: Judged) -> dict[str, Any]:
    """Which scenes are shown, of which, and of which models."""
    numbers = {name: judged[name][place].scene.number for name, place in worst(judged)}
    return {"scenes": scenes, "seed": SEED, "blur": asdict(BlurStyle()), "worst": numbers, "models": files()}


def make(blurrers: Sequence[str], judges: Sequence[str], scenes: int = SCENES) -> None:
    """Write the sheet, and which models it shows."""
    judged = judged_by_all(blurrers, judges, scenes)
    write_together({PICTURE: jpeg(sheet(judged), LIMIT_BYTES), RECORD: as_json(record(scenes, judged))})
