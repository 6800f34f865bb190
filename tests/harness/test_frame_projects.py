"""Firmware projects that bring a veil along: for each kind in its place, and joined with esp32-camera."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from veil_c import tiny_finder

from edgeblur.cli import main
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.engines.host_c import FLAGS
from edgeblur.firmware_harness.projects.projects import ProjectOptions, write_firmware

STUBS = Path(__file__).parents[1] / "helpers" / "stubs"


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(tiny_finder().data)
    return path


@pytest.mark.parametrize(("board", "engine"), [("esp32-s3", "components/edgeblur"), ("pico", "src")])
def test_a_project_with_a_veil_compiles(board: str, engine: str, finder: Path, tmp_path: Path) -> None:
    frames = FrameOptions(64, 48, "rgb565be", "buffer")
    project = write_firmware(finder, find_board(board), tmp_path / "p", ProjectOptions(frames=frames))
    place = project.folder / engine
    sources = sorted(path.name for path in place.glob("frames*.c"))
    assert {"frames.c", "frames_finder.c"} <= set(sources)
    assert ("frames_esp32_camera.c" in sources) == (board == "esp32-s3")
    compiler = shutil.which("gcc") or pytest.skip("gcc is not installed")
    include = ["-I.", f"-I{STUBS / 'esp-idf'}"]
    done = subprocess.run(
        [compiler, "-fsyntax-only", *FLAGS, *include, *sources], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[:2000]
    assert "64x48" in (project.folder / "README.md").read_text()


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
