"""`edgeblur validate` on tiny models: what it says is true, and bad input gets one sentence."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_models import ENGINES_HERE, float_tflite, function_tflite, int8_tflite, tiny_unet

from edgeblur.cli import main
from edgeblur.errors import RunError
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.files import write_json
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.inputs import random_picture
from edgeblur.firmware_harness.validation.result import Gates, Validation, precision
from edgeblur.firmware_harness.validation.validate import validate
from edgeblur.models.choose import choose_tflite
from edgeblur.pictures.blur import blur_faces
from edgeblur.pictures.faces import Box, Face
from edgeblur.pictures.images import save_picture
from edgeblur.store.dataset import evenly
from edgeblur.store.run_folder import create_run

KEYS = {
    "model", "engine", "images", "size_bytes", "arena_bytes", "macs", "parameters", "latency_ms", "layers", "sha256",
    "precision", "host",
}  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 40x40 pictures: two in the test split, one of them without a face, and one to train on."""
    root = tmp_path_factory.mktemp("data") / "set"
    samples = []
    for i, (split, faces) in enumerate(
        [("train", []), ("test", [Face.from_box(Box(8, 10, 14, 18))]), ("test", [])], start=1
    ):
        picture, name = Image.fromarray(random_picture(40, 40, i)), f"{i:05}.png"
        blurred, mask = blur_faces(picture, faces)
        for folder, pixels in ((split, picture), (f"{split}_blur", blurred), (f"{split}_mask", mask)):
            save_picture(root / folder / name, pixels)
        samples.append({"split": split, "name": name, "source": name, "faces": [f.as_json() for f in faces]})
    write_json(root / "manifest.json", {"size": 40, "samples": samples})
    return root


@pytest.fixture(scope="module")
def run(dataset: Path, tiny_int8: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as training and quantizing leave it, of which validate needs no more than the .tflite files."""
    folder = tmp_path_factory.mktemp("run") / "run"
    made = create_run(folder, dataset)
    for name, kind in (("teacher", "teacher"), ("w2", "student")):
        model = made.add(name)
        write_json(model.folder / "model.json", {"kind": kind})
        model.keras.touch()
    made.teacher.float_tflite.write_bytes(float_tflite(tiny_unet(seed=8)))
    (folder / "w2" / "int8.tflite").write_bytes(tiny_int8.read_bytes())
    return folder


@pytest.fixture(scope="module")
def other_shape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("other") / "other.tflite"
    path.write_bytes(float_tflite(tiny_unet(48, 24)))
    return path


@pytest.fixture(scope="module")
def no_picture_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tensorflow as tf

    path = tmp_path_factory.mktemp("vector") / "vector.tflite"
    path.write_bytes(function_tflite(lambda x: tf.reduce_mean(x, (1, 2)), (1, 8, 8, 3)))
    return path


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["validate", *map(str, arguments)])
    told = capsys.readouterr()
    return int(end.value.code or 0), told.out, told.err


def call_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    code, out, err = call(capsys, *arguments, "--json")
    assert code == 0, err
    result: dict[str, Any] = json.loads(out)
    return result


@pytest.mark.parametrize("engine", ENGINES_HERE)
def test_json_of_each_engine(capsys: pytest.CaptureFixture[str], tiny_int8: Path, engine: str) -> None:
    got = call_json(capsys, tiny_int8, "--engine", engine, "--random", 2)
    assert got.keys() >= KEYS
    assert (got["model"], got["engine"], got["images"]) == ("tiny_int8.tflite", engine, 2)
    assert (got["size_bytes"], got["precision"]) == (tiny_int8.stat().st_size, "int8")
    assert got["parameters"] == sum(layer["parameters"] for layer in got["layers"]) > 400
    assert got["macs"] == sum(layer["macs"] for layer in got["layers"]) == 272_384
    assert got["arena_bytes"] > 2 * 32 * 32 * 3
    assert got["latency_ms"]["min"] <= got["latency_ms"]["median"] <= got["latency_ms"]["max"]
    assert "fidelity" not in got, "without a reference there is no fidelity"
    assert "bytes_compared" not in got


@pytest.mark.parametrize(("size", "io"), [((32, 32), "int8"), ((48, 24), "uint8")])
def test_reference_engines_pass_the_exact_gate(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, size: tuple[int, int], io: str
) -> None:
    model = tmp_path / "foreign.tflite"
    model.write_bytes(int8_tflite(tiny_unet(*size), io))
    got = call_json(capsys, model, "--engine", "litert-ref,tflm", "--exact", "--random", 4)
    assert (got["bytes_compared"], got["differing_bytes"]) == (4 * size[0] * size[1] * 3, 0)
    assert got["comparisons"][0]["largest_step"] == 0
    assert got["input"]["dtype"] == got["output"]["dtype"] == io


def test_fidelity_to_a_reference(capsys: pytest.CaptureFixture[str], tiny_int8: Path, tiny_float: Path) -> None:
    got = call_json(capsys, tiny_int8, "--reference", tiny_float, "--random", 3)
    ours, theirs = open_engine("litert", tiny_int8), open_engine("litert", tiny_float)
    errors = [
        np.square(ours.infer(p).astype(float) - theirs.infer(p)).mean()
        for p in (random_picture(32, 32, i) for i in range(3))
    ]
    assert got["fidelity"]["image"]["psnr_db"] == pytest.approx(-10 * math.log10(np.mean(errors)), abs=0.01)
    assert got["fidelity"].keys() == {"image"}
    assert got["reference"] == {"kind": "model", "path": str(tiny_float), "engine": "litert"}


def test_a_model_equals_itself(capsys: pytest.CaptureFixture[str], tiny_int8: Path) -> None:
    got = call_json(capsys, tiny_int8, "--reference", tiny_int8, "--min-psnr", 90)
    assert got["fidelity"] == {"image": {"mae": 0.0, "psnr_db": None, "ssim": 1.0, "identical": True}}


def test_a_run_brings_its_data_set_and_its_teacher(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    got = call_json(capsys, run)
    assert (got["model"], got["images"], got["source"]["kind"]) == ("w2", 2, "data")
    assert got["reference"]["kind"] == "teacher"
    assert got["fidelity"].keys() == {"image", "inside", "outside"}
    assert got["fidelity"]["inside"]["mae"] != got["fidelity"]["outside"]["mae"]
    teacher = call_json(capsys, run, "--model", "teacher")
    assert (teacher["precision"], teacher["reference"]) == ("float32", {"kind": "target"})


def test_a_run_whose_data_set_is_gone(capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path) -> None:
    moved = tmp_path / "run"
    shutil.copytree(run, moved)
    settings = json.loads((moved / "run.json").read_text())
    write_json(moved / "run.json", {**settings, "dataset": str(tmp_path / "gone")})
    code, _, err = call(capsys, moved)
    assert (code, "gone is gone: name another" in err) == (2, True)
    assert call_json(capsys, moved, "--random", 1)["reference"]["kind"] == "teacher"


def test_limit_spreads_evenly(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    assert evenly(list(range(10)), 4) == [0, 2, 5, 7]
    assert evenly([1, 2], 9) == evenly([1, 2], None) == [1, 2]
    assert call_json(capsys, run, "--limit", 1)["images"] == 1


def test_a_teacher_of_another_shape_is_no_reference(
    capsys: pytest.CaptureFixture[str], run: Path, other_shape: Path, tmp_path: Path
) -> None:
    mixed = tmp_path / "run"
    shutil.copytree(run, mixed)
    (mixed / "teacher" / "float.tflite").write_bytes(other_shape.read_bytes())
    got = call_json(capsys, mixed)
    assert got["reference"] == {"kind": "target"}
    stretched = call_json(capsys, mixed, "--model", "teacher")
    assert (stretched["input"]["width"], stretched["images"]) == (24, 2)


def test_precision(tiny_int8: Path, tiny_float: Path) -> None:
    import tensorflow as tf

    assert precision(read_tflite(tiny_int8)) == "int8"
    assert precision(read_tflite(int8_tflite(tiny_unet(), "float32"))) == "int8", "float ends do not matter"
    assert precision(read_tflite(tiny_float)) == "float32"
    weights = np.random.default_rng(0).random((3, 3, 3, 64), np.float32)
    hybrid = function_tflite(lambda x: tf.nn.conv2d(x, weights, 1, "SAME"), (1, 8, 8, 3), small_weights=True)
    assert precision(read_tflite(hybrid)) == "hybrid"


def test_photos_of_any_size_and_kind(capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for i, (mode, size) in enumerate([("RGB", (300, 20)), ("L", (50, 50)), ("RGBA", (32, 32))]):
        Image.new(mode, size, 90).save(photos / f"{i}.png")
    (photos / "no_picture.jpg").write_text("not a picture")
    Image.new("RGB", (1, 1)).save(photos / "tiny.png")
    code, out, err = call(capsys, run, "--photos", photos, "--json")
    got = json.loads(out)
    assert (code, got["images"], got["reference"]["kind"]) == (0, 3, "teacher")
    assert got["fidelity"].keys() == {"image"}
    assert "resized to 32x32" in got["source"]["told"]
    assert len(got["source"]["skipped"]) == 2
    assert "no_picture.jpg should be a picture" in err
    assert "tiny.png is 1x1 pixels" in err


def test_tables_for_people(capsys: pytest.CaptureFixture[str], run: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "validation.json"
    code, told, _ = call(capsys, run, "--engine", "litert-ref,tflm", "--out", out)
    assert code == 0
    for words in ("272,384", "warm runs", "inside", "all 6,144 output bytes equal", "TRANSPOSE_CONV"):
        assert words in told
    assert json.loads(out.read_text())["differing_bytes"] == 0
    code, _, err = call(capsys, run, "--out", out)
    assert (code, "exists already" in err) == (2, True)


def test_the_command_line_stays_light(tiny_int8: Path) -> None:
    code = (
        "import sys\nfrom edgeblur.cli import main\n"
        f"try: main(['validate', {str(tiny_int8)!r}, '--random', '1', '--json'])\n"
        "except SystemExit as end: assert not end.code\n"
        "sys.exit(', '.join({'tensorflow', 'tf_keras', 'matplotlib', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert json.loads(done.stdout)["images"] == 1


@pytest.fixture(scope="module")
def checked(tiny_int8: Path, tiny_float: Path) -> Validation:
    return validate(choose_tflite(tiny_int8), random=1, engines=("litert-ref", "tflm"), reference=tiny_float)


def test_gates(checked: Validation) -> None:
    Gates(exact=True, min_psnr_db=20).check(checked)
    differing = dataclasses.replace(checked.comparisons[0], differing_bytes=7)
    with pytest.raises(RunError, match="7 of 3072 output bytes differ between litert-ref and tflm"):
        Gates(exact=True).check(dataclasses.replace(checked, comparisons=(differing,)))
    with pytest.raises(RunError, match=r"PSNR over the image is \d+\.\d+ dB, and the minimum is 77"):
        Gates(min_psnr_db=77).check(checked)


def test_a_failed_gate_still_prints_its_numbers(
    capsys: pytest.CaptureFixture[str], tiny_int8: Path, tiny_float: Path
) -> None:
    code, out, err = call(capsys, tiny_int8, "--reference", tiny_float, "--min-psnr", 90, "--json")
    assert (code, err.count("\n")) == (1, 1)
    assert json.loads(out)["fidelity"]["image"]["psnr_db"] < 90


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{missing}"], "does not exist: give a run folder or a .tflite file"),
        (["{cut}"], "cut.tflite is no whole .tflite file"),
        (["{int8}", "--engine", "onnx"], "unknown engine 'onnx': choose among litert, litert-ref"),
        (["{int8}", "--engine", "tflm", "--exact"], "name two or more"),
        (["{int8}", "--random", "2", "--photos", "{empty}"], "only one of them (--photos, --data, --random)"),
        (["{int8}", "--random", "0"], "--random"),
        (["{int8}", "--photos", "{empty}"], "holds no picture"),
        (["{int8}", "--photos", "{missing}"], "does not exist: give a picture or a folder"),
        (["{int8}", "--photos", "{broken}"], "none of the 1 files could be read"),
        (["{int8}", "--data", "{empty}"], "is not a data set"),
        (["{int8}", "--min-psnr", "20"], "something to measure against"),
        (["{int8}", "--reference", "{missing}"], "does not exist: give a .tflite file"),
        (["{int8}", "--reference", "{other}"], "turns 24x48x3 to 24x48x3, but this model 32x32x3 to 32x32x3"),
    ],
)
def test_bad_input_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
    tiny_int8: Path,
    other_shape: Path,
    no_picture_out: Path,
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    places = {"int8": tiny_int8, "other": other_shape, "vector": no_picture_out, "missing": tmp_path / "missing"}
    places |= {name: tmp_path / name for name in ("empty", "broken")}
    places |= {name: tmp_path / f"{name}.tflite" for name in ("cut",)}
    places["empty"].mkdir()
    places["broken"].mkdir()
    (places["broken"] / "x.png").write_bytes(b"\x89PNG")
    places["cut"].write_bytes(tiny_int8.read_bytes()[:3000])
    out = tmp_path / "out.json"
    code, told, err = call(capsys, *(a.format(**places) for a in arguments), "--out", out, "--json")
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err
    assert not out.exists()
    assert not told
