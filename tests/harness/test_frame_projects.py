"""Firmware projects that bring a veil along: for each kind in its place, and joined with cameras' drivers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from veil_c import tiny_finder

from edgeblur.cli import main
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.firmware_harness.boards.boards import Board, find_board
from edgeblur.firmware_harness.engines.host_c import FLAGS
from edgeblur.firmware_harness.projects.projects import ProjectOptions, write_firmware

STUBS = Path(__file__).parents[1] / "helpers" / "stubs"


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(tiny_finder().data)
    return path


HOLDS = ("buffer", "live", "rows")
DRIVERS = [
    *(("pico", "pico-sdk", "frames_pio.c", "pico-sdk", hold) for hold in HOLDS),
    *(("nano-33-ble-sense", "arduino", "frames_ov767x.cpp", "ov767x", hold) for hold in HOLDS),
    ("nucleo-h743zi", "stm32", "frames_dcmi.c", "stm32-hal", "buffer"),
    ("esp32-s3", "esp-idf", "frames_esp32_camera.c", "esp-idf", "buffer"),
]
"""Board, kind of project, its driver, declarations of the driver's library, hold."""


def compiled(board: Board, folder: Path, sources: Sequence[str], stubs: Path) -> None:
    """Compile C and C++ with the board's own compiler; Debian has none for Xtensa, where the host's checks it."""
    toolchain = board.core.toolchain
    cross = bool(toolchain.packages)
    name, flags = (toolchain.compiler, (*toolchain.flags, *board.core.flags)) if cross else ("gcc", ())
    if shutil.which(name) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{name} is not installed")
    for source in sources:
        cpp = source.endswith(".cpp")
        language = ["-x", "c++", "-std=gnu++14", "-DNRF52840_XXAA"] if cpp else list(FLAGS)
        command = [name, *flags, *language, "-Wall", "-Wextra", "-Werror", "-I.", f"-I{stubs}", "-c", source]
        done = subprocess.run([*command, "-o", "/dev/null"], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{source}: {done.stderr[:2000]}"


@pytest.mark.parametrize(("board_name", "kind", "driver", "library", "hold"), DRIVERS)
def test_a_project_with_a_veil_compiles_with_its_cameras_driver(
    board_name: str, kind: str, driver: str, library: str, hold: str, finder: Path, tmp_path: Path
) -> None:
    board, frames = find_board(board_name), FrameOptions(64, 48, "rgb565be", hold)
    project = write_firmware(finder, board, tmp_path / "p", ProjectOptions(kind, frames=frames))
    place = project.folder / project.kind.engine
    sources = sorted(path.name for path in place.glob("*frames*.c*"))
    assert {"frames.c", "frames_finder.c", "engine_frames.c", driver} <= set(sources)
    assert not (place / "model.c").exists()  # the whole net is not in it
    compiled(board, place, [*sources, "protocol.c"], STUBS / library)
    readme = (project.folder / "README.md").read_text()
    assert "64x48" in readme
    assert f"`{project.kind.engine}/{Path(driver).with_suffix('.h')}`: the camera's driver" in readme


def test_the_example_in_a_drivers_header_compiles(finder: Path, tmp_path: Path) -> None:
    """What a maker copies out of frames_pio.h into main_serial.c."""
    board, frames = find_board("pico"), FrameOptions(64, 48, hold="live")
    project = write_firmware(finder, board, tmp_path / "p", ProjectOptions(frames=frames))
    place = project.folder / project.kind.engine
    example = [line[3:] for line in (place / "frames_pio.h").read_text().splitlines() if line.startswith(" *     ")]
    main_c = (place / "main_serial.c").read_text()
    begin = "    platform_begin();\n"
    assert begin in main_c
    main_c = main_c.replace(begin, begin + "\n".join(example) + "\n")
    (place / "main_serial.c").write_text(f'#include "frames_pio.h"\nvoid sensor_begin(void);\n{main_c}')
    compiled(board, place, ["main_serial.c"], STUBS / "pico-sdk")


def test_drivers_that_own_frames_come_where_frames_are_held(finder: Path, tmp_path: Path) -> None:
    for board, kind, driver in (("nucleo-h743zi", "stm32", "frames_dcmi.c"), ("esp32-s3", "esp-idf", "esp32_camera")):
        options = ProjectOptions(kind, frames=FrameOptions(64, 48, hold="live"))
        project = write_firmware(finder, find_board(board), tmp_path / board, options)
        assert not any(driver in file for file in project.files)


def test_without_their_library_drivers_are_empty(finder: Path, tmp_path: Path) -> None:
    """So that a project builds as it is written, before a library or CubeMX's files are added."""
    for name, driver in (("nucleo-h743zi", "frames_dcmi.c"), ("nano-33-ble-sense", "frames_ov767x.cpp")):
        board = find_board(name)
        options = ProjectOptions(frames=FrameOptions(64, 48, hold="buffer"))
        project = write_firmware(finder, board, tmp_path / name, options)
        compiled(board, project.folder / project.kind.engine, [driver], tmp_path)


def test_esp_idf_fetches_the_camera_only_where_it_is_used(finder: Path, tmp_path: Path) -> None:
    for hold in ("buffer", "live"):
        frames = FrameOptions(64, 48, hold=hold)
        folder = tmp_path / hold
        write_firmware(finder, find_board("esp32-s3"), folder, ProjectOptions(frames=frames))
        component = folder / "components" / "edgeblur"
        camera = hold == "buffer"
        assert ("REQUIRES esp32-camera" in (component / "CMakeLists.txt").read_text()) == camera
        assert ("espressif/esp32-camera" in (component / "idf_component.yml").read_text()) == camera


def test_the_command_tells_how_the_project_is_written_anew(
    finder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"firmware {finder} --board pico --frame 32x24 --pixels gray8 --hold live --out {tmp_path / 'p'} --json"
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 0
    assert "src/frames.h" in json.loads(capsys.readouterr().out)["files"]
    assert "--frame 32x24 --pixels gray8 --hold live" in (tmp_path / "p" / "README.md").read_text()
