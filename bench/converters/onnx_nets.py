"""Int8 nets as onnx2tf writes them, of the nets of torch_models.py.

    python3 -m venv venv && venv/bin/pip install onnx2tf torch
    venv/bin/python bench/converters/onnx_nets.py FOLDER
    .venv/bin/python bench/judge_nets.py FOLDER

PyTorch writes the ONNX files, in one process or another: with `--onnx` that alone is done, without it what lies in
FOLDER/onnx is converted.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np

_SAMPLE = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""What onnx2tf otherwise downloads, for a first run of nets with three channels."""


def write_onnx(folder: Path) -> None:
    """NAME.onnx and NAME.npy, pictures for the calibration, `[8, height, width, channels]`."""
    import torch
    from torch_models import MODELS, made

    folder.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        net, pictures = made(name)
        torch.onnx.export(
            net, (pictures[0],), str(folder / f"{name}.onnx"), input_names=["picture"], opset_version=17, dynamo=False
        )
        np.save(folder / f"{name}.npy", np.concatenate([picture.numpy().transpose(0, 2, 3, 1) for picture in pictures]))


def convert(model: Path, out: Path) -> None:
    """Full int8, float32 ends and int8 ends: onnx2tf writes both."""
    import onnx2tf

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        np.save(_SAMPLE, np.random.default_rng(0).random((20, 128, 128, 3), np.float32))
        means, deviations = np.zeros((1, 1, 1, 3), np.float32), np.ones((1, 1, 1, 3), np.float32)
        channels = np.load(model.with_suffix(".npy")).shape[3]
        onnx2tf.convert(
            input_onnx_file_path=str(model), output_folder_path=folder, output_integer_quantized_tflite=True,
            custom_input_op_name_np_data_path=[
                ["picture", str(model.with_suffix(".npy")), means[..., :channels], deviations[..., :channels]]
            ],
            non_verbose=True,
        )  # fmt: skip
        for kind in ("integer_quant", "full_integer_quant"):
            for found in Path(folder).glob(f"*_{kind}.tflite"):
                if found.stem == f"{model.stem}_{kind}":
                    shutil.copy(found, out / f"onnx2tf_{found.stem}.tflite")


def main() -> None:
    """Convert all nets; one that the converter does not take is told, and passed over."""
    folder = Path(sys.argv[-1]).resolve()
    if "--onnx" in sys.argv or not (folder / "onnx").is_dir():
        write_onnx(folder / "onnx")
    if "--onnx" in sys.argv:
        return
    for model in sorted((folder / "onnx").glob("*.onnx")):
        try:
            convert(model, folder)
            print(f"onnx2tf {model.stem}", flush=True)
        except Exception:
            print(f"onnx2tf {model.stem}: {traceback.format_exc(limit=1).splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
