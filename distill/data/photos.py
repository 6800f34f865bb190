"""What every source of training pictures hands over, wherever its labels come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from PIL import Image

from edgeblur.pictures.faces import Face


@dataclass(frozen=True)
class LabelledPhoto:
    """A picture whose faces are known.

    Attributes:
        source: where it comes from, for the manifest: `owner/repository@commit:path`, `tfds:wider_face/...`, a path.
        group: pictures of one group show the same photo or the same person and must stay in one split.
        picture: RGB, upright.
        faces: in the picture's pixels; none is normal.
        split: `train`, `val` or `test` if the source has its own.
        licence: in words, as the source states it.
        terms: in one word that can be selected by: `cc0`, `cc-by`, `research-only`, ...
        maker: who made it, as the labels name them: what nets learn of one maker's photos holds less for another's.
    """

    source: str
    group: str
    picture: Image.Image
    faces: tuple[Face, ...]
    split: str | None = None
    licence: str | None = None
    terms: str | None = None
    maker: str | None = None


@dataclass(frozen=True)
class Photos:
    """Labelled photos, read one after the other while they are gone through.

    Attributes:
        photos: the stream; most can be gone through only once.
        total: at most how many will come, None if nobody knows before.
    """

    photos: Iterable[LabelledPhoto]
    total: int | None = None

    def __iter__(self) -> Iterator[LabelledPhoto]:
        return iter(self.photos)
