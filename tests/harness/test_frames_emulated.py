"""Frames veiled on emulated boards of every kind of core: the reference's bytes, in the RAM that was promised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from veil_c import fixed_finder, tiny_finder

from edgeblur.cli import main
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.cost import cost
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.frames import run_frames
from edgeblur.firmware_harness.emulation.run import EmulatedOptions
from edgeblur.firmware_harness.fit.fit import fit
from edgeblur.firmware_harness.fit.plan import examine_frames
from edgeblur.models.choose import choose_tflite

_BOARDS = {
    "mps2-an385-m0plus": ("size", FrameOptions(34, 27, "yuyv", "live", clamp=(0.82, 0.92))),
    "mps2-an385": ("size", FrameOptions(41, 30, "gray8", "rows", clamp=(0.82, 0.92), margin=1)),
    "mps2-an386": ("speed", FrameOptions(64, 48, "rgb565le", "live", clamp=(0.82, 0.92))),
    "mps2-an500": ("speed", FrameOptions(50, 51, "rgb888", "buffer", clamp=(0.82, 0.92), memory=2)),
    "mps2-an505": ("size", FrameOptions(32, 24, "uyvy", "rows", clamp=(0.82, 0.92))),
    "mps3-an547": ("speed", FrameOptions(64, 48, "rgb565be", "live", clamp=(0.82, 0.92))),
    "riscv32-virt": ("size", FrameOptions(37, 20, "bgr888", "buffer", clamp=(0.82, 0.92), share=2)),
}


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(tiny_finder().data)
    return path


@pytest.mark.parametrize("board", sorted(_BOARDS))
def test_every_core_veils_as_the_reference_does(board: str, finder: Path) -> None:
    optimize, frames = _BOARDS[board]
    options = EmulatedOptions(random=3, stream=StreamOptions(optimize))
    result = run_frames(choose_tflite(finder), find_board(board), options, frames)
    assert result.comparison.differing_bytes == 0
    assert result.comparison.images == 3
    assert result.counts.repeatable


@pytest.mark.parametrize("hold", ["buffer", "live", "rows"])
def test_fit_knows_the_ram_to_the_byte(hold: str, finder: Path) -> None:
    chosen, board, frames = choose_tflite(finder), find_board("mps2-an386"), FrameOptions(35, 24, "rgb888", hold)
    found = fit(examine_frames(chosen, frames), board).as_json()
    ran = run_frames(chosen, board, EmulatedOptions(random=1), frames).as_json()
    assert found["ram_bytes"] == ran["ram_bytes"]
    assert (found["frame"], found["pixels"], found["hold"]) == ("35x24", "rgb888", hold)
    assert {key: found[key] for key in ("net", "veil")} == {key: ran[key] for key in ("net", "veil")}


def test_a_board_looks_at_tiles_with_a_net_of_one_size(tmp_path: Path) -> None:
    (tmp_path / "fixed.tflite").write_bytes(fixed_finder().data)
    chosen, board = choose_tflite(tmp_path / "fixed.tflite"), find_board("mps2-an386")
    frames = FrameOptions(64, 48, "yuyv", "buffer", net=(64, 48), clamp=(0.7, 0.8))
    ran = run_frames(chosen, board, EmulatedOptions(random=2, stream=StreamOptions("speed")), frames)
    assert ran.comparison.differing_bytes == 0
    found = fit(examine_frames(chosen, frames, StreamOptions("speed")), board).as_json()
    assert (found["ram_bytes"], found["tiles"]) == (ran.as_json()["ram_bytes"], 6)
    assert ran.macs == 6 * cost(fixed_finder().graph).macs


def test_the_default_model_veils_live_frames_in_10_million_instructions_and_24_kilobytes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ram = {}
    for size in ("320x240", "640x480"):
        command = f"run --board mps2-an386 --frame {size} --hold live --random 2 --optimize speed --flash 107500 --json"
        with pytest.raises(SystemExit) as ended:
            main(command.split())
        assert ended.value.code == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["frame"], told["pixels"], told["hold"]) == (size, "rgb565le", "live")
        assert told["differing_bytes"] == 0
        assert told["flash_bytes"] <= 110_000
        ram[size] = told["ram_bytes"]
        assert told["instructions"] <= 10_000_000 or size != "320x240"
    assert ram["320x240"] <= 24_000
    assert ram["640x480"] <= 24_000
