"""Fits the prices of the cost model to counted instructions; `make costs` runs it. fit_costs.py FOLDER_OF_NETS

Reads bench/*.csv, those of bench/probes and bench/probes/suited, bench/cycles.csv and bench/pico.csv, and the nets that
were counted there; writes export/stream/costs/costs.json. The same counts give the same file.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.costs.choose import WINOGRAD, with_winograd
from edgeblur.export.stream.costs.cost import frame_work
from edgeblur.export.stream.costs.prices import HELIUM_CORES, PATH
from edgeblur.export.stream.costs.work import layer_work, layers
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net.net import WIDE, Net
from edgeblur.export.stream.report.footprints import kernels_of
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.files import write_json
from edgeblur.firmware_harness.emulation.bench import Bench, Frame, joined, read_bench
from edgeblur.progress import say

BENCH = Path(__file__).parent
HELD_OUT = ("unet8.tflite", "unet6.tflite", "mask8.tflite", "unet6_int16.tflite", "mobile_int16.tflite")
"""Nets that the prices are tried on, and not fitted to."""


@dataclass(frozen=True)
class Count:
    """Some work, and the instructions that were counted for it."""

    work: dict[str, float]
    instructions: float


def counts() -> Bench:
    """Everything that was counted."""
    return joined([read_bench(BENCH), read_bench(BENCH / "probes"), read_bench(BENCH / "probes" / "suited")])


def nets(folder: Path) -> dict[str, Net]:
    """The nets of a folder and below, by file name."""
    return {path.name: lower(read_tflite(path)) for path in sorted(folder.rglob("*.tflite"))}


COREMARK_PER_MHZ = {"cortex-m4f": 3.42, "cortex-m33": 4.02, "cortex-m7": 5.01}
"""As Arm tells them. The M33 and the M7 have no tables of cycles: they are taken to run the M4's instructions as much
faster as they run CoreMark."""


def cycle_shares() -> dict[tuple[str, str], dict[str, float]]:
    """Cycles an instruction of bench/cycles.csv, by core and aim: of the innermost loop, and of other code."""
    with (BENCH / "cycles.csv").open() as file:
        counted = {(line["core"], line["optimize"], line["part"]): line for line in csv.DictReader(file)}
    shares: dict[tuple[str, str], dict[str, float]] = {}
    for (core, optimize, part), line in counted.items():
        if int(line["instructions"]):
            ratio = int(line["cycles"]) / int(line["instructions"])
            shares.setdefault((core, optimize), {})[part] = round(ratio, 3)
    for optimize in OPTIMIZE:
        own = shares["cortex-m4f", optimize]
        for core in ("cortex-m33", "cortex-m7"):
            faster = COREMARK_PER_MHZ[core] / COREMARK_PER_MHZ["cortex-m4f"]
            shares[core, optimize] = {part: round(share / faster, 3) for part, share in own.items()}
    return shares


def layer_counts(bench: Bench, frame: Frame, net: Net) -> list[Count]:
    """Each layer of a frame, with the kernel that made it."""
    counted = {layer.number: layer for layer in bench.only(frame.key).layers}
    helium, net = frame.core in HELIUM_CORES, as_counted(bench, frame, net)
    return [Count(layer_work(layer, helium=helium), float(counted[n].instructions)) for n, layer in layers(net).items()]


def as_counted(bench: Bench, frame: Frame, net: Net) -> Net:
    """A net of direct kernels with those that it had when a frame was counted."""
    return with_winograd(net, [row.number for row in bench.only(frame.key).layers if row.kernel == WINOGRAD])


def typical_counts(bench: Bench, frame: Frame, net: Net) -> list[Count]:
    """Without layers that are alone with their kernel where it is compiled once: that one is compiled for the layer."""
    found, kernels = layer_counts(bench, frame, net), kernels_of(net)
    if frame.optimize == "speed":
        return found
    alone = [kernels[layer.operation.kernel] == 1 for layer in layers(net).values()]
    return [count for count, one in zip(found, alone, strict=True) if not one]


def rest_count(bench: Bench, frame: Frame, net: Net) -> Count:
    """What a frame takes beside its layers."""
    layered = sum(layer.instructions for layer in bench.only(frame.key).layers)
    return Count(frame_work(net), float(frame.instructions - layered))


def fitted(found: Sequence[Count]) -> dict[str, float]:
    """Prices, none negative, that explain counts best: the sum of squared relative errors is least."""
    units = sorted({unit for count in found for unit, amount in count.work.items() if amount})
    shares = np.array([[count.work.get(unit, 0.0) / count.instructions for unit in units] for count in found])
    solution = _non_negative(shares, np.ones(len(found)))
    return {unit: float(f"{price:.4g}") for unit, price in zip(units, solution, strict=True) if price > 0}


def _non_negative(matrix: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares without negative numbers, by Lawson and Hanson's active sets (Solving Least Squares Problems)."""
    scale = np.linalg.norm(matrix, axis=0)
    matrix = matrix / scale
    active = np.zeros(matrix.shape[1], bool)
    best = np.zeros(matrix.shape[1])
    for _ in range(10 * matrix.shape[1]):
        gradient = np.where(active, 0, matrix.T @ (wanted - matrix @ best))
        if gradient.max() < 1e-9:
            break
        active[int(gradient.argmax())] = True
        while True:
            tried = np.zeros_like(best)
            tried[active] = np.linalg.lstsq(matrix[:, active], wanted, rcond=None)[0]
            wrong = active & (tried <= 0)
            if not wrong.any():
                break
            step = (best[wrong] / (best[wrong] - tried[wrong])).min()
            best = best + step * (tried - best)
            active &= best > 1e-12
        best = tried
    return best / scale


def predicted(units: dict[str, float], found: Sequence[Count]) -> float:
    return sum(units.get(unit, 0.0) * amount for count in found for unit, amount in count.work.items())


def frame_error(units: dict[str, float], bench: Bench, frame: Frame, net: Net) -> float:
    """Predicted less counted, as a share of counted."""
    work = [*layer_counts(bench, frame, net), rest_count(bench, frame, net)]
    return predicted(units, work) / frame.instructions - 1


def priced(bench: Bench, known: dict[str, Net], core: str, optimize: str) -> dict[str, Any]:
    """The prices of a core and aim, with what they miss frames by."""
    frames = [frame for frame in bench.frames if (frame.core, frame.optimize) == (core, optimize)]
    used = [frame for frame in frames if frame.model not in HELD_OUT and frame.model in known]
    wide = [frame for frame in used if known[frame.model].nodes[0].plane.dtype == WIDE]
    narrow = [frame for frame in used if frame not in wide]
    parts = [
        [count for frame in each for count in typical_counts(bench, frame, known[frame.model])]
        for each in (narrow, wide)
    ]
    layered = [count for part in parts for count in part]
    rests = [rest_count(bench, frame, known[frame.model]) for frame in narrow]  # of 16 bits they are alike
    parts.append([rest for rest in rests if rest.instructions > 0])  # code without the layers' clock may take fewer
    units = {unit: price for part in parts if part for unit, price in fitted(part).items()}
    tried = [frame for frame in frames if frame.model in HELD_OUT]
    errors = {frame.model: round(frame_error(units, bench, frame, known[frame.model]), 4) for frame in (*used, *tried)}
    off = [abs(predicted(units, [count]) / count.instructions - 1) for count in layered]
    return {
        "layers": len(layered),
        "layer_error_median": round(float(np.median(off)), 4),
        "layer_error_most": round(max(off), 4),
        "frame_errors": {frame.model: errors[frame.model] for frame in used},
        "held_out": {frame.model: errors[frame.model] for frame in tried},
        "units": dict(sorted(units.items())),
    }


PICO_CORE = "cortex-m0plus"


@dataclass(frozen=True)
class PicoFrame:
    """A net on the emulated Pico: cycles of the whole frame, and by layer number with the kernel's name."""

    model: str
    optimize: str
    cycles: int
    layers: dict[int, tuple[str, int]]

    def counted(self, net: Net) -> list[Count]:
        """Each layer, and the rest of the frame last."""
        found = [
            Count(layer_work(layer, self.layers[n][0]), float(self.layers[n][1])) for n, layer in layers(net).items()
        ]
        rest = self.cycles - sum(cycles for _, cycles in self.layers.values())
        return [*found, Count(frame_work(net), max(1.0, float(rest)))]

    def typical(self, net: Net) -> list[Count]:
        """Its layers as `typical_counts` has them, and the rest."""
        found, kernels = self.counted(net), kernels_of(net)
        if self.optimize == "speed":
            return found
        alone = [kernels[layer.operation.kernel] == 1 for layer in layers(net).values()]
        return [count for count, one in zip(found, [*alone, False], strict=True) if not one]


def pico_frames() -> list[PicoFrame]:
    """Everything in bench/pico.csv."""
    found: dict[tuple[str, str], PicoFrame] = {}
    with (BENCH / "pico.csv").open() as file:
        for row in csv.DictReader(file):
            key = (row["model"], row["optimize"])
            if row["number"] == "0":
                found[key] = PicoFrame(*key, int(row["cycles"]), {})
            else:
                found[key].layers[int(row["number"])] = (row["kernel"], int(row["cycles"]))
    return list(found.values())


def counted_cycles(known: dict[str, Net], optimize: str) -> dict[str, Any]:
    """Prices in cycles, fitted to the emulated Pico, with what they miss frames by."""
    frames = [frame for frame in pico_frames() if frame.optimize == optimize]
    used = [frame for frame in frames if frame.model not in HELD_OUT]
    units = fitted([count for frame in used for count in frame.typical(known[frame.model])])

    def error(frame: PicoFrame) -> float:
        return round(predicted(units, frame.counted(known[frame.model])) / frame.cycles - 1, 4)

    return {
        "frame_errors": {frame.model: error(frame) for frame in used},
        "held_out": {frame.model: error(frame) for frame in frames if frame.model in HELD_OUT},
        "units": dict(sorted(units.items())),
    }


def main(folder: Path) -> None:
    bench, known, cycles = counts(), nets(folder), cycle_shares()
    cores: dict[str, Any] = {}
    for frame in read_bench(BENCH).frames:  # cores that are too small for U-Nets are left out
        cores.setdefault(frame.core, {"board": frame.board, "compiler": frame.compiler, "emulator": frame.emulator})
    for core, facts in cores.items():
        for optimize in OPTIMIZE:
            facts[optimize] = priced(bench, known, core, optimize)
            if (core, optimize) in cycles:
                facts[optimize]["cycles_an_instruction"] = cycles[core, optimize]
            if core == PICO_CORE:
                facts[optimize]["counted_cycles"] = counted_cycles(known, optimize)
                missed = facts[optimize]["counted_cycles"]["held_out"].items()
                say(f"cycles of the Pico, {optimize}: " + ", ".join(f"{name} {error:+.1%}" for name, error in missed))
            told = ", ".join(f"{name} {error:+.1%}" for name, error in facts[optimize]["held_out"].items())
            say(f"{core}, {optimize}: layers off by {facts[optimize]['layer_error_median']:.1%}; held out: {told}")
    write_json(PATH, {"made_by": "python bench/fit_costs.py", "cores": cores})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of the nets that were counted")
    main(parser.parse_args().folder)
