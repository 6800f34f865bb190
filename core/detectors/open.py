"""The face detectors by name; a detector's own file, and what it imports, is loaded only when it is opened."""

from __future__ import annotations

from collections.abc import Callable

from edgeblur.detectors.detector import Detector
from edgeblur.errors import UserError


def _open_centerface() -> Detector:
    from edgeblur.detectors.centerface import CenterFace

    return Detector("centerface", 0.4, CenterFace())


def _open_blazeface() -> Detector:
    from edgeblur.detectors.blazeface import BlazeFace

    return Detector("blazeface", 0.4, BlazeFace())


def _open_mtcnn() -> Detector:
    from edgeblur.detectors.mtcnn import MTCNN

    return Detector("mtcnn", 0.7, MTCNN())


def _open_hog() -> Detector:
    from edgeblur.detectors.hog import HOG

    return Detector("hog", 0.5, HOG())


def _open_mmod() -> Detector:
    from edgeblur.detectors.mmod import MMOD

    return Detector("mmod", 0.4, MMOD())


_OPENERS: dict[str, Callable[[], Detector]] = {
    "centerface": _open_centerface,
    "blazeface": _open_blazeface,
    "mtcnn": _open_mtcnn,
    "hog": _open_hog,
    "mmod": _open_mmod,
}

DETECTORS = tuple(_OPENERS)
"""Names that `open_detector` knows; the first is the best one."""

USUAL_JUDGES = ("centerface", "blazeface")
"""Who looks for faces in outputs where nobody is named: the quickest."""


def open_detector(name: str) -> Detector:
    """Load a pretrained detector; its weights come inside its package, no network is needed.

    Raises:
        UserError: no such detector, or its package is not installed.
    """
    if name not in _OPENERS:
        raise UserError(f"there is no face detector {name!r}: choose {', '.join(DETECTORS[:-1])} or {DETECTORS[-1]}")
    return _OPENERS[name]()
