"""A pretrained face embedding: what somebody who wants to know who is in a picture would use.

dlib's ResNet (Davis King 2017, 29 convolutions, 128 numbers a face, 99.38 % on Labeled Faces in the Wild; weights
CC0) with the five-point landmarks that it was trained on. The weights come inside the package
`face-recognition-models`; that package's code is not imported, as it needs a module that newer setuptools lack. dlib
itself comes as wheels in `dlib-bin`; one built from the package `dlib` will do as well.

Two pictures of one person are said to be nearer than 0.6 (Euclidean), dlib's own limit. At 128x128 pixels, faces of
16 pixels included, two crops of one photo lie 0.11 to 0.34 apart and different people 0.76 in the median (255 faces
of the test split of our photos).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgeblur.errors import UserError, missing_package
from edgeblur.pictures.faces import Box, Face
from edgeblur.pictures.images import Pixels

SAME_PERSON = 0.6
"""Distance of two embeddings below which dlib takes them for one person."""

Vectors = NDArray[np.float64]
"""`[faces, 128]`, one embedding a row; lengths are about 1.4."""

_SURROUNDINGS = 256  # pixels: side of the square, twice as wide as the face, in which landmarks are looked for
_CHIP, _PADDING = 150, 0.25  # what the network was trained on
_MIDDLE = 0.6, 0.75  # half axes of what `alone` keeps, as shares of half the side
_DOWN = 0.08  # of the box's height: landmarks were learnt in squares from eyebrows to chin, our boxes start at the hair


@dataclass(frozen=True)
class Frame:
    """Where a face lies, found on the clear photo; the same place is cut from what a model made of it.

    Attributes:
        box: of the face, in pixels of the photo.
        landmarks: dlib's five points inside the square around the box.
    """

    box: Box
    landmarks: Any

    def cut(self, picture: Pixels, *, alone: bool = False) -> Pixels:
        """The face upright and of one size, `[150, 150, 3]`, from a picture of the photo's size.

        Args:
            picture: the photo, or what a model made of it.
            alone: keep the middle of the face only, an ellipse that is the same for all faces, and make the rest grey.
        """
        import dlib

        chip: Pixels = dlib.get_face_chip(_surroundings(picture, self.box), self.landmarks, _CHIP, _PADDING)
        return np.where(_middle(), chip, np.uint8(128)) if alone else chip


def _middle() -> NDArray[np.bool_]:
    """An ellipse over eyes, nose and mouth of every upright face, `[150, 150, 1]`."""
    y, x = np.mgrid[-1 : 1 : _CHIP * 1j, -1 : 1 : _CHIP * 1j]
    inside: NDArray[np.bool_] = ((x / _MIDDLE[0]) ** 2 + (y / _MIDDLE[1]) ** 2 <= 1)[..., np.newaxis]
    return inside


def _surroundings(picture: Pixels, box: Box) -> Pixels:
    """The square around a face, twice as wide as its longer side, at one size; black beyond the picture's border."""
    left, top, side = box.x + box.w / 2 - box.side, box.y + box.h / 2 - box.side, 2 * box.side
    scale = side / _SURROUNDINGS
    size = (_SURROUNDINGS, _SURROUNDINGS)
    map_back = (scale, 0, left, 0, scale, top)
    square = Image.fromarray(picture).transform(size, Image.Transform.AFFINE, map_back, Image.Resampling.BICUBIC)
    return np.asarray(square)


class FaceEmbedding:
    """The loaded networks: landmarks on a clear face, and the embedding of an upright face.

    Raises:
        UserError: a package is not installed, or lacks its weights.
    """

    name = "dlib-resnet"

    def __init__(self) -> None:
        try:
            import dlib
        except ImportError as error:
            raise missing_package("dlib-bin", "identity", error) from error
        self._landmarks = dlib.shape_predictor(str(dlib_weights("shape_predictor_5_face_landmarks.dat")))
        self._network = dlib.face_recognition_model_v1(str(dlib_weights("dlib_face_recognition_resnet_model_v1.dat")))

    def frame(self, clear: Pixels, face: Face) -> Frame:
        """Find a labelled face's landmarks on the clear photo `[height, width, 3]`."""
        import dlib

        box, middle = face.box, _SURROUNDINGS / 2
        scale = _SURROUNDINGS / (2 * box.side)
        half, down = box.w * scale / 2, box.h * scale * _DOWN
        corners = (middle - half, middle + down - half, middle + half, middle + down + half)
        found = self._landmarks(_surroundings(clear, box), dlib.rectangle(*(round(v) for v in corners)))
        return Frame(box, found)

    def describe(self, chips: Sequence[Pixels]) -> Vectors:
        """Embed upright faces `[150, 150, 3]`; about 0.1 s a face on one core."""
        if not chips:
            return np.zeros((0, 128))
        return np.array(self._network.compute_face_descriptor(list(chips), 0))


def dlib_weights(name: str) -> Path:
    """Where a file of dlib's weights lies, found without importing its package.

    Raises:
        UserError: the package is not installed, or lacks the file.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        raise missing_package("face-recognition-models", "identity")
    path = Path(spec.origin).parent / "models" / name
    if not path.is_file():
        raise UserError(f"{path} is missing: install face-recognition-models again (0.3 has it)")
    return path
