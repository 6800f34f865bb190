"""Firmware that veils frames of a camera's size, over the serial line: each hold, and the board's own camera."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from serial_rig import HostBoard, Line, build_for_host, host_board
from veil_c import finding, tiny_finder

from edgeblur.cli import main
from edgeblur.export.veil.compile import FrameOptions, parse_told, plan_frames
from edgeblur.export.veil.reference import Blurrer
from edgeblur.firmware_harness.projects.frames_firmware import frames_model

pytest.importorskip("serial")

WIDTH, HEIGHT = 48, 36
WAYS = [("buffer", "rgb565le"), ("live", "yuyv"), ("rows", "gray8")]

CAMERA_C = """#include "camera.h"
#include "frames.h"
static void fill(unsigned y, uint8_t *row)
{
    for (unsigned i = 0; i < FRAMES_ROW_BYTES; ++i) {
        row[i] = (uint8_t)(7 * y + 3 * i);
    }
}
#ifdef FRAMES_HOLD_BUFFER
int camera_frame(uint8_t *pixels)
{
    for (unsigned y = 0; y < FRAMES_FRAME_HEIGHT; ++y) {
        fill(y, pixels + y * FRAMES_ROW_BYTES);
    }
    return 1;
}
#else
int camera_row(int y, uint8_t *row)
{
    fill((unsigned)y, row);
    return 1;
}
#endif
"""


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(tiny_finder().data)
    return path


@pytest.fixture(scope="module", params=WAYS, ids=[hold for hold, _ in WAYS])
def firmware(
    request: pytest.FixtureRequest, finder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[FrameOptions, Path]:
    """Options, and a program of this host with a camera of its own."""
    hold, pixels = request.param
    options, folder = FrameOptions(WIDTH, HEIGHT, pixels, hold), tmp_path_factory.mktemp("firmware")
    hook = tmp_path_factory.mktemp("hooks") / "my_camera.c"
    hook.write_text(CAMERA_C)
    return options, build_for_host(folder, frames_model(finder, options), hook)


@pytest.fixture
def rig(firmware: tuple[FrameOptions, Path], tmp_path: Path) -> Iterator[tuple[FrameOptions, HostBoard, Line, str]]:
    with host_board(firmware[1], tmp_path / "port") as (host, line):
        yield firmware[0], host, line, str(tmp_path / "port")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["run", *words])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def test_frames_go_there_and_back_and_equal_the_reference(
    finder: Path, rig: tuple[FrameOptions, HostBoard, Line, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options, _, _, port = rig
    code, out, err = run(capsys, str(finder), "--port", port, "--random", "4", "--json")
    assert code == 0, err
    told = json.loads(out)
    _, plan = plan_frames(tiny_finder().graph, options)
    assert (told["frame"], told["pixels"], told["hold"]) == (f"{WIDTH}x{HEIGHT}", options.pixels, options.hold)
    assert (told["images"], told["differing_bytes"]) == (4, 0)
    assert told["bytes_compared"] == 4 * HEIGHT * plan.row_bytes
    assert told["own_picture_equal"]
    code, out, err = run(capsys, str(finder), "--port", port, "--random", "1")
    assert code == 0, err
    assert "all equal to the veil's reference" in out


def test_frames_of_another_kind_are_refused(
    finder: Path, rig: tuple[FrameOptions, HostBoard, Line, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, str(finder), "--port", rig[3], "--frame", "64x48")
    assert code == 2
    assert f"veils frames by --frame {WIDTH}x{HEIGHT}" in " ".join(err.split())


def test_a_board_that_is_reset_between_frames_is_given_all_of_them_anew(
    finder: Path, rig: tuple[FrameOptions, HostBoard, Line, str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, host, line, port = rig
    rows = [0]

    def reset_once(data: bytes) -> bytes:
        rows[0] += data.count(b"\0")
        if rows[0] > 3 * HEIGHT:  # in the second frame; each request ends in a zero byte, and begins with one
            rows[0] = -(10**6)
            host.reset()
        return data

    line.to_board = reset_once
    code, out, err = run(capsys, str(finder), "--port", port, "--random", "3", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["differing_bytes"], told["line"]["restarted"]) == (0, 1)


def test_the_camera_is_shown_at_its_own_size(
    finder: Path, rig: tuple[FrameOptions, HostBoard, Line, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options, _, _, port = rig
    saved = tmp_path / "seen.png"
    code, out, err = run(capsys, str(finder), "--port", port, "--camera", str(saved))
    assert code == 0, err
    assert "ms of the engine" in out
    fitted, plan = plan_frames(tiny_finder().graph, options)
    y, i = np.mgrid[0:HEIGHT, 0 : plan.row_bytes]
    frame = (7 * y + 3 * i).astype(np.uint8)
    reference = Blurrer(plan, finding(fitted))
    if options.hold == "live":
        reference.blur(frame)  # the board looks once before
    expected = plan.pixels.picture_of(reference.blur(frame))
    with Image.open(saved) as opened:
        assert opened.size == (WIDTH, HEIGHT)
        assert (np.asarray(opened.convert("RGB")) == expected).all()
    assert len(np.unique(expected)) > 20  # not grey


@pytest.mark.parametrize(
    "options",
    [
        FrameOptions(320, 240),
        FrameOptions(64, 48, "uyvy", "live", (96, 64), (0.25, 0.5), 1, 2, 3),
        FrameOptions(8, 8, "gray8", "rows", memory=0),
    ],
)
def test_what_a_board_tells_of_its_frames_is_read_back(options: FrameOptions) -> None:
    assert parse_told(options.told) == options


@pytest.mark.parametrize("text", ["", "--frame 8x8", "--frame 8x8 --pixels gray8 --hold rows --new 1", "--frame 8"])
def test_what_a_newer_board_tells_is_refused(text: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        parse_told(text)
