"""Training on several machines, shown on one: two processes that know each other through TF_CONFIG."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from edgeblur.cli import main
from edgeblur.distill.nets.families import AUGMENTATIONS
from edgeblur.distill.training.lessons import lessons
from edgeblur.distill.training.workers import Place
from edgeblur.errors import UserError
from edgeblur.files import read_json
from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import Run, open_run


def arguments(data: Dataset, out: Path, *more: str) -> list[str]:
    shape = ["--width", "2", "--levels", "2", "--size", "32", "--batch", "5", "--batch-norm"]
    return ["train", "--data", str(data.root), "--out", str(out), *shape, "--strategy", "multiworker", *more]


def free_addresses(count: int) -> list[str]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return addresses


def train_together(scratch: Path, *commands: list[str]) -> list[tuple[int, str]]:
    """Run one worker a command, together; exit code and standard error of each."""
    addresses = free_addresses(len(commands))
    workers = []
    for index, command in enumerate(commands):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        # TensorFlow compiles code of its own in the scratch folder, and would leave the bytecode there.
        alone = {"TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}
        environment = {**os.environ, "TF_CONFIG": json.dumps(config), **alone}
        workers.append(
            subprocess.Popen(
                [sys.executable, "-m", "edgeblur", *command], env=environment, stderr=subprocess.PIPE, text=True
            )
        )
    try:
        said = [worker.communicate(timeout=300)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    return [(worker.returncode, text) for worker, text in zip(workers, said, strict=True)]


def test_two_workers_train_one_net(tiny_data: Dataset, tmp_path: Path) -> None:
    """16 pictures in batches of 5: shared out unevenly, and one is left over each epoch."""
    out, scratch = tmp_path / "run", tmp_path / "scratch"
    scratch.mkdir()
    command = arguments(tiny_data, out, "--epochs", "2")
    ended = train_together(scratch, command, command)
    assert [code for code, _ in ended] == [0, 0], ended
    assert list(scratch.iterdir()) == []  # the second worker left nothing behind
    run = open_run(out)
    assert {path.name for path in run.teacher.folder.iterdir()} == {
        "curves.png", "float.tflite", "history.json", "model.json", "model.keras",
    }  # fmt: skip
    told = [[line for line in text.splitlines() if line.startswith("epoch")] for _, text in ended]
    assert told[0] == told[1]  # both saw the same losses: they trained one net
    assert len(told[0]) == 2
    epochs = read_json(run.teacher.folder / "history.json")["epochs"]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    _the_saved_net_is_the_trained_one(run, tiny_data)


def _the_saved_net_is_the_trained_one(run: Run, data: Dataset) -> None:
    from edgeblur.distill.nets.keras_files import load_keras

    ((picture, target, _),) = lessons(
        data, "val", height=32, width=32, batch=4, face_weight=1.0, augment=None
    ).as_numpy_iterator()
    error = load_keras(run.teacher.keras).predict(picture, verbose=0) - target
    best = run.teacher.info().best
    assert best is not None
    assert best.val_mae == pytest.approx(np.abs(error).mean(), rel=1e-3)


def test_a_worker_that_fails_ends_the_others_with_a_sentence(tiny_data: Dataset, tiny_run: Run, tmp_path: Path) -> None:
    """The second worker looks for a run folder that only the first one sees."""
    out = tmp_path / "run"
    shutil.copytree(tiny_run.folder, out)
    (out / "teacher" / "model.keras").unlink()
    options = [o for o in arguments(tiny_data, out, "--epochs", "1", "--resume") if o != "--batch-norm"]
    options[options.index("--batch") + 1] = "8"
    settings = json.loads((out / "run.json").read_text())
    settings["training"]["strategy"] = "multiworker"
    varied = asdict(AUGMENTATIONS["unet"])  # as the command varies pictures
    settings["training"]["fit"]["augmentation"] = varied
    (out / "run.json").write_text(json.dumps(settings))
    history = json.loads((out / "teacher" / "history.json").read_text())
    history["options"]["augmentation"] = varied
    (out / "teacher" / "history.json").write_text(json.dumps(history))
    elsewhere = [str(tmp_path / "elsewhere") if option == str(out) else option for option in options]
    (first, said), (second, reason) = train_together(tmp_path, options, elsewhere)
    assert second == 2
    assert "not a run folder" in reason
    assert first == 1
    assert "another worker" in said
    assert "Traceback" not in said + reason


def test_a_training_tells_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """By each way in which Keras calls back."""
    place, beats = Place("a strategy"), list[int]()
    monkeypatch.setattr(place.watch, "beat", lambda: beats.append(1))
    (callback,) = place.callbacks
    callback.on_train_batch_end(0, logs={})
    callback.on_test_batch_end(0, {})
    callback.on_epoch_end(0, logs={})
    assert len(beats) == 3
    assert Place().callbacks == ()


ALONE = """
import edgeblur.distill.training.workers as workers
workers.WAIT_S = 3.0
workers.join("multiworker")
"""


def test_a_worker_waits_for_the_others_for_so_long_only() -> None:
    """The first worker never comes; TensorFlow itself would wait on."""
    config = {"cluster": {"worker": free_addresses(2)}, "task": {"type": "worker", "index": 1}}
    environment = {**os.environ, "TF_CONFIG": json.dumps(config)}
    ended = subprocess.run(
        [sys.executable, "-c", ALONE], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 1
    assert "the other workers did not come within 3 s" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Thread 0x" not in ended.stderr


@pytest.mark.parametrize(
    "config",
    [
        None,
        "not JSON",
        "[]",
        '{"task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["127.0.0.1:1"]}}',
        '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "evaluator", "index": 0}}',
    ],
)
def test_a_bad_tf_config_gets_one_sentence(
    tiny_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    config: str | None,
) -> None:  # fmt: skip
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(SystemExit) as ended:
        main(arguments(tiny_data, tmp_path / "run"))
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "TF_CONFIG" in said[0]
    assert '"cluster"' in said[0]  # what it should look like
    assert not (tmp_path / "run").exists()


def test_pictures_shared_out(tiny_data: Dataset) -> None:
    """Every worker gets some of each batch; in validation as few pictures as possible are left out."""

    def sizes(split: str, batch: int, workers: int) -> list[int]:
        given = lessons(
            tiny_data, split, height=16, width=16, batch=batch, face_weight=1.0, augment=None, workers=workers
        )
        return [len(picture) for picture, _, _ in given.as_numpy_iterator()]

    assert sizes("train", 6, 1) == [6, 6, 4]
    assert sizes("train", 6, 2) == [4, 4, 4, 4]
    assert sizes("train", 12, 3) == [3, 3, 3, 3, 3]
    assert sizes("val", 16, 3) == [3]
    with pytest.raises(UserError, match="5 workers need at least 5 pictures"):
        sizes("val", 16, 5)
    with pytest.raises(UserError, match="a batch of 1"):
        sizes("train", 1, 2)
