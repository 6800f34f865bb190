"""Build both wheels from one tree: edgeblur, light, and edgeblur-keras, with the nets that training starts from.

Called as `python wheels/build_wheels.py dist`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRA = ROOT / "wheels" / "edgeblur-keras"
LEFT_OUT = ("model.keras", "float.tflite")
STAGES = ("core", "distill", "quantize", "export", "firmware_harness", "models")
SOURCES = (*STAGES, "pyproject.toml", "README.md", "LICENSE")


def main() -> None:
    """Build both into the folder that is named."""
    if len(sys.argv) != 2:
        sys.exit("usage: python wheels/build_wheels.py FOLDER")
    for wheel in build_wheels(Path(sys.argv[1])):
        print(f"{wheel}: {wheel.stat().st_size:,} bytes")


def build_wheels(out: Path) -> list[Path]:
    """Build edgeblur and edgeblur-keras of the same version; builds leave folders behind, so each has its own copy."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        light, extra = Path(scratch) / "light", Path(scratch) / "extra"
        copy_light(light)
        copy_extra(extra)
        return [_build(light, out), _build(extra, out)]


def copy_light(place: Path) -> None:
    """What edgeblur's wheel is built from, without what it leaves out."""
    place.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", *LEFT_OUT)
    for name in SOURCES:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, place / name, ignore=ignored)
        else:
            shutil.copy(path, place / name)


def copy_extra(place: Path) -> None:
    """What edgeblur-keras is built from: its settings, in edgeblur's version, and the nets."""
    shutil.copytree(EXTRA, place)
    shutil.copy(ROOT / "LICENSE", place / "LICENSE")
    settings = place / "pyproject.toml"
    settings.write_text(re.sub(r'version = "0".*', f'version = "{version()}"', settings.read_text()))
    package = place / "edgeblur_keras"
    package.mkdir()
    (package / "__init__.py").write_text(
        '"""Trained nets of edgeblur, a folder each; edgeblur finds them by name."""\n'
    )
    for name in LEFT_OUT:
        for path in sorted((ROOT / "models").glob(f"*/{name}")):
            (package / path.parent.name).mkdir(exist_ok=True)
            shutil.copy(path, package / path.parent.name / name)


def version() -> str:
    """Edgeblur's."""
    found = re.search(r'__version__ = "(.+)"', (ROOT / "core" / "__init__.py").read_text())
    assert found, "core/__init__.py names the version"
    return found[1]


def _build(source: Path, out: Path) -> Path:
    """A wheel, by uv, which brings a setuptools that is new enough."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", scratch]
        subprocess.run(command, cwd=source, check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        return Path(shutil.move(wheel, out / wheel.name))


if __name__ == "__main__":
    main()
