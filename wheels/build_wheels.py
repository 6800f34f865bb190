"""Build what a release uploads from one tree: edgeblur, light, and edgeblur-keras, with the nets that training needs.

Called as `python wheels/build_wheels.py dist`. Each comes as a source archive and as the wheel that is built from it.
The same commit gives the same bytes with the same setuptools, and SHA256SUMS has their digests. README's links are
made absolute with the address that `[project.urls]` in pyproject.toml gives as `Source`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXTRA = ROOT / "wheels" / "edgeblur-keras"
LEFT_OUT = ("model.keras", "float.tflite")
STAGES = ("core", "distill", "quantize", "export", "firmware_harness", "models", "search")
SOURCES = (*STAGES, "pyproject.toml", "README.md", "LICENSE")


def main() -> None:
    """Build all into the folder that is named."""
    if len(sys.argv) != 2:
        sys.exit("usage: python wheels/build_wheels.py FOLDER")
    out = Path(sys.argv[1])
    if address() is None:
        print("README's links stay relative: [project.urls] in pyproject.toml names no Source", file=sys.stderr)
    built = build_wheels(out)
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in built)
    (out / "SHA256SUMS").write_text(sums)
    print(sums, end="")


def build_wheels(out: Path) -> list[Path]:
    """Build edgeblur and edgeblur-keras of the same version: source archives and wheels."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        light, extra = Path(scratch) / "light", Path(scratch) / "extra"
        copy_light(light)
        copy_extra(extra)
        return [*build(light, out), *build(extra, out)]


def address(settings: Path = ROOT / "pyproject.toml") -> str | None:
    """Where the source is published, as `[project.urls]` says; None if it does not."""
    urls: dict[str, str] = tomllib.loads(settings.read_text())["project"].get("urls", {})
    return urls.get("Source")


def absolute_links(text: str, source: str) -> str:
    """Markdown whose relative links lead to the published source: pictures to their bytes, files to their pages."""

    def absolute(match: re.Match[str]) -> str:
        kind = "raw" if match["picture"] else "blob"
        return f"{match['picture']}[{match['text']}]({source.rstrip('/')}/{kind}/HEAD/{match['target']})"

    return re.sub(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?!https?:|#|mailto:)(?P<target>[^)\s]+)\)", absolute, text)


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
    if (source := address(place / "pyproject.toml")) is not None:
        readme = place / "README.md"
        readme.write_text(absolute_links(readme.read_text(), source))


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


def build(source: Path, out: Path) -> list[Path]:
    """A source archive, and the wheel made from it, by uv, which brings a setuptools that is new enough."""
    for path in source.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # archives keep modes
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(_built_at())}
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "uv", "build", "--quiet", "--out-dir", scratch]
        subprocess.run(command, cwd=source, env=environment, umask=0o022, check=True)
        (wheel,), (archive,) = Path(scratch).glob("*.whl"), Path(scratch).glob("*.tar.gz")
        _normalise(archive)
        return [Path(shutil.move(path, out / path.name)) for path in (archive, wheel)]


def _built_at() -> int:
    """Seconds since 1970 that all files of an archive bear: the commit's, so that it can be built again."""
    if (wanted := os.environ.get("SOURCE_DATE_EPOCH")) is not None:
        return int(wanted)
    asked = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(asked.stdout) if asked.returncode == 0 and asked.stdout.strip() else 315_532_800  # zip begins with 1980


def _normalise(archive: Path) -> None:
    """Write a .tar.gz anew without what differs between machines: times, owners, the order of files."""
    with tarfile.open(archive) as old:
        members = sorted(old.getmembers(), key=lambda member: member.name)
        contents = {member.name: file.read() for member in members if (file := old.extractfile(member)) is not None}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in members:
            plain = tarfile.TarInfo(member.name)
            plain.type, plain.size, plain.mode, plain.mtime = member.type, member.size, member.mode, _built_at()
            new.addfile(plain, io.BytesIO(contents.get(member.name, b"")))
    archive.write_bytes(gzip.compress(packed.getvalue(), mtime=0))


if __name__ == "__main__":
    main()
