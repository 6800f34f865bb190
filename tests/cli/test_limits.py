"""The limits that docs/reliability.md states: what lies within is taken, what lies beyond gets a sentence."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flatbuffers import Builder
from int8_nets import Int8Net
from PIL import Image

from edgeblur import files
from edgeblur.distill.data import labels
from edgeblur.errors import DoesNotFit, EdgeblurError
from edgeblur.export.c_array import Provenance
from edgeblur.export.identifier import check_identifier
from edgeblur.export.stream import lower as lowering
from edgeblur.export.stream.compile import compile_stream
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.planning import budget
from edgeblur.export.stream.planning.recompute import repetitions
from edgeblur.export.stream.planning.schedule import Schedule, schedule
from edgeblur.export.tflite import flatbuffer
from edgeblur.export.tflite import graph as graphs
from edgeblur.export.tflite.graph import Graph, read_file, read_tflite
from edgeblur.export.tflite.input_size import with_input_size
from edgeblur.export.tflite.options import (
    ConcatenationOptions,
    MirrorPadOptions,
    MulOptions,
    Pool2DOptions,
    ReshapeOptions,
    ResizeNearestNeighborOptions,
)
from edgeblur.export.tflite.writer import write_tflite
from edgeblur.export.veil.plan import parse_size
from edgeblur.pictures.images import load_picture


def told(run: Callable[[], object]) -> str:
    """What a refusal says; it is one sentence for the user, no traceback."""
    with pytest.raises(EdgeblurError) as refused:
        run()
    return str(refused.value)


def compiled(graph: Graph, options: StreamOptions | None = None) -> int:
    return compile_stream(graph, Provenance("net.tflite", "net", graph), options).files.ram_bytes


# Files


def test_a_file_is_read_up_to_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "LARGEST_BYTES", 1 << 20)
    path = tmp_path / "net.tflite"
    path.write_bytes(bytes(1 << 20))
    assert len(read_file(path)) == 1 << 20
    path.write_bytes(bytes((1 << 20) + 1))
    assert "larger than the 1 MiB" in told(lambda: read_file(path))
    assert "larger than the 1 MiB" in told(lambda: read_file(Path("/dev/zero")))


@pytest.mark.parametrize("name", ["run.json", "boards.toml"])
def test_text_is_read_up_to_a_size(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_TEXT", 1 << 20)
    path = tmp_path / name

    def read() -> object:
        return files.read_json(path) if name.endswith("json") else files.read_toml(path, "write one")

    text = b"{}" if name.endswith("json") else b"a = 1"
    path.write_bytes(text + b" " * ((1 << 20) - len(text)))
    assert read() in ({}, {"a": 1})
    path.write_bytes(text + b" " * (1 << 20))
    assert "larger than the 1 MiB" in told(read)


def test_labels_are_read_up_to_a_size_a_depth_and_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labels.jsonl"

    def read(line: str) -> Callable[[], object]:
        path.write_text(line)
        return lambda: labels._read_labels(path)

    face = {"file": "a.png", "faces": [[0, 0, 1_000_000, 0.001]]}
    assert read(json.dumps(face))()
    for number in ("1000001", "1e300", "1e999", "9" * 5000, "-1000001"):
        assert "numbers from -1,000,000 to 1,000,000" in told(read(json.dumps(face).replace("1000000", number)))
    assert "at least 0.001 pixels" in told(read(json.dumps(face).replace("0.001", "0.0009")))
    assert "nested too deep" in told(read('{"file": "a.png", "faces": ' + "[" * 100_000))
    monkeypatch.setattr(labels, "LARGEST_TEXT", 1 << 20)
    assert read(json.dumps(face) + " " * 1_000_000)()
    assert "larger than the 1 MiB" in told(read(json.dumps(face) + " " * (1 << 20)))


def test_tables_of_a_model_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Int8Net()
    data = net.tflite(net.conv(net.picture(4, 4), 2))
    walk = flatbuffer._Walk(data)
    walk.table(walk.unsigned(0), "Model")
    monkeypatch.setattr(flatbuffer, "_MOST_TABLES", walk.tables)
    read_tflite(data)
    monkeypatch.setattr(flatbuffer, "_MOST_TABLES", walk.tables - 1)
    assert f"more than {walk.tables - 1} tables" in told(lambda: read_tflite(data))


def overlapping(shift: int) -> bytes:
    """A .tflite of 40 constants of 64 kB, each so many bytes behind the one before, in a file of about 64 kB."""
    from ai_edge_litert import schema_py_generated as schema

    def constants(place: int) -> bytes:
        model, graph = schema.ModelT(), schema.SubGraphT()
        model.version, model.operatorCodes, model.subgraphs = 3, [], [graph]
        model.buffers = [schema.BufferT()]
        graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [], []
        for i in range(40):
            buffer, tensor = schema.BufferT(), schema.TensorT()
            buffer.offset, buffer.size = place + shift * i, 1 << 16
            tensor.buffer, tensor.shape, tensor.type = i + 1, [1 << 16], schema.TensorType.INT8
            model.buffers.append(buffer)
            graph.tensors.append(tensor)
        builder = Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    size = len(constants(1 << 20))
    return constants(size) + bytes((1 << 16) + 40 * shift)


def test_constants_take_no_more_memory_than_their_file() -> None:
    """Buffers may share a place, which is then read once, but not lie over each other in any other way."""
    shared = read_tflite(overlapping(0))
    assert len({id(tensor.data) for tensor in shared.tensors}) == 1
    assert "larger than the file" in told(lambda: read_tflite(overlapping(16)))


# Planning


def chain(count: int, height: int = 4) -> Graph:
    net = Int8Net()
    x = net.picture(height, 2, 1)
    for _ in range(count):
        x = net.max_pool(x, (1, 1))
    return net.graph(x)


def test_ops_layers_and_rows_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(lower(chain(255)).nodes) == 256  # with the picture
    assert "it has 257 layers, and 256 is the most" in told(lambda: lower(chain(256)))
    monkeypatch.setattr(lowering, "_MOST_OPS", 9)
    lower(chain(9))
    assert "it has 10 ops, and 9 is the most" in told(lambda: lower(chain(10)))
    monkeypatch.setattr(lowering, "_MOST_ROWS", 4000)
    lower(chain(3, height=1000))
    assert "its layers have 4,004 rows in all, and 4,000 is the most" in told(lambda: lower(chain(3, height=1001)))


def enlarged_and_joined(pools: int) -> Graph:
    """No MACs; the enlarged picture waits for pools of it, and may as well be enlarged twice."""
    net = Int8Net()
    x = net.picture(8, 8, 2)
    large = net.like(x, 32, 32, 2)
    size = net.constant(np.array([32, 32], np.int32))
    net.op("RESIZE_NEAREST_NEIGHBOR", [x, size], large, ResizeNearestNeighborOptions(False, False))
    y = large
    for _ in range(pools):
        before, y = y, net.like(large, 32, 32, 2)
        net.op("MAX_POOL_2D", [before], y, Pool2DOptions("SAME", 1, 1, 5, 5, "NONE"))
    joined = net.like(large, 32, 32, 4)
    net.op("CONCATENATION", [y, large], joined, ConcatenationOptions(3, "NONE"))
    return net.graph(joined)


def test_a_search_for_a_budget_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of all nets that are put in order are counted."""
    graph, tried = enlarged_and_joined(3), list[int]()
    real = budget.schedule

    def counted(net: Net) -> Schedule:
        tried.append(len(net.nodes))
        return real(net)

    monkeypatch.setattr(budget, "schedule", counted)
    with pytest.raises(DoesNotFit):
        compiled(graph, StreamOptions(ram_bytes=10))
    freely = len(tried)
    monkeypatch.setattr(budget, "_MOST_TRIED_ROWS", 1)
    tried.clear()
    with pytest.raises(DoesNotFit):
        compiled(graph, StreamOptions(ram_bytes=10))
    assert 0 < len(tried) < freely


def test_a_net_without_macs_that_does_not_fit_says_so() -> None:
    sentence = told(lambda: compiled(enlarged_and_joined(3), StreamOptions(ram_bytes=10)))
    assert "bytes of RAM even with rows made twice, " in sentence


def test_a_side_of_a_plane_fits_16_bits() -> None:
    assert lower(chain(1, height=32_767))
    assert "sizes go up to 32767" in told(lambda: lower(chain(1, height=32_768)))


def test_an_input_is_made_no_larger_than_4096() -> None:
    net = chain(1)
    assert with_input_size(net, 4096, 2).tensors[0].shape == (1, 2, 4096, 1)
    assert "sides go from 1 to 4096" in told(lambda: with_input_size(net, 4097, 2))


# Constants that claim memory, or are of another type than they should be


def padded(pads: list[list[int]], dtype: type = np.int32) -> Graph:
    net = Int8Net()
    x = net.picture(4, 4, 2)
    y = net.like(x, 6, 6, 2)
    net.op("MIRROR_PAD", [x, net.constant(np.array(pads, dtype))], y, MirrorPadOptions("REFLECT"))
    return net.graph(y)


def test_a_constant_takes_no_memory_beyond_its_output() -> None:
    """A MIRROR_PAD and a TILE of a billion rows, where the file states six."""
    assert compiled(padded([[0, 0], [1, 1], [1, 1], [0, 0]]))
    assert "MIRROR_PAD" in told(lambda: compiled(padded([[0, 0], [0, 1 << 30], [1, 1], [0, 0]])))
    net = Int8Net()
    x = net.picture(4, 4, 2)
    y = net.like(x, 8, 4, 2)
    net.op("TILE", [x, net.constant(np.array([1, 1 << 20, 1 << 10, 1], np.int32))], y)
    assert "TILE" in told(lambda: compiled(net.graph(y)))


@pytest.mark.parametrize("rows", [2, 0])
def test_an_output_takes_no_memory_that_it_only_claims(rows: int) -> None:
    """Two million channels behind a RESHAPE, and in the second net a side of 0, so that there are no numbers at all."""
    net = Int8Net()
    x = net.picture(4, 4, 2)
    shape = net.constant(np.array([1, 2, 8, 2], np.int32))
    y = net.conv(net.op("RESHAPE", [x, shape], net.like(x, 2, 8, 2), ReshapeOptions((1, 2, 8, 2))), 3, (1, 1))
    graph = net.graph(y)
    assert compiled(graph)
    claimed = dataclasses.replace(graph.tensors[y], shape=(1, rows, 8, 2**21), signature=(1, rows, 8, 2**21))
    large = dataclasses.replace(graph, tensors=(*graph.tensors[:y], claimed, *graph.tensors[y + 1 :]))
    tracemalloc.start()
    assert f"1x{rows}x8x2097152" in told(lambda: compiled(large))
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize("shape", [(5,), (1, 1, 1, 1, 2)])
@pytest.mark.parametrize("turned", ["RESHAPE", "TRANSPOSE"])
def test_a_constant_that_fits_no_plane_is_refused(turned: str, shape: tuple[int, ...]) -> None:
    net = Int8Net()
    x = net.picture(4, 8, 2)
    how = net.constant(np.array([1, 8, 4, 2] if turned == "RESHAPE" else [0, 2, 1, 3], np.int32))
    moved = net.op(turned, [x, how], net.like(x, 8, 4, 2), None, 2 if turned == "TRANSPOSE" else 1)
    y = net.op("MUL", [moved, net.steps(*shape)], net.like(x, 8, 4, 2), MulOptions("NONE"))
    assert "MUL" in told(lambda: compiled(net.graph(y)))


def as_type(graph: Graph, index: int, dtype: str) -> bytes:
    """A model whose constant is of another type, with as many bytes as that needs."""
    bits = {"int4": 4, "int2": 2, "bfloat16": 16, "complex64": 64}.get(dtype, 32)
    constant = graph.tensors[index]
    data = ((constant.data or b"") * 4)[: constant.elements * bits // 8]
    changed = dataclasses.replace(constant, dtype=dtype, data=data)
    return write_tflite(dataclasses.replace(
        graph, tensors=(*graph.tensors[:index], changed, *graph.tensors[index + 1 :])))  # fmt: skip


@pytest.mark.parametrize("dtype", ["int4", "int2", "bfloat16", "complex64", "float32", "string", "variant"])
@pytest.mark.parametrize("kind", ["TRANSPOSE", "MEAN", "MIRROR_PAD", "PAD", "REVERSE_V2"])
def test_axes_of_an_odd_type_are_refused(kind: str, dtype: str) -> None:
    net = Int8Net()
    x = net.picture(4, 4, 2)
    pads = [[0, 0], [1, 1], [1, 1], [0, 0]]
    values, shape = {
        "TRANSPOSE": ([0, 3, 1, 2], (2, 4, 4)),
        "MEAN": ([3], (4, 4, 1)),
        "REVERSE_V2": ([1], (4, 4, 2)),
        "MIRROR_PAD": (pads, (6, 6, 2)),
        "PAD": (pads, (6, 6, 2)),
    }[kind]
    constant, y = net.constant(np.array(values, np.int32)), net.like(x, *shape)
    net.op(kind, [x, constant], y, MirrorPadOptions("REFLECT") if kind == "MIRROR_PAD" else None)
    data = as_type(net.graph(y), constant, dtype)
    assert kind in told(lambda: compiled(read_tflite(data, name="net")))


def test_rows_that_nobody_needs_are_no_reason_to_fail() -> None:
    """The last layer reads the border alone, so that no row of the first one is ever made."""
    net = Int8Net()
    first = net.conv(net.picture(1, 4, 2), 2, (1, 1))
    bordered = net.like(first, 2, 4, 2)
    net.op("PAD", [first, net.constant(np.array([[0, 0], [1, 0], [0, 0], [0, 0]], np.int32))], bordered)
    lowered = lower(net.graph(net.conv(bordered, 2, (1, 1), stride=(2, 2))))
    order = schedule(lowered)
    assert {step.node for step in order.steps} < set(range(len(lowered.nodes)))
    assert list(repetitions(lowered, order)) == []


# Pictures, frames, names


def test_a_picture_has_at_most_178_million_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert 2 * Image.MAX_IMAGE_PIXELS == 178_956_970  # Pillow's own, above which it refuses
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)
    Image.new("1", (100, 100)).save(tmp_path / "most.png")
    Image.new("1", (100, 101)).save(tmp_path / "more.png")
    assert load_picture(tmp_path / "most.png").size == (100, 100)
    assert "exceeds limit of 10000 pixels" in told(lambda: load_picture(tmp_path / "more.png"))


def test_a_frame_has_sides_up_to_8192() -> None:
    assert parse_size("8192x8192") == (8192, 8192)
    assert "sides from 1 to 8192" in told(lambda: parse_size("8193x16"))


def test_a_name_has_at_most_48_characters() -> None:
    assert check_identifier("a" * 48)
    assert "at most 48" in told(lambda: check_identifier("a" * 49))
