"""Pictures, good and bad, for a model's card: drawn scenes through its int8 model, best and worst on one sheet."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from edgeblur import __version__
from edgeblur.detectors.open import open_detector
from edgeblur.errors import UserError
from edgeblur.export.tflite.graph import Graph, image_model
from edgeblur.files import as_json, sha256, write_together
from edgeblur.firmware_harness.blurring.veils import open_approach
from edgeblur.firmware_harness.comparison.contact_sheet import jpeg
from edgeblur.firmware_harness.comparison.scenes import (
    COVERED,
    DETAIL,
    MISSED,
    JudgedScene,
    best,
    drawn_scenes,
    half_covered,
    judge_scenes,
    most_exposed,
    most_false,
)
from edgeblur.firmware_harness.comparison.strips import Section, Strip, strip_sheet
from edgeblur.firmware_harness.privacy.judges import THRESHOLD
from edgeblur.firmware_harness.privacy.protection import MIN_IOU, MIN_SIDE_PX
from edgeblur.models.pictures import PICTURE, RECORD, Definition, Found, Pictures, Shown
from edgeblur.models.read import read_model
from edgeblur.models.shelf import INT8, Shelved
from edgeblur.pictures.blur import BlurStyle

DETECTOR = "centerface"
LIMIT_BYTES = 250_000
"""Of the sheet: it lies in the repository and in the wheel."""

_ACROSS = 2
"""So many scenes stand beside each other on the sheet; each kind gets one row, false blurs get two."""


@dataclass(frozen=True)
class PictureOptions:
    """Which scenes are drawn.

    Attributes:
        scenes: how many.
        seed: which stream of them; a model that learnt from drawn scenes should not have seen it.
    """

    scenes: int = 60
    seed: int = 7


@dataclass(frozen=True)
class Chosen:
    """Scenes of the sheet, none of them twice.

    Attributes:
        good: the best.
        exposed: those with the most exposed faces.
        half: others with half covered faces.
        false: others that were changed where no face is.
    """

    good: tuple[JudgedScene, ...]
    exposed: tuple[JudgedScene, ...]
    half: tuple[JudgedScene, ...]
    false: tuple[JudgedScene, ...]

    @property
    def numbers(self) -> Shown:
        """What to draw the same scenes again with, by kind."""
        kinds = (self.good, self.exposed, self.half, self.false)
        return Shown(*(tuple(one.scene.number for one in kind) for kind in kinds))


@dataclass(frozen=True)
class Judged:
    """The same scenes untouched, as target and by the model, judged."""

    untouched: Sequence[JudgedScene]
    target: Sequence[JudgedScene]
    model: Sequence[JudgedScene]


def make_pictures(shelved: Shelved, options: PictureOptions) -> Path:
    """Draw scenes, blur and judge them, and write the sheet and pictures.json into the model's folder.

    Returns:
        The sheet.

    Raises:
        UserError: no int8 model, one that takes no square picture, no detector, or too few scenes to show anything.
    """
    path = shelved.folder / INT8
    if not path.is_file():
        raise UserError(f"{path} does not exist: pictures are made of what a microcontroller would give")
    graph, detector = read_model(path), open_detector(DETECTOR)
    name = shelved.folder.name
    scenes = drawn_scenes(options.scenes, seed=options.seed, size=_side(graph))
    _, blur = open_approach(graph, path)
    made = Judged(
        judge_scenes("untouched", scenes, lambda triple: triple.picture, [detector]),
        judge_scenes("target", scenes, lambda triple: triple.blur, [detector]),
        judge_scenes(name, scenes, lambda triple: blur(triple.picture), [detector]),
    )
    picture, chosen = shelved.folder / PICTURE, choose(made.model)
    if chosen.numbers == Shown((), (), (), ()):
        raise UserError(f"nothing good or bad happened in {options.scenes} scenes: draw more of them")
    sheet = jpeg(sheet_of(name, chosen), LIMIT_BYTES)
    record = _record(made, options, name, path, sheet, chosen.numbers)
    write_together({picture: sheet, shelved.folder / RECORD: as_json(record.as_json())})
    return picture


def _side(graph: Graph) -> int:
    end = image_model(graph, several=True).input
    if end.width != end.height:
        raise UserError(f"the model takes pictures of {end.width}x{end.height}, but scenes are drawn as squares only")
    return end.width


def _command(name: str, options: PictureOptions) -> Sequence[str]:
    return ("edgeblur", "models", "pictures", name, "--scenes", str(options.scenes), "--seed", str(options.seed))


def choose(judged: Sequence[JudgedScene]) -> Chosen:
    """The scenes of a sheet, by rule."""
    exposed = most_exposed(judged, _ACROSS)
    half = half_covered([one for one in judged if one not in exposed], _ACROSS)
    false = most_false([one for one in judged if one not in (*exposed, *half)], 2 * _ACROSS)
    good = best([one for one in judged if one not in false], _ACROSS)
    return Chosen(tuple(good), tuple(exposed), tuple(half), tuple(false))


def sheet_of(name: str, chosen: Chosen) -> Image.Image:
    """The sheet: each scene untouched, with red boxes around what went wrong; its target; the model's."""
    sections = (
        Section("Good: every face covered, closest to the target", _strips(chosen.good)),
        Section("Bad: faces missed or still found", _strips(chosen.exposed)),
        Section("Bad: faces half covered", _strips(chosen.half)),
        Section("Bad: changed where no face is", _strips(chosen.false)),
    )
    return strip_sheet(("untouched", "target", name), sections, across=_ACROSS)


def _strips(judged: Sequence[JudgedScene]) -> tuple[Strip, ...]:
    return tuple(Strip((one.marked, one.scene.triple.blur, one.output), one.caption) for one in judged)


def _record(made: Judged, options: PictureOptions, name: str, model: Path, sheet: bytes, shown: Shown) -> Pictures:
    """What was found in all scenes, and what made them."""
    faces = [face for one in made.model for face in one.faces]
    return Pictures(
        command=shlex.join(_command(name, options)),
        sha256=sha256(model.read_bytes()),
        picture_sha256=sha256(sheet),
        scenes=options.scenes,
        seed=options.seed,
        blur=BlurStyle(),
        detector=DETECTOR,
        threshold=THRESHOLD,
        min_iou=MIN_IOU,
        min_side_px=MIN_SIDE_PX,
        faces=len(faces),
        found=Found(_found(made.untouched), _found(made.target), _found(made.model)),
        missed=sum(face.covered < MISSED for face in faces),
        partly_covered=sum(MISSED <= face.covered < COVERED for face in faces),
        scenes_with_false_blurs=sum(bool(one.false) for one in made.model),
        definition=Definition(MISSED, COVERED, DETAIL),
        shown=shown,
        edgeblur=__version__,
    )


def _found(judged: Sequence[JudgedScene]) -> int:
    """Faces that the detector still found."""
    return sum(face.found for one in judged for face in one.faces)
