"""Fixtures for every stage: two tiny models, converted once a session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports TensorFlow

from models import float_tflite, int8_tflite, tiny_unet


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
