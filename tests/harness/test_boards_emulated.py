"""Emulated boards: firmware built by cross compilers, run in QEMU, compared byte for byte with the host."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from int8_nets import Int8Net, unet
from tools import require

from edgeblur.cli import main
from edgeblur.errors import RunError, UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import image_model, read_tflite
from edgeblur.export.tflite.pixels import Raw, to_raw
from edgeblur.firmware_harness.boards.boards import Board, boards, find_board
from edgeblur.firmware_harness.emulation.build import build, write_project
from edgeblur.firmware_harness.emulation.emulator import emulate
from edgeblur.firmware_harness.emulation.result import Comparison
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.inputs import random_picture
from edgeblur.firmware_harness.shell.model import NAME
from edgeblur.firmware_harness.shell.room import check_room, ram_needed
from edgeblur.models.choose import choose_tflite

EMULATED = [board for board in boards() if board.emulator]
PICTURES = 3
JSON_FIELDS = {
    "board", "core", "images", "bytes_compared", "differing_bytes", "instructions", "layers", "ram_bytes",
    "stack_bytes", "flash_bytes", "code_bytes", "weights_bytes", "macs", "calibration_error", "compiler", "emulator",
}  # fmt: skip


def need_tools(board: Board) -> None:
    """Skip by name where a cross compiler or emulator is missing; CI must have them."""
    assert board.emulator is not None
    require(board.core.toolchain.compiler, board.emulator.program)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net of width 2 and two levels on 16x16 pixels, which fits even the micro:bit."""
    net = Int8Net(seed=3)
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 2, 2, (16, 16))))
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net of width 8 on 32x32 pixels."""
    net = Int8Net(seed=4)
    path = tmp_path_factory.mktemp("nets") / "large.tflite"
    path.write_bytes(net.tflite(unet(net, 8, 3, (32, 32))))
    return path


def compiled(path: Path, optimize: str = "size") -> Compiled:
    graph = read_tflite(path)
    return compile_stream(graph, Provenance(path.name, NAME, graph), StreamOptions(optimize))


def picture(path: Path, seed: int = 0) -> Raw:
    end = image_model(read_tflite(path)).input
    return to_raw(random_picture(end.height, end.width, seed), end)


@pytest.mark.parametrize(
    ("board", "optimize"),
    [(board, "size") for board in EMULATED] + [(find_board(name), "speed") for name in ("mps2-an386", "riscv32-virt")],
    ids=lambda value: value.name if isinstance(value, Board) else value,
)
def test_a_board_gives_the_hosts_bytes_and_counts_instructions(tiny: Path, board: Board, optimize: str) -> None:
    need_tools(board)
    run = run_emulated(choose_tflite(tiny), board, EmulatedOptions(random=PICTURES, stream=StreamOptions(optimize)))
    model = compiled(tiny, optimize)
    assert run.comparison == Comparison(PICTURES, PICTURES * 16 * 16 * 3, 0)
    assert run.counts.repeatable
    assert abs(run.counts.calibration_error) < 0.01
    assert len(run.counts.frames) == PICTURES
    assert model.net.macs < run.counts.median < 100 * model.net.macs
    assert sum(layer.macs for layer in run.counts.layers) == run.macs == model.net.macs
    assert sum(layer.count for layer in run.counts.layers) == pytest.approx(run.counts.frames[0], rel=0.1)
    assert min(layer.count for layer in run.counts.layers) > 0
    assert run.linked.ram_bytes == ram_needed(model, board)
    assert run.linked.ram_bytes == sum(run.linked.size_bytes(name) for name in (".data", ".bss", ".stack"))
    assert 100 < run.stack_bytes < board.stack_bytes
    weights = sum(tensor.elements for tensor in read_tflite(tiny).tensors if tensor.data and tensor.dtype == "int8")
    assert weights < run.weights_bytes < model.files.constant_bytes + 2500  # structs come on top; unused tables go
    assert 1000 < run.linked.code_bytes < run.linked.flash_bytes - run.weights_bytes


def test_the_pictures_that_are_compared_are_not_empty(tiny: Path) -> None:
    assert np.unique(open_engine("litert-ref", tiny).run(picture(tiny))).size > 20


def test_the_command_prints_json_and_leaves_nothing_behind(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    need_tools(find_board("mps2-an386"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tiny), "--board", "mps2-an386", "--random", "1", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert set(result) >= JSON_FIELDS
    assert (result["board"], result["core"], result["images"]) == ("mps2-an386", "cortex-m4f", 1)
    assert result["differing_bytes"] == 0
    assert {"name", "op", "kernel", "macs", "instructions"} == set(result["layers"][0])
    assert list(tmp_path.iterdir()) == []


def test_keep_leaves_what_was_built_and_run(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need_tools(find_board("mps2-an385"))
    kept = tmp_path / "kept"
    line = ["run", str(tiny), "--board", "mps2-an385", "--random", "1", "--keep", str(kept)]
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 0
    assert "all equal" in capsys.readouterr().out
    files = {path.relative_to(kept).as_posix() for path in kept.rglob("*")}
    assert files >= {"model.c", "link.ld", "commands.txt", "plain/firmware.elf", "plain/outputs.bin"}
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2
    assert "is not free: name a new or empty folder" in capsys.readouterr().err


def test_bytes_that_differ_end_in_exit_code_1(tiny: Path) -> None:
    board = find_board("mps2-an385")
    need_tools(board)
    run = run_emulated(choose_tflite(tiny), board, EmulatedOptions(random=1))
    run.check()
    wrong = dataclasses.replace(run, comparison=dataclasses.replace(run.comparison, differing_bytes=7))
    with pytest.raises(RunError, match="7 of 768 output bytes on mps2-an385 differ"):
        wrong.check()


def test_a_net_that_is_too_large_is_refused_with_the_bytes_missing(large: Path) -> None:
    board, model = find_board("microbit"), compiled(large)
    need_tools(board)
    missing = ram_needed(model, board) - 16384
    assert missing > 0
    with pytest.raises(UserError, match=f"does not fit microbit: .* {missing:,} bytes are missing"):
        run_emulated(choose_tflite(large), board, EmulatedOptions(random=1))
    small_flash = dataclasses.replace(
        board, flash=dataclasses.replace(board.flash, size_bytes=1000), ram=(board.flash,)
    )
    with pytest.raises(UserError, match=f"{model.files.constant_bytes - 1000:,} bytes are missing"):
        check_room("large", model, small_flash)


def test_the_linkers_refusal_is_told_in_bytes(tiny: Path, tmp_path: Path) -> None:
    board, model = find_board("mps2-an385"), compiled(tiny)
    need_tools(board)
    size = model.files.constant_bytes + 500  # the constants fit, the code does not
    tight = dataclasses.replace(board, flash=dataclasses.replace(board.flash, size_bytes=size))
    with pytest.raises(UserError, match=r"firmware does not fit mps2-an385: .* of flash: [\d,]+ bytes are missing"):
        build(write_project(tmp_path, model, tight, "size"))


FAULTY = {
    "null": ("*(volatile int *)0xfffffff0 = 1;", "stopped with a fault at 0x.* in infer"),
    "deep": ("volatile char deep[3000]; for (int i = 3000; i--;) deep[i] = 1; *ticks = (uint64_t)deep[9];", "stack"),
    "hang": ("for (;;) __asm volatile(\"\");", "did not end within 2 s"),
    "short": ("port_write(\"abc\", 3); return (infer_status)(1 + 0 * *ticks);", "gave 3 bytes of 0 pictures"),
    "giving_up": ("return (infer_status)(3 + 0 * *ticks);", "gave up: the engine did not give"),
}  # fmt: skip


@pytest.mark.parametrize("board", [find_board("mps2-an385"), find_board("riscv32-virt")], ids=lambda board: board.name)
@pytest.mark.parametrize("fault", FAULTY)
def test_firmware_that_goes_wrong_is_told_in_one_sentence(tiny: Path, tmp_path: Path, fault: str, board: Board) -> None:
    need_tools(board)
    body, sentence = FAULTY[fault]
    project = write_project(tmp_path, compiled(tiny), board, "size")
    source = '#include "infer.h"\n#include "port.h"\nuint32_t infer_ram_bytes(void) { return 0; }\n'
    source += f"infer_status infer(uint64_t *ticks) {{ *ticks = 0; {body} "
    (tmp_path / "infer.c").write_text(source + ("}\n" if "return" in body else "return INFER_NO_PICTURE; }\n"))
    elf = build(project)
    with pytest.raises(RunError, match=sentence):
        emulate(board, elf, [picture(tiny).tobytes()], output_bytes=768, limit_s=2)


def test_missing_tools_are_named_with_their_packages(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, options = choose_tflite(tiny), EmulatedOptions(random=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi"):
        run_emulated(run, find_board("mps2-an386"), options)
    with pytest.raises(UserError, match="apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf"):
        run_emulated(run, find_board("riscv32-virt"), options)
    compiler = tmp_path / "arm-none-eabi-gcc"
    compiler.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && exit\necho 'x.h:1: fatal error: string.h: No such file' >&2; exit 1\n"
    )
    compiler.chmod(0o755)
    with pytest.raises(UserError, match=r"qemu-system-arm was not found: .*apt-get install qemu-system-arm"):
        run_emulated(run, find_board("mps2-an386"), options)
    with pytest.raises(UserError, match=r"has no C library .*libnewlib-arm-none-eabi"):
        build(write_project(tmp_path, compiled(tiny), find_board("mps2-an386"), "size"))


def test_wrong_requests_are_refused(tiny: Path) -> None:
    with pytest.raises(UserError, match="no board is called 'mps2-an38': take mps2-an38"):
        find_board("mps2-an38")
    need_tools(find_board("mps2-an386"))
    with pytest.raises(UserError, match="photos or random pictures, not both"):
        run_emulated(choose_tflite(tiny), find_board("mps2-an386"), EmulatedOptions(photos=Path("x"), random=2))


def test_every_board_names_the_sources_of_its_facts() -> None:
    assert len({board.name for board in boards()}) == len(boards())
    for board in boards():
        assert {"memory"} <= {source.fact for source in board.sources}
        assert all(region.size_bytes > 0 for region in (board.flash, *board.ram) if region)


@pytest.mark.parametrize("width", [4, 8, 16])
@pytest.mark.parametrize("board", [b for b in EMULATED if b.name != "microbit"], ids=lambda b: b.name)
def test_unets_of_three_widths_give_the_hosts_bytes(board: Board, width: int, tmp_path: Path) -> None:
    need_tools(board)
    net = Int8Net(seed=width)
    path = tmp_path / f"w{width}.tflite"
    path.write_bytes(net.tflite(unet(net, width, 3, (32, 32))))
    result = run_emulated(choose_tflite(path), board, EmulatedOptions(random=5, stream=StreamOptions("speed")))
    assert (result.comparison.images, result.comparison.differing_bytes) == (5, 0)
    assert result.comparison.bytes_compared == 5 * 32 * 32 * 3
    assert result.counts.repeatable
