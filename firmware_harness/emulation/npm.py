"""Emulators that are npm packages: found where npm installs packages for everybody or beside the current folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from edgeblur.errors import UserError


def find_package(package: str) -> Path:
    """The `node_modules` folder that holds an npm package of the wanted version.

    Args:
        package: `name@version`.

    Raises:
        UserError: it is not installed, or in another version only.
    """
    name, _, version = package.partition("@")
    found = None
    for folder in _folders():
        try:
            found = json.loads((folder / name / "package.json").read_text())["version"]
        except (OSError, ValueError, KeyError):
            continue
        if found == version:
            return folder
    instead = f"version {found} of {name} was found, {version} is needed" if found else f"{name} was not found"
    raise UserError(f"{instead}: install it with `npm install --global {package}`")


def _folders() -> list[Path]:
    """Where node packages may lie: $NODE_PATH, here, and npm's folder for everybody."""
    folders = [Path(place) for place in os.environ.get("NODE_PATH", "").split(os.pathsep) if place]
    folders.append(Path.cwd() / "node_modules")
    if (npm := shutil.which("npm")) is not None:
        done = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            folders.append(Path(done.stdout.strip()))
    return folders
