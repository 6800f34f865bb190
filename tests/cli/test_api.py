"""The Python API: what `import edgeblur` shows, what it loads, and each step called once."""

from __future__ import annotations

import ast
import inspect
import json
import pydoc
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tools import require

import edgeblur
from edgeblur import api
from edgeblur.firmware_harness.engines.inputs import random_picture
from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import Run

HEAVY = ("numpy", "PIL", "tensorflow", "tf_keras", "matplotlib", "onnxruntime", "click", "ai_edge_litert")


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_loads_nothing() -> None:
    told = run_python("import sys, edgeblur; print([m.split('.')[0] for m in sys.modules])")
    assert not set(HEAVY) & set(ast.literal_eval(told))


def test_help_shows_every_function_without_tensorflow() -> None:
    told = run_python("import sys, edgeblur; help(edgeblur); sys.exit('tensorflow' in sys.modules)")
    for name in api.__all__:
        assert f"    {name}(" in told
    assert "class StudentOptions" in told


def test_the_stub_says_what_the_module_does() -> None:
    stub = ast.parse((Path(edgeblur.__file__ or "").parent / "__init__.pyi").read_text())
    homes = {a.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert set(homes) == set(edgeblur.__all__)
    for name in edgeblur.__all__:
        thing = getattr(edgeblur, name)
        assert thing.__module__ == homes[name]
        assert pydoc.getdoc(thing)
    assert set(api.__all__) < set(edgeblur.__all__)


def test_every_function_is_typed() -> None:
    for name in api.__all__:
        signature = inspect.signature(getattr(edgeblur, name))
        assert signature.return_annotation is not inspect.Signature.empty
        assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'blurr'"):
        edgeblur.__getattr__("blurr")  # type: ignore[attr-defined]  # the stub does not show it


def test_the_command_line_calls_these_functions() -> None:
    """One way in for both: no command imports the function of a stage that a function here stands for."""
    called: set[str] = set()
    for path in (Path(edgeblur.__file__ or "").parent / "commands").glob("*.py"):
        tree = ast.parse(path.read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        stood_for = {"blur_files", "camera_picture", "distill", "examine", "export_frames", "export_model",
                     "export_stream", "fits", "open_blurrer", "quantize_aware", "quantize_run_model", "run_emulated",
                     "run_frames", "run_serial", "validate"}  # fmt: skip
        assert not imported & (stood_for | set(api.__all__)), path.name
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "edgeblur":
                called.add(node.attr)
    assert called >= set(api.__all__) - {"blur", "model_names"}  # one array, and a list of names, are for Python alone


def test_a_data_set_of_drawn_scenes(tmp_path: Path) -> None:
    data = edgeblur.make_dataset(tmp_path / "data", scenes=10, options=edgeblur.MakeOptions(size=48))
    assert len(data.samples) == 10
    with pytest.raises(edgeblur.UserError, match="exists already"):
        edgeblur.make_dataset(tmp_path / "data", scenes=10)
    with pytest.raises(edgeblur.UserError, match="needs photos"):
        edgeblur.make_dataset(tmp_path / "none")


def test_from_teacher_to_int8(tiny_data: Dataset, tmp_path: Path) -> None:
    from edgeblur.distill.nets.unet import unet_spec

    fit = edgeblur.FitOptions(epochs=1, batch=8)
    run = edgeblur.train_teacher(
        tiny_data.root, tmp_path / "run", edgeblur.TrainOptions(unet_spec(2, 2, height=32, width=32), fit)
    )
    options = edgeblur.StudentOptions(width=1, levels=2, alone=False, fit=fit)
    (student,) = edgeblur.distill_student(run, options)
    quantized = edgeblur.quantize_model(tmp_path / "run", student.name, edgeblur.QuantizeOptions(calibration=4))
    assert quantized.path == student.int8_tflite
    found = edgeblur.validate_model(quantized.path, random=2)
    assert found.bytes_compared == 2 * 32 * 32 * 3
    assert found.differing_bytes == 0


def test_c_files_of_a_model(tiny_int8: Path, tmp_path: Path) -> None:
    made = edgeblur.compile_model(tiny_int8, tmp_path / "c", name="small", board="mps3-an547")
    assert made.options.core == "cortex-m55"
    assert (tmp_path / "c" / "small.c").is_file()


def test_boards_that_a_model_fits(tiny_int8: Path) -> None:
    (pico,) = edgeblur.fit_boards(tiny_int8, ["pico"])
    assert (pico.board.name, pico.verdict) == ("pico", "fits")
    assert len(edgeblur.fit_boards(tiny_int8)) > 15
    with pytest.raises(edgeblur.UserError, match="pixo"):
        edgeblur.fit_boards(tiny_int8, ["pixo"])


def test_a_run_on_a_board_is_kept_for_the_report(student_run: Run, tmp_path: Path) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")
    shutil.copytree(student_run.folder, tmp_path / "run")
    options = edgeblur.EmulatedOptions(random=1)
    ran = edgeblur.run_on_board(tmp_path / "run", "mps2-an386", options)
    assert ran.comparison.differing_bytes == 0
    (kept,) = json.loads((tmp_path / "run" / "boards.json").read_text())["runs"]
    assert kept["instructions"] == ran.counts.median


def test_one_picture_and_a_folder_of_them(tmp_path: Path) -> None:
    assert "mask8" in edgeblur.model_names()
    picture = random_picture(128, 128, 1)
    blurred = edgeblur.blur(picture, "mask8")
    assert blurred.shape == picture.shape
    (tmp_path / "in").mkdir()
    Image.fromarray(picture).save(tmp_path / "in" / "a.png")
    (written,) = edgeblur.blur_pictures(tmp_path / "in", tmp_path / "out", "mask8").paths
    assert np.array_equal(np.asarray(Image.open(written)), blurred)
    with pytest.raises(edgeblur.UserError, match="RGB bytes"):
        edgeblur.blur(picture[..., 0])
