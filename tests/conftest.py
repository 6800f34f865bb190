"""Fixtures for every stage, made once a session: two tiny models, a tiny data set, a run trained on it."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports TensorFlow

from tiny_models import float_tflite, int8_tflite, tiny_unet

from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import Run

signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup and some CI runners start us with Ctrl-C ignored

LONG = {
    "test_clang.py", "test_demo.py", "test_multiworker.py", "test_notebook.py", "test_search.py",
    "test_shown_commands.py", "test_torture.py",
}  # fmt: skip
"""Files that take long for how few tests they have."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Workers that share out whole files begin with the long ones, so that none is left to one of them at the end."""
    if hasattr(config, "workerinput"):
        sizes = Counter(item.path for item in items)
        items.sort(key=lambda item: (item.path.name not in LONG, -sizes[item.path]))


@pytest.fixture(scope="session")
def tiny_float(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float32 U-Net of width 2 with two levels, `[1, 32, 32, 3]` to `[1, 32, 32, 3]`."""
    path = tmp_path_factory.mktemp("models") / "tiny_float.tflite"
    path.write_bytes(float_tflite(tiny_unet()))
    return path


@pytest.fixture(scope="session")
def tiny_int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same U-Net fully quantized, int8 in and out."""
    path = tmp_path_factory.mktemp("models") / "tiny_int8.tflite"
    path.write_bytes(int8_tflite(tiny_unet()))
    return path


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """24 drawn scenes of 48x48 pixels: 16 to train, 4 to validate, 4 to test. To be read only."""
    from edgeblur.distill.data.make import MakeOptions, make_dataset
    from edgeblur.distill.data.sources import from_synthetic

    options = MakeOptions(size=48, shares=(16 / 24, 4 / 24, 4 / 24))
    return make_dataset(from_synthetic(24, seed=1, size=48), tmp_path_factory.mktemp("tiny") / "data", options)


@pytest.fixture(scope="session")
def tiny_run(tiny_data: Dataset) -> Run:
    """A run whose teacher (width 2, two levels, 32x32 pixels) was trained for one epoch. To be copied, not changed."""
    from edgeblur.distill.nets.unet import unet_spec
    from edgeblur.distill.teacher import TrainOptions, train
    from edgeblur.distill.training.fit import FitOptions

    folder = tiny_data.root.parent / "run"
    train(tiny_data.root, folder, TrainOptions(unet_spec(2, 2, height=32, width=32), FitOptions(epochs=1, batch=8)))
    return Run(folder)


@pytest.fixture(scope="session")
def student_run(tiny_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with teacher, a student of width 1 and its twin trained alone; the first two as int8 too. To be copied."""
    import shutil

    from edgeblur.distill.student import StudentOptions, distill
    from edgeblur.distill.training.fit import FitOptions
    from edgeblur.quantize.quantize import QuantizeOptions, quantize_run_model

    run = Run(tmp_path_factory.mktemp("student") / "run")
    shutil.copytree(tiny_run.folder, run.folder)
    distill(run, StudentOptions(width=1, levels=2, fit=FitOptions(epochs=1, batch=8)))
    for name in ("teacher", "w1l2"):
        quantize_run_model(run, run.model(name), QuantizeOptions(calibration=8), force=False)
    return run
