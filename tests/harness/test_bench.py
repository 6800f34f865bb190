"""`edgeblur bench`: measurements kept as CSV, compared, and not repeated without need."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from int8_nets import Int8Net, unet
from tools import require

from edgeblur.cli import main
from edgeblur.errors import RunError, UserError
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation import bench
from edgeblur.firmware_harness.emulation.bench import (
    Bench,
    Frame,
    Layer,
    differences,
    layer_differences,
    read_bench,
    write_bench,
)
from edgeblur.firmware_harness.emulation.bench_tables import bench_table, difference_table, layer_difference_table
from edgeblur.firmware_harness.emulation.build import Project
from edgeblur.firmware_harness.emulation.result import BoardRun
from edgeblur.firmware_harness.emulation.run import Rig
from edgeblur.models.choose import choose_tflite

NONE = Bench()


def frame(model: str = "a.tflite", board: str = "mps2-an385", instructions: int = 1000, ram_bytes: int = 500) -> Frame:
    return Frame(
        model, board, "size", core="cortex-m3", macs=100, instructions=instructions, ram_bytes=ram_bytes,
        stack_bytes=40, flash_bytes=900, code_bytes=300, weights_bytes=200,
        firmware="0123456789abcdef", compiler='gcc, of "Debian" 12', emulator="QEMU 7.2",
    )  # fmt: skip


def layers(model: str = "a.tflite", *instructions: int) -> tuple[Layer, ...]:
    rows = enumerate(instructions or (600, 300), 1)
    return tuple(
        Layer(model, "mps2-an385", "size", n, f"conv, {n}", "CONV_2D", "conv_2d", 50, each) for n, each in rows
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    kept = Bench((frame(), frame("b.tflite")), layers())
    assert read_bench(tmp_path) == NONE
    write_bench(tmp_path, kept)
    assert read_bench(tmp_path) == kept
    assert (tmp_path / "frames.csv").read_text().startswith("model,board,optimize,core,macs,instructions,ram_bytes,")
    assert (tmp_path / "layers.csv").read_text().count("\n") == 3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("instructions", "cycles", "its columns are model, board"),
        ("1000", "many", "invalid literal"),
        (",QEMU 7.2", "", "shorter"),
        ("model", "", "its columns are , board"),
    ],
)
def test_a_damaged_file_is_told_in_one_sentence(tmp_path: Path, old: str, new: str, told: str) -> None:
    write_bench(tmp_path, Bench((frame(),), layers()))
    path = tmp_path / "frames.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=f"frames.csv should be a CSV that edgeblur bench wrote: .*{told}.*; delete it"):
        read_bench(tmp_path)


def test_differences_are_numbers_that_both_know() -> None:
    kept = Bench((frame(), frame("b.tflite"), frame("gone.tflite")), layers())
    now = Bench((frame(instructions=1100, ram_bytes=499), frame("b.tflite"), frame("new.tflite")), layers())
    found = differences(kept, now)
    assert [(each.what, each.kept, each.now) for each in found] == [
        ("instructions", 1000, 1100),
        ("ram_bytes", 500, 499),
    ]
    assert found[0].change == pytest.approx(0.1)
    assert {each.key for each in found} == {("a.tflite", "mps2-an385", "size")}
    assert differences(kept, kept) == layer_differences(kept, kept) == []
    assert differences(NONE, now) == []


def test_layers_that_changed_most_come_first() -> None:
    kept, now = Bench(layers=layers("a.tflite", 600, 300, 7)), Bench(layers=layers("a.tflite", 601, 200, 7))
    found = layer_differences(kept, now)
    assert [(each.what, each.kept, each.now) for each in found] == [
        ("layer 2, CONV_2D", 300, 200),
        ("layer 1, CONV_2D", 600, 601),
    ]
    table = layer_difference_table(found * 12)
    assert (table.row_count, table.caption) == (20, "and 4 layers that changed less")
    assert list(difference_table(found).columns[-1].cells) == ["-33.33%", "+0.17%"]


def test_newer_measurements_take_the_place_of_older_ones() -> None:
    kept = Bench((frame(), frame("b.tflite")), (*layers("a.tflite"), *layers("b.tflite")))
    now = Bench((frame("c.tflite"), frame(instructions=7)), layers("a.tflite", 5))
    both = kept.updated(now)
    assert [(each.model, each.instructions) for each in both.frames] == [
        ("a.tflite", 7),
        ("b.tflite", 1000),
        ("c.tflite", 1000),
    ]
    assert [each.instructions for each in both.layers] == [5, 600, 300]
    assert list(bench_table(both).columns[5].cells) == ["0.07", "10.00", "10.00"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net that fits an emulated M3, but not a micro:bit."""
    net = Int8Net(seed=3)
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 8, 2, (16, 64))))
    return path


def test_the_same_firmware_is_not_run_again(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = find_board("mps2-an385")
    require("arm-none-eabi-gcc", "qemu-system-arm")
    models = [choose_tflite(tiny)]
    outcome = bench.measure(models, [board, find_board("microbit")], ["size"], NONE)
    first, (only,) = outcome.bench, outcome.bench.frames
    assert (only.board, outcome.failed) == ("mps2-an385", ())
    assert ["does not fit microbit" in told for told in outcome.skipped] == [True]
    assert sum(layer.instructions for layer in first.layers) == pytest.approx(only.instructions, rel=0.1)
    assert sum(layer.macs for layer in first.layers) == only.macs
    assert 1000 < only.code_bytes < 8000 < only.weights_bytes < only.flash_bytes

    older = Bench((dataclasses.replace(only, firmware="another"),), first.layers)
    assert bench.measure(models, [board], ["size"], older).bench == first
    monkeypatch.setattr(
        "edgeblur.firmware_harness.emulation.run.emulate", lambda *_, **__: pytest.fail("was run again")
    )
    assert bench.measure(models, [board], ["size"], first).bench == first


def test_the_command_writes_compares_and_keeps(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")

    def command(*more: str) -> tuple[str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["bench", str(tiny), "--board", "mps2-an385", "--optimize", "size", "--out", str(tmp_path), *more])
        assert ended.value.code == 0
        told = capsys.readouterr()
        return told.out, told.err

    assert "wrote" in command()[1]
    kept = read_bench(tmp_path)
    slower = dataclasses.replace(kept.frames[0], instructions=2 * kept.frames[0].instructions)
    write_bench(tmp_path, dataclasses.replace(kept, frames=(slower,)))
    assert "frames.csv is as it was measured now\n" in command()[1]  # the same firmware: the file is believed
    write_bench(tmp_path, dataclasses.replace(kept, frames=(dataclasses.replace(slower, firmware="another"),)))
    out, err = command()
    assert "-50.00%" in out
    assert "frames.csv that differ now: 1; --force" in err
    assert "wrote" not in err
    assert read_bench(tmp_path).frames[0].firmware == "another"
    changed = json.loads(command("--force", "--json")[0])["changed"]
    assert [(each["what"], each["now"]) for each in changed] == [("instructions", kept.frames[0].instructions)]
    assert read_bench(tmp_path) == kept
    other = dataclasses.replace(slower, board="mps2-an386")
    write_bench(tmp_path, Bench((other,), ()))
    assert "wrote" in command()[1]  # what was never measured is added, and what was measured elsewhere stays
    assert read_bench(tmp_path) == Bench((other, *kept.frames), kept.layers)


def test_what_fails_does_not_lose_the_rest(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")
    monkeypatch.setattr("edgeblur.firmware_harness.emulation.run.Rig.measure", fail_on_m4)
    where = [find_board("mps2-an386"), find_board("mps2-an385")]
    outcome = bench.measure([choose_tflite(tiny)], where, ["size"], NONE)
    assert outcome.failed == ("it hangs (tiny.tflite, size)",)
    assert [each.board for each in outcome.bench.frames] == ["mps2-an385"]


MEASURE = Rig.measure


def fail_on_m4(rig: Rig, project: Project, plain: Path) -> BoardRun:
    if rig.board.name == "mps2-an386":
        raise RunError("it hangs")
    return MEASURE(rig, project, plain)


def test_two_models_of_one_name_are_refused(tiny: Path) -> None:
    with pytest.raises(UserError, match=r"two of the models are called tiny.tflite"):
        bench.measure([choose_tflite(tiny)] * 2, [find_board("mps2-an385")], ["size"], NONE)
