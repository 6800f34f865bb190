"""Which nets of a folder does the streaming engine take, and with which bytes? judge_nets.py FOLDER [--size HxW]

A line for each .tflite: equal to LiteRT's reference kernels (or, where they lack an op, to TensorFlow Lite Micro),
different, or refused, with what is said about it. All outputs of a net are compared.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from edgeblur.errors import UserError
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.tflite.inside import Size, look_inside, parse_size
from edgeblur.firmware_harness.engines.engines import open_engine

PICTURES = 3
JUDGES = ("litert-ref", "tflm")


def judged(path: Path, size: Size | None) -> tuple[str, str]:
    """`equal`, `differs` or `refused`, and by whom or why."""
    try:
        data = look_inside(path, size=size, name=path.stem).data
        stream = open_engine("stream", data, several=True)
    except UserError as error:
        return "refused", str(error).removeprefix("model ").replace("\n", " ")
    taken, random = stream.model.input.tensor, np.random.default_rng(0)
    pictures = [random.integers(-128, 128, taken.shape).astype(np.int8).view(taken.dtype) for _ in range(PICTURES)]
    told = "no engine runs it"
    for judge in JUDGES:
        try:
            engine = open_engine(judge, data, several=True)
        except UserError:
            continue
        pairs = (zip(stream.run_all(p), engine.run_all(p), strict=True) for p in pictures)
        differing = sum(int((ours != theirs).sum()) for pair in pairs for ours, theirs in pair)
        if not differing:
            return "equal", judge
        told = f"{differing} numbers, from {judge}"
    return "differs", told


def main() -> None:
    """Print the table and its sums."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=parse_size, help="for nets whose file leaves it open")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    for path in sorted(options.folder.glob("*.tflite")):
        graph = read_tflite(path)
        is_open = any(n < 0 for i in graph.inputs for n in graph.tensors[i].signature[1:])
        verdict, why = judged(path, options.size if is_open else None)
        counts[verdict] += 1
        outputs = f" ({len(graph.outputs)} outputs)" if len(graph.outputs) > 1 else ""
        print(f"{path.stem}{outputs} {verdict}: {why}", flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))


if __name__ == "__main__":
    main()
