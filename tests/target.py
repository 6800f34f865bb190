"""The tables of docs/target.md: how strong a blur must be, before any net is asked. `make target DATA=...` runs it.

    target.py DATA [--name "photos of other sources"] [--split val] [--limit N]

The split's photos are blurred by their labels at 128x128, for a grid of strengths and growths, and two detectors look
for the faces. Writes docs/target.json, a set of photos each name, and the part of docs/target.md between its markers.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edgeblur.blur import BlurStyle
from edgeblur.dataset import Triple, evenly, open_dataset
from edgeblur.detectors import DETECTORS, Detector, open_detector
from edgeblur.files import with_part, write_json, write_text
from edgeblur.firmware_harness.identity import Blur
from edgeblur.firmware_harness.privacy import leak_rate
from edgeblur.firmware_harness.protection import MIN_IOU, MIN_SIDE_PX, THRESHOLD, target_blur, untouched
from edgeblur.progress import track

DOCS = Path(__file__).parents[1] / "docs"
PAGE, MEASURED = DOCS / "target.md", DOCS / "target.json"
BEGIN = "<!-- tables: begin (made by `make target`, not by hand) -->"
END = "<!-- tables: end -->"
SIZE = 128
STRENGTHS, GROWTHS = (0.3, 0.45, 0.6), (1.2, 1.35, 1.5)

Row = dict[str, Any]


def measure(data: Path, split: str, limit: int | None) -> dict[str, Any]:
    """Leaks of the untouched photos and of each style."""
    dataset = open_dataset(data)
    triples = [dataset.load(s, (SIZE, SIZE)) for s in evenly(dataset.split(split), limit)]
    judged = [t for t in triples if any(face.box.side >= MIN_SIDE_PX for face in t.faces)]
    looking = [open_detector(name) for name in DETECTORS]
    styles = [BlurStyle(strength, grow) for strength in STRENGTHS for grow in GROWTHS]
    rows: list[Row] = [{"leaked": leaks(judged, looking, untouched)}]
    for style in track(styles, "styles"):
        told = leaks(judged, looking, target_blur(style))
        rows.append({"strength": style.strength, "grow": style.grow, "leaked": told})
    faces = sum(face.box.side >= MIN_SIDE_PX for t in judged for face in t.faces)
    return {"split": split, "size": SIZE, "faces": faces, "threshold": THRESHOLD, "min_iou": MIN_IOU, "rows": rows}


def leaks(triples: Sequence[Triple], detectors: Sequence[Detector], blur: Blur) -> dict[str, int]:
    """How many faces each detector still finds."""
    pairs = [(blur(t.picture, t.faces), t.faces) for t in triples]
    terms = {"threshold": THRESHOLD, "min_iou": MIN_IOU, "min_side_px": MIN_SIDE_PX}
    return {detector.name: leak_rate(detector, pairs, **terms).leaked for detector in detectors}


def tables() -> str:
    """The part of the page between its markers, from docs/target.json."""
    sets = json.loads(MEASURED.read_text())
    return "\n".join(line for name, told in sets.items() for line in table(name, told)) + "\n"


def table(name: str, told: dict[str, Any]) -> Iterator[str]:
    size = told["size"]
    yield f"{name}, {told['split']} split at {size}x{size}: {told['faces']} faces of at least {MIN_SIDE_PX} pixels."
    yield ""
    yield "| strength x growth | " + " | ".join(f"found by {d}" for d in DETECTORS) + " |"
    yield "| --- |" + " ---: |" * len(DETECTORS)
    for row in told["rows"]:
        found = (f"{row['leaked'][d]} ({row['leaked'][d] / told['faces']:.1%})" for d in DETECTORS)
        what = f"{row['strength']:g} x {row['grow']:g}" if "strength" in row else "untouched"
        yield f"| {what} | " + " | ".join(found) + " |"
    yield ""


def renewed(page: str) -> str:
    """The page with its tables made anew."""
    return with_part(page, BEGIN, END, tables(), PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--name", default="photos")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    if options.data:
        known = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
        write_json(MEASURED, {**known, options.name: measure(options.data, options.split, options.limit)})
    write_text(PAGE, renewed(PAGE.read_text()))


if __name__ == "__main__":
    main()
