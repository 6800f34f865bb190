"""Where quantization lost signal: every layer of the integer model beside the same in float. No TensorFlow needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.detector import detector_heads
from edgeblur.export.tflite.graph import Graph, read_tflite
from edgeblur.pictures.images import Floats
from edgeblur.progress import track
from edgeblur.quantize.integers import as_steps, real_numbers
from edgeblur.quantize.interpreter import keeping_interpreter
from edgeblur.store.notes import LayerLoss


@dataclass(frozen=True)
class Diagnosis:
    """Layer by layer in the order they run, and what `Probe.seen` says for further measures: `[N, H, W, C]` floats."""

    layers: tuple[LayerLoss, ...]
    float_outputs: Floats
    quantized_outputs: Floats

    def worst(self, count: int = 3) -> tuple[LayerLoss, ...]:
        """The layers that lost most, the worst first."""
        known = [layer for layer in self.layers if layer.snr_db is not None]
        return tuple(sorted(known, key=lambda layer: layer.snr_db or 0.0)[:count])


class Probe:
    """An interpreter that keeps every tensor, read as real numbers."""

    def __init__(self, model: bytes) -> None:
        self.graph: Graph = read_tflite(model)
        self._interpreter = keeping_interpreter(model, threads=2)

    def run(self, picture: Floats) -> None:
        """Run one picture `[1, H, W, C]`, 0 to 1."""
        tensor = self.graph.tensors[self.graph.inputs[0]]
        self._interpreter.set_tensor(tensor.index, as_steps(picture, tensor) if tensor.scales else picture)
        self._interpreter.invoke()

    def real(self, index: int) -> Floats:
        """A tensor after `run`, as real numbers."""
        tensor = self.graph.tensors[index]
        numbers: NDArray[Any] = self._interpreter.get_tensor(index)
        return real_numbers(numbers, tensor) if tensor.scales else np.asarray(numbers, np.float32)

    def outputs(self) -> dict[str, tuple[int, str]]:
        """Output tensors of all ops by their layer's name: index and kind of op.

        The last is called `output`, those of a detector `scores` and `boxes`.
        """
        named, ends = {}, self._ends()
        for op in self.graph.ops:
            tensor = self.graph.tensors[op.outputs[0]]
            named[ends.get(tensor.index, short_name(tensor.name))] = (tensor.index, op.kind)
        return named

    def _ends(self) -> dict[int, str]:
        heads, outputs = detector_heads(self.graph), self.graph.outputs
        if not heads:
            return {outputs[0]: "output"}
        return {outputs[at]: name for head in heads for at, name in ((head.scores, "scores"), (head.boxes, "boxes"))}

    def seen(self) -> Floats:
        """What a picture came to: the output, or how sure a detector is of a face in each cell, 0 to 1."""
        heads = detector_heads(self.graph)
        output = self.real(self.graph.outputs[heads[0].scores if heads else 0])
        sure: Floats = 1 / (1 + np.exp(-output)) if heads else output
        return sure


def diagnose(float_model: bytes, quantized_model: bytes, pictures: list[Floats]) -> Diagnosis:
    """Run pictures through both models and compare the outputs of all layers that both have, by name.

    Args:
        float_model: the float32 .tflite of the same net.
        quantized_model: the quantized .tflite.
        pictures: each `[1, H, W, 3]`, 0 to 1.
    """
    exact, quantized = Probe(float_model), Probe(quantized_model)
    ours = exact.outputs()
    shared = [(name, ours[name][0], index, op) for name, (index, op) in quantized.outputs().items() if name in ours]
    signal, noise = np.zeros(len(shared)), np.zeros(len(shared))
    outputs: tuple[list[Floats], list[Floats]] = ([], [])
    for picture in track(pictures, "layer by layer"):
        for probe, kept in zip((exact, quantized), outputs, strict=True):
            probe.run(picture)
            kept.append(probe.seen())
        for row, (_, exact_index, quantized_index, _) in enumerate(shared):
            real = exact.real(exact_index)
            signal[row] += np.square(real, dtype=np.float64).sum()
            noise[row] += np.square(real - quantized.real(quantized_index), dtype=np.float64).sum()
    layers = tuple(
        LayerLoss(name, op, _decibel(signal[row], noise[row])) for row, (name, _, _, op) in enumerate(shared)
    )
    return Diagnosis(layers, np.concatenate(outputs[0]), np.concatenate(outputs[1]))


def _decibel(signal: float, noise: float) -> float | None:
    """10 log10 of a ratio; the cap of 120 dB stands for `no difference seen`."""
    if signal == 0:
        return None
    return 120.0 if noise == 0 else min(120.0, round(float(10 * np.log10(signal / noise)), 2))


def short_name(tensor: str) -> str:
    """`unet/enc1a_relu/Relu;unet/enc1a/BiasAdd;...` becomes `enc1a_relu`: the layer that a person knows.

    Quantization-aware training calls the same layer `quant_enc1a_relu`.
    """
    parts = [p for p in tensor.split(";")[0].split("/") if p]
    return (parts[-2] if len(parts) > 1 else tensor).removeprefix("quant_")
