"""The wheel holds every package and every file that the code reads: an editable install would hide their absence."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STAGES = ("core", "distill", "quantize", "export", "firmware_harness", "models")


def settings() -> dict[str, Any]:
    tools: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    return dict(tools["setuptools"])


def package_name(folder: Path) -> str:
    """`core/commands` is `edgeblur.commands`, `distill/synthetic` is `edgeblur.distill.data.synthetic`."""
    parts = folder.relative_to(ROOT).parts
    return ".".join(("edgeblur", *(parts[1:] if parts[0] == "core" else parts)))


def package_folders() -> dict[str, str]:
    folders = [path.parent for stage in STAGES for path in (ROOT / stage).rglob("__init__.py")]
    return {package_name(folder): folder.relative_to(ROOT).as_posix() for folder in folders}


def test_every_folder_of_code_is_a_listed_package() -> None:
    listed = settings()
    assert sorted(listed["packages"]) == sorted(package_folders())
    assert listed["package-dir"] == package_folders()
    for stage in STAGES:
        loose = {path.parent for path in (ROOT / stage).rglob("*.py") if not (path.parent / "__init__.py").exists()}
        assert not loose, "code in a folder without __init__.py is not packaged"


def other_files() -> dict[Path, str]:
    """Files that are no Python, with the package they belong to."""
    found = {}
    for stage in STAGES:
        for path in (ROOT / stage).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                home = next(parent for parent in path.parents if (parent / "__init__.py").exists())
                found[path] = package_name(home)
    return found


def test_every_template_is_package_data() -> None:
    patterns = settings()["package-data"]
    assert len(other_files()) > 5
    for path, package in other_files().items():
        inside = PurePosixPath(path.relative_to(ROOT / package_folders()[package]).as_posix())
        assert any(inside.match(pattern) for pattern in patterns.get(package, [])), f"{path} is not in package-data"


def build_commands(out: Path) -> list[list[str]]:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(out),
    ]
    return [[*pip, "."], ["uv", "build", "--quiet", "--wheel", "--out-dir", str(out)]]


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    for name in (*STAGES, "pyproject.toml", "README.md", "LICENSE"):  # a build leaves folders behind: not in ours
        path = ROOT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, source / name)
    for command in build_commands(out):
        program = shutil.which(command[0]) or shutil.which(command[0], path=str(Path(sys.executable).parent))
        if program is None:
            continue
        done = subprocess.run([program, *command[1:]], cwd=source, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
    else:
        pytest.skip("neither pip with setuptools nor uv can build a wheel here")
    (wheel,) = out.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {p: package_name(p.parent) for stage in STAGES for p in (ROOT / stage).rglob("*.py")} | other_files()
    for path, package in wanted.items():
        inside = path.relative_to(ROOT / package_folders()[package]).as_posix()
        assert f"{package.replace('.', '/')}/{inside}" in packed
    assert not any(name.startswith(("tests/", "core/")) for name in packed)
