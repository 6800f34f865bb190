"""The wheel holds every package and every file that the code reads: an editable install would hide their absence."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from build_wheels import LEFT_OUT, absolute_links, address, build, build_wheels, copy_light
from PIL import Image

from edgeblur import __version__
from edgeblur.models.shelf import FOLDER

ROOT = Path(__file__).parents[2]
STAGES = ("core", "distill", "quantize", "export", "firmware_harness", "models", "search")


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
            if path.is_file() and path.suffix not in (".py", ".pyc") and path.name not in LEFT_OUT:
                home = next(parent for parent in path.parents if (parent / "__init__.py").exists())
                found[path] = package_name(home)
    return found


def test_every_template_is_package_data() -> None:
    patterns = settings()["package-data"]
    assert len(other_files()) > 5
    for path, package in other_files().items():
        inside = PurePosixPath(path.relative_to(ROOT / package_folders()[package]).as_posix())
        assert any(inside.match(pattern) for pattern in patterns.get(package, [])), f"{path} is not in package-data"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both wheels."""
    out = tmp_path_factory.mktemp("wheels")
    try:
        build_wheels(out)
    except subprocess.CalledProcessError:
        pytest.skip("uv cannot build a wheel here: it wants setuptools from a package index")
    return out


@pytest.fixture(scope="module")
def unpacked(wheels: Path) -> tuple[Path, Path]:
    """The light wheel and the extra one, each as it is installed."""
    places = wheels / "light", wheels / "extra"
    for place, wheel in zip(places, ("edgeblur-*.whl", "edgeblur_keras-*.whl"), strict=True):
        zipfile.ZipFile(next(wheels.glob(wheel))).extractall(place)
    return places


def test_the_wheel_is_whole_and_light(wheels: Path) -> None:
    (wheel,) = wheels.glob("edgeblur-*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {p: package_name(p.parent) for stage in STAGES for p in (ROOT / stage).rglob("*.py")} | other_files()
    for path, package in wanted.items():
        inside = path.relative_to(ROOT / package_folders()[package]).as_posix()
        assert f"{package.replace('.', '/')}/{inside}" in packed
    assert not any(name.startswith(("tests/", "core/")) or name.endswith(LEFT_OUT) for name in packed)
    assert wheel.stat().st_size < 8_000_000


def test_the_same_tree_gives_the_same_bytes(wheels: Path, tmp_path: Path) -> None:
    """Archives and wheels, whenever they are built, by whomever, in whichever folder."""
    copy_light(tmp_path / "elsewhere")
    before = os.umask(0o077)
    try:
        os.utime(tmp_path / "elsewhere" / "README.md", (1, 1))
        again = build(tmp_path / "elsewhere", tmp_path)
    finally:
        os.umask(before)
    assert [path.suffix for path in again] == [".gz", ".whl"]
    for path in again:
        assert path.read_bytes() == (wheels / path.name).read_bytes(), path.name


def test_links_become_absolute_where_an_address_is_given(tmp_path: Path) -> None:
    settings = tmp_path / "pyproject.toml"
    settings.write_text('[project]\n[project.urls]\nSource = "https://forge.example/us/edgeblur/"\n')
    source = address(settings)
    assert source is not None
    text = absolute_links((ROOT / "README.md").read_text(), source)
    assert "](https://forge.example/us/edgeblur/raw/HEAD/docs/before-after.png)" in text
    assert "](https://forge.example/us/edgeblur/blob/HEAD/docs/privacy.md)" in text
    assert not re.findall(r"\]\((?!https?:|#|mailto:)", text)
    kept = "[a](#b) [c](https://d) [e](mailto:f@g)"
    assert absolute_links(kept, source) == kept


def test_the_packages_are_described_by_the_readme(unpacked: tuple[Path, Path]) -> None:
    (metadata,) = unpacked[0].glob("edgeblur-*.dist-info/METADATA")
    readme, source = (ROOT / "README.md").read_text(), address()
    assert (absolute_links(readme, source) if source else readme).strip() in metadata.read_text()


def test_the_other_wheel_has_every_net(wheels: Path) -> None:
    (wheel,) = wheels.glob("edgeblur_keras-*.whl")
    assert wheel.name == f"edgeblur_keras-{__version__}-py3-none-any.whl"
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(LEFT_OUT)}
    left = {path.relative_to(FOLDER).as_posix() for name in LEFT_OUT for path in FOLDER.glob(f"*/{name}")}
    assert packed == {f"edgeblur_keras/{name}" for name in left}
    assert len(left) >= 10


def installed(command: str, *places: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command line of what lies in `places`, rather than of this tree."""
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}
    arguments = [sys.executable, "-m", "edgeblur", *command.split()]
    return subprocess.run(arguments, cwd=folder, env=path, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "command",
    ["models path mask8 --keras", "validate mask8-float --random 1", "compare --with mask8-float --data data",
     "demo --out demo", "run mask8-float --board mps2-an386"],
)  # fmt: skip
def test_what_the_light_wheel_lacks_is_said(unpacked: tuple[Path, Path], tmp_path: Path, command: str) -> None:
    done = installed(command, unpacked[0], folder=tmp_path)
    assert done.returncode == 2
    assert "is not installed: install it with `pip install edgeblur-keras`" in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_light_wheel_works(unpacked: tuple[Path, Path], tmp_path: Path) -> None:
    done = installed("models path mask8", unpacked[0], folder=tmp_path)
    assert Path(done.stdout.strip()) == unpacked[0] / "edgeblur" / "models" / "mask8" / "int8.tflite"
    names = json.loads(installed("models --json", unpacked[0], folder=tmp_path).stdout)["models"]
    assert not any(model["name"].endswith("-float") for model in names)


def test_with_the_other_wheel_nothing_is_lacking(unpacked: tuple[Path, Path], tmp_path: Path) -> None:
    done = installed("models path mask8 --keras", *unpacked, folder=tmp_path)
    assert Path(done.stdout.strip()) == unpacked[1] / "edgeblur_keras" / "mask8" / "model.keras"
    done = installed("models path mask8-float", *unpacked, folder=tmp_path)
    assert Path(done.stdout.strip()) == unpacked[1] / "edgeblur_keras" / "mask8" / "float.tflite"
    named = installed(f"fit {done.stdout.strip()} --board pico --json", *unpacked, folder=tmp_path)
    assert '"mask8-float"' in named.stdout + named.stderr, "a file of the other wheel goes by its name"


def other_pythons() -> dict[str, str]:
    """Programs by version: those from 3.11 to 3.14 that lie on this machine, but for the one that runs the tests."""
    found = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in range(11, 15):
        version = f"3.{minor}"
        for program in (*pyenv.glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")):
            if program and minor != sys.version_info.minor:
                done = subprocess.run([program, "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
                                      capture_output=True, text=True, check=False)  # fmt: skip
                if done.stdout.strip() == version:  # a program of pyenv's may stand for a version that is not chosen
                    found[version] = str(program)
    return found


EXPORT_AND_BLUR = """
from edgeblur.cli import main
for line in ("export mask4 --engine stream --out c", "blur photo.png --out blurred.png"):
    try:
        main(line.split())
    except SystemExit as ended:
        assert not ended.code, line
"""


def test_every_python_here_gives_the_same_bytes(wheels: Path, tmp_path: Path) -> None:
    """The wheel, installed without constraints, beside this tree on this Python."""
    if not (pythons := other_pythons()):
        pytest.skip("no other Python from 3.11 on lies here")
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8))
    runs = {"here": [sys.executable, "-c", EXPORT_AND_BLUR]}
    for version, program in pythons.items():
        venv = tmp_path / f"venv-{version}"
        uv = [sys.executable, "-m", "uv", "--quiet"]
        subprocess.run([*uv, "venv", "--python", program, venv], check=True)
        wheel = next(wheels.glob("edgeblur-*.whl"))
        if subprocess.run([*uv, "pip", "install", "--python", venv, wheel], check=False).returncode:
            pytest.skip("no package index can be reached")
        runs[version] = [str(venv / "bin" / "python"), "-c", EXPORT_AND_BLUR]
    made = {}
    for version, command in runs.items():
        (folder := tmp_path / version).mkdir()
        photo.save(folder / "photo.png")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"Python {version}: {done.stderr[-2000:]}"
        pixels = np.asarray(Image.open(folder / "blurred.png")).tobytes()
        made[version] = [pixels, *(path.read_bytes() for path in sorted((folder / "c").iterdir()))]
    assert all(files == made["here"] for files in made.values())


def test_the_bill_of_materials_names_what_the_light_install_needs() -> None:
    from sbom import bill

    components = {component["name"]: component for component in bill()["components"]}
    assert {"ai-edge-litert", "click", "jinja2", "numpy", "pillow", "rich"} <= set(components)
    assert all(component["version"] for component in components.values())
    assert bill() == bill()


def test_the_licences_of_all_dependencies_are_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    rows = re.findall(r"^\| (.+?) \|", (ROOT / "SECURITY.md").read_text().partition("\n## Licences")[2], re.MULTILINE)
    told = {name.strip().lower() for row in rows for name in row.split(",")}
    lines = [*project["dependencies"], *(line for extra, lines in project["optional-dependencies"].items()
                                         if extra not in ("dev", "docs") for line in lines)]  # fmt: skip
    names = {re.split(r"[\[<>=;~ ]", line)[0].lower() for line in lines}
    assert not names - told - {"edgeblur"}
