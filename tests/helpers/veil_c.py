"""Veils compiled to C for this host, run through the firmware's own loop, beside their reference in NumPy."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from int8_nets import Int8Net
from numpy.typing import NDArray
from stream_c import SANITIZERS, compiler

from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import compile_stream
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.finder import Finder, finder_of
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.export.veil.emit import FINDER, emit_veil
from edgeblur.export.veil.plan import VeilPlan
from edgeblur.export.veil.reference import Blurrer, Find
from edgeblur.firmware_harness.blurring.veils import run_finder
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.host_c import FLAGS

FIRMWARE = Path(__file__).parents[2] / "firmware_harness" / "firmware"
HOST, ORDERS, BUFFER = (Path(__file__).with_name(f"veil_{name}.c") for name in ("host", "orders", "buffer"))
NAME = "model"

Frames = Sequence[NDArray[np.uint8]]


@functools.cache
def finding(finder: Finder) -> Find:
    """A finder of a mask run by LiteRT's reference kernels."""
    engine = open_engine("litert-ref", finder.data)
    return lambda picture: engine.run(to_raw(picture, engine.model.input))[0, :, :, 0]


def expected(finder: Finder, plan: VeilPlan, frames: Frames) -> list[NDArray[np.uint8]]:
    """What the reference makes of frames that come one after the other."""
    blurrer = Blurrer(plan, run_finder(finder, plan, "litert-ref") if finder.heads or plan.tiles else finding(finder))
    return [blurrer.blur(frame) for frame in frames]


@dataclass(frozen=True)
class VeilC:
    """The C of a veil in a folder."""

    folder: Path
    plan: VeilPlan

    def build(self, main: Path = HOST, flags: Sequence[str] = SANITIZERS) -> Path:
        """Compile it without a warning, with a main program and, for the usual one, the firmware's loop."""
        loop = [FIRMWARE / "infer_frames.c"] if main == HOST else []
        sources = [*loop, main, self.folder / f"{NAME}.c", self.folder / f"{NAME}{FINDER}.c"]
        program = self.folder / main.stem
        command = [compiler("gcc"), *FLAGS, "-O1", *flags, f"-I{self.folder}", f"-I{FIRMWARE}", *map(str, sources)]
        done = subprocess.run([*command, "-o", str(program)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:4000]
        return program

    def run(self, frames: Frames) -> list[NDArray[np.uint8]]:
        """Frames through it, one after the other."""
        given = b"".join(frame.tobytes() for frame in frames)
        done = subprocess.run([str(self.folder / HOST.stem)], input=given, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[:4000] or f"status {done.returncode}"
        shape = (-1, self.plan.height, self.plan.row_bytes)
        return list(np.frombuffer(done.stdout, np.uint8).reshape(shape))


@functools.cache
def fixed_finder() -> Finder:
    """One of 32x32 pixels that cannot be rewritten: it reshapes its mask to the size that it has."""
    net = Int8Net(seed=5)
    x = net.conv(net.picture(32, 32), 4, stride=(4, 4), gain=3)
    mask = net.logistic(net.conv(x, 1, (1, 1), activation="NONE", scale=0.04, zero_point=60, gain=4))
    fixed = net.op("RESHAPE", [mask, net.constant(np.array([1, 8, 8, 1], np.int32))], net.like(mask, 8, 8, 1))
    return finder_of(net.graph(fixed))


def write_veil(finder: Finder, plan: VeilPlan, folder: Path, *, optimize: str = "size") -> VeilC:
    """Write a veil's C into a folder."""
    graph = finder.graph
    own = Provenance("net.tflite", NAME + FINDER, graph)
    compiled = compile_stream(graph, own, StreamOptions(optimize), checked=True)
    emit_veil(plan, finder, compiled, Provenance("net.tflite", NAME, graph)).write(folder, NAME)
    return VeilC(folder, plan)


def tiny_finder(height: int = 32, width: int = 32, channels: int = 3) -> Finder:
    """A net of three convolutions with random weights, whose mask varies from cell to cell."""
    net = Int8Net(seed=3)
    x = net.conv(net.picture(height, width, channels), 4, stride=(2, 2), gain=2)
    x = net.conv(x, 4, stride=(2, 2), gain=3, scale=0.1)
    logit = net.conv(x, 1, (1, 1), activation="NONE", scale=0.04, zero_point=60, gain=4)
    return finder_of(net.graph(net.logistic(logit)))


def moving_frames(plan: VeilPlan, count: int, seed: int = 0) -> Frames:
    """Random frames: noise, or a few large blobs, in turn."""
    random = np.random.default_rng(seed)
    frames = []
    for i in range(count):
        frame = random.integers(0, 256, (plan.height, plan.row_bytes), np.uint8)
        if i % 2:
            tall, wide = max(1, plan.height // 8), max(1, plan.x.units // 8)
            units = frame.reshape(plan.height, plan.x.units, -1)[::tall, ::wide]
            large = units.repeat(tall, axis=0).repeat(wide, axis=1)[: plan.height, : plan.x.units]
            frame = np.ascontiguousarray(large).reshape(plan.height, -1)
        frames.append(frame)
    return frames
