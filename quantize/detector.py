"""BlazeFace, 128x128, as an int8 .tflite that the streaming engine runs: from the float weights inside a package.

The published file ends in two concatenations, of all scores and of all boxes with their landmarks, and one scale for
either loses what counts. So it is cut before them: each grid's scores and boxes come out by themselves, without the
landmarks, and get ranges that suit what is read of them. Weights are quantized by channel, channels behind depthwise
convolutions equalized, ranges cut at a percentile, biases corrected one convolution after the other.

Bias correction is Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction"; of the
outputs it counts the anchors alone that see something like a face.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.detectors.blazeface import weights_file
from edgeblur.errors import UserError
from edgeblur.export.tflite.detector import Head, detector_heads
from edgeblur.export.tflite.finder import subgraph
from edgeblur.export.tflite.graph import Graph, Op, read_tflite
from edgeblur.export.tflite.writer import write_tflite
from edgeblur.pictures.images import Floats
from edgeblur.progress import track
from edgeblur.quantize.depthwise import equalize_depthwise
from edgeblur.quantize.integers import Range, as_steps, real_numbers, to_integers, with_bias_moved
from edgeblur.quantize.plain import plain_graph, with_numbers
from edgeblur.quantize.ranges import KeptRun, find_ranges

SOURCE = "face_detection_short_range.tflite"
"""MediaPipe's short range (front camera) model, Apache-2.0."""
SIDE = 128
"""Pixels of its input, along both sides."""

_BOX = 4
_MOST_SCORE = 8.0
"""Scores are logits: beyond 8 on either side a face is as sure as it gets (0.9997)."""
_FACE_LIKE = -3.0
"""Anchors with such a score (0.05) and more are those whose boxes count."""
_HEADROOM = 1.1
_CORRECTED_ON = 64
"""Pictures that biases are corrected on: means of thousands of pixels, so that few do."""


@dataclass(frozen=True, eq=False)
class DetectorNets:
    """A detector before and after quantization: the same ops, the same outputs."""

    exact: Graph
    int8: Graph


def detector_graph(source: Path | bytes) -> Graph:
    """A float detector cut before its outputs are joined, its boxes without landmarks.

    Raises:
        UserError: no detector.
    """
    graph = plain_graph(read_tflite(source))
    outputs = [index for output in graph.outputs for index in _parts(graph, output)]
    graph = subgraph(graph, outputs)
    heads = detector_heads(graph)
    if not heads:
        raise UserError(f"{graph.name} is no detector: its outputs are not scores and boxes of anchors")
    for head in heads:
        graph = _boxes_only(graph, head)
    return graph


def _parts(graph: Graph, output: int) -> Iterator[int]:
    """What an output is joined from."""
    op = graph.producers[output]
    if op.kind not in ("RESHAPE", "CONCATENATION"):
        yield output
        return
    for index in op.inputs if op.kind == "CONCATENATION" else op.inputs[:1]:
        yield from _parts(graph, index)


def _boxes_only(graph: Graph, head: Head) -> Graph:
    """Only the first four numbers of each of a head's boxes."""
    op, tensors = graph.producers[graph.outputs[head.boxes]], list(graph.tensors)
    kept = np.arange(head.anchors * head.values).reshape(-1, head.values)[:, :_BOX].ravel()
    for index in op.inputs[1:]:
        tensors[index] = with_numbers(tensors[index], tensors[index].array()[kept])
    output = tensors[op.outputs[0]]
    shape = (*output.shape[:3], len(kept))
    tensors[output.index] = replace(output, shape=shape, signature=shape)
    return replace(graph, tensors=tuple(tensors))


def make_detector(pictures: Sequence[Floats], source: Path | bytes | None = None) -> DetectorNets:
    """Quantize a detector.

    Args:
        pictures: the calibration set, with faces, each `[1, height, width, 3]`, 0 to 1, of the net's size.
        source: a float .tflite whose outputs are scores and boxes; by default BlazeFace's from its package.

    Raises:
        UserError: the package is not installed, no detector, or no face in the pictures.
    """
    exact = detector_graph(weights_file(SOURCE) if source is None else source)
    inputs = [2 * picture - 1 for picture in pictures]
    equal = equalize_depthwise(exact, inputs)
    found = find_ranges(equal, inputs)
    ranges = {op.outputs[0]: found.of(op.outputs[0]) for op in equal.ops} | dict(_head_ranges(equal, inputs))
    return DetectorNets(
        exact, _corrected(equal, to_integers(equal, ranges), inputs[:: max(1, len(inputs) // _CORRECTED_ON)])
    )


def _head_ranges(graph: Graph, inputs: Sequence[Floats]) -> Iterator[tuple[int, Range]]:
    """Of scores what tells them apart; of boxes what those reach whose anchors see a face."""
    run, heads = KeptRun(graph), detector_heads(graph)
    boxes: list[list[Floats]] = [[] for _ in heads]
    for picture in inputs:
        run.run(picture)
        for head, kept in zip(heads, boxes, strict=True):
            seen = run.get(graph.outputs[head.scores]).ravel() > _FACE_LIKE
            kept.append(run.get(graph.outputs[head.boxes]).reshape(-1, _BOX)[seen])
    for head, kept in zip(heads, boxes, strict=True):
        found = np.concatenate(kept)
        if not len(found):
            raise UserError(
                "the detector finds no face in the calibration pictures: take pictures of faces, large and small"
            )
        yield graph.outputs[head.scores], (-_MOST_SCORE, _MOST_SCORE)
        yield graph.outputs[head.boxes], (_HEADROOM * min(0.0, float(found.min())), _HEADROOM * float(found.max()))


def _corrected(exact: Graph, int8: Graph, inputs: Sequence[Floats]) -> Graph:
    """The int8 net with each convolution's bias moved by what it is off on average, from the first to the last."""
    kept, run = list[dict[int, NDArray[Any]]](), KeptRun(exact)
    convolutions = [op for op in exact.ops if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D")]
    for picture in inputs:
        run.run(picture)
        kept.append({op.outputs[0]: run.get(op.outputs[0]) for op in convolutions})
    masks = [_counted(exact, numbers) for numbers in kept]
    for op in track(convolutions, "correcting biases"):
        off = _mean_error(int8, op, inputs, kept, masks)
        int8 = with_bias_moved(int8, op, off)
    return int8


def _counted(graph: Graph, numbers: dict[int, NDArray[Any]]) -> dict[int, NDArray[Any]]:
    """Which numbers of a detector's outputs count: those of anchors that see something like a face."""
    counted = {}
    for head in detector_heads(graph):
        scores = numbers[graph.outputs[head.scores]] > _FACE_LIKE
        counted[graph.outputs[head.scores]] = scores
        counted[graph.outputs[head.boxes]] = np.repeat(scores, _BOX, axis=3)
    return counted


def _mean_error(
    int8: Graph, op: Op, inputs: Sequence[Floats], exact: Sequence[dict[int, NDArray[Any]]],
    masks: Sequence[dict[int, NDArray[Any]]],
) -> NDArray[np.float64]:  # fmt: skip
    """What a convolution of an int8 net lacks, by channel, on average."""
    run, output = KeptRun(int8), int8.tensors[op.outputs[0]]
    off, count = np.zeros(output.shape[3]), np.zeros(output.shape[3])
    for picture, numbers, mask in zip(inputs, exact, masks, strict=True):
        run.run(as_steps(picture, int8.tensors[int8.inputs[0]]))
        reachable = real_numbers(as_steps(numbers[output.index], output), output)
        counts = mask.get(output.index, np.ones(output.shape, bool))
        off += ((reachable - real_numbers(run.get(output.index), output)) * counts).sum(axis=(0, 1, 2))
        count += counts.sum(axis=(0, 1, 2))
    mean: NDArray[np.float64] = off / np.maximum(count, 1)
    return mean


def detector_tflite(nets: DetectorNets) -> bytes:
    """The int8 detector as a file."""
    return write_tflite(nets.int8)
