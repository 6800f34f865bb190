"""Pictures, good and bad, for a model's card: drawn scenes through its int8 model, best and worst on one sheet."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from edgeblur import __version__
from edgeblur.detectors.open import open_detector
from edgeblur.errors import UserError
from edgeblur.files import as_json, sha256, write_together
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
from edgeblur.firmware_harness.engines.engines import Engine, open_engine
from edgeblur.firmware_harness.privacy.judges import THRESHOLD
from edgeblur.firmware_harness.privacy.protection import MIN_IOU, MIN_SIDE_PX
from edgeblur.models.measures import Json
from edgeblur.models.pictures import PICTURE, RECORD
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

    def numbers(self) -> dict[str, list[int]]:
        """What to draw the same scenes again with, by kind."""
        return {key: [one.scene.number for one in kind] for key, kind in vars(self).items()}


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
    engine, detector = open_engine("litert", path), open_detector(DETECTOR)
    name = shelved.folder.name
    scenes = drawn_scenes(options.scenes, seed=options.seed, size=_side(engine))
    made = {
        "untouched": judge_scenes("untouched", scenes, lambda triple: triple.picture, [detector]),
        "target": judge_scenes("target", scenes, lambda triple: triple.blur, [detector]),
        "model": judge_scenes(name, scenes, lambda triple: engine.blur(triple.picture), [detector]),
    }
    picture, chosen = shelved.folder / PICTURE, choose(made["model"])
    if not any(chosen.numbers().values()):
        raise UserError(f"nothing good or bad happened in {options.scenes} scenes: draw more with --scenes")
    sheet = jpeg(sheet_of(name, chosen), LIMIT_BYTES)
    record = {
        "edgeblur": __version__,
        "command": shlex.join(_command(name, options)),
        "sha256": sha256(path.read_bytes()),
        "picture_sha256": sha256(sheet),
        "scenes": options.scenes,
        "seed": options.seed,
        "blur": asdict(BlurStyle()),
        **counts(made),
        "shown": chosen.numbers(),
    }
    write_together({picture: sheet, shelved.folder / RECORD: as_json(record)})
    return picture


def _side(engine: Engine) -> int:
    end = engine.model.input
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
    return tuple(Strip((one.marked, one.scene.triple.blur, one.output), one.told) for one in judged)


def counts(made: Mapping[str, Sequence[JudgedScene]]) -> Json:
    """What was found in all scenes.

    Args:
        made: the judged scenes `untouched`, as `target` and by the `model`.
    """
    scenes = made["model"]
    faces = [face for one in scenes for face in one.faces]
    return {
        "detector": DETECTOR,
        "threshold": THRESHOLD,
        "min_iou": MIN_IOU,
        "min_side_px": MIN_SIDE_PX,
        "faces": len(faces),
        "found": {key: sum(face.found for one in row for face in one.faces) for key, row in made.items()},
        "missed": sum(face.covered < MISSED for face in faces),
        "partly_covered": sum(MISSED <= face.covered < COVERED for face in faces),
        "scenes_with_false_blurs": sum(bool(one.false) for one in scenes),
        "definition": {"missed_below": MISSED, "covered_from": COVERED, "detail": DETAIL},
    }
