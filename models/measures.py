"""measures.json: what was measured of a folder's models, by which command, on which photos; and reading it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from edgeblur.files import sha256
from edgeblur.firmware_harness.boards.records import Ran
from edgeblur.firmware_harness.comparison.table import Entry
from edgeblur.firmware_harness.privacy.leaks import Leak
from edgeblur.models.shelf import Entry as ShelfEntry
from edgeblur.models.shelf import Shelved
from edgeblur.records import Record

NAME = "measures.json"
TEST_SET = "test"
"""The set of photos whose measures the list of models shows."""

YARDSTICKS = ("untouched", "target")
FROM_PX = 16
"""The leak rate that the list of models shows counts faces from this size on."""


@dataclass(frozen=True)
class Facts(Record):
    """A model file's own facts.

    Attributes:
        sha256: of the file.
        precision: of its weights: `int8`, `float16` or `float32`.
        size_bytes: of the file.
        width, height: of the picture that it takes.
        parameters: in it.
        macs: multiply-accumulates of a picture; None where they cannot be counted.
        ram_bytes: what the streaming engine takes, two rows included, everything writable but the stack; None for a
            model that it refuses.
        constant_bytes: flash for its weights and tables there.
    """

    sha256: str
    precision: str
    size_bytes: int
    width: int
    height: int
    parameters: int
    macs: int | None = None
    ram_bytes: int | None = None
    constant_bytes: int | None = None


@dataclass(frozen=True)
class KnownFile(Record):
    """The facts of a folder's file, by the name of its model."""

    FLAT: ClassVar = ("facts",)

    name: str
    facts: Facts


@dataclass(frozen=True)
class OnPhotos(Record):
    """A model's row of a comparison, and the SHA-256 of its file."""

    FLAT: ClassVar = ("entry",)

    sha256: str
    entry: Entry


@dataclass(frozen=True)
class PhotoSet(Record):
    """A comparison on one set of photos.

    Attributes:
        command: that measured it, as the reader can give it.
        data: the photos, for people.
        width, height: of the pictures, in pixels.
        yardsticks: the untouched photos and the target.
        models: of the folder.
        manifest_sha256: of the data set.
        split: of the data set.
        images: of the photos.
        judges: detectors that said which faces leak.
    """

    KEYS: ClassVar = ("command", "data", "manifest_sha256", "split", "images", "width", "height", "judge", "judges")
    SPARSE: ClassVar = ("judges",)
    ALONE: ClassVar = ("judge", "judges")

    command: str
    data: str
    width: int
    height: int
    yardsticks: tuple[Entry, ...]
    models: tuple[OnPhotos, ...]
    manifest_sha256: str
    split: str
    images: int
    judges: tuple[str, ...] = ()

    @property
    def judge(self) -> str | None:
        """The leading judge, None if there was none."""
        return next(iter(self.judges), None)


@dataclass(frozen=True)
class OnBoard(Record):
    """A model's run on an emulated board.

    Attributes:
        name: of the model.
        sha256: of its file.
        command: that ran it, as the reader can give it.
        ran: what came of it.
    """

    FLAT: ClassVar = ("ran",)

    name: str
    sha256: str
    command: str
    ran: Ran


@dataclass(frozen=True)
class BoardSet(Record):
    """The runs of a folder's models on one board."""

    models: tuple[OnBoard, ...]


@dataclass(frozen=True)
class Measured(Record):
    """measures.json.

    Attributes:
        edgeblur: the version that measured last.
        files: facts of the folder's files.
        photos: by set of photos.
        boards: by board.
    """

    SPARSE: ClassVar = ("photos", "boards")
    REMEDY: ClassVar = "restore it, or delete it and measure again"

    edgeblur: str | None = None
    files: tuple[KnownFile, ...] = ()
    photos: Mapping[str, PhotoSet] = field(default_factory=dict)
    boards: Mapping[str, BoardSet] = field(default_factory=dict)


@dataclass(frozen=True)
class Headline(Record):
    """The few numbers of a model that a list shows.

    Attributes:
        instructions, flash_bytes, board: of the first board.
        leak_rate, leak_detector: on the test photos, by the detector that finds most of the faces of 16 px and more.
        rank1: share of faces that an embedding still finds among the clear ones.
        psnr_outside_db: fidelity outside faces.
        face_free_changed_rate: share of face-free photos that were visibly changed.
    """

    DIGITS: ClassVar = {"face_free_changed_rate": 4}

    instructions: int | None = None
    flash_bytes: int | None = None
    board: str | None = None
    leak_rate: float | None = None
    leak_detector: str | None = None
    rank1: float | None = None
    psnr_outside_db: float | None = None
    face_free_changed_rate: float | None = None


@dataclass(frozen=True)
class Measures(Record):
    """What is known of one model file; measures of an older file of that name are left out.

    Attributes:
        facts: its own.
        boards: runs by board.
        photos: rows of comparisons by set of photos.
    """

    KEYS: ClassVar = ("facts", "headline")
    FLAT: ClassVar = ("facts", "headline")
    SPARSE: ClassVar = ("boards", "photos")

    facts: Facts
    boards: Mapping[str, OnBoard] = field(default_factory=dict)
    photos: Mapping[str, OnPhotos] = field(default_factory=dict)

    @property
    def headline(self) -> Headline:
        """The few numbers that a list of models shows."""
        board = next((each.ran for each in self.boards.values()), None)
        row = self.photos.get(TEST_SET)
        found = row.entry.protection if row else None
        leak = worst_leak(found.leaks) if found else None
        outside = found.fidelity.outside if found else None
        return Headline(
            instructions=board.instructions if board else None,
            flash_bytes=board.flash_bytes if board else None,
            board=board.board if board else None,
            leak_rate=leak_from(leak),
            leak_detector=leak.judge if leak else None,
            rank1=found.identity.rank1 if found and found.identity else None,
            psnr_outside_db=outside.psnr_db if outside and outside.mse else None,
            face_free_changed_rate=found.over_blur.face_free_changed_rate if found else None,
        )


def worst_leak(leaks: tuple[Leak, ...]) -> Leak | None:
    """The leaks by the detector that finds most of the faces from `FROM_PX` on; None if none looked."""
    return max(leaks, key=lambda leak: leak_from(leak) or 0, default=None)


def counted(leak: Leak | None, from_px: float = FROM_PX) -> tuple[int, int] | None:
    """Faces from a size on that were still found, and all of them; None where that was not measured."""
    bins = [size for size in (leak.by_size if leak else ()) if size.from_px >= from_px]
    leaked, faces = sum(size.leaked for size in bins), sum(size.faces for size in bins)
    return (leaked, faces) if faces else None


def leak_from(leak: Leak | None, from_px: float = FROM_PX) -> float | None:
    """Share of the faces from a size on that were still found; None where that was not measured."""
    found = counted(leak, from_px)
    return found[0] / found[1] if found else None  # in full: rounded twice, 2.745 % would be 2.8 %


def read_measured(shelved: Shelved) -> Measured:
    """The whole measures.json of a folder; empty if nothing was measured yet.

    Raises:
        UserError: it is damaged.
    """
    path = shelved.folder / NAME
    return Measured.read(path) if path.exists() else Measured()


def read_measures(entry: ShelfEntry) -> Measures:
    """All that is known of a model of the shelf: from measures.json, or, its own facts, from the file itself.

    Raises:
        UserError: measures.json is damaged, or the file is no model of pictures.
    """
    measured, digest = read_measured(entry.shelved), sha256(entry.path.read_bytes())
    facts = next((known.facts for known in measured.files if known.facts.sha256 == digest), None)
    if facts is None:  # not measured yet: that takes a second
        from edgeblur.models.facts import read_facts

        facts = read_facts(entry.path)
    boards = {name: mine for name, each in measured.boards.items() for mine in each.models if mine.sha256 == digest}
    photos = {name: mine for name, each in measured.photos.items() for mine in each.models if mine.sha256 == digest}
    return Measures(facts, boards, photos)
