"""TensorFlow Lite Micro in the emulator: a stand-in always, the real one where EDGEBLUR_TFLM names a checkout."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from int8_nets import Int8Net, unet
from tools import require

from edgeblur.cli import main
from edgeblur.errors import RunError, UserError
from edgeblur.export.tflite.graph import image_model, read_tflite
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.firmware_harness.emulation.tflm import run_tflm
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.shell.tflm import ARCHIVE, STACK_BYTES, TARGET_ARCHS, find_library
from edgeblur.models.choose import choose_tflite

STUBS = Path(__file__).parents[1] / "helpers/stubs"
BOARD = find_board("mps2-an386")
ARENA_BYTES = 1600  # of the stand-in


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    net = Int8Net(seed=1)
    path = tmp_path_factory.mktemp("tflm") / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 2, 1, (16, 16))))
    return path


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose library turns bits; its compiler finds the few headers of C++ that it needs."""
    require("arm-none-eabi-g++", "qemu-system-arm")
    compiler, tools = shutil.which("arm-none-eabi-g++"), tmp_path / "bin"
    tools.mkdir()
    for library in ("libstdc++.a", "libstdc++_nano.a"):
        (tools / library).write_bytes(b"!<arch>\n")
    wrapped = tools / "arm-none-eabi-g++"
    wrapped.write_text(f'#!/bin/sh\nexec {compiler} -isystem {STUBS / "no-libstdcxx"} -L{tools} "$@"\n')
    wrapped.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    tree = tmp_path / "tflite-micro"
    shutil.copytree(STUBS / "tflm", tree)
    place = tree / f"gen/cortex_m_generic_{TARGET_ARCHS[BOARD.core.name]}_default_gcc/lib"
    place.mkdir(parents=True)
    source = tree / "tensorflow/lite/micro/micro_interpreter.cc"
    flags = ["-mthumb", *BOARD.core.flags, "-fno-exceptions", "-fno-rtti", "-O2", f"-I{tree}", "-c", str(source)]
    subprocess.run([str(wrapped), *flags, "-o", str(place / "m.o")], check=True)
    subprocess.run(["arm-none-eabi-ar", "rc", str(place / ARCHIVE), str(place / "m.o")], check=True)
    return tree


def test_a_stand_in_behind_engine_h_is_counted_like_the_streaming_engine(tiny: Path, standin: Path) -> None:
    """It turns bits: how many bytes differ tells that rows came in and went out in their order."""
    chosen, options = choose_tflite(tiny), EmulatedOptions(random=2, tflm=standin)
    run = run_tflm(chosen, BOARD, options)
    reference, end = open_engine("litert-ref", tiny), image_model(read_tflite(tiny)).input
    raws = [to_raw(probe.picture, end) for probe in options.inputs(image_model(read_tflite(tiny))).probes]
    turned = [(raw.view(np.uint8) ^ 0x55).view(np.int8) for raw in raws]
    expected = sum(int((reference.run(raw) != out).sum()) for raw, out in zip(raws, turned, strict=True))
    assert (run.comparison.images, run.comparison.differing_bytes) == (2, expected)
    assert run.counts.repeatable
    assert 4 * 768 < run.counts.median < 100 * 768  # instructions: a few for each byte that is turned and copied
    assert run.engine == run.as_json()["engine"] == "tflm"
    rows = 2 * 48
    assert 0 <= run.linked.size_bytes(".bss") - ARENA_BYTES - rows < 1024
    assert run.linked.size_bytes(".stack") == STACK_BYTES
    assert run.counts.layers == ()
    with pytest.raises(RunError, match=r"output bytes of TensorFlow Lite Micro on mps2-an386 differ from LiteRT's ref"):
        run.check()


def test_the_command_takes_the_folder_from_the_environment(
    tiny: Path, standin: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["run", str(tiny), "--board", BOARD.name, "--random", "1", "--engine", "tflm"]
    monkeypatch.delenv("EDGEBLUR_TFLM", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2
    assert "git clone https://github.com/tensorflow/tflite-micro" in capsys.readouterr().err
    monkeypatch.setenv("EDGEBLUR_TFLM", str(standin))
    with pytest.raises(SystemExit) as ended:
        main(line)
    printed = capsys.readouterr()
    assert ended.value.code == 1  # it turns bits
    assert "TensorFlow Lite Micro" in printed.out
    assert "layer" not in printed.out


@pytest.mark.parametrize(
    ("board", "sentence"),
    [
        ("mps3-an547", r"has no library for the Arm Cortex-M55 .*: run there `make .*TARGET_ARCH=cortex-m55"),
        ("riscv32-virt", "Makefile does not know the 32-bit RISC-V, IMAC: take microbit, mps2-an385"),
    ],
)  # fmt: skip
def test_a_core_without_a_library_is_refused_with_what_builds_one(board: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        find_library(STUBS / "tflm", find_board(board))


def test_two_libraries_for_a_core_are_one_too_many(tmp_path: Path) -> None:
    shutil.copytree(STUBS / "tflm", tmp_path / "tree")
    for kernels in ("cmsis_nn_gcc", "gcc"):
        place = tmp_path / f"tree/gen/cortex_m_generic_cortex-m3_default_{kernels}/lib"
        place.mkdir(parents=True)
        (place / ARCHIVE).touch()
    with pytest.raises(
        UserError, match=r"several libraries .*: keep one of .*_default_cmsis_nn_gcc and .*_default_gcc"
    ):
        find_library(tmp_path / "tree", find_board("mps2-an385"))


def test_options_of_the_other_engine_are_refused(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more, sentence in (
        (["--tflm", str(STUBS / "tflm")], "--tflm is for --engine tflm"),
        (
            ["--engine", "tflm", "--tflm", str(STUBS / "tflm"), "--ram", "9000"],
            "--ram, --flash and --cores are for the streaming",
        ),
        (["--engine", "tflm", "--tflm", str(STUBS / "tflm"), "--compiler", "clang"], "is linked as gcc built it"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["run", str(tiny), "--board", BOARD.name, *more])
        assert ended.value.code == 2
        assert sentence in capsys.readouterr().err


def test_the_real_library_gives_the_same_bytes_in_more_ram(tiny: Path) -> None:
    """A U-Net, pooled and convolved back up: with CMSIS-NN or without."""
    if (tree := os.environ.get("EDGEBLUR_TFLM")) is None:
        pytest.skip("EDGEBLUR_TFLM names no TensorFlow Lite Micro")
    require("arm-none-eabi-g++", "qemu-system-arm")
    chosen = choose_tflite(tiny)
    theirs = run_tflm(chosen, BOARD, EmulatedOptions(random=2, tflm=Path(tree)))
    ours = run_emulated(chosen, BOARD, EmulatedOptions(random=2))
    assert theirs.comparison.differing_bytes == 0
    assert dataclasses.replace(theirs.comparison) == ours.comparison
    assert theirs.linked.ram_bytes > ours.linked.ram_bytes
    assert theirs.counts.median > 0
