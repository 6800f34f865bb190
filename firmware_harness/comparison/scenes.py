"""Drawn scenes as pictures of what goes well and what goes wrong: each is judged, then the best and worst are chosen.

No photo may be shown, but what edgeblur draws may. A scene is judged by two things: how much of its faces' detail is
left, and what was changed where no face is (see changes.py). A threshold on changes would not do for faces: those in
the dark would be called missed although nothing is left of them, and half transparent ones covered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from edgeblur.detectors.detector import Detector
from edgeblur.firmware_harness.privacy.changes import changed_region, false_blurs
from edgeblur.firmware_harness.privacy.judges import THRESHOLD
from edgeblur.firmware_harness.privacy.protection import MIN_IOU, MIN_SIDE_PX
from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.faces import Face
from edgeblur.pictures.images import Pixels
from edgeblur.pictures.metrics import INSIDE
from edgeblur.progress import track
from edgeblur.store.dataset import Triple

COVERED, MISSED = 0.75, 0.25
"""Share of a face's detail that is gone: from `COVERED` on it is covered, below `MISSED` missed, in between partly."""
DETAIL = 0.1
"""Detail (eyes, a mouth) is what a Gaussian of this standard deviation takes away, by the face's longer side."""

_FACE_ALONE = BlurStyle(grow=1.0, feather=0.0)
"""Its mask is the labelled ellipse: how far beyond a face the target reaches says nothing of what is left of it."""
_BOX_COLOUR = (255, 0, 0)

_Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)  # arrays have no one answer to ==
class Scene:
    """A drawn scene with its target.

    Attributes:
        number: `draw_scene`'s seed.
        triple: the scene, the scene blurred by its labels, the mask and the labelled faces.
    """

    number: int
    triple: Triple


@dataclass(frozen=True)
class JudgedFace:
    """What became of a face.

    Attributes:
        face: as labelled.
        covered: share, 0 to 1, of the detail gone that is gone in the target: 0.5 for a face of which half is blurred,
            or all of it by half. Fitted by least squares inside its ellipse.
        found: a detector still finds it at its place.
    """

    face: Face
    covered: float
    found: bool

    @property
    def exposure(self) -> float:
        """0 for a face that is covered and not found, 2 for one that is untouched and found."""
        return 1 - self.covered + self.found

    @property
    def exposed(self) -> bool:
        """Whether something is wrong: it is found, or not covered."""
        return self.found or self.covered < COVERED

    @property
    def caption(self) -> str:
        """For people: how large it is, and what is wrong with it."""
        how = "missed" if self.covered < MISSED else f"{self.covered:.0%} blurred"
        return f"face of {self.face.box.side:.0f} px {how}{', still found' if self.found else ''}"


@dataclass(frozen=True, eq=False)
class JudgedScene:
    """What became of a scene.

    Attributes:
        scene: as drawn.
        output: the same, blurred.
        faces: those of `MIN_SIDE_PX` and more, the most exposed first.
        agreement: intersection over union of what output and target visibly change; 1 if that is nothing.
        false: changed regions that touch no face, each `[height, width]`.
    """

    scene: Scene
    output: Pixels
    faces: tuple[JudgedFace, ...]
    agreement: float
    false: tuple[_Bools, ...]

    @property
    def exposed(self) -> tuple[JudgedFace, ...]:
        """Faces with which something is wrong, the worst first."""
        return tuple(face for face in self.faces if face.exposed)

    @property
    def exposure(self) -> float:
        """Of its worst face, 0 to 2; 0 if it has none."""
        return self.faces[0].exposure if self.faces else 0.0

    @property
    def false_share(self) -> float:
        """Share of the picture that is blurred where no face is, 0 to 1."""
        return float(sum(part.mean() for part in self.false))

    @property
    def caption(self) -> str:
        """For people, in one line."""
        number, wrong = len(self.faces), len(self.exposed)
        well = "no face to blur" if not number else "the face is covered" if number == 1 else f"all {number} covered"
        caption = [self.exposed[0].caption + (f" (and {wrong - 1} more)" if wrong > 1 else "") if wrong else well]
        if self.false:
            caption.append(f"{max(0.01, self.false_share):.0%} changed where no face is")
        return f"scene {self.scene.number}: {'; '.join(caption)}"

    @property
    def marked(self) -> Pixels:
        """The untouched scene with a red box around everything that went wrong."""
        picture = Image.fromarray(self.scene.triple.picture)
        draw = ImageDraw.Draw(picture)
        for judged in self.exposed:
            box = judged.face.box
            draw.rectangle((box.x, box.y, box.x + box.w, box.y + box.h), outline=_BOX_COLOUR)
        for part in self.false:
            ys, xs = np.nonzero(part)
            draw.rectangle((int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())), outline=_BOX_COLOUR)
        return np.asarray(picture)


def drawn_scenes(count: int, *, seed: int, size: int) -> tuple[Scene, ...]:
    """Draw scenes, and blur each by its labels.

    Args:
        count: how many.
        seed: which stream, as `synthetic_scenes` takes it.
        size: side of the square pictures in pixels.

    Raises:
        UserError: a picture too small for a face.
    """
    from edgeblur.distill.data.synthetic import synthetic_scenes

    scenes = []
    for name, picture, faces in track(synthetic_scenes(count, seed, size), "drawing scenes", count):
        blurred, mask = blur_faces(picture, faces)
        triple = Triple(np.asarray(picture), np.asarray(blurred), mask, faces)
        scenes.append(Scene(int(name.partition(":")[2]), triple))
    return tuple(scenes)


def judge_scene(scene: Scene, output: Pixels, detectors: Sequence[Detector]) -> JudgedScene:
    """Hold what was made of a scene against the scene and its target.

    Args:
        scene: as drawn.
        output: bytes `[height, width, 3]` of the scene's size.
        detectors: a face is found if one of them finds it.
    """
    triple = scene.triple
    region, wanted = changed_region(triple.picture, output), changed_region(triple.picture, triple.blur)
    looked_for = [face for face in triple.faces if face.box.side >= MIN_SIDE_PX]
    found = _found(output, detectors) if looked_for else []
    faces = [
        JudgedFace(
            face,
            _covered(triple, output, face),
            any(face.box.iou(other.box) >= MIN_IOU for other in found),
        )
        for face in looked_for
    ]
    worst_first = sorted(faces, key=lambda judged: (-judged.exposure, -judged.face.box.side))
    either = region | wanted
    agreement = float((region & wanted).sum() / either.sum()) if either.any() else 1.0
    return JudgedScene(scene, output, tuple(worst_first), agreement, false_blurs(region, triple.mask))


def _found(output: Pixels, detectors: Sequence[Detector]) -> list[Face]:
    picture = Image.fromarray(output)
    return [face for detector in detectors for face in detector.detect(picture, THRESHOLD)]


def _covered(triple: Triple, output: Pixels, face: Face) -> float:
    """See `JudgedFace.covered`; 1 where the target takes no detail away."""
    inside = blur_faces(Image.fromarray(triple.picture), [face], _FACE_ALONE)[1] >= INSIDE
    sigma = DETAIL * face.box.side
    before, target, after = (_detail(p, sigma)[inside] for p in (triple.picture, triple.blur, output))
    gone, wanted = float((before * (before - after)).sum()), float((before * (before - target)).sum())
    return min(1.0, max(0.0, gone / wanted)) if wanted > 0 else 1.0


def _detail(picture: Pixels, sigma: float) -> NDArray[np.float64]:
    """What a Gaussian blur of `sigma` pixels takes away, `[height, width, 3]`; Pillow's would round it to bytes."""
    rows, columns = (_gaussian(length, sigma) for length in picture.shape[:2])
    smooth: NDArray[np.float64] = np.einsum("ij,jkc,lk->ilc", rows, picture.astype(np.float64), columns, optimize=True)
    return picture - smooth


def _gaussian(length: int, sigma: float) -> NDArray[np.float64]:
    """A blur of so many pixels as a matrix; each row sums to 1, at the borders too."""
    at = np.arange(length)
    weights = np.exp(-((at[:, None] - at) ** 2) / (2 * sigma**2))
    blur: NDArray[np.float64] = weights / weights.sum(1, keepdims=True)
    return blur


def judge_scenes(
    name: str, scenes: Sequence[Scene], blur: Callable[[Triple], Pixels], detectors: Sequence[Detector]
) -> tuple[JudgedScene, ...]:
    """Blur scenes and judge what came out.

    Args:
        name: for the progress bar.
        scenes: from `drawn_scenes`.
        blur: what is to be shown; it gets the labels too, for the sake of untouched and target.
        detectors: who looks for faces.
    """
    return tuple(judge_scene(scene, blur(scene.triple), detectors) for scene in track(scenes, name))


def best(judged: Iterable[JudgedScene], count: int) -> list[JudgedScene]:
    """Scenes with a face, none of them exposed, that agree most with their target."""
    good = [one for one in judged if one.faces and not one.exposed]
    return sorted(good, key=lambda one: (-one.agreement, one.scene.number))[:count]


def most_exposed(judged: Iterable[JudgedScene], count: int) -> list[JudgedScene]:
    """Scenes with an exposed face: the most exposed first, among equals the larger face."""
    bad = [one for one in judged if one.exposed]
    return sorted(bad, key=lambda one: (-one.exposure, -one.faces[0].face.box.side, one.scene.number))[:count]


def half_covered(judged: Iterable[JudgedScene], count: int) -> list[JudgedScene]:
    """Scenes of which the worst face is covered in part: first where most of the largest face is left."""
    bad = [one for one in judged if one.exposed and MISSED <= one.faces[0].covered < COVERED]
    left_px = {one: (1 - one.faces[0].covered) * one.faces[0].face.box.side for one in bad}
    return sorted(bad, key=lambda one: (-left_px[one], one.scene.number))[:count]


def most_false(judged: Iterable[JudgedScene], count: int) -> list[JudgedScene]:
    """Scenes that were changed where no face is: the largest share of the picture first."""
    bad = [one for one in judged if one.false]
    return sorted(bad, key=lambda one: (-one.false_share, one.scene.number))[:count]
