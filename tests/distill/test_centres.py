"""The centre net: what it is to say of a mask, how it learns, and that every later stage takes it as a detector."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import done, run_with_teacher

from edgeblur.cli import main
from edgeblur.distill.nets.centres import (
    CELL,
    VEILED_FROM,
    VEILED_FULLY,
    CentreSpec,
    build_centre_net,
    has_centres,
)
from edgeblur.distill.nets.clamp import Clamp, clamp_net, clamp_of
from edgeblur.distill.nets.keras_files import float_tflite, load_keras
from edgeblur.distill.nets.mask_head import MaskSpec, build_mask_head
from edgeblur.distill.training.centre_student_model import centre_loss, centre_student_model_class, centres
from edgeblur.distill.training.fit import Teaching
from edgeblur.export.tflite.detector import detector_heads
from edgeblur.export.tflite.finder import BOX_CLAMP, finder_of
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.tflite.input_size import input_multiple
from edgeblur.export.veil.boxes import HALF_HEIGHT, HALF_WIDTH, SHIFT_UP, Box, draw, plan_boxes
from edgeblur.firmware_harness.blurring.veils import open_veil
from edgeblur.quantize.convert import calibration_pictures, to_quantized
from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import Run, open_run


def ellipses(*faces: tuple[float, float, float, float], side: int = 128) -> Any:
    """A mask `[1, side, side, 1]` of ellipses: centre, width, height."""
    y, x = np.mgrid[:side, :side] + 0.5
    inside = [np.zeros((side, side), bool)]
    inside += [((x - cx) / (w / 2)) ** 2 + ((y - cy) / (h / 2)) ** 2 <= 1 for cx, cy, w, h in faces]
    return np.any(inside, axis=0).astype(np.float32)[None, ..., None]


@pytest.fixture(scope="module")
def taught(tiny_data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose teacher is a mask head, and whose student is a centre net in int8. To be read only."""
    folder = tmp_path_factory.mktemp("centre") / "run"
    run = run_with_teacher(folder, tiny_data, build_mask_head(MaskSpec(32, 32, 2)))
    done("distill", folder, "--family", "centre", "--epochs", 2, "--batch", 4, "--no-alone", "--learning-rate", 0.01)
    done("quantize", "--int8", folder, "--model", "centre", "--calibration", 8)
    return run


def test_a_mask_says_where_its_centres_are_and_how_large_faces_are() -> None:
    large, small = (40.0, 50.0, 50.0, 70.0), (101.0, 98.0, 19.0, 25.0)
    face, free, boxes = (part.numpy()[0] for part in centres(ellipses(large, small)))
    found = np.argwhere(face[..., 0] > 0)
    assert {(row > 8, column > 8) for row, column in found} == {(False, False), (True, True)}
    assert not (face * free).any()
    for row, column in found:
        cx, cy, width, height = small if row > 8 else large
        x, y, wide, tall = boxes[row, column]
        # What the veil draws about the box is the mask again.
        assert CELL * column + CELL / 2 + x == pytest.approx(cx, abs=1.5)
        assert CELL * row + CELL / 2 + y - SHIFT_UP / 256 * tall == pytest.approx(cy, abs=1.5)
        assert HALF_WIDTH / 128 * wide == pytest.approx(width, rel=0.06, abs=1.5)
        assert HALF_HEIGHT / 128 * tall == pytest.approx(height, rel=0.06, abs=1.5)


def test_a_face_that_the_border_cuts_off_has_the_centre_of_what_is_seen() -> None:
    face, _, boxes = (part.numpy()[0] for part in centres(ellipses((0.0, 64.0, 60.0, 60.0))))
    (columns,) = np.nonzero(face[8, :, 0])
    assert list(columns) == [1]
    assert 12 + boxes[8, 1, 0] == pytest.approx(15, abs=1)


def test_no_mask_has_no_centre() -> None:
    face, free, _ = (part.numpy() for part in centres(np.zeros((1, 32, 32, 1), np.float32)))
    assert not face.any()
    assert free.all()


def test_a_missed_small_face_costs_what_a_large_one_costs() -> None:
    def cost(*faces: tuple[float, float, float, float]) -> float:
        wanted = centres(ellipses(*faces))
        return float(centre_loss(wanted, (np.full((1, 16, 16, 1), -6.0, np.float32), wanted[2]), 1.0, 1.0))

    assert cost((60.0, 60.0, 20.0, 26.0)) == pytest.approx(cost((60.0, 60.0, 60.0, 80.0)), rel=0.2)
    assert cost() < 0.05 * cost((60.0, 60.0, 20.0, 26.0))


def test_what_a_teacher_says_changes_the_loss() -> None:
    import tf_keras

    weight = 1 + ellipses((16.0, 16.0, 20.0, 20.0), side=32)[..., 0]
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    losses = []
    for teaching in (None, Teaching(build_mask_head(MaskSpec(32, 32, 1)), 0.5)):
        student = centre_student_model_class()(build_centre_net(CentreSpec(32, 32)), teaching, 1.0)
        student.compile(optimizer=tf_keras.optimizers.SGD(0.1), run_eagerly=True)
        losses.append(float(student.train_step((picture, picture, weight))["loss"]))
    assert abs(losses[0] - losses[1]) > 0.01


def test_it_is_distilled_into_a_detector(taught: Run) -> None:
    model = taught.model("centre")
    info, history = model.info(), model.history()
    assert info.parent == "teacher"
    assert info.spec == CentreSpec(32, 32).as_json()
    assert info.best is not None
    assert info.best.val_psnr is None
    assert info.best.val_iou is not None
    assert history.epochs[-1].loss < history.epochs[0].loss  # type: ignore[operator]
    assert has_centres(load_keras(model.keras))
    for path in (model.float_tflite, model.int8_tflite):
        (head,) = detector_heads(read_tflite(path))
        assert (head.stride, head.anchors, head.values) == (CELL, 1, 4)
        assert input_multiple(read_tflite(path)) == 16  # not 1, where all planes have shrunk to one row and stretch
    account = model.account()
    assert account
    assert {"scores", "boxes"} <= {layer.name for layer in account.layers}


def test_every_later_stage_takes_it(taught: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    int8 = taught.model("centre").int8_tflite
    done("validate", int8, "--random", 2, "--engine", "stream,litert-ref", "--exact")
    done("fit", int8, "--frame", "48x48", "--board", "pico")
    capsys.readouterr()
    out = tmp_path / "found"
    done("compare", taught.folder, "--detector", "none", "--judge", "none", "--limit", 2, "--out", out)
    entries = json.loads((out / "compare.json").read_text())["entries"]
    approaches = {(entry["name"], entry.get("precision")): entry.get("approach") for entry in entries}
    assert approaches["centre", "int8"] == approaches["centre", "float32"] == "A"


def test_a_float_detector_finds_nearly_what_its_int8_form_finds(tiny_data: Dataset) -> None:
    net = build_centre_net(CentreSpec(32, 32), seed=1)
    units, (x, y, _, _) = net.get_layer("box_units"), net.get_layer("box_units").get_weights()[1]
    units.set_weights([units.get_weights()[0], np.array([x, y, 0.75, 0.75], np.float32)])  # boxes of 12 pixels
    pictures = [tiny_data.load(sample, (32, 32)).picture for sample in tiny_data.split("train")]
    scores, _ = net.predict(np.stack(pictures) / np.float32(255), verbose=0)
    low, full = (1 / (1 + np.exp(-np.quantile(scores, share))) for share in (0.85, 0.9))
    clamp_net(net, Clamp(float(low), float(full)))  # so that there is something to find
    int8 = to_quantized(net, calibration_pictures(tiny_data, 16, 32, 32))
    veilers = [open_veil(read_tflite(data)) for data in (float_tflite(net), int8)]
    found = [np.stack([veiler.look(picture).levels > 0 for picture in pictures]) for veiler in veilers]
    assert found[0].mean() > 0.02
    assert (found[0] != found[1]).mean() < 0.2 * found[0].mean()


def test_the_clamp_says_which_probabilities_are_veiled(taught: Run, tmp_path: Path) -> None:
    shutil.copytree(taught.folder, tmp_path / "run")
    model = open_run(tmp_path / "run").model("centre")
    before = load_keras(model.keras)
    assert (VEILED_FROM, VEILED_FULLY) == BOX_CLAMP
    assert clamp_of(before) == Clamp(*BOX_CLAMP)
    done("clamp", tmp_path / "run", "--model", "centre", "--set", "0.02:0.1")
    after = load_keras(model.keras)
    assert clamp_of(after) == Clamp(0.02, 0.1)
    assert CentreSpec.from_json(model.info().spec).threshold == 0.02
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    ours, theirs = (1 / (1 + np.exp(-net(picture)[0].numpy())) for net in (before, after))
    assert np.array_equal(ours > 0.1, theirs > VEILED_FULLY)
    assert not model.int8_tflite.exists()
    with pytest.raises(SystemExit) as ended:
        main(["clamp", str(tmp_path / "run"), "--model", "centre", "--set", "0:0.1"])
    assert ended.value.code == 2


def test_lengths_of_a_float_detector_are_pixels(taught: Run) -> None:
    finder = finder_of(taught.model("centre").float_tflite)
    plan = plan_boxes(finder.graph, finder.heads, finder.cell_px)
    assert plan.decoders[0].length(np.array([0.5, -1.25, 20.0, 1e9])).tolist() == [8, -20, 320, 16 * 1024]
    mask = draw([Box(256, 256, 160, 160, 64)], plan)
    assert mask[4, 4] == 64


def test_it_is_no_teacher(tiny_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--data", str(tiny_data.root), "--out", str(tmp_path / "run"), "--family", "centre"])
    assert ended.value.code == 2
    assert "learns from a teacher" in capsys.readouterr().err
