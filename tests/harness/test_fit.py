"""`edgeblur fit`: what it promises is what the linker makes, and each verdict holds to the byte."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from code_samples import STEPS, STEPS_INT16, every_kernel, every_kernel_int16, samples, samples_int16
from int8_nets import Int8Net, unet
from tools import require

from edgeblur.cli import main
from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.costs.choose import WINOGRAD
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.report.footprints import kernels_of
from edgeblur.export.tflm.arena import Arena
from edgeblur.files import sha256, write_json
from edgeblur.firmware_harness.boards.boards import Board, boards, find_board
from edgeblur.firmware_harness.boards.records import Ran, keep_record, records
from edgeblur.firmware_harness.comparison.table import Entry as CompareEntry
from edgeblur.firmware_harness.emulation.build import build, write_project
from edgeblur.firmware_harness.emulation.elf import read_elf
from edgeblur.firmware_harness.fit.code_sizes import estimate_code, measured_sizes
from edgeblur.firmware_harness.fit.examine import choose_candidates, examine
from edgeblur.firmware_harness.fit.fit import TIGHT_SHARE, Fit, fit
from edgeblur.firmware_harness.fit.needs import Candidate
from edgeblur.firmware_harness.fit.plan import compile_suited
from edgeblur.firmware_harness.privacy.leaks import OverBlur
from edgeblur.firmware_harness.privacy.protection import Protection
from edgeblur.firmware_harness.report.boards import HEADINGS, model_boards
from edgeblur.firmware_harness.shell.room import check_room, ram_needed
from edgeblur.models.choose import Chosen, choose_tflite
from edgeblur.pictures.metrics import Fidelity, Part
from edgeblur.store.run_folder import Run

KERNELS = resources.files("edgeblur.export.stream") / "kernels"
STALE = "code_sizes.json is older than the kernels: run `make sizes`"
ARENA = Arena(123_456, None)


def net_file(folder: Path, name: str, width: int, levels: int, side: int) -> Path:
    net = Int8Net(seed=width)
    path = folder / name
    path.write_bytes(net.tflite(unet(net, width, levels, (side, side))))
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return net_file(tmp_path_factory.mktemp("nets"), "tiny.tflite", 2, 2, 16)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return net_file(tmp_path_factory.mktemp("nets"), "large.tflite", 8, 3, 32)


def candidate(path: Path, optimize: str = "size") -> Candidate:
    return examine(choose_tflite(path), StreamOptions(optimize), arena=ARENA)


def with_ram(board: Board, size_bytes: int) -> Board:
    return dataclasses.replace(board, ram=(dataclasses.replace(board.ram[0], size_bytes=size_bytes), *board.ram[1:]))


def parts(found: Fit, kind: str) -> dict[str, int]:
    assert found.stream is not None
    memory = found.stream.memory(kind)
    assert memory is not None
    return {part.name: part.size_bytes for part in memory.parts}


def symbols(elf: Path) -> dict[str, int]:
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as file:
        table: Any = ELFFile(file).get_section_by_name(".symtab")
        return {symbol.name: symbol["st_size"] for symbol in table.iter_symbols()}


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["fit", *map(str, arguments)])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


# What is promised, and what the linker makes


@pytest.mark.parametrize(
    ("name", "optimize"),
    [("mps2-an386", "size"), ("mps2-an386", "speed"), ("riscv32-virt", "speed"), ("microbit", "size")],
)
def test_each_part_is_what_the_linker_makes(tiny: Path, tmp_path: Path, name: str, optimize: str) -> None:
    board, model = find_board(name), candidate(tiny, optimize)
    require(board.core.toolchain.compiler)
    compiled = compile_suited(choose_tflite(tiny), StreamOptions(optimize), board)
    elf = build(write_project(tmp_path, compiled, board, optimize))
    linked, sizes, found = read_elf(elf), symbols(elf), fit(model, board)

    ram = parts(found, "RAM")
    assert sum(ram.values()) == linked.ram_bytes == ram_needed(compiled, board)
    assert ram["state"] == sizes["state"]
    assert (ram["row in"], ram["row out"]) == (sizes["row_in"], sizes["row_out"])
    assert ram["stack"] == linked.size_bytes(".stack")
    assert ram["transport"] == linked.ram_bytes - linked.size_bytes(".stack") - sum(
        sizes[symbol] for symbol in ("state", "row_in", "row_out")
    )
    assert set(ram) == {"state", "row in", "row out", "transport", "stack"}

    flash = parts(found, "flash")
    unused = 2 * 256  # tables between pixels and steps: this firmware exchanges steps
    model_bytes = linked.size_bytes(".model_code") + linked.size_bytes(".model_constants")
    code = model_bytes - (flash["weights and tables"] - unused)
    assert 0.6 < code / flash["engine code"] < 1.4, STALE
    assert linked.flash_bytes - model_bytes == pytest.approx(flash["start-up and C library"], abs=120), STALE


def test_every_kernel_and_every_emulated_core_was_measured() -> None:
    cores = {board.core.name for board in boards() if board.emulator}
    for optimize in OPTIMIZE:
        known = measured_sizes(optimize)
        assert {sizes.core for sizes in known} == cores, STALE
        for sizes in known:
            assert set(sizes.kernels) - set(STEPS_INT16) == set(STEPS) | (
                {WINOGRAD} if optimize == "speed" else set()
            ), STALE
            assert 0 < sizes.stack_bytes < find_board(sizes.board).stack_bytes
            assert 0.4 < sizes.least_share < sizes.most_share < 1.4


def test_the_samples_take_every_kernel() -> None:
    kernels = {path.name.removesuffix(".c") for path in KERNELS.iterdir() if path.name.endswith(".c")}
    taken = {kernel for graph in (every_kernel(), *samples()) for kernel in kernels_of(lower(graph))}
    assert taken == set(STEPS)  # beside a MOVE, other moves become one as well
    wide = {kernel for graph in (every_kernel_int16(), *samples_int16()) for kernel in kernels_of(lower(graph))}
    assert wide == set(STEPS_INT16)
    assert kernels == {*STEPS, *STEPS_INT16, WINOGRAD}


def test_a_core_that_was_not_measured_is_taken_for_the_hungriest(tiny: Path) -> None:
    model = candidate(tiny).footprint
    assert model is not None
    known = {sizes.core: sizes.code_bytes(model.kernels) for sizes in measured_sizes("size")}
    riscv = estimate_code(model.kernels, find_board("esp32-c3").core, "size")
    assert (riscv.own, riscv.sizes.core, riscv.code_bytes) == (False, "rv32imac", known["rv32imac"])
    other = estimate_code(model.kernels, find_board("esp32-s3").core, "size")
    assert (other.own, other.code_bytes) == (False, max(known.values()))
    assert estimate_code(model.kernels, find_board("pico").core, "size").own


# Verdicts


def test_a_verdict_holds_to_the_byte(tiny: Path) -> None:
    model, board = candidate(tiny), find_board("nucleo-f446re")
    need = sum(parts(fit(model, board), "RAM").values())
    snug = int(need / (1 - TIGHT_SHARE))
    expected = {need - 1: "no", need: "tight", snug - 1: "tight", snug + 2: "fits"}
    assert {size: fit(model, with_ram(board, size)).verdict for size in expected} == expected
    short = fit(model, with_ram(board, need - 7))
    assert short.as_json()["ram_missing_bytes"] == 7
    with pytest.raises(RunError, match=rf"tiny.tflite does not fit nucleo-f446re .*: 7 bytes of RAM .*{need:,} needed"):
        short.check()
    assert "ram_missing_bytes" not in fit(model, board).as_json()


def test_flash_counts_as_well(tiny: Path) -> None:
    board = find_board("nucleo-f446re")
    assert board.flash is not None
    small = dataclasses.replace(board, flash=dataclasses.replace(board.flash, size_bytes=3000))
    found = fit(candidate(tiny), small)
    assert found.verdict == "no"
    assert found.as_json()["flash_missing_bytes"] == sum(parts(found, "flash").values()) - 3000


def test_fit_says_no_where_run_refuses(large: Path) -> None:
    model, board = candidate(large), find_board("microbit")
    found = fit(model, board).as_json()
    compiled = compile_suited(choose_tflite(large), StreamOptions(), board)
    with pytest.raises(UserError, match=f"{found['ram_missing_bytes']:,} bytes are missing"):
        check_room("large", compiled, board)
    roomy = with_ram(board, found["ram_bytes"])
    check_room("large", compiled, roomy)
    assert fit(model, roomy).verdict == "tight"


def test_without_flash_everything_is_in_ram(tiny: Path) -> None:
    found = fit(candidate(tiny), find_board("maix-bit"))
    usual = fit(candidate(tiny), find_board("pico"))
    assert "flash_bytes" not in found.as_json()
    assert set(parts(found, "RAM")) == {*parts(usual, "RAM"), *parts(usual, "flash")}


def test_tflm_beside_it(tiny: Path) -> None:
    found = fit(candidate(tiny), find_board("nucleo-f411re")).as_json()["tflm"]
    assert found["ram_parts"]["arena"] == ARENA.bytes
    assert found["flash_parts"]["model"] == tiny.stat().st_size
    assert sum(found["ram_parts"].values()) == found["ram_bytes"]
    assert set(found["ram_parts"]) == {"arena", "serial protocol", "stack"}
    assert found["verdict"] == "tight"


def test_a_model_that_cannot_be_streamed_is_for_tflm_alone(tmp_path: Path) -> None:
    net = Int8Net()
    x = net.picture(8, 8)
    path = tmp_path / "strange.tflite"
    path.write_bytes(net.tflite(net.op("SIN", (x,), net.like(x, 8, 8, 3))))
    found = fit(candidate(path), find_board("pico"))
    assert found.stream is None
    assert found.verdict == "fits"
    assert "SIN" in found.as_json()["stream_unknown"]
    nothing = dataclasses.replace(found.candidate, arena=Arena(None, "not recorded"))
    with pytest.raises(UserError, match=r"SIN.*not recorded"):
        fit(nothing, find_board("pico")).check()


# The command


@pytest.mark.skipif(importlib.util.find_spec("tflite_micro") is None, reason="tflite-micro is not installed")
def test_one_model_on_one_board(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, tiny, "--board", "mps2-an386", "--json")
    result = json.loads(out)
    assert code == 0
    assert (result["model"], result["board"], result["core"]) == ("tiny.tflite", "mps2-an386", "cortex-m4f")
    assert result["ram_bytes"] == sum(result["ram_parts"].values())
    assert result["flash_bytes"] == sum(result["flash_parts"].values())
    assert result["tflm"]["ram_parts"]["arena"] > 0
    code, out, err = command(capsys, tiny, "--board", "nano-33-ble-sense", "--optimize", "speed")
    for said in ("state", "weights and tables", "engine code", "estimated", "arena", "recorded", "41,000 to 74,000"):
        assert said in out
    assert "SDK" in err


def test_exit_codes(large: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, large, "--board", "microbit")
    assert code == 1
    assert "no: " in out
    assert "large.tflite does not fit microbit with the streaming engine: " in err
    code, _, err = command(capsys, large, "--board", "nano-33-ble")
    assert (code, err) == (2, "edgeblur: no board is called 'nano-33-ble': take nano-33-ble-sense\n")
    code, _, err = command(capsys, large.with_name("none.tflite"), "--board", "pico")
    assert code == 2
    assert "does not exist" in err


def test_several_models_are_a_table(tiny: Path, large: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, tiny, large, "--all", "--json")
    results = json.loads(out)
    assert code == 0, "many boards are a question, not a gate"
    assert len(results) == 2 * len(boards())
    by_model = {(result["model"], result["board"]): result["verdict"] for result in results}
    assert by_model["tiny.tflite", "microbit"] == "fits"
    assert by_model["large.tflite", "microbit"] == "no"
    table = command(capsys, tiny, large)[1].splitlines()
    assert table[0].split() == ["board", "tiny.tflite", "large.tflite"]
    assert [line.split()[0] for line in table[1:]] == [board.name for board in boards() if not board.emulator]


def test_a_ram_budget_is_taken(large: Path) -> None:
    usual = candidate(large).footprint
    assert usual is not None
    budget = usual.state_bytes + usual.row_in_bytes + usual.row_out_bytes - 2000
    examined = examine(choose_tflite(large), StreamOptions(ram_bytes=budget), arena=ARENA)
    found = fit(examined, find_board("pico")).as_json()
    rows = found["ram_parts"]["row in"] + found["ram_parts"]["row out"]
    assert found["ram_parts"]["state"] + rows <= budget
    refused = examine(choose_tflite(large), StreamOptions(ram_bytes=500), arena=ARENA)
    assert refused.footprint is None
    assert "500 that it may take" in str(refused.why_not)
    with pytest.raises(RunError, match="500 that it may take"):  # although TensorFlow Lite Micro fits
        fit(refused, find_board("nucleo-h743zi")).check()


def test_neither_tensorflow_nor_a_compiler_is_needed(tiny: Path, tmp_path: Path) -> None:
    script = (
        "import sys\nfrom edgeblur.cli import main\n"
        f"try:\n    main(['fit', {str(tiny)!r}, '--board', 'pico', '--json'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'tensorflow', 'tf_keras'} & set(sys.modules)\n"
    )
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["verdict"] == "fits"


# Runs, and the boards of a report


@pytest.fixture
def run(tmp_path: Path, tiny: Path, large: Path) -> Run:
    """A run of two models, as far as its files are read here."""
    write_json(tmp_path / "run.json", {"dataset": str(tmp_path), "models": ["teacher", "w2"]})
    for name, model in (("teacher", large), ("w2", tiny)):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("model.keras", "model.json"):
            (folder / file).write_text("{}")
        (folder / "int8.tflite").write_bytes(model.read_bytes())
    return Run(tmp_path)


def test_a_run_stands_for_its_int8_models(run: Run) -> None:
    assert [chosen.name for chosen in choose_candidates([run.folder], None)] == ["teacher", "w2"]
    assert [chosen.name for chosen in choose_candidates([run.folder], "w2")] == ["w2"]


def counted(board: str, core: str, instructions: int) -> Ran:
    return Ran(board, 1, 48, 0, core=core, optimize="size", instructions=instructions, ram_bytes=1)


def test_boards_of_a_report_show_what_was_run(run: Run) -> None:
    chosen = Chosen(run.model("w2").int8_tflite, run, run.model("w2"))
    nothing = Protection(Fidelity(Part(0.0, 0.0, None)), OverBlur(1, None, 0, 0))
    entries = [CompareEntry("w2", nothing, "B", "int8", arena_bytes=123_456)]
    keep_record(chosen, counted("mps2-an386", "cortex-m4f", 7))
    keep_record(chosen, counted("mps2-an386", "cortex-m4f", 9_000_000))
    keep_record(chosen, Ran("pico", 1, 48, 0, measured_ms=12.25))
    assert [kept.ran.instructions for kept in records(run.folder)] == [9_000_000, None]
    assert records(run.folder)[0].sha256 == sha256(chosen.path.read_bytes())

    teacher, student = model_boards(run, run.models(), entries)
    rows = {row.board.name: dict(zip(HEADINGS, row.cells, strict=True)) for row in student.rows}
    assert set(rows) == {board.name for board in boards() if not board.emulator} | {"mps2-an386"}
    nano = rows["nano-33-ble-sense"]
    assert (nano["instructions"], nano["estimated, ms"], nano["measured, ms"]) == ("9,000,000", "141 to 281", "-")
    assert nano["TFLM"] == "fits"
    assert rows["mps2-an386"]["instructions"] == "9,000,000"
    assert rows["mps2-an386"]["estimated, ms"] == "-", "time in an emulator means nothing"
    assert (rows["pico"]["instructions"], rows["pico"]["measured, ms"]) == ("-", "12.2")
    assert all(row.instructions is None for row in teacher.rows)
    assert all(row.fit.tflm is None for row in teacher.rows), "its arena was not recorded"


@pytest.mark.parametrize("name", ["mps2-an385", "microbit"])
def test_fit_and_run_tell_the_same_ram_and_a_run_is_kept(
    run: Run, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")
    with pytest.raises(SystemExit) as ended:
        main(["run", str(run.folder), "--model", "w2", "--board", name, "--random", "1", "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    promised = json.loads(command(capsys, run.folder, "--model", "w2", "--board", name, "--json")[1])
    assert promised["ram_bytes"] == told["ram_bytes"]
    assert promised["verdict"] in ("fits", "tight")
    (record,) = records(run.folder)
    assert record.ran.instructions == told["instructions"]
    assert all(row.instructions for row in model_boards(run, [run.model("w2")], [])[0].rows if row.board.name == name)


def test_a_model_made_anew_has_no_old_figures(run: Run, large: Path) -> None:
    model = run.model("w2")
    keep_record(Chosen(model.int8_tflite, run, model), counted("mps2-an386", "cortex-m4f", 7))
    model.int8_tflite.write_bytes(large.read_bytes())
    assert all(row.instructions is None for row in model_boards(run, [model], [])[0].rows)


def test_a_file_outside_a_run_leaves_no_record(tiny: Path) -> None:
    keep_record(choose_tflite(tiny), counted("mps2-an386", "cortex-m4f", 7))
    assert {path.suffix for path in tiny.parent.iterdir()} == {".tflite"}
