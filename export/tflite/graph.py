"""A .tflite file as frozen dataclasses: what every stage after quantization reads, without TensorFlow."""

from __future__ import annotations

import math
import struct
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import Unsupported, UserError
from edgeblur.export.tflite.flatbuffer import DamagedError, verify_tflite
from edgeblur.export.tflite.options import CustomOptions, Options, enum_name, read_options
from edgeblur.files import read_limited, sha256, telling_read_errors

ABSENT = -1
"""The index that stands for an optional input left out."""

COUNTS = ("int32", "int64")
"""Types of an output that says which channel is the largest."""

LARGEST_BYTES = 512 << 20
"""Of a .tflite: a hundred times what a microcontroller's flash holds; reading it takes twice as much memory."""

_BITS = {
    "bool": 8,
    "int2": 2,
    "int4": 4,
    "uint4": 4,
    "int8": 8,
    "uint8": 8,
    "int16": 16,
    "uint16": 16,
    "int32": 32,
    "uint32": 32,
    "int64": 64,
    "uint64": 64,
    "float16": 16,
    "bfloat16": 16,
    "float32": 32,
    "float64": 64,
}

_NOT_IN_NUMPY = ("int2", "int4", "uint4", "bfloat16")
_INDEX_TYPES = ("int16", "int32", "int64")

_RANKS = {
    "AVERAGE_POOL_2D": (4,),
    "BATCH_MATMUL": (2, 2),
    "CONV_2D": (4, 4),
    "CONV_3D": (5, 5),
    "DEPTHWISE_CONV_2D": (4, 4),
    "FULLY_CONNECTED": (1, 2),
    "MAX_POOL_2D": (4,),
    "TRANSPOSE_CONV": (1, 4, 4),
}
"""How many axes the first inputs of an op have at least; readers of a graph rely on it."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a graph.

    Attributes:
        index: its place in `Graph.tensors`.
        name: as the converter called it.
        shape: sizes of its axes; an open one is 1.
        signature: the same with -1 where the size is open.
        dtype: numpy's name of the type (`int8`, `float32`, ...).
        scales: real value of one step; one for the whole tensor, one per channel, or none if it is not quantized.
        zero_points: the step that means 0.0, as many as `scales`.
        quantized_dimension: the axis that per-channel `scales` belong to.
        data: its bytes if it is constant, little-endian; else None.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    quantized_dimension: int
    data: bytes | None

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    def array(self) -> NDArray[Any]:
        """A constant tensor's numbers in its shape, read-only; only for types numpy has."""
        if self.data is None:
            raise ValueError(f"tensor {self.name!r} is no constant")
        return np.frombuffer(self.data, np.dtype(self.dtype).newbyteorder("<")).reshape(self.shape)

    @property
    def is_plain(self) -> bool:
        """Whether `array` gives its numbers: a constant of a type that numpy has, and not a sparse one."""
        known = self.dtype in _BITS and self.dtype not in _NOT_IN_NUMPY
        return self.data is not None and known and len(self.data) * 8 == self.elements * _BITS[self.dtype]

    def integers(self) -> NDArray[Any] | None:
        """Axes, sizes or pads, in the constant's shape; None if it is computed, sparse, or of a type of none."""
        return self.array() if self.dtype in _INDEX_TYPES and self.is_plain else None


@dataclass(frozen=True)
class Op:
    """One operator: `kind` as in schema.fbs (`CONV_2D`), tensors by index (`ABSENT` for one left out), its options."""

    index: int
    kind: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options | None


@dataclass(frozen=True)
class Graph:
    """A whole model: ops in the order they run, and the tensors that go in and come out.

    `called` has what the file calls its outputs, also where what a converter put behind them is taken off;
    `description` is what the file says of itself.
    """

    name: str
    sha256: str
    size_bytes: int
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    called: tuple[str, ...] = ()
    description: str = ""

    @cached_property
    def producers(self) -> dict[int, Op]:
        """The op that writes a tensor, by the tensor's index."""
        return {tensor: op for op in self.ops for tensor in op.outputs}

    @property
    def output_names(self) -> tuple[str, ...]:
        """What people know the outputs as."""
        return self.called or tuple(self.tensors[i].name for i in self.outputs)


@dataclass(frozen=True)
class ImageEnd:
    """Where a picture goes in or comes out; `scale` and `zero_point` are None if the numbers are floats."""

    tensor: Tensor
    height: int
    width: int
    channels: int
    dtype: str
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True)
class ImageModel:
    """A graph with one picture in and one out, or several: `output` is the first, `others` are behind it."""

    graph: Graph
    input: ImageEnd
    output: ImageEnd
    others: tuple[ImageEnd, ...] = ()

    @property
    def outputs(self) -> tuple[ImageEnd, ...]:
        """All of them, as the graph has them."""
        return self.output, *self.others


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")


def _ints(vector: Any, length: int) -> tuple[int, ...]:
    """A vector of numbers; the binding gives the number 0 for one that is left out."""
    return tuple(vector.tolist()) if length else ()


class _Constants:
    """A file's constants, each read once however many tensors and buffers name its place.

    Places may not overlap otherwise: else a small file could claim any amount of memory.
    """

    def __init__(self, model: Any, file: bytes) -> None:
        self._model, self._file = model, file
        self._found: dict[tuple[int, int], bytes] = {}
        self._room = len(file)

    def of(self, index: int) -> bytes | None:
        """What is in a buffer; None if nothing is."""
        if index >= self._model.BuffersLength():
            raise DamagedError(f"a tensor names buffer {index}, of {self._model.BuffersLength()}")
        buffer = self._model.Buffers(index)
        if buffer.DataLength():
            view = buffer.DataAsNumpy()
            return self._at((view.__array_interface__["data"][0], view.size), view)
        start, size = buffer.Offset(), buffer.Size()
        if start < 2 or not size:  # 0 and 1 mean: none (schema.fbs)
            return None
        return self._at((start, size), memoryview(self._file)[start : start + size])

    def _at(self, place: tuple[int, int], view: Any) -> bytes:
        if place not in self._found:
            self._room -= place[1]
            if self._room < 0:
                raise DamagedError("its constants lie over each other, and are larger than the file")
            self._found[place] = bytes(view)
        return self._found[place]


def _quantization(table: Any) -> tuple[tuple[float, ...], tuple[int, ...], int]:
    if table is None:
        return (), (), 0
    scales = _ints(table.ScaleAsNumpy(), table.ScaleLength())
    zero_points = _ints(table.ZeroPointAsNumpy(), table.ZeroPointLength())
    if len(scales) != len(zero_points):
        raise DamagedError(f"a tensor has {len(scales)} scales, but {len(zero_points)} zero points")
    return scales, zero_points, table.QuantizedDimension()


def _tensor(schema: Any, constants: _Constants, table: Any, index: int) -> Tensor:
    name = _text(table.Name())
    shape = _ints(table.ShapeAsNumpy(), table.ShapeLength())
    dtype = enum_name(schema.TensorType, table.Type()).lower()
    data = constants.of(table.Buffer())
    if min(shape, default=0) < 0:
        raise DamagedError(f"tensor {name!r} has the shape {shape}")
    expected = -(-math.prod(shape) * _BITS[dtype] // 8) if dtype in _BITS else None
    if data is not None and table.Sparsity() is None and expected is not None and len(data) != expected:
        raise DamagedError(f"tensor {name!r} needs {expected} bytes, but its buffer has {len(data)}")
    signature = _ints(table.ShapeSignatureAsNumpy(), table.ShapeSignatureLength())
    signature = signature if len(signature) == len(shape) else shape  # interpreters go by the shape
    return Tensor(index, name, shape, signature, dtype, *_quantization(table.Quantization()), data)


def _op(schema: Any, model: Any, table: Any, index: int) -> Op:
    if table.OpcodeIndex() >= model.OperatorCodesLength():
        raise DamagedError(f"an op names kind {table.OpcodeIndex()}, of {model.OperatorCodesLength()}")
    code = model.OperatorCodes(table.OpcodeIndex())
    # Codes above 127 do not fit the old field, codes of old files are only there: the larger one counts (schema.fbs).
    kind = enum_name(schema.BuiltinOperator, max(code.DeprecatedBuiltinCode(), code.BuiltinCode()))
    inputs = _ints(table.InputsAsNumpy(), table.InputsLength())
    outputs = _ints(table.OutputsAsNumpy(), table.OutputsLength())
    if kind == "CUSTOM":
        raw = bytes(table.CustomOptionsAsNumpy()) if table.CustomOptionsLength() else b""
        options: Options | None = CustomOptions(_text(code.CustomCode()), raw)
    else:
        options = read_options(schema, kind, table)
    return Op(index, kind, code.Version(), inputs, outputs, options)


def _check_tensors(tensors: tuple[Tensor, ...], ops: tuple[Op, ...], ends: tuple[int, ...]) -> None:
    used = {*ends, *(t for op in ops for t in (*op.inputs, *op.outputs))}
    if (used and not ABSENT <= min(used) <= max(used) < len(tensors)) or ABSENT in ends:
        raise DamagedError("an op names a tensor that is not there")
    for op in ops:
        ranks = [len(tensors[i].shape) if i != ABSENT else -1 for i in op.inputs]
        wanted = _RANKS.get(op.kind, ())
        if not op.outputs or len(ranks) < len(wanted) or any(r < w for r, w in zip(ranks, wanted, strict=False)):
            raise DamagedError(f"op {op.index} ({op.kind}) lacks an input or an output, or one has too few axes")
    written = Counter(t for op in ops for t in op.outputs if t != ABSENT)
    if twice := next((t for t, count in written.items() if count > 1), None):
        raise DamagedError(f"two ops write tensor {tensors[twice].name!r}")


def _graph(data: bytes, name: str) -> Graph:
    from ai_edge_litert import schema_py_generated as schema

    verify_tflite(data)
    model = schema.Model.GetRootAs(data)
    if model.SubgraphsLength() != 1:
        raise DamagedError(f"it holds {model.SubgraphsLength()} graphs, and edgeblur reads models of one")
    main = model.Subgraphs(0)
    constants = _Constants(model, data)
    tensors = tuple(_tensor(schema, constants, main.Tensors(i), i) for i in range(main.TensorsLength()))
    ops = tuple(_op(schema, model, main.Operators(i), i) for i in range(main.OperatorsLength()))
    inputs = _ints(main.InputsAsNumpy(), main.InputsLength())
    outputs = _ints(main.OutputsAsNumpy(), main.OutputsLength())
    _check_tensors(tensors, ops, (*inputs, *outputs))
    called = tuple(tensors[i].name for i in outputs)
    return Graph(name, sha256(data), len(data), tensors, ops, inputs, outputs, called, _text(model.Description()))


def read_file(path: Path) -> bytes:
    """The bytes of a model file.

    Raises:
        UserError: it is missing, a folder, or not to be read.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: give a .tflite file")
    with telling_read_errors(path, ": give a .tflite file"):
        return read_limited(path, LARGEST_BYTES)


def read_tflite(source: Path | bytes, *, name: str | None = None) -> Graph:
    """Read a .tflite file.

    Args:
        source: a file, or the bytes of one.
        name: what messages call the model, less `.tflite`; by default the file's name, or `model` for bytes.

    Raises:
        UserError: the file is missing, is no .tflite, is cut short or damaged, or holds several graphs.
    """
    if isinstance(source, bytes):
        data, place, name = source, name or "model", name or "model"
    else:
        data, place, name = read_file(source), str(source), name or source.name
    try:
        return _graph(data, name.removesuffix(".tflite"))
    except DamagedError as error:
        raise UserError(f"{place} is no whole .tflite file: {error}") from error
    except (struct.error, IndexError, ValueError, TypeError, OverflowError) as error:
        # What the walk let pass (the inside of an op's options) and the binding stumbled over.
        raise UserError(f"{place} is no whole .tflite file: its tables are damaged") from error


def _check_ends(graph: Graph, *, several: bool) -> None:
    """One input; one output, or at least one."""
    if len(graph.inputs) != 1 or not graph.outputs:
        what, verb = ("input", "in") if len(graph.inputs) != 1 else ("output", "out")
        count = len(graph.inputs) if verb == "in" else 0
        raise Unsupported(f"{graph.name} has {count} {what}s: edgeblur needs a model with one picture {verb}")
    if len(graph.outputs) > 1 and not several:
        told = f"{graph.name} has {len(graph.outputs)} outputs"
        raise Unsupported(f"{told}: choose one: {told_outputs(graph)}", options=("output",))


def _image_end(graph: Graph, index: int, end: str) -> ImageEnd:
    tensor = graph.tensors[index]
    sizes = "x".join("?" if n < 0 else str(n) for n in tensor.signature) or "a single number"
    shape = tensor.shape if end == "input" else as_plane(tensor.shape)
    if len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        raise Unsupported(f"the {end} of {graph.name} is {sizes}: one picture is 1 x height x width x channels")
    if any(n < 0 for n in tensor.signature[1:]):
        raise Unsupported(
            f"the {end} of {graph.name} is {sizes}: give its height and width, as in 96x128", options=("size",)
        )
    if tensor.dtype not in ("float32", "int8", "uint8", "int16", *(COUNTS if end == "output" else ())):
        raise Unsupported(
            f"the {end} of {graph.name} is of type {tensor.dtype}: it should be int8, uint8, int16 or float32"
        )
    scale, zero_point = None, None
    if tensor.dtype not in ("float32", *COUNTS):
        if len(tensor.scales) != 1 or not 0 < tensor.scales[0] < math.inf:
            raise Unsupported(
                f"the {end} of {graph.name} is {tensor.dtype}, but has no scale: quantize the model again"
            )
        scale, zero_point = tensor.scales[0], tensor.zero_points[0]
    return ImageEnd(tensor, *shape[1:], tensor.dtype, scale, zero_point)


def told_outputs(graph: Graph) -> str:
    """A graph's outputs as people choose among them: number, name, shape."""
    named = zip(graph.output_names, (graph.tensors[i] for i in graph.outputs), strict=True)
    return ", ".join(f"{n} {name!r} {'x'.join(map(str, t.shape))}" for n, (name, t) in enumerate(named))


def as_plane(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape as `[1, height, width, channels]` if it only lacks axes of 1, else as it is.

    `[1, height, width]` has one channel, and `[1, channels]` is one pixel.
    """
    if len(shape) == 3:
        return (*shape, 1)
    return (1, 1, *shape) if len(shape) == 2 and shape[0] == 1 else shape


def image_model(graph: Graph, *, several: bool = False) -> ImageModel:
    """Check that a graph takes one picture and gives one.

    Args:
        graph: any.
        several: whether it may give several.

    Returns:
        Size, type, scale and zero point of all ends.

    Raises:
        Unsupported: several inputs or outputs, not `[1, height, width, channels]`, an open size, or a type that is not
            int8, uint8, int16 or float32 (int32 or int64 for an output that counts channels).
    """
    _check_ends(graph, several=several)
    taken = _image_end(graph, graph.inputs[0], "input")
    first, *others = (_image_end(graph, index, "output") for index in graph.outputs)
    return ImageModel(graph, taken, first, tuple(others))


def require_photos(model: ImageModel) -> None:
    """Check that a model's input can be a photo.

    Raises:
        Unsupported: it has neither one channel nor three.
    """
    channels = model.input.channels
    if channels not in (1, 3):
        name = model.graph.name
        raise Unsupported(
            f"the input of {name} has {channels} channels: a photo has 1 (grey) or 3 (RGB); take random pictures",
            options=("random",),
        )


def blurring_model(graph: Graph) -> ImageModel:
    """`image_model`, and what comes out is a colour picture of the size that goes in.

    Raises:
        Unsupported: as `image_model`, or the output has another size or number of channels.
    """
    model = image_model(graph)
    require_photos(model)
    taken, given = ((end.width, end.height, end.channels) for end in (model.input, model.output))
    if given != (*taken[:2], 3):
        told = ["x".join(map(str, shape)) for shape in (taken, given)]
        raise Unsupported(
            f"{graph.name} makes {told[1]} of {told[0]}: to blur, it should give a colour picture of one size"
        )
    return model


def require_int8(graph: Graph) -> None:
    """Check that a graph computes in integers throughout.

    Raises:
        Unsupported: a tensor is float; it and its op are named.
    """
    for tensor in graph.tensors:
        if "float" in tensor.dtype:
            op = graph.producers.get(tensor.index)
            of = f"op {op.index} ({op.kind}) writes" if op else "it takes" if tensor.data is None else "it holds"
            raise Unsupported(
                f"{graph.name} is not fully int8: {of} {tensor.dtype} tensor {tensor.name!r}; "
                "quantize it with `edgeblur quantize --int8`"
            )
