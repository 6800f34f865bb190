"""The mask head: what it learns from, what it leaves untouched, and its way through the stages."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import done, run_with_teacher
from tiny_models import lively

from edgeblur.distill.nets.clamp import Clamp, clamp_of
from edgeblur.distill.nets.keras_files import load_keras
from edgeblur.distill.nets.mask_head import MaskSpec, build_mask_head, has_mask, set_clamp
from edgeblur.distill.nets.unet import build_unet, unet_spec
from edgeblur.distill.student import StudentOptions, _gain, _Workshop, distill
from edgeblur.distill.teacher import copy_weights, spec_of
from edgeblur.distill.training.fit import FitOptions, Fitted, Teaching, fit
from edgeblur.distill.training.mask_student_model import (
    mask_loss,
    mask_student_model_class,
    spoilt_by_blur,
    wanted_mask,
    worth_finding,
)
from edgeblur.errors import UserError
from edgeblur.export.tflite.finder import finder_of
from edgeblur.export.tflite.graph import Graph, read_tflite
from edgeblur.pictures.images import Floats, to_floats
from edgeblur.quantize.convert import _refuse_blind, calibration_pictures, to_quantized
from edgeblur.store.dataset import Dataset
from edgeblur.store.notes import Epoch
from edgeblur.store.run_folder import Run, open_run

SPEC = MaskSpec(32, 32, 4, dilate=1, pool=16)
STREAMED = {"CONV_2D", "MAX_POOL_2D", "AVERAGE_POOL_2D", "ADD", "SUB", "MUL", "LOGISTIC", "RESIZE_BILINEAR",
            "RESIZE_NEAREST_NEIGHBOR"}  # fmt: skip


@pytest.fixture(scope="module")
def net() -> Any:
    """A lively mask head of width 4 on 32x32 pixels."""
    return lively(SPEC)


@pytest.fixture(scope="module")
def int8(net: Any, tiny_data: Dataset) -> bytes:
    """The same in int8."""
    return to_quantized(net, calibration_pictures(tiny_data, 16, 32, 32))


@pytest.fixture(scope="module")
def pictures(tiny_data: Dataset) -> list[Floats]:
    """The test split, each `[1, 32, 32, 3]`."""
    return [to_floats(tiny_data.load(s, (32, 32)).picture)[np.newaxis] for s in tiny_data.split("test")]


@pytest.fixture
def run(tiny_run: Run, tmp_path: Path) -> Run:
    """A run of this test's own, whose teacher is a U-Net."""
    shutil.copytree(tiny_run.folder, tmp_path / "run")
    return open_run(tmp_path / "run")


@pytest.fixture(scope="module")
def taught(tiny_data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose teacher is a mask head, and which has taught one of width 1. To be read only."""
    folder = tmp_path_factory.mktemp("mask") / "run"
    run = run_with_teacher(folder, tiny_data, lively(MaskSpec(32, 32, 2)))
    done("distill", folder, "--family", "mask", "--width", 1, "--epochs", 1, "--batch", 8, "--no-alone", "--mask-alone")
    done("quantize", "--int8", folder, "--model", "teacher", "--calibration", 8, "--output", "mask")
    return run


class Inside:
    """An int8 model run with the kernels that bit-exact means here; every tensor can be read."""

    def __init__(self, model: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self.graph: Graph = read_tflite(model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it remarks that keeping every tensor takes memory
            self._interpreter = Interpreter(
                model_content=model,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            )
        self._interpreter.allocate_tensors()

    def run(self, numbers: Any) -> Any:
        self._interpreter.set_tensor(self.graph.inputs[0], numbers)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self.graph.outputs[0])

    def alpha(self) -> Any:
        """The factor of the last multiplication that is a mask: its lowest step means exactly 0."""
        (blend,) = (op for op in self.graph.ops if op.kind == "MUL")
        (index,) = (i for i in blend.inputs if self.graph.tensors[i].zero_points[0] == -128)
        return self._interpreter.get_tensor(index)


def test_the_mask_alone_has_the_weights_of_the_whole_net(taught: Run) -> None:
    whole, alone = taught.teacher.int8_tflite.read_bytes(), taught.teacher.masks[0].read_bytes()
    inside, mask = Inside(whole), next(op.outputs[0] for op in read_tflite(whole).ops if op.kind == "LOGISTIC")
    numbers = np.random.default_rng(0).integers(-128, 128, (1, 32, 32, 3), np.int8)
    inside.run(numbers)
    assert (Inside(alone).run(numbers) == inside._interpreter.get_tensor(mask)).all()
    student = taught.model("mask1")
    assert student.masks[1].read_bytes() == finder_of(student.float_tflite).data
    assert len(alone) < len(whole)


def test_a_mask_is_cut_out_of_what_is_quantized_already(taught: Run, tmp_path: Path) -> None:
    shutil.copytree(taught.folder, tmp_path / "run")
    run = open_run(tmp_path / "run")
    before = run.teacher.int8_tflite.read_bytes()
    run.teacher.masks[0].unlink()
    done("quantize", "--int8", run.folder, "--model", "teacher", "--output", "mask")
    assert run.teacher.int8_tflite.read_bytes() == before
    assert run.teacher.masks[0].read_bytes() == taught.teacher.masks[0].read_bytes()
    done("clamp", run.folder, "--model", "mask1", "--set", "0.2:0.5")
    assert not run.model("mask1").masks[1].exists()  # it was of the net before


def test_only_ops_that_are_streamed(int8: bytes) -> None:
    assert {op.kind for op in read_tflite(int8).ops} == STREAMED


def test_int8_is_untouched_where_there_is_no_face(int8: bytes, pictures: list[Floats]) -> None:
    """Byte for byte, on pictures and on noise that uses every value."""
    inside = Inside(int8)
    ends = [inside.graph.tensors[i] for i in (inside.graph.inputs[0], inside.graph.outputs[0])]
    assert ends[0].scales == ends[1].scales == (pytest.approx(1 / 255),)
    assert ends[0].zero_points == ends[1].zero_points == (-128,)
    noise = np.random.default_rng(0).integers(0, 256, (4, 1, 32, 32, 3)) / 255
    kept = changed = 0
    for picture in [*pictures, *noise.astype(np.float32)]:
        numbers = (np.rint(picture * 255) - 128).astype(np.int8)
        output, none = inside.run(numbers), inside.alpha() == -128
        assert np.array_equal(output[none], numbers[none])
        kept, changed = kept + none.sum(), changed + (output != numbers).sum()
    assert kept > 1000
    assert changed > 1000


def test_a_mask_head_that_finds_nothing_is_refused(int8: bytes) -> None:
    graph = read_tflite(int8)
    _refuse_blind(graph)
    (blend,) = (op.outputs[0] for op in graph.ops if op.kind == "MUL")
    never = [replace(t, scales=(7.843e-9,)) if t.index == blend else t for t in graph.tensors]
    with pytest.raises(UserError, match="finds no face in the calibration pictures"):
        _refuse_blind(replace(graph, tensors=tuple(never)))


def test_int8_is_near_float(net: Any, int8: bytes, pictures: list[Floats]) -> None:
    """40 dB: one step of alpha's steep ramp is several of the picture's, so a few rim pixels are a little off."""
    inside = Inside(int8)
    exact = np.concatenate([net.predict(p, verbose=0) for p in pictures])
    assert np.abs(exact - np.concatenate(pictures)).max() > 0.1  # something was blurred
    steps = np.concatenate([inside.run((np.rint(p * 255) - 128).astype(np.int8)) for p in pictures])
    error = (steps.astype(np.float32) + 128) / 255 - exact
    assert -10 * np.log10(np.square(error).mean()) > 40


@pytest.mark.parametrize(("threshold", "full"), [(0.2, 0.5), (0.3, 0.6)])
def test_the_clamp(net: Any, threshold: float, full: float, pictures: list[Floats]) -> None:
    import tf_keras

    other = tf_keras.models.clone_model(net)
    other.set_weights(net.get_weights())
    set_clamp(other, threshold, full)
    probe = tf_keras.Model(other.input, [other.get_layer(name).output for name in ("dilate1", "spread")])
    mask, alpha = probe.predict(np.concatenate(pictures), verbose=0)
    assert alpha.shape == (4, 8, 8, 3)
    assert (alpha[..., :1][mask <= threshold] == 0).all()
    assert np.allclose(alpha, np.clip((mask - threshold) / (full - threshold), 0, 1), atol=1e-5)
    assert mask.min() < threshold
    assert mask.max() > full


def test_a_missed_small_face_costs_as_much_as_a_large_one() -> None:
    def face(side: int) -> Any:
        mask = np.zeros((1, 32, 32, 1), np.float32)
        mask[:, 8 : 8 + side, 8 : 8 + side] = 1
        return mask

    def loss(wanted: Any, found: Any) -> float:
        return float(mask_loss(wanted, np.where(found > 0, 12.0, -12.0).astype(np.float32), 2.0))

    fine = [np.kron(face(side), np.ones((1, 4, 4, 1), np.float32)) for side in (8, 4)]
    by_pixels = float(mask_loss(fine[0], fine[1] * 24 - 12, 2.0, shrink=1))
    assert by_pixels == pytest.approx(loss(face(8), face(4)), rel=1e-4)
    missed = [loss(face(side), face(0)) for side in (4, 8, 16)]
    assert missed[2] < 3 * missed[0]  # of 16 times as many cells
    assert all(loss(face(side), face(side)) < 0.02 for side in (0, 4, 16))
    assert loss(face(0), face(4)) > 0.5  # a false find in a face-free picture


def test_a_false_find_costs_by_what_it_would_spoil() -> None:
    """On a bare wall next to nothing, on a pattern much."""
    wall = np.full((1, 128, 128, 3), 0.5, np.float32)
    pattern = wall.copy()
    pattern[:, ::2] = 0.9
    spoilt = [float(spoilt_by_blur(picture).numpy().mean()) for picture in (wall, pattern)]
    assert spoilt[0] == pytest.approx(0.5, abs=0.01)
    assert spoilt[1] > 2 * spoilt[0]
    nothing, found = np.zeros((1, 32, 32, 1), np.float32), np.full((1, 32, 32, 1), 2.0, np.float32)
    losses = [float(mask_loss(nothing, found, 1.0, spoilt_by_blur(picture))) for picture in (wall, pattern)]
    assert losses[1] > 1.5 * losses[0]


def test_a_deeper_head_starts_from_a_shallower_one(
    taught: Run, tiny_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Layers that the old one has keep its weights; what it lacks is told and drawn."""
    old, new = load_keras(taught.teacher.keras), build_mask_head(MaskSpec(32, 32, 2, fine=3))
    set_clamp(old, 0.1, 0.2)
    copy_weights(new, old, taught.teacher.keras)
    assert "lacks up1_2, up1_2_norm, up1_3, up1_3_norm" in capsys.readouterr().err
    for layer in old.layers:
        pairs = zip(layer.get_weights(), new.get_layer(layer.name).get_weights(), strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs) == (layer.name != "steepen")
    assert clamp_of(new) == Clamp(0.3, 0.5)
    copy_weights(build_mask_head(MaskSpec(32, 32, 3)), old, taught.teacher.keras)
    assert "starts with what it has room for; drawn at random: none" in capsys.readouterr().err


def test_a_wider_head_starts_as_the_same_function(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Net2Net: the same masks to begin with, from weights that are not the same twice, so that they can part."""
    import tf_keras

    old, new = lively(MaskSpec(32, 32, 2)), build_mask_head(MaskSpec(32, 32, 4))
    copy_weights(new, old, tmp_path)
    assert "its channels are copied" in capsys.readouterr().err
    pictures = np.random.default_rng(3).random((3, 32, 32, 3), np.float32)
    masks = [tf_keras.Model(net.input, net.get_layer("mask").output)(pictures).numpy() for net in (old, new)]
    assert np.ptp(masks[0]) > 0.1
    np.testing.assert_allclose(masks[1], masks[0], atol=1e-5)
    kernel, narrow = (net.get_layer("down1_1").get_weights()[0] for net in (new, old))
    np.testing.assert_allclose(kernel[:, :, :2] + kernel[:, :, 2:], np.tile(narrow, 2), atol=1e-6)
    assert not np.allclose(kernel[:, :, :2], kernel[:, :, 2:], atol=1e-3)
    assert not np.allclose(kernel[..., :4], kernel[..., 4:], atol=1e-3)
    again, other = (build_mask_head(MaskSpec(32, 32, 4)) for _ in range(2))
    copy_weights(again, old, tmp_path)
    copy_weights(other, old, tmp_path, seed=1)
    assert np.array_equal(again.get_layer("down1_1").get_weights()[0], kernel)
    assert not np.array_equal(other.get_layer("down1_1").get_weights()[0], kernel)


def test_a_wider_separable_head_starts_as_the_same_function(tmp_path: Path) -> None:
    import tf_keras

    old, new = (lively(MaskSpec(32, 32, base, separable=True)) for base in (2, 4))
    copy_weights(new, old, tmp_path)
    pictures = np.random.default_rng(3).random((3, 32, 32, 3), np.float32)
    masks = [tf_keras.Model(net.input, net.get_layer("mask").output)(pictures).numpy() for net in (old, new)]
    assert np.ptp(masks[0]) > 0.01
    np.testing.assert_allclose(masks[1], masks[0], atol=1e-5)


def test_a_u_net_does_not_start_from_a_narrower_one(tmp_path: Path) -> None:
    """Behind its concatenations copies of a channel are not where a wider layer would look for them."""
    with pytest.raises(UserError, match="another arrangement"):
        copy_weights(*(build_unet(unet_spec(base, 2, height=32, width=32)) for base in (8, 4)), tmp_path)


def test_it_learns_and_goes_on_after_a_kill(
    tiny_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeblur.distill.training import fit as fit_module

    spec, options = MaskSpec(32, 32, 4), FitOptions(8, 4, 5e-3, face_weight=2, augmentation=None)
    write = fit_module._History.write

    def interrupted(history: Any) -> None:
        write(history)
        if len(history.epochs) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fit_module._History, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(build_mask_head(spec), tiny_data, tmp_path, options)
    monkeypatch.undo()
    net = build_mask_head(spec, seed=1)
    fixed = {name: net.get_layer(name).get_weights() for name in ("steepen", "spread")}
    epochs = fit(net, tiny_data, tmp_path, options, resume=True).epochs
    assert [epoch.epoch for epoch in epochs] == list(range(1, 9))
    losses, overlaps = [epoch.loss for epoch in epochs], [epoch.iou for epoch in epochs]
    assert None not in (*losses, *overlaps)
    assert losses[2] < losses[0]
    assert losses[-1] < 0.6 * losses[0]
    assert overlaps[-1] > 2 * overlaps[0]
    assert None not in (epochs[-1].val_psnr, epochs[-1].val_ssim, epochs[-1].val_mae, epochs[-1].val_iou)
    for name, weights in fixed.items():
        assert all(np.array_equal(a, b) for a, b in zip(weights, net.get_layer(name).get_weights(), strict=True))


def test_a_wide_mask_head_teaches_a_narrow_one(taught: Run) -> None:
    assert [model.name for model in taught.models()] == ["teacher", "mask1"]
    info = taught.model("mask1").info()
    assert info.parent == "teacher"
    assert info.spec == MaskSpec(32, 32, 1, fine=2).as_json()
    assert MaskSpec.from_json(info.spec) == MaskSpec(32, 32, 1, fine=2)
    assert has_mask(load_keras(taught.model("mask1").keras))


def test_what_a_teacher_says_changes_the_loss(pictures: list[Floats]) -> None:
    import tf_keras

    weight = np.ones((4, 32, 32), np.float32)
    weight[:, 8:24, 8:24] = 2
    batch = np.concatenate(pictures), np.concatenate(pictures), weight
    losses, spec, teacher = [], MaskSpec(32, 32, 1), lively(MaskSpec(32, 32, 1))
    for teaching in (None, Teaching(teacher, 0.5)):
        net = build_mask_head(spec)
        student = mask_student_model_class()(net, teaching, 1.0)
        student.compile(optimizer=tf_keras.optimizers.SGD(0.1), run_eagerly=True)
        losses.append(float(student.train_step(batch)["loss"]))
    assert abs(losses[0] - losses[1]) > 0.01


def test_small_faces_are_grown_and_large_ones_are_not() -> None:
    def cells(side: int, shrink: int = 4) -> Any:
        weight = np.ones((1, 128, 128), np.float32)
        weight[:, 16 : 16 + side, 16 : 16 + side] = 2
        return np.asarray(wanted_mask(weight, shrink))[0, :, :, 0]

    for side in (16, 80):  # by pixels as by cells
        fine = cells(side, 1)
        assert fine.shape == (128, 128)
        np.testing.assert_allclose(fine.reshape(32, 4, 32, 4).mean((1, 3)), cells(side), atol=1e-5)
    small, large = cells(16), cells(80)
    assert (small[4:8, 4:8] == 1).all()
    assert (small[3, 4:8] == 0.5).all()  # two pixels of four
    assert small.sum() == pytest.approx(5 * 5)
    assert large[4:24, 4:24].sum() == 400
    assert large[14, 3] == 0


def test_spots_are_neither_right_nor_wrong() -> None:
    """Nothing is to be found or left where a face is a few pixels large, nor at the rim of one that is cut off."""

    def judged(*boxes: tuple[int, int, int, int], shrink: int = 4) -> Any:
        weight = np.ones((1, 128, 128), np.float32)
        for y, x, height, width in boxes:
            weight[:, y : y + height, x : x + width] = 2
        return np.asarray(worth_finding(weight, shrink))

    assert (judged() == 1).all()
    assert (judged((40, 40, 16, 16), (80, 60, 40, 40)) == 1).all()
    spot = judged((40, 40, 6, 6))
    assert spot.shape == (1, 32, 32, 1)
    assert (spot[0, 10:11, 10:11] == 0).all()
    assert spot.mean() > 0.95
    both = judged((40, 40, 6, 6), (80, 60, 40, 40))
    assert (both[0, 20:30, 15:25] == 1).all()
    assert (judged((60, 0, 30, 4))[0, 15:22, 0] == 0).all()  # of a face beyond the border
    fine = judged((40, 40, 6, 6), shrink=1)
    np.testing.assert_array_equal(fine.reshape(32, 4, 32, 4).min((1, 3)), spot[0, ..., 0])

    mask = np.zeros((1, 32, 32, 1), np.float32)
    mask[:, 10:12, 10:12] = 1
    found, missed = (np.where(m > 0, 12.0, -12.0).astype(np.float32) for m in (mask, np.zeros_like(mask)))
    losses = [float(mask_loss(mask, logit, 1.0, judged=spot)) for logit in (found, missed)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
    assert float(mask_loss(mask, missed, 1.0)) > 0.1 + losses[1]


def test_the_gain_is_told_in_both_measures() -> None:
    alone, taught = (Fitted((Epoch(1, 1.0, 2.0, val_psnr=psnr, val_iou=iou),)) for psnr, iou in ((30, 0.5), (31, 0.6)))
    gained = _gain(alone, taught)
    assert gained.gain_db == 1
    assert gained.gain_iou == pytest.approx(0.1)
    assert gained.alone_val_iou == 0.5


def test_every_later_stage_takes_it(taught: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = taught.teacher.int8_tflite
    done("validate", model, "--limit", 2, "--json")
    assert json.loads(capsys.readouterr().out)
    done("compare", taught.folder, "--detector", "none", "--judge", "none", "--limit", 2, "--out", tmp_path / "found")
    entries = json.loads((tmp_path / "found" / "compare.json").read_text())["entries"]
    assert ("teacher", "int8") in {(entry["name"], entry.get("precision")) for entry in entries}


def test_a_unet_has_no_mask_to_teach(run: Run, tiny_data: Dataset, taught: Run) -> None:
    for teacher, untaught in ((run.teacher, True), (taught.teacher, False)):
        net = load_keras(teacher.keras)
        for family, output, wants in (("mask", "sigmoid", True), ("unet", "gate", True), ("unet", "linear", False)):
            options = StudentOptions(family, output=output)
            workshop = _Workshop(run, tiny_data, net, options, False, False)
            assert workshop.untaught(options.spec(32, 32)) == (untaught and wants)


@pytest.mark.parametrize("option", ["prune", "sparsity", "feature_weight"])
def test_what_only_unets_have_is_refused(run: Run, option: str) -> None:
    options = StudentOptions("mask", **{option: 0.5})  # type: ignore[arg-type]
    with pytest.raises(UserError, match="are for U-Nets"):
        distill(run, options)


def test_a_mask_head_has_no_unet_spec(taught: Run) -> None:
    with pytest.raises(UserError, match="mask1 is a mask head"):
        spec_of(taught.model("mask1"))


@pytest.mark.parametrize(
    ("numbers", "first", "coarsest"),
    [
        ({"widths": (4, 8, 12, 16), "depths": (1, 2, 1), "finest": 2}, (16, 16, 4), (2, 2, 16)),
        ({"widths": (0, 8, 12, 20), "depths": (1, 1, 2), "stem": 6}, (8, 8, 8), (2, 2, 20)),
    ],
    ids=["coarse", "without half size"],
)
def test_heads_by_widths_and_depths(
    numbers: dict[str, Any], first: tuple[int, ...], coarsest: tuple[int, ...], pictures: list[Floats]
) -> None:
    """Whatever the numbers, the mask is at 1/4 size, and int8 is streamed."""
    spec = MaskSpec(32, 32, pool=16, **numbers)
    net = lively(spec)
    assert net.get_layer("half" if spec.filters[0] else "down1_1").output_shape[1:] == first
    assert net.get_layer(f"bottom_{spec.convs[-1]}").output_shape[1:] == coarsest
    assert net.get_layer("mask").output_shape[1:] == (8, 8, 1)
    assert {op.kind for op in read_tflite(to_quantized(net, pictures)).ops} <= STREAMED | {"TRANSPOSE_CONV"}
    assert MaskSpec.from_json(spec.as_json()) == spec


@pytest.mark.parametrize(
    "numbers", [{"widths": (4, 8, 12)}, {"widths": (4, 0, 12, 16)}, {"depths": (1, 0, 1)}, {"finest": 3}]
)
def test_numbers_that_are_no_head(numbers: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"four numbers|three numbers|level 1 or 2"):
        MaskSpec(32, 32, **numbers)


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(UserError, match="multiples of 16, got 40x32"):
        MaskSpec(32, 40)
    with pytest.raises(ValueError, match="not an ascent"):
        MaskSpec(threshold=0.5, full=0.5)
