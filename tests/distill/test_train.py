"""Training on a tiny data set: what it leaves behind, going on after a kill, stopping early."""

from __future__ import annotations

import functools
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from rich.progress import Progress

from edgeblur.cli import main
from edgeblur.distill.data.make import MakeOptions, make_dataset
from edgeblur.distill.data.sources import from_synthetic
from edgeblur.distill.nets.families import AUGMENTATIONS
from edgeblur.distill.nets.mask_head import MaskSpec
from edgeblur.distill.nets.unet import UNetSpec, build_unet, unet_spec
from edgeblur.distill.teacher import TrainOptions, train
from edgeblur.distill.training.draws import Draws
from edgeblur.distill.training.fit import FitOptions, _refuse_damaged, fit
from edgeblur.distill.training.lessons import Augmentation, lessons
from edgeblur.errors import RunError, UserError
from edgeblur.files import read_json
from edgeblur.store.dataset import Dataset, open_dataset
from edgeblur.store.notes import Epoch
from edgeblur.store.run_folder import Run, open_run

SPEC = unet_spec(2, 2, height=32, width=32)
QUICK = TrainOptions(SPEC, FitOptions(epochs=1, batch=8))
MEASURES = {"loss", "mae", "psnr", "ssim"}


def command(data: Dataset, out: Path, *more: str) -> list[str]:
    shape = ["--width", "2", "--levels", "2", "--size", "32", "--batch", "8"]
    return ["train", "--data", str(data.root), "--out", str(out), *shape, *more]


def epochs_of(run: Path) -> list[dict[str, float]]:
    return list(read_json(run / "teacher" / "history.json")["epochs"])


def same_weights(one: Path, two: Path) -> bool:
    from edgeblur.distill.nets.keras_files import load_keras

    pairs = zip(load_keras(one).get_weights(), load_keras(two).get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_what_a_training_leaves_behind(tiny_run: Run) -> None:
    teacher = tiny_run.teacher
    assert {path.name for path in teacher.folder.iterdir()} == {
        "curves.png", "float.tflite", "history.json", "model.json", "model.keras",
    }  # fmt: skip
    with Image.open(teacher.folder / "curves.png") as curves:
        assert curves.format == "PNG"
        assert min(curves.size) > 300
        assert len(curves.convert("RGB").getcolors(1 << 24)) > 20
    (epoch,) = epochs_of(tiny_run.folder)
    assert set(epoch) == {"epoch", "seconds"} | MEASURES | {f"val_{measure}" for measure in MEASURES}
    assert 0 < epoch["val_mae"] < 1
    assert 0 < epoch["val_psnr"] < 60
    assert -1 <= epoch["val_ssim"] <= 1
    info = teacher.info()
    assert (info.kind, info.parameters, info.best and info.best.epoch) == ("teacher", 1925, 1)
    assert UNetSpec.from_json(info.spec) == SPEC
    assert [model.name for model in open_run(tiny_run.folder).models()] == ["teacher"]


def test_the_history_tells_the_truth(tiny_run: Run, tiny_data: Dataset) -> None:
    """PSNR and MAE of the validation split, computed anew from the saved model."""
    from edgeblur.distill.nets.keras_files import load_keras

    net = load_keras(tiny_run.teacher.keras)
    lesson = lessons(tiny_data, "val", height=32, width=32, batch=4, face_weight=1.0, augment=None)
    ((picture, target, weight),) = lesson.as_numpy_iterator()
    error = net.predict(picture, verbose=0) - target
    (epoch,) = epochs_of(tiny_run.folder)
    assert epoch["val_mae"] == pytest.approx(np.abs(error).mean(), rel=1e-3)
    decibel = [-10 * np.log10(np.square(e).mean()) for e in error]
    assert epoch["val_psnr"] == pytest.approx(np.mean(decibel), rel=1e-3)
    assert epoch["val_loss"] == pytest.approx(np.square(error).mean(), rel=1e-3)
    assert (weight == 1).all()


def test_training_learns(tiny_data: Dataset, tmp_path: Path) -> None:
    options = TrainOptions(SPEC, FitOptions(epochs=6, batch=4, learning_rate=2e-2, augmentation=None))
    fitted = train(tiny_data.root, tmp_path / "run", options)
    assert len(fitted.epochs) == 6
    first, last = fitted.epochs[0].psnr, fitted.epochs[-1].psnr
    assert first is not None
    assert last is not None
    assert last > first + 1
    assert fitted.best.val_loss == min(epoch.val_loss for epoch in fitted.epochs)


def test_averaged_weights_are_kept_and_the_last_ones_go_on(tiny_data: Dataset, tmp_path: Path) -> None:
    """A slow average stays near the start, while the training itself goes as it would without."""
    start = build_unet(SPEC).get_weights()

    def trained(name: str, ema: float) -> tuple[list[float | None], float]:
        net = build_unet(SPEC)
        options = FitOptions(4, 4, 2e-2, augmentation=None, ema=ema, keep="last")
        fitted = fit(net, tiny_data, tmp_path / name, options)
        way = sum(np.abs(after - before).sum() for after, before in zip(net.get_weights(), start, strict=True))
        return [epoch.loss for epoch in fitted.epochs], float(way)

    losses, way = trained("last", 0.0)
    averaged_losses, averaged_way = trained("averaged", 0.999)
    assert averaged_losses == pytest.approx(losses, rel=1e-4)
    assert 0 < averaged_way < 0.05 * way


def test_the_last_epoch_can_be_kept_though_another_was_better(tiny_data: Dataset, tmp_path: Path) -> None:
    options = FitOptions(4, 8, learning_rate=0.5, patience=1, augmentation=None, keep="last")
    fitted = train(tiny_data.root, tmp_path / "run", TrainOptions(SPEC, options))
    losses = [epoch.val_loss for epoch in fitted.epochs]
    assert len(losses) == 4
    assert losses[-1] > min(losses)
    assert fitted.best.epoch == 4
    assert open_run(tmp_path / "run").teacher.info().best == fitted.best
    again = train(tiny_data.root, tmp_path / "run", TrainOptions(SPEC, options), resume=True)
    assert again.best == fitted.best


def damaged_files_are_told(model: Path) -> None:
    """Each file that a training goes on from, cut anywhere or with another bit, is refused before the first step."""
    net, draw = build_unet(SPEC), random.Random(5)
    refuse = functools.partial(_refuse_damaged, folder=model, epochs=2, kept=True)
    refuse(net)
    weights = net.get_weights()
    files = [model / "best.npz", *(path for path in (model / "checkpoint").rglob("*") if path.is_file())]
    assert len(files) == 4
    for path in files:
        whole = path.read_bytes()
        flipped = bytearray(whole)
        if path.name == "checkpoint":  # a text, of which some is not read
            flipped = bytearray(len(whole))
        else:
            flipped[len(whole) // 2] ^= 16
        cuts = [0, 1, draw.randrange(len(whole)), len(whole) // 2]
        for damaged in (*(whole[:cut] for cut in cuts), bytes(flipped), bytes(len(whole))):
            path.write_bytes(damaged)
            with pytest.raises(UserError, match=r"(checkpoint|best\.npz) .*is damaged.*start it anew"):
                refuse(net)
        path.unlink()
        with pytest.raises(UserError, match=r"(checkpoint|best\.npz) .*is damaged.*start it anew"):
            refuse(net)
        path.write_bytes(whole)
    with pytest.raises(UserError, match=r"history\.json, which says how it was begun, is gone or empty"):
        refuse(net, epochs=0)
    (model / "best.npz").rename(model / "aside")
    with pytest.raises(UserError, match=r"checkpoint .*of another net"):
        refuse(build_unet(replace(SPEC, bottleneck=(4, 5))), kept=False)
    (model / "aside").rename(model / "best.npz")
    assert all(np.array_equal(a, b) for a, b in zip(weights, net.get_weights(), strict=True))


def test_a_killed_training_goes_on(tiny_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the pictures that it would have been shown, so that it comes to what it would have come to."""
    out = tmp_path / "run"
    arguments = command(tiny_data, out, "--epochs", "4")
    # The epochs are made slow enough to be killed in, by a sitecustomize that only this process sees.
    (tmp_path / "sitecustomize.py").write_text(
        "import edgeblur.distill.training.fit as fit, time\n"
        "write = fit._History.write\n"
        "def slowly(history):\n"
        "    write(history)\n"
        "    if len(history.epochs) == 3:\n"
        "        time.sleep(600)\n"
        "fit._History.write = slowly\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-m", "edgeblur", *arguments], env=environment) as process:
        history = out / "teacher" / "history.json"
        while process.poll() is None and not (history.exists() and len(epochs_of(out)) == 3):
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    before = epochs_of(out)
    damaged_files_are_told(out / "teacher")
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--resume"])
    assert ended.value.code == 0
    after = epochs_of(out)
    assert [epoch["epoch"] for epoch in after] == [1, 2, 3, 4]
    assert after[:2] == before[:2]
    told = [line.split(":")[0] for line in capsys.readouterr().err.splitlines() if line.startswith("epoch ")]
    assert told == ["epoch 3/4", "epoch 4/4"]  # the third was noted, but killed before its checkpoint: it ran again
    assert {**after[2], "seconds": 0} == {**before[2], "seconds": 0}
    assert open_run(out).teacher.history().epochs == tuple(map(Epoch.from_json, after))
    assert open_run(out).teacher.info().best == Epoch.from_json(min(after, key=lambda epoch: epoch["val_loss"]))
    assert not (out / "teacher" / "checkpoint").exists()


def test_resuming_what_had_ended_changes_nothing(tiny_data: Dataset, tiny_run: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(tiny_run.folder, out)
    before = {path.name: path.read_bytes() for path in (out / "teacher").iterdir()}
    fitted = train(tiny_data.root, out, QUICK, resume=True)
    assert len(fitted.epochs) == 1
    assert {path.name: path.read_bytes() for path in (out / "teacher").iterdir()} == before
    for damaged in (b"", b"junk", before["model.keras"][:-50]):
        (out / "teacher" / "model.keras").write_bytes(damaged)
        with pytest.raises(UserError, match=r"model\.keras cannot be read"):
            train(tiny_data.root, out, QUICK, resume=True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (replace(QUICK, fit=replace(QUICK.fit, epochs=2)), "epochs 1, not 2"),
        (replace(QUICK, spec=unet_spec(2, 2, height=32, width=32, dropout=True)), "dropout"),
        (replace(QUICK, fit=replace(QUICK.fit, augmentation=Augmentation(flip=False))), "flip True, not False"),
    ],
)
def test_resuming_with_other_options_is_refused(
    tiny_data: Dataset, tiny_run: Run, options: TrainOptions, told: str
) -> None:
    with pytest.raises(UserError, match=f"begun with other options.*{told}"):
        train(tiny_data.root, tiny_run.folder, options, resume=True)


def test_resuming_needs_a_training_of_the_same_data(tiny_data: Dataset, tiny_run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a run folder"):
        train(tiny_data.root, tmp_path / "none", QUICK, resume=True)
    other = shutil.copytree(tiny_data.root, tmp_path / "other")
    with pytest.raises(UserError, match=r"other options.*data"):
        train(other, tiny_run.folder, QUICK, resume=True)


def test_the_command_tells_machines(tiny_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command(tiny_data, tmp_path / "run", "--epochs", "1", "--json"))
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["out"], told["best"]) == (str(tmp_path / "run"), epochs_of(tmp_path / "run")[0])


def test_training_stops_early(tiny_data: Dataset, tmp_path: Path) -> None:
    """A learning rate so large that nothing gets better: patience 1 ends it long before epoch 30."""
    options = TrainOptions(SPEC, FitOptions(epochs=30, batch=8, learning_rate=50.0, patience=1))
    fitted = train(tiny_data.root, tmp_path / "run", options)
    assert len(fitted.epochs) < 30
    assert fitted.epochs[-1].epoch == fitted.best.epoch + 1


def test_a_training_that_diverges_ends_in_one_sentence(tiny_data: Dataset, tmp_path: Path) -> None:
    options = TrainOptions(
        SPEC, FitOptions(epochs=2, batch=4, face_weight=3e38)
    )  # the loss overflows: certain to be inf
    with pytest.raises(RunError, match="lower learning rate"):
        train(tiny_data.root, tmp_path / "run", options)
    assert not (tmp_path / "run").exists()


def test_a_start_gives_its_weights(tiny_data: Dataset, tiny_run: Run, tmp_path: Path) -> None:
    still = FitOptions(epochs=1, batch=16, learning_rate=1e-12)
    train(tiny_data.root, tmp_path / "run", TrainOptions(SPEC, still, start=tiny_run.teacher.keras))
    begun, ended = tiny_run.teacher.history().epochs, open_run(tmp_path / "run").teacher.history().epochs
    assert ended[0].val_psnr == pytest.approx(begun[0].val_psnr, abs=1e-3)
    assert not same_weights(tmp_path / "run" / "teacher" / "model.keras", _fresh(tmp_path))


def _fresh(folder: Path) -> Path:

    build_unet(SPEC).save(folder / "fresh.keras")
    return folder / "fresh.keras"


def test_a_start_of_another_shape_is_refused(tiny_data: Dataset, tiny_run: Run, tmp_path: Path) -> None:
    wide = TrainOptions(unet_spec(4, 2, height=32, width=32), QUICK.fit, start=tiny_run.teacher.keras)
    with pytest.raises(UserError, match="another arrangement"):
        train(tiny_data.root, tmp_path / "run", wide)
    with pytest.raises(UserError, match="does not exist"):
        train(tiny_data.root, tmp_path / "run", replace(QUICK, start=tmp_path / "no.keras"))
    assert not (tmp_path / "run").exists()


def test_an_occupied_run_is_refused_unless_forced(tiny_data: Dataset, tiny_run: Run, tmp_path: Path) -> None:
    out = tmp_path / "run"
    shutil.copytree(tiny_run.folder, out)
    (out / "report.md").write_text("old")
    with pytest.raises(UserError, match="exists already"):
        train(tiny_data.root, out, QUICK)
    train(tiny_data.root, out, QUICK, force=True)
    assert not (out / "report.md").exists()
    with pytest.raises(UserError, match="did not write"):
        train(tiny_data.root, tiny_data.root, QUICK, force=True)
    with pytest.raises(UserError, match="lies in it"):
        train(tiny_data.root, out, replace(QUICK, start=out / "teacher" / "model.keras"), force=True)
    assert (out / "teacher" / "model.keras").exists()


def test_a_training_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    options = MakeOptions(size=32, shares=(1.0, 0.0, 0.0))
    data = make_dataset(from_synthetic(3, size=32), tmp_path / "data", options)
    with pytest.raises(UserError, match="no pictures in its val split"):
        train(data.root, tmp_path / "run", QUICK)
    (data.root / "train" / "00002.jpg").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"train/00002\.jpg should be a picture"):
        train(data.root, tmp_path / "run", QUICK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_seed_gives_the_same_lessons_on_any_threads(tiny_data: Dataset) -> None:
    """In each of three epochs; other ones in each epoch, and with another seed."""

    def shown(seed: int) -> list[list[bytes]]:
        told = lessons(tiny_data, "train", height=32, width=32, batch=1, face_weight=2.0, masks=True, seed=seed,
                       augment=AUGMENTATIONS["mask"])  # fmt: skip
        return [[b"".join(part.tobytes() for part in one) for one in told.as_numpy_iterator()] for _ in range(3)]

    epochs = shown(3)
    assert shown(3) == epochs
    every = [one for epoch in (*epochs, *shown(4)) for one in epoch]
    assert len(set(every)) == len(every) == 6 * len(tiny_data.split("train"))


def test_augmented_pairs_stay_pairs(tiny_data: Dataset) -> None:
    """Where the mask says that nothing was blurred, picture and target agree, however they were varied."""
    lesson = lessons(tiny_data, "train", height=32, width=32, batch=16, face_weight=3.0, augment=Augmentation())
    ((picture, target, weight),) = lesson.as_numpy_iterator()
    assert picture.shape == target.shape == (16, 32, 32, 3)
    assert weight.shape == (16, 32, 32)
    assert 0 <= picture.min() < picture.max() <= 1
    assert 1 <= weight.min() < weight.max() <= 3.001
    background = weight < 1.01
    assert background.mean() > 0.2
    inside, outside = (np.abs(picture - target)[chosen].mean() for chosen in (~background, background))
    assert outside < 0.03 < inside
    plain = lessons(tiny_data, "train", height=32, width=32, batch=16, face_weight=3.0, augment=None)
    assert not np.array_equal(next(plain.as_numpy_iterator())[0], picture)


def test_pictures_too_many_for_memory_are_read_as_they_come(
    tiny_data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = lessons(tiny_data, "val", height=24, width=24, batch=4, face_weight=2.0, augment=None)
    monkeypatch.setattr("edgeblur.distill.training.lessons._CACHE_BYTES", 0)
    read = lessons(tiny_data, "val", height=24, width=24, batch=4, face_weight=2.0, augment=None)
    for one, two in zip(next(kept.as_numpy_iterator()), next(read.as_numpy_iterator()), strict=True):
        assert np.abs(one - two).mean() < 0.01  # two JPEG decoders


def test_a_damaged_picture_that_is_read_as_it_comes(
    tiny_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_data.root, tmp_path / "data")
    data = open_dataset(tmp_path / "data")
    picture = data.split("train")[0].picture
    picture.write_bytes(picture.read_bytes()[:300])
    monkeypatch.setattr("edgeblur.distill.training.lessons._CACHE_BYTES", 0)
    with pytest.raises(UserError, match="holds a damaged picture: make it again"):
        train(data.root, tmp_path / "run", QUICK)
    assert not (tmp_path / "run").exists()


def test_the_progress_bar_ends_with_a_training_that_fails(
    tiny_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Progress(console=Console(force_terminal=True, file=io.StringIO()))

    def interrupted(history: object) -> None:
        assert shown.live.is_started
        raise KeyboardInterrupt

    monkeypatch.setattr("edgeblur.distill.training.fit.bar", lambda: shown)
    monkeypatch.setattr("edgeblur.distill.training.fit._History.write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_data.root, tmp_path / "run", QUICK)
    assert not shown.live.is_started  # or the terminal would be left without a cursor


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--size", "33"], "multiples of 4, got 33x33"),
        (["--levels", "9"], "--levels"),
        (["--epochs", "0"], "--epochs"),
        (["--learning-rate", "0"], "--learning-rate"),
        (["--strategy", "magic"], "--strategy"),
    ],
)
def test_bad_options_get_one_sentence(
    tiny_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command(tiny_data, tmp_path / "run", *options))
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_no_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--data", str(tmp_path), "--out", str(tmp_path / "run")])
    assert ended.value.code == 2
    assert "edgeblur data make" in capsys.readouterr().err
    assert json.dumps([path.name for path in tmp_path.iterdir()]) == "[]"


def test_a_unet_that_also_tells_masks_learns_where_faces_are(tiny_data: Dataset, tmp_path: Path) -> None:
    """The finders learn, are dropped, and leave a net of the thesis's own shape."""
    from edgeblur.distill.training.student_model import Finding, student_model_class

    net = build_unet(SPEC)
    student = student_model_class()(net, None, Finding(weight=0.1, face_weight=3.0))
    batch = next(iter(lessons(tiny_data, "train", height=32, width=32, batch=16, face_weight=3.0, augment=None)))
    student.compile(optimizer="adam", loss="mse", weighted_metrics=[], metrics=[])
    x, _, weight = batch

    def entropy() -> float:
        _, *features = student.tapped(x)
        return float(student.found(student.finding, features, weight))

    before = entropy()
    student.fit(x, (batch[1]), sample_weight=weight, batch_size=16, epochs=30, verbose=0)
    assert entropy() < 0.8 * before
    assert net.count_params() == build_unet(SPEC).count_params()
    assert student.finders[0].name == "find_midb_relu"


def test_a_net_with_a_gate_learns_where_to_open_it(tiny_data: Dataset) -> None:
    """The blur comes to the faces; what carries the picture is left alone: where the gate is shut nothing changes."""
    import tensorflow as tf
    import tf_keras

    from edgeblur.distill.nets.families import mask_logit
    from edgeblur.distill.nets.unet import build_unet, has_gate, held
    from edgeblur.distill.training.mask_student_model import MASK_AS_WEIGHT, mask_student_model_class

    spec = unet_spec(8, 2, height=32, width=32, output="gate")
    net = build_unet(spec)
    assert set(held(net)) == {layer.name for layer in net.layers if layer.trainable_weights}
    assert not any(part.any() for part in held(net)["head"])
    assert all(0 < part.mean() < 1 for name in ("enc1a", "midb", "up1", "dec1a") for part in held(net)[name])
    student = mask_student_model_class()(net, None, 1.0)
    picture, target, weight = next(
        iter(lessons(tiny_data, "train", height=32, width=32, batch=16, face_weight=MASK_AS_WEIGHT, augment=None))
    )
    student.compile(optimizer=tf_keras.optimizers.Adam(5e-3), loss="mse", weighted_metrics=[], metrics=[])
    student.fit(picture, target, sample_weight=weight, batch_size=16, epochs=80, verbose=0)

    gate = tf_keras.Model(net.input, mask_logit(net)).predict(picture, verbose=0)[..., 0]
    face = weight.numpy() > 1.9
    assert gate[face].mean() > gate[weight.numpy() < 1.1].mean() + 1
    assert has_gate(net)
    first, second = (net.get_layer("dec1a").get_weights()[0][..., channel] for channel in (6, 7))
    np.testing.assert_allclose(first, -second, atol=1e-6)
    output = net.predict(picture, verbose=0)
    shut = np.asarray(tf.nn.max_pool2d(gate[..., None], 3, 1, "SAME"))[..., 0] < -2.3
    assert shut.mean() > 0.02
    np.testing.assert_allclose(output[shut], picture.numpy()[shut], atol=1e-6)
    assert np.abs(output - picture)[face].mean() > 0.02


def test_masks_need_a_weight_of_faces_to_be_read_from(tiny_data: Dataset, tmp_path: Path) -> None:
    options = TrainOptions(SPEC, FitOptions(epochs=1, batch=8, mask_weight=0.1))
    with pytest.raises(UserError, match="face weight other than 1"):
        train(tiny_data.root, tmp_path / "run", options)
    options = TrainOptions(MaskSpec(32, 32, 2), FitOptions(epochs=1, batch=8, mask_weight=0.1, face_weight=2))
    with pytest.raises(UserError, match="learns masks without it"):
        train(tiny_data.root, tmp_path / "run", options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("hardship", [{"cover": 1.0}, {"defocus": 1.0}])
def test_what_makes_faces_hard_to_find_leaves_their_masks(tiny_data: Dataset, hardship: dict[str, float]) -> None:
    import tensorflow as tf

    def lesson(**more: float) -> list[np.ndarray[Any, Any]]:
        tf.keras.utils.set_random_seed(1)
        augment = Augmentation(smallest_crop=1.0, paste=0.0, brightness=0.0, flip=False, **more)  # type: ignore[arg-type]
        told = lessons(tiny_data, "train", height=32, width=32, batch=16, face_weight=2.0, augment=augment, masks=True)
        return list(next(told.as_numpy_iterator()))

    picture, _, weight = lesson(**hardship)
    assert picture.shape == (16, 32, 32, 3)
    assert weight.shape == (16, 32, 32)
    assert 0 <= picture.min() < picture.max() <= 1
    assert weight.max() > 1.9
    plain = lessons(tiny_data, "train", height=32, width=32, batch=16, face_weight=2.0, augment=None)
    shares = {round(float(w.mean()), 1) for w in next(plain.as_numpy_iterator())[2]}
    assert {round(float(w.mean()), 1) for w in weight} <= {s + d for s in shares for d in (-0.1, 0, 0.1)} | shares


def test_a_bar_covers_a_part_of_the_picture_and_no_mask() -> None:
    import tensorflow as tf

    from edgeblur.distill.training.lessons import _cover, _defocus

    black_and_white = tf.cast(tf.range(8) % 2, tf.float32)[:, None, None, None] * tf.ones((8, 64, 64, 4))
    covered = _cover(black_and_white, 0.5, Draws(0)).numpy()
    changed = np.abs(covered - black_and_white.numpy())
    assert (changed[..., 3] == 0).all()
    assert (changed[4:] == 0).all()  # half of the pictures are spared
    assert 0.001 < changed[:4, ..., 0].mean() < 0.1
    sharp = tf.cast(tf.random.uniform((8, 16, 16, 4)) > 0.5, tf.float32)
    soft = _defocus(sharp, 0.25).numpy()
    assert soft.shape == sharp.shape
    assert (soft[..., 3] == np.roll(sharp[..., 3], -2, axis=0)).all()
    assert soft[-2:, ..., :3].std() < 0.5 * soft[:-2, ..., :3].std()


def test_a_turned_scene_keeps_picture_and_mask_together() -> None:
    """A picture that is its own mask stays so however it is turned, and stays full: its border is mirrored."""
    import tensorflow as tf

    from edgeblur.distill.training.lessons import _anywhere, _cut_turned

    ramp = tf.tile(tf.reshape(tf.linspace(0.2, 1.0, 64 * 64), (1, 64, 64, 1)), (8, 1, 1, 2))
    share, draws = tf.fill([8], 0.8), Draws(0)
    turned = _cut_turned(ramp, _anywhere(share, share, draws), 32, 32, Augmentation(turn=45), draws).numpy()
    assert turned.shape == (8, 32, 32, 2)
    np.testing.assert_array_equal(turned[..., 0], turned[..., 1])
    assert turned.min() > 0.19
    assert len({picture.tobytes() for picture in turned}) == 8


def test_parts_without_a_face_are_shown_where_there_are_any() -> None:
    """Of portraits whose upper half is face the last half is shown from below it, the others stay as they are."""
    import tensorflow as tf

    from edgeblur.distill.training.lessons import _anywhere, _away_from_faces, _cut

    tf.keras.utils.set_random_seed(0)
    mask = tf.tile(tf.cast(tf.range(64) < 32, tf.float32)[None, :, None, None], (40, 1, 64, 1))
    whole = _anywhere(tf.ones(40), tf.ones(40), Draws(0))
    windows = _away_from_faces(whole, mask, 0.5, Draws(0))
    for before, after in zip(whole, windows, strict=True):
        np.testing.assert_array_equal(before[:20], after[:20])
    top, left, tall, wide = (values.numpy()[20:] for values in windows)
    assert (tall > 0.2).all()
    assert (tall < 0.61).all()
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + tall <= 1).all()
    assert (left + wide <= 1).all()
    shown = _cut(mask, windows, 32, 32, Augmentation(flip=False), Draws(0)).numpy().mean((1, 2, 3))
    assert (shown[:20] > 0.4).all()
    assert (shown[20:] < 0.1).mean() > 0.8


def test_stretched_windows_keep_their_area_but_at_the_limit() -> None:
    """A window that is squeezed to half its width is twice as high; of one side no more than the limit is cut."""
    import tensorflow as tf

    from edgeblur.distill.training.lessons import _stretched

    side = tf.fill([1000], 0.5)
    tall, wide = (each.numpy() for each in _stretched(side, side, 1.0, Draws(0), largest=1.0))
    np.testing.assert_allclose(tall * wide, 0.25, rtol=1e-5)
    assert 0.5 < (tall / wide).min() < 0.55
    assert 1.9 < (tall / wide).max() < 2.0
    tall, wide = (each.numpy() for each in _stretched(side, side, 1.0, Draws(0), largest=0.6))
    assert tall.max() == wide.max() == np.float32(0.6)
    same = _stretched(side, side, 0.0, Draws(0), largest=1.0)
    assert same[0] is side
    assert same[1] is side


def test_a_face_pasted_over_another_leaves_no_ring_without_a_mask() -> None:
    """The soft rim around a pasted face is pasted background, but what it lies on is face all the same."""
    import tensorflow as tf

    from edgeblur.distill.training.lessons import _paste_faces

    face_all_over = tf.ones((64, 32, 32, 4))
    oval = tf.cast(tf.abs(tf.linspace(-1.0, 1.0, 32)) < 0.3, tf.float32)
    small_face = tf.concat([tf.zeros((64, 32, 32, 3)), tf.ones((64, 1, 1, 1)) * (oval[:, None] * oval)[..., None]], -1)
    tf.keras.utils.set_random_seed(0)
    scene = _paste_faces(face_all_over, small_face, 32, 32, Augmentation(paste=1.0), Draws(0)).numpy()
    rim = (scene[..., 0] < 0.5) & (scene[..., 3] > 0.99)
    cut_out = (scene[..., 3] > 0.99).all((1, 2))
    assert cut_out.mean() > 0.4  # pasted as a face alone: nearly two of three
    assert rim[cut_out].any((1, 2)).all()
    assert not cut_out.all()  # whole pictures hide the face beneath


def test_scenes_are_shown_more_often_than_portraits(tmp_path: Path) -> None:
    from edgeblur.distill.training.lessons import shown
    from edgeblur.pictures.faces import Box, Face
    from edgeblur.store.dataset import Sample

    def sample(name: str, *sides: float) -> Sample:
        faces = tuple(Face.from_box(Box(0, 0, side * 0.8, side)) for side in sides)
        return Sample(tmp_path, "train", name, name, faces)

    samples = (sample("portrait", 41), sample("small", 39), sample("two", 60, 50), *[sample("none")] * 5)
    data = Dataset(tmp_path, 100, samples, {})

    def times(scenes: int) -> list[int]:
        names = [s.name for s in shown(data, "train", Augmentation(scenes=scenes))]
        return [names.count(name) for name in ("portrait", "small", "two", "none")]

    assert times(1) == [1, 1, 1, 5]
    assert times(2) == [1, 2, 2, 5]
    assert times(9) == [1, 3, 3, 5]  # as many scenes as others
    assert shown(data, "train", None) == list(samples)
    assert shown(data, "val", Augmentation(scenes=2)) == []
    only_scenes = Dataset(tmp_path, 100, samples[1:3], {})
    assert shown(only_scenes, "train", Augmentation(scenes=2)) == list(samples[1:3])
