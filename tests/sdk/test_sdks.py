"""Projects built whole against the SDKs that are on this machine; each is skipped by name where its SDK is not."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from edgeblur.export.veil.compile import FrameOptions
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


FRAMES = [("pico", "pico-sdk", "PICO_SDK_PATH", hold) for hold in ("buffer", "live", "rows")]
FRAMES += [("esp32-s3", "esp-idf", "IDF_PATH", "buffer"), ("nano-33-ble-sense", "arduino", "arduino-cli", "live")]
"""The same with a veil and a camera's driver, and how it holds frames."""


@pytest.mark.parametrize(("name", "kind", "sdk", "hold"), FRAMES)
def test_a_project_with_a_camera_builds_against_the_real_sdk(
    name: str, kind: str, sdk: str, hold: str, tmp_path: Path
) -> None:
    options = ProjectOptions(kind, frames=FrameOptions(160, 120, hold=hold))
    build(name, sdk, options, tmp_path / "project")


def test_the_camera_interface_compiles_with_st_s_hal(tmp_path: Path) -> None:
    """STM32_PACK is the whole STM32CubeF4: its CMSIS and its HAL."""
    pack = Path(sdk_place("STM32_PACK")) / "Drivers"
    hal = pack / "STM32F4xx_HAL_Driver" / "Inc"
    if not hal.is_dir():
        pytest.skip(f"{hal} is not there")
    options = ProjectOptions("stm32", frames=FrameOptions(160, 120, hold="buffer"))
    board = find_board("nucleo-f446re")
    source = write_firmware(mask4(), board, tmp_path / "project", options).folder / "src"
    (source / "main.h").write_text('#include "stm32f4xx_hal.h"\n')
    shutil.copy(hal / "stm32f4xx_hal_conf_template.h", source / "stm32f4xx_hal_conf.h")
    headers = (hal, pack / "CMSIS" / "Device" / "ST" / "STM32F4xx" / "Include", pack / "CMSIS" / "Include")
    systems = [word for place in headers for word in ("-isystem", str(place))]
    command = [board.core.toolchain.compiler, *board.core.flags, "-mthumb", "-Wall", "-Wextra", "-Werror", "-std=c99"]
    command += [
        "-DSTM32F446xx",
        f"-I{source}",
        *systems,
        "-c",
        str(source / "frames_dcmi.c"),
        "-o",
        str(tmp_path / "o"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize(("name", "kind", "sdk"), BUILDS, ids=[f"{kind}-{name}" for name, kind, _ in BUILDS])
def test_a_project_builds_against_the_real_sdk(name: str, kind: str, sdk: str, tmp_path: Path) -> None:
    build(name, sdk, ProjectOptions(kind), tmp_path / "project")


def sdk_place(sdk: str) -> str:
    """Where it is; skips by name where it is not."""
    there = os.environ.get(sdk) if sdk.isupper() else shutil.which(sdk)
    if not there:
        pytest.skip(f"{sdk} is not {'set' if sdk.isupper() else 'installed'}")
    return there


def mask4() -> Path:
    entry = find_entry("mask4")
    assert entry is not None
    return entry.path


def build(name: str, sdk: str, options: ProjectOptions, folder: Path) -> None:
    """Write mask4's project, and build it whole."""
    there = sdk_place(sdk)
    project = write_firmware(mask4(), find_board(name), folder, options)
    command = project.build.replace("PATH_TO_STM32CUBE", shlex.quote(there))
    done = subprocess.run(command, shell=True, cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
