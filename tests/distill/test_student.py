"""Students: distilled, slimmed, made sparse; each claim checked on the files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras

from edgeblur.cli import main
from edgeblur.distill.nets.ensemble import ensemble
from edgeblur.distill.nets.families import mask_logit
from edgeblur.distill.nets.keras_files import load_keras
from edgeblur.distill.nets.mask_head import build_mask_head, mask_spec
from edgeblur.distill.nets.prune import prune_channels, pruned_spec, zero_share
from edgeblur.distill.nets.unet import GATED, UNetSpec, build_unet, has_gate, unet_spec
from edgeblur.distill.student import StudentOptions, distill
from edgeblur.distill.training.fit import FitOptions, Teaching, fit
from edgeblur.errors import UserError
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.files import compressed_bytes
from edgeblur.store.run_folder import Run, RunModel, open_run

QUICK = StudentOptions(width=4, levels=2, fit=FitOptions(epochs=1, batch=8))
NAME = "w4l2"


@pytest.fixture(scope="session")
def distilled(tiny_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with a student of width 4, the same student alone, half of its channels, and 60 % zeros."""
    folder = tmp_path_factory.mktemp("distilled") / "run"
    shutil.copytree(tiny_run.folder, folder)
    run = open_run(folder)
    fit_options = FitOptions(epochs=5, batch=4, learning_rate=3e-3)
    distill(run, replace(QUICK, prune=0.5, sparsity=0.6, feature_weight=0.1, fit=fit_options))
    return run


@pytest.fixture
def run(tiny_run: Run, tmp_path: Path) -> Run:
    """A run of this test's own, with a teacher only."""
    shutil.copytree(tiny_run.folder, tmp_path / "run")
    return open_run(tmp_path / "run")


def picture(spec: UNetSpec, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random((2, spec.height, spec.width, 3), np.float32)


def test_the_models_of_a_distillation(distilled: Run) -> None:
    names = ["teacher", f"{NAME}-alone", NAME, f"{NAME}-prune50", f"{NAME}-sparse60"]
    assert [model.name for model in distilled.models()] == names
    kinds = [model.info().kind for model in distilled.models()]
    assert kinds == ["teacher", "alone", "student", "student", "student"]
    for model in distilled.models():
        assert {"curves.png", "float.tflite", "history.json"} <= {path.name for path in model.folder.iterdir()}
        assert load_keras(model.keras).count_params() == model.info().parameters


def test_what_distilling_gained_is_told(distilled: Run) -> None:
    info, alone = distilled.model(NAME).info(), distilled.model(f"{NAME}-alone").info()
    gain = info.gained_by_distilling
    assert gain is not None
    assert info.best is not None
    assert alone.best is not None
    assert gain.alone_val_psnr_db == alone.best.val_psnr
    assert gain.distilled_val_psnr_db == info.best.val_psnr
    assert gain.gain_db == pytest.approx((info.best.val_psnr or 0) - (alone.best.val_psnr or 0), abs=1e-3)
    assert info.parent == "teacher"
    assert alone.spec == info.spec
    assert alone.best != info.best  # the teacher made a difference


def test_pruned_channels_make_a_smaller_model(distilled: Run) -> None:
    before, after = distilled.model(NAME), distilled.model(f"{NAME}-prune50")
    assert after.info().pruned_channels == 0.5
    assert after.info().parent == NAME
    assert after.info().parameters == build_unet(unet_spec(2, 2, height=32, width=32)).count_params()
    assert (after.info().parameters or 0) < 0.3 * (before.info().parameters or 0)
    assert after.float_tflite.stat().st_size < 0.8 * before.float_tflite.stat().st_size


def test_sparsity_compresses_but_does_not_shrink(distilled: Run) -> None:
    before, after = distilled.model(NAME), distilled.model(f"{NAME}-sparse60")
    assert after.info().zeroed_weights == pytest.approx(0.6, abs=0.02)
    assert zero_share(load_keras(after.keras)) == pytest.approx(0.6, abs=0.02)
    assert after.info().parameters == before.info().parameters
    sizes = [model.float_tflite.stat().st_size for model in (before, after)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.02)
    dense, sparse = (compressed_bytes(model.float_tflite.read_bytes()) for model in (before, after))
    assert sparse < 0.75 * dense


def test_the_best_epoch_of_a_sparse_student_has_its_zeros(distilled: Run) -> None:
    """Earlier epochs are better, having fewer zeros; they must not be the ones that are kept."""
    model = distilled.model(f"{NAME}-sparse60")
    best = model.info().best
    assert best is not None
    assert best.epoch >= 0.6 * 5


@pytest.mark.parametrize("batch_norm", [False, True])
def test_pruning_nothing_changes_nothing(batch_norm: bool) -> None:
    spec = unet_spec(3, 2, height=16, width=16, batch_norm=batch_norm)
    net = build_unet(spec, seed=5)
    _make_lively(net)
    slim, same = prune_channels(net, spec, 0.0)
    assert same == spec
    assert np.array_equal(slim.predict(picture(spec), verbose=0), net.predict(picture(spec), verbose=0))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("levels", [2, 3])
def test_pruning_dead_channels_changes_nothing(batch_norm: bool, levels: int) -> None:
    spec = unet_spec(4, levels, height=16, width=16, batch_norm=batch_norm)
    net = build_unet(spec, seed=5)
    _make_lively(net)
    _kill_channels(net, 0.5)
    slim, smaller = prune_channels(net, spec, 0.5)
    assert slim.count_params() < 0.35 * net.count_params()
    assert smaller.bottleneck == (2 * 2**levels,) * 2
    wanted = net.predict(picture(spec), verbose=0)
    assert wanted.std() > 0.05  # otherwise anything would be equal
    assert np.abs(slim.predict(picture(spec), verbose=0) - wanted).max() < 1e-5  # sums run in another order


def test_pruning_leaves_a_gate_whole() -> None:
    """The channels that carry picture, blur and gate stay, small as their filters are."""
    spec = unet_spec(16, 2, height=16, width=16, output="gate")
    net = build_unet(spec)
    slim, smaller = prune_channels(net, spec, 0.5)
    assert smaller.output == "gate"
    assert slim.count_params() < 0.5 * net.count_params()
    assert has_gate(slim)
    for gate in (-9.0, 9.0):  # shut, open
        for each in (net, slim):
            kernel, bias = each.get_layer("dec1a").get_weights()
            kernel[..., GATED - 2 : GATED], bias[GATED - 2 : GATED] = 0, (gate, -gate)
            each.get_layer("dec1a").set_weights([kernel, bias])
        wanted = net.predict(picture(spec), verbose=0)
        assert np.abs(slim.predict(picture(spec), verbose=0) - wanted).max() < 1e-5
        assert (np.abs(wanted - picture(spec)).max() < 1e-6) == (gate < 0)


def _make_lively(net: Any) -> None:
    """Weights as training leaves them: nothing is 0 or 1 any more."""
    random = np.random.default_rng(1)
    for layer in net.layers:
        weights = layer.get_weights()
        layer.set_weights(
            [w + random.normal(0, 0.05, w.shape) if w.ndim == 4 else random.uniform(0.2, 1.2, w.shape) for w in weights]
        )


def _kill_channels(net: Any, share: float) -> None:
    """Make a random `share` of every layer's channels put out 0, whatever comes in."""
    random = np.random.default_rng(2)
    for layer in net.layers:
        weights = layer.get_weights()
        if layer.name == "head" or not weights or layer.name.endswith("_norm"):
            continue
        count = weights[1].shape[0]
        dead = random.permutation(count)[: round(count * share)]
        norms = [other for other in net.layers if other.name == f"{layer.name}_norm"]
        for norm in norms:  # the filter may be as large as it likes: the scale after it is 0
            gamma, beta, *moving = norm.get_weights()
            gamma[dead] = beta[dead] = 0
            norm.set_weights([gamma, beta, *moving])
        if not norms:
            weights[0][(..., dead, slice(None)) if layer.name.startswith("up") else (..., dead)] = 0
            weights[1][dead] = 0
            layer.set_weights(weights)


def test_at_least_one_channel_stays() -> None:
    spec = unet_spec(2, 2, height=16, width=16)
    assert pruned_spec(spec, 0.95).encoder == ((1, 1), (1, 1))
    slim, _ = prune_channels(build_unet(spec), spec, 0.95)
    assert slim.predict(picture(spec), verbose=0).shape == (2, 16, 16, 3)


def test_a_teacher_alone_can_be_learnt_from(run: Run, tmp_path: Path) -> None:
    """Weight 1: the target is the teacher's output, so a copy of the teacher has nothing to learn."""
    from edgeblur.store.dataset import open_dataset

    teacher = load_keras(run.teacher.keras)
    copy = load_keras(run.teacher.keras)
    options = FitOptions(epochs=1, batch=8, learning_rate=1e-9)
    fitted = fit(copy, open_dataset(run.dataset), tmp_path, options, teaching=Teaching(teacher, weight=1.0))
    assert fitted.epochs[0].loss < 1e-6
    assert fitted.epochs[0].val_loss > 1e-3  # validation is against the ground truth


def test_an_existing_student_is_refused_unless_forced(distilled: Run, tmp_path: Path) -> None:
    shutil.copytree(distilled.folder, tmp_path / "run")
    run = open_run(tmp_path / "run")
    with pytest.raises(UserError, match=f"{NAME} exists already: replace it"):
        distill(run, QUICK)
    with pytest.raises(UserError, match="prune50 exists already"):
        distill(run, replace(QUICK, prune=0.5))
    before = run.model(NAME).keras.read_bytes()
    (pruned,) = distill(run, replace(QUICK, prune=0.25))
    assert pruned.name == f"{NAME}-prune25"
    assert run.model(NAME).keras.read_bytes() == before  # a finished student is pruned, not trained again
    (again,) = distill(run, replace(QUICK, alone=False), force=True)
    best = again.info().best
    assert best is not None
    assert best.epoch == 1
    assert run.model(NAME).keras.read_bytes() != before


def test_finished_students_are_not_trained_again_on_resume(distilled: Run) -> None:
    files = {path: path.stat().st_mtime_ns for path in distilled.folder.rglob("*") if path.name == "model.keras"}
    options = replace(QUICK, prune=0.5, sparsity=0.6, feature_weight=0.1)
    models = distill(distilled, options, resume=True)
    assert [model.name for model in models] == [f"{NAME}-prune50", f"{NAME}-sparse60"]
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_a_finished_student_that_was_damaged_is_told(
    distilled: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(distilled.folder, folder)
    (folder / NAME / "model.json").unlink()
    line = ["distill", str(folder), *["--width", "4", "--levels", "2", "--epochs", "1", "--batch", "8", "--resume"]]
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 0
    assert f"{NAME}: unknown parameters" in capsys.readouterr().out
    (folder / NAME / "model.keras").write_bytes(b"junk")
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2
    assert "model.keras cannot be read" in capsys.readouterr().err


def test_an_unfinished_student_is_resumed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeblur.distill.training import fit as fit_module

    options = replace(QUICK, alone=False, fit=replace(QUICK.fit, epochs=3))
    write = fit_module._History.write

    def interrupted(history: Any) -> None:
        write(history)
        if len(history.epochs) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(fit_module._History, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        distill(run, options)
    monkeypatch.undo()
    student = RunModel(run.folder / NAME)
    begun = student.history().epochs
    other_start = tmp_path / "start.keras"
    build_unet(QUICK.spec(*load_keras(run.teacher.keras).input_shape[1:3])).save(other_start)
    with pytest.raises(UserError, match="unfinished training"):
        distill(run, options)
    with pytest.raises(UserError, match="epochs 3, not 4"):
        distill(run, replace(options, fit=replace(options.fit, epochs=4)), resume=True)
    with pytest.raises(UserError, match=r"teacher_weight 0\.5, not 0\.7"):
        distill(run, replace(options, teacher_weight=0.7), resume=True)
    with pytest.raises(UserError, match="start None, not "):
        distill(run, replace(options, start=other_start), resume=True)
    distill(run, options, resume=True)
    ended = student.history().epochs
    assert [epoch.epoch for epoch in ended] == [1, 2, 3]
    assert ended[0] == begun[0]


@pytest.mark.parametrize(("option", "share"), [("prune", 1.0), ("prune", -0.1), ("sparsity", 1.5)])
def test_shares_outside_0_to_1_are_refused(run: Run, option: str, share: float) -> None:
    shares = {"prune": 0.0, "sparsity": 0.0, option: share}
    with pytest.raises(UserError, match=f"{option} is a share"):
        distill(run, replace(QUICK, prune=shares["prune"], sparsity=shares["sparsity"]))


def test_a_finished_student_stays_if_its_successor_cannot_begin(run: Run, tmp_path: Path) -> None:
    options = replace(QUICK, alone=False)
    distill(run, options)
    before = run.model(NAME).keras.read_bytes()
    for wrong, told in (
        (replace(options, start=tmp_path / "no.keras"), "does not exist"),
        (replace(options, start=run.teacher.keras), "in another arrangement"),
        (replace(options, start=run.model(NAME).keras), "lies in it"),
        (replace(options, fit=replace(options.fit, mask_weight=0.1)), "a mask weight needs a face weight other than 1"),
        (replace(options, start=tmp_path / "n.keras", fit=replace(options.fit, hard=0.1)), "does not exist"),
    ):
        with pytest.raises(UserError, match=told):
            distill(run, wrong, force=True)
        assert run.model(NAME).keras.read_bytes() == before


def test_a_student_that_paints_has_no_hard_pictures(run: Run, tmp_path: Path) -> None:
    options = replace(QUICK, alone=False)
    distill(run, options)
    start = tmp_path / "start.keras"
    shutil.copy(run.model(NAME).keras, start)
    with pytest.raises(UserError, match="hard examples are found by the masks"):
        distill(run, replace(options, start=start, fit=replace(options.fit, hard=0.1)), force=True)
    assert run.model(NAME).keras.exists()


def test_several_teachers_are_one_whose_masks_are_their_mean() -> None:
    heads = [build_mask_head(mask_spec(2, height=32, width=32), seed=seed) for seed in (1, 2)]
    gate = build_unet(unet_spec(8, 2, height=32, width=32, output="gate"), seed=3)
    together = ensemble([*heads, gate])
    shown = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    logits = [load_mask(net)(shown).numpy() for net in (*heads, gate)]
    logits[2] = logits[2].reshape(2, 8, 4, 8, 4, 1).mean((2, 4))  # a gate's cells are pixels
    assert np.allclose(load_mask(together)(shown), np.mean(logits, 0), atol=1e-5)
    assert np.abs(logits[0] - logits[1]).max() > 0.01  # otherwise either would do
    assert ensemble(heads[:1]) is heads[0]


def load_mask(net: Any) -> Any:
    return tf_keras.Model(net.input, mask_logit(net))


def test_a_student_of_several_teachers(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run's own teacher paints: the student learns from the nets that are named, and from the shelf's."""
    mine = tmp_path / "mine.keras"
    build_mask_head(mask_spec(2, height=32, width=32), seed=1).save(mine)
    arguments = [
        "distill",
        str(run.folder),
        "--family",
        "mask",
        "--width",
        "2",
        "--no-alone",
        "--epochs",
        "1",
        "--batch",
        "8",
    ]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--with-teacher", str(mine), "--with-teacher", "mask4"])
    assert ended.value.code == 0
    assert "the teacher is the mean of 2 nets' masks" in capsys.readouterr().err
    info = run.model("mask2").info()
    assert [Path(path).parent.name for path in info.teachers] == [tmp_path.name, "mask4"]
    assert info.teacher_weight == 0.5


def test_teachers_without_masks_are_refused(run: Run) -> None:
    with pytest.raises(UserError, match="a U-Net that paints learns from pictures"):
        distill(run, replace(QUICK, with_teachers=(run.teacher.keras,)))
    with pytest.raises(UserError, match="paints, and has no mask to teach"):
        distill(run, StudentOptions(family="mask", width=2, alone=False, with_teachers=(run.teacher.keras,)))
    assert [model.name for model in run.models()] == ["teacher"]


def test_zeros_are_not_averaged(run: Run) -> None:
    with pytest.raises(UserError, match="a moving average would mix zeros with what was there before"):
        distill(run, replace(QUICK, sparsity=0.5, fit=FitOptions(epochs=1, batch=8, ema=0.9)))


def test_the_command(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["distill", str(run.folder), "--width", "2", "--levels", "2", "--no-alone", "--epochs", "1"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--batch", "8", "--json"])
    assert ended.value.code == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert model["name"] == "w2l2"
    assert "gained_by_distilling" not in model
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize("levels", [2, 3, 4])
def test_levels_that_do_not_fit_the_picture(run: Run, levels: int) -> None:
    assert build_unet(unet_spec(1, levels, height=32, width=32)).output_shape == (None, 32, 32, 3)
    with pytest.raises(UserError, match="multiples of 64"):
        distill(run, replace(QUICK, levels=6))
    assert sorted(path.name for path in run.folder.iterdir()) == ["run.json", "teacher"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--feature-weight", "0.1"], "are for U-Nets that paint"),
        (["--sparsity", "0.5"], "are for U-Nets that paint"),
        (["--width", "7"], "needs 8 filters at its top level"),
    ],
)
def test_what_a_gate_does_not_go_with(run: Run, more: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["distill", str(run.folder), "--width", "8", "--levels", "2", "--output", "gate", "--no-alone", *more])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
    assert not (run.folder / "gate7l2").exists()


def test_students_are_called_by_what_they_are() -> None:
    shapes = [{}, {"output": "gate"}, {"output": "linear"}, {"output": "gate", "levels": 2}, {"family": "mask"},
              {"family": "live"}]  # fmt: skip
    names = [StudentOptions(**shape).name for shape in shapes]  # type: ignore[arg-type]
    assert names == ["w8", "gate8", "w8-linear", "gate8l2", "mask8", "live"]


def test_a_student_is_pruned_with_its_own_output(run: Run) -> None:
    distill(run, replace(QUICK, alone=False))
    (run.folder / NAME).rename(run.folder / f"{NAME}-linear")
    run.add(f"{NAME}-linear")  # as of an older run, whose names did not tell the output
    for more in ({"prune": 0.5}, {"sparsity": 0.5}):
        with pytest.raises(UserError, match="trained with the output sigmoid: prune it with the same"):
            distill(run, replace(QUICK, output="linear", **more))  # type: ignore[arg-type]
    assert [model.name for model in run.models()] == ["teacher", f"{NAME}-linear"]


def test_a_run_without_a_teacher(tmp_path: Path, tiny_run: Run) -> None:
    (tmp_path / "run").mkdir()
    shutil.copy(tiny_run.folder / "run.json", tmp_path / "run")
    with pytest.raises(UserError, match="no finished teacher"):
        distill(open_run(tmp_path / "run"), QUICK)


def test_a_student_with_a_gate_goes_all_the_way(run: Run) -> None:
    """It learns where faces are; the streaming engine gives LiteRT's bytes; its clamp can be set."""
    shape = ["--width", "8", "--levels", "2", "--output", "gate", "--no-alone", "--epochs", "1", "--batch", "8"]
    for arguments in (
        ["distill", str(run.folder), *shape],
        ["clamp", str(run.folder), "--model", "gate8l2", "--set", "0.2:0.4"],
        ["quantize", "--int8", str(run.folder), "--model", "gate8l2", "--calibration", "8"],
        ["validate", str(run.folder), "--model", "gate8l2", "--engine", "stream,litert-ref", "--exact"],
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
    info = run.model("gate8l2").info()
    spec = info.spec or {}
    assert (spec["output"], spec["threshold"], spec["full"]) == ("gate", 0.2, 0.4)
    assert has_gate(load_keras(run.model("gate8l2").keras))
    assert info.best is not None
    assert info.best.val_iou is not None
    ops = [op.kind for op in read_tflite(run.model("gate8l2").int8_tflite.read_bytes()).ops]
    assert "LOGISTIC" not in ops
    assert ops[-1] == "CONV_2D"
