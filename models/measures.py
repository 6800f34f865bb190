"""measures.json: what was measured of a folder's models, by which command, on which photos; and reading it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeblur.files import read_object, sha256
from edgeblur.firmware_harness.privacy.judges import THRESHOLD, Judge
from edgeblur.models.shelf import Entry, Shelved

NAME = "measures.json"
TEST_SET = "test"
"""The set of photos whose measures the list of models shows."""

YARDSTICKS = ("untouched", "target")
FROM_PX = 16
"""The leak rate that the list of models shows counts faces from this size on."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Measures:
    """What is known of one model file; measures of an older file of that name are left out.

    Attributes:
        facts: as `facts.Facts.as_json` gives them.
        boards: what `edgeblur run --json` told, by board.
        photos: what `edgeblur compare --json` told, by set of photos.
    """

    facts: Json
    boards: Mapping[str, Json]
    photos: Mapping[str, Json]

    def as_json(self) -> Json:
        """Everything; what is unknown is absent."""
        known = {"boards": dict(self.boards), "photos": dict(self.photos)}
        return {**self.facts, **_headline(self), **{key: value for key, value in known.items() if value}}


def _headline(measures: Measures) -> Json:
    """The few numbers that a list of models shows."""
    board = next(iter(measures.boards.values()), {})
    photos = measures.photos.get(TEST_SET, {})
    over_blur, outside = photos.get("over_blur", {}), photos.get("fidelity", {}).get("outside", {})
    leak = worst_leak(photos)
    found = {
        "instructions": board.get("instructions"),
        "flash_bytes": board.get("flash_bytes"),
        "board": board.get("board"),
        "leak_rate": leak_from(leak),
        "leak_detector": judge_of(leak) if leak else None,
        "rank1": photos.get("identity", {}).get("rank1"),
        "psnr_outside_db": outside.get("psnr_db"),
        "face_free_changed_rate": over_blur.get("face_free_changed_rate"),
    }
    return {key: value for key, value in found.items() if value is not None}


def worst_leak(photos: Json) -> Json:
    """The leaks by the detector that finds most of the faces from `FROM_PX` on; empty if none looked."""
    leaks = photos.get("leaks") or [photos.get("leak", {})]
    return max(leaks, key=lambda leak: leak_from(leak) or 0)


def judge_of(leak: Mapping[str, Any]) -> str:
    """Who looked, as people type it."""
    return str(Judge(leak.get("detector", "a detector"), leak.get("threshold", THRESHOLD), leak.get("enlarged", 1)))


def counted(leak: Any, from_px: float = FROM_PX) -> tuple[int, int] | None:
    """Faces from a size on that were still found, and all of them; None where that was not measured."""
    bins = leak.get("by_size", []) if isinstance(leak, dict) else []
    taken = [(size["leaked"], size["faces"]) for size in bins if size["from_px"] >= from_px]
    leaked, faces = sum(n for n, _ in taken), sum(n for _, n in taken)
    return (leaked, faces) if faces else None


def leak_from(leak: Any, from_px: float = FROM_PX) -> float | None:
    """Share of the faces from a size on that were still found; None where that was not measured."""
    found = counted(leak, from_px)
    return found[0] / found[1] if found else None  # in full: rounded twice, 2.745 % would be 2.8 %


def read_record(shelved: Shelved) -> Json:
    """The whole measures.json of a folder; empty if nothing was measured yet.

    Raises:
        UserError: it is damaged.
    """
    path = shelved.folder / NAME
    return read_object(path) if path.exists() else {}


def of_file(record: Json, digest: str, section: str) -> dict[str, Json]:
    """What a section of measures.json says about the file of that SHA-256: by board, or by set of photos."""
    found = {}
    for name, told in record.get(section, {}).items():
        mine = [model for model in told.get("models", []) if model.get("sha256") == digest]
        if mine:
            found[name] = mine[0]
    return found


def read_measures(entry: Entry) -> Measures:
    """All that is known of a model of the shelf: from measures.json, or, its own facts, from the file itself.

    Raises:
        UserError: measures.json is damaged, or the file is no model of pictures.
    """
    record, digest = read_record(entry.shelved), sha256(entry.path.read_bytes())
    facts = next((known for known in record.get("files", []) if known.get("sha256") == digest), None)
    if facts is None:  # not measured yet: that takes a second
        from edgeblur.models.facts import read_facts

        facts = read_facts(entry.path).as_json()
    return Measures(facts, of_file(record, digest, "boards"), of_file(record, digest, "photos"))
