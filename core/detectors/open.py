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


_OPENERS: dict[str, Callable[[], Detector]] = {"centerface": _open_centerface, "blazeface": _open_blazeface}

DETECTORS = tuple(_OPENERS)
"""Names that `open_detector` knows; the first is the better one."""


def open_detector(name: str) -> Detector:
    """Load a pretrained detector; its weights come inside its package, no network is needed.

    Raises:
        UserError: no such detector, or its package is not installed.
    """
    if name not in _OPENERS:
        raise UserError(f"there is no face detector {name!r}: choose {' or '.join(DETECTORS)}")
    return _OPENERS[name]()
