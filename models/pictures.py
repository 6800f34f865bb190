"""pictures.json: what became of drawn scenes, counted, and the part of a model's card that shows some of them."""

from __future__ import annotations

from edgeblur.files import read_object, sha256
from edgeblur.models.measures import Json
from edgeblur.models.shelf import INT8, Shelved

RECORD, PICTURE = "pictures.json", "pictures.jpg"
BEGIN = "<!-- pictures: begin (made by `edgeblur models pictures`, not by hand) -->"
END = "<!-- pictures: end -->"


def read_pictures(shelved: Shelved) -> Json:
    """What pictures.json says; empty if there is none, or if model or picture are not those it was made with.

    Raises:
        UserError: it is damaged.
    """
    path = shelved.folder / RECORD
    record = read_object(path) if path.exists() else {}
    files = {"sha256": shelved.folder / INT8, "picture_sha256": shelved.folder / PICTURE}
    fresh = all(file.is_file() and record.get(key) == sha256(file.read_bytes()) for key, file in files.items())
    return record if fresh else {}


def pictures_part(shelved: Shelved) -> str:
    """What lies between the markers of a card: the sheet, how it was made, and what was found."""
    told, name = read_pictures(shelved), shelved.folder.name
    if not told:
        return f"No pictures of this very model yet: `edgeblur models pictures {name}` makes them.\n"
    return f"![{name} on drawn scenes, good and bad]({PICTURE})\n\n{_sentence(name, told)}"


def _sentence(name: str, told: Json) -> str:
    faces, found, scenes = told["faces"], told["found"], told["scenes"]
    return (
        f"Drawn by `{told['command']}`: the best and worst of {scenes:,} scenes of seed {told['seed']}, by rule.\n"
        f"Of {faces:,} faces of {told['min_side_px']} px and more, {told['detector']} found {found['untouched']:,} "
        f"untouched, {found['target']:,} in the target and {found['model']:,} in what `{name}` made of\nthem. "
        f"`{name}` missed {told['missed']:,}, covered {told['partly_covered']:,} in part, and changed something where "
        f"no face is in {told['scenes_with_false_blurs']:,} of {scenes:,} scenes. Red boxes\n"
        "show what went wrong. Drawn scenes are no photos: how often it fails on those, the measures above say.\n"
    )
