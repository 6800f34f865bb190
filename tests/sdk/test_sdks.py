"""Projects built whole against the SDKs that are on this machine; each is skipped by name where its SDK is not."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.projects.projects import ProjectOptions, write_firmware
from edgeblur.models.shelf import find_entry

BUILDS = [
    ("pico", "pico-sdk", "PICO_SDK_PATH"),
    ("pico-2", "pico-sdk", "PICO_SDK_PATH"),
    ("nucleo-f411re", "zephyr", "ZEPHYR_BASE"),
    ("esp32-s3", "esp-idf", "IDF_PATH"),
    ("teensy-4.1", "arduino", "arduino-cli"),
    ("nucleo-f411re", "platformio", "pio"),
    ("nucleo-f411re", "stm32", "STM32_PACK"),
]
"""Board, kind, and what tells that its SDK is there: a variable with its folder, or a program."""


@pytest.mark.parametrize(("name", "kind", "sdk"), BUILDS, ids=[f"{kind}-{name}" for name, kind, _ in BUILDS])
def test_a_project_builds_against_the_real_sdk(name: str, kind: str, sdk: str, tmp_path: Path) -> None:
    there = os.environ.get(sdk) if sdk.isupper() else shutil.which(sdk)
    if not there:
        pytest.skip(f"{sdk} is not {'set' if sdk.isupper() else 'installed'}")
    entry = find_entry("mask4")
    assert entry is not None
    project = write_firmware(entry.path, find_board(name), tmp_path / "project", ProjectOptions(kind))
    command = project.build.replace("PATH_TO_STM32CUBE", shlex.quote(there))
    done = subprocess.run(command, shell=True, cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
