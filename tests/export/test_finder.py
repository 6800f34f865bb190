"""Mask parts of nets as files of their own, and nets rewritten for other input sizes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgeblur.distill.nets.mask_head import MaskSpec
from edgeblur.errors import UserError
from edgeblur.export.tflite.finder import finder_of
from edgeblur.export.tflite.graph import image_model, read_tflite
from edgeblur.export.tflite.input_size import input_multiple, with_input_size
from edgeblur.export.tflite.inside import look_inside
from edgeblur.export.tflite.writer import write_tflite
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.models.read import read_model
from edgeblur.models.shelf import require_entry
from edgeblur.search.skeleton import skeleton


def _random(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, shape, np.int8)


def _tensor_of(path: Path, index: int, raw: np.ndarray) -> np.ndarray:
    """What LiteRT's reference kernels put into a tensor in the middle of a net."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], raw)
    interpreter.invoke()
    return np.array(interpreter.get_tensor(index))


def test_a_finder_gives_the_mask_of_its_head_byte_for_byte() -> None:
    path = require_entry("mask4").path
    finder, head = finder_of(path), read_tflite(path)
    mask = next(op.outputs[0] for op in head.ops if op.kind == "LOGISTIC")
    raw = _random((1, 128, 128, 3))
    assert (open_engine("litert-ref", finder.data).run(raw) == _tensor_of(path, mask, raw)).all()
    assert (finder.cell_px, finder.clamp, finder.output.width) == (4, (0.3, 0.5), 32)


def test_a_finder_stays_as_it_is() -> None:
    finder = finder_of(require_entry("mask4").path)
    again = finder_of(finder.data)
    assert again.data == finder.data
    assert again.clamp == finder.clamp == (0.3, 0.5)  # the file remembers it


@pytest.mark.parametrize(
    ("name", "clamp"), [("live", (0.25, 0.5)), ("mask32", (0.15, 0.35)), ("mask32-float", (0.15, 0.35))]
)
def test_a_finder_keeps_the_clamp_of_its_head(name: str, clamp: tuple[float, float]) -> None:
    """Also of a head whose weights are kept in 16 bits."""
    finder = finder_of(require_entry(name).path)
    assert finder_of(finder.data).clamp == finder.clamp == clamp


@pytest.mark.parametrize(
    "said", ["", "MLIR Converted.", "edgeblur mask, clamp 0.5:0.2", "edgeblur mask, clamp 0.5:nan"]
)
def test_a_strangers_mask_has_no_clamp(said: str) -> None:
    graph = dataclasses.replace(finder_of(require_entry("mask4").path).graph, description=said)
    assert finder_of(write_tflite(graph)).clamp is None


def test_a_net_without_a_mask_is_no_finder() -> None:
    with pytest.raises(UserError, match="unet8 has no mask"):
        finder_of(read_model(require_entry("unet8").path))


@pytest.mark.parametrize("size", [(96, 32), (16, 48)])
def test_a_rewritten_finder_streams_what_litert_makes_of_it(size: tuple[int, int]) -> None:
    graph = with_input_size(finder_of(require_entry("mask4").path).graph, *size)
    data = write_tflite(graph)
    raw = _random((1, size[1], size[0], 3))
    expected = open_engine("litert-ref", data).run(raw)
    assert expected.shape == (1, size[1] // 4, size[0] // 4, 1)
    assert (open_engine("stream", data).run(raw) == expected).all()


def test_a_whole_u_net_can_be_rewritten_too() -> None:
    graph = with_input_size(read_tflite(require_entry("unet8").path), 144, 24)
    model = image_model(graph)
    assert (model.output.width, model.output.height) == (144, 24)
    raw = _random((1, 24, 144, 3))
    data = write_tflite(graph)
    assert (open_engine("stream", data).run(raw) == open_engine("litert-ref", data).run(raw)).all()


def test_the_old_size_again_gives_the_old_numbers() -> None:
    graph = finder_of(require_entry("mask4").path).graph
    there = with_input_size(graph, 64, 64)
    assert write_tflite(with_input_size(there, 128, 128)) == write_tflite(graph)


def test_a_mask_head_gives_its_mask_as_an_output_from_the_same_weights() -> None:
    path = require_entry("mask4").path
    found = look_inside(path, output="mask")
    assert found.data == finder_of(path).data
    assert image_model(found.graph).output.channels == 1
    with pytest.raises(UserError, match="has no mask"):
        look_inside(require_entry("unet8").path, output="mask")
    with pytest.raises(UserError, match="has no output 'masks'"):
        look_inside(path, output="masks")


def test_a_size_that_a_net_cannot_take_is_refused_with_the_nearest() -> None:
    graph = finder_of(read_model(require_entry("mask4").path)).graph
    assert input_multiple(graph) == 16
    with pytest.raises(UserError, match=r"mask4 cannot take pictures of 160x120: .* nearest .* 160x128"):
        with_input_size(graph, 160, 120)


def test_a_single_cell_that_adds_to_planes_of_any_size_proves_nothing() -> None:
    """A mask from 1/8 size: of a few pixels its coarsest level is one cell."""
    graph = skeleton(MaskSpec(112, 112, widths=(4, 8, 8, 8), depths=(1, 1, 1), finest=2))
    assert input_multiple(finder_of(graph).graph) == 16


def test_an_op_that_depends_on_the_size_is_named() -> None:
    graph = finder_of(require_entry("mask4").path).graph
    op = dataclasses.replace(graph.ops[-1], kind="SOFTMAX")
    with pytest.raises(UserError, match=r"SOFTMAX.* give it its own size"):
        with_input_size(dataclasses.replace(graph, ops=(*graph.ops[:-1], op)), 64, 64)
