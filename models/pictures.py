"""pictures.json: what became of drawn scenes, counted, and the part of a model's card that shows some of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeblur.files import sha256
from edgeblur.models.shelf import INT8, Shelved
from edgeblur.pictures.blur import BlurStyle
from edgeblur.records import Record

RECORD, PICTURE = "pictures.json", "pictures.jpg"
BEGIN = "<!-- pictures: begin (made by `edgeblur models pictures`, not by hand) -->"
END = "<!-- pictures: end -->"


@dataclass(frozen=True)
class Found:
    """Faces that the detector found."""

    untouched: int
    target: int
    model: int


@dataclass(frozen=True)
class Definition:
    """What the words mean.

    Attributes:
        missed_below, covered_from: shares of a face that is covered.
        detail: share of a face's detail that a pixel may keep and count as covered.
    """

    missed_below: float
    covered_from: float
    detail: float


@dataclass(frozen=True)
class Shown:
    """Numbers of the scenes on the sheet, by kind."""

    good: tuple[int, ...]
    exposed: tuple[int, ...]
    half: tuple[int, ...]
    false: tuple[int, ...]


@dataclass(frozen=True)
class Pictures(Record):
    """pictures.json.

    Attributes:
        command: that made it.
        sha256, picture_sha256: of the int8 model and of the sheet.
        scenes, seed: how many were drawn, and which.
        blur: of the targets.
        detector, threshold, min_iou, min_side_px: who looked for faces, and which findings and faces count.
        faces: in all scenes.
        found: of those.
        missed, partly_covered: by the model.
        scenes_with_false_blurs: in which the model changed something where no face is.
        definition: of these words.
        shown: on the sheet.
        edgeblur: the version that made it.
    """

    KEYS: ClassVar = ("edgeblur",)
    REMEDY: ClassVar = "delete it, and run `edgeblur models pictures` again"

    command: str
    sha256: str
    picture_sha256: str
    scenes: int
    seed: int
    blur: BlurStyle
    detector: str
    threshold: float
    min_iou: float
    min_side_px: float
    faces: int
    found: Found
    missed: int
    partly_covered: int
    scenes_with_false_blurs: int
    definition: Definition
    shown: Shown
    edgeblur: str | None = None


def read_pictures(shelved: Shelved) -> Pictures | None:
    """What pictures.json says; None if there is none, or if model or picture are not those it was made with.

    Raises:
        UserError: it is damaged.
    """
    path = shelved.folder / RECORD
    if not path.exists():
        return None
    record = Pictures.read(path)
    digests = {shelved.folder / INT8: record.sha256, shelved.folder / PICTURE: record.picture_sha256}
    fresh = all(file.is_file() and sha256(file.read_bytes()) == digest for file, digest in digests.items())
    return record if fresh else None


def pictures_part(shelved: Shelved) -> str:
    """What lies between the markers of a card: the sheet, how it was made, and what was found."""
    made, name = read_pictures(shelved), shelved.folder.name
    if made is None:
        return f"No pictures of this very model yet: `edgeblur models pictures {name}` makes them.\n"
    return f"![{name} on drawn scenes, good and bad]({PICTURE})\n\n{_sentence(name, made)}"


def _sentence(name: str, made: Pictures) -> str:
    found, scenes = made.found, made.scenes
    return (
        f"Drawn by `{made.command}`: the best and worst of {scenes:,} scenes of seed {made.seed}, by rule.\n"
        f"Of {made.faces:,} faces of {made.min_side_px} px and more, {made.detector} found {found.untouched:,} "
        f"untouched, {found.target:,} in the target and {found.model:,} in what `{name}` made of\nthem. "
        f"`{name}` missed {made.missed:,}, covered {made.partly_covered:,} in part, and changed something where "
        f"no face is in {made.scenes_with_false_blurs:,} of {scenes:,} scenes. Red boxes\n"
        "show what went wrong. Drawn scenes are no photos: how often it fails on those, the measures above say.\n"
    )
