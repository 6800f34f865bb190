"""What the ops of a conv net carry beside their tensors: stride, padding, activation, ...

Each class is named after its table in TensorFlow Lite's schema.fbs and holds that table's fields. To read one more op,
add its class here and its line to `OPTIONS`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.tflite.flatbuffer import DamagedError


@dataclass(frozen=True)
class Conv2DOptions:
    """CONV_2D; `padding` is SAME or VALID, `activation` NONE, RELU, RELU6, RELU_N1_TO_1, TANH or SIGN_BIT."""

    padding: str
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    activation: str


@dataclass(frozen=True)
class DepthwiseConv2DOptions:
    """DEPTHWISE_CONV_2D; output channels = input channels x `depth_multiplier`."""

    padding: str
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    depth_multiplier: int
    activation: str


@dataclass(frozen=True)
class TransposeConvOptions:
    """TRANSPOSE_CONV; its output shape is its first input."""

    padding: str
    stride_h: int
    stride_w: int
    activation: str


@dataclass(frozen=True)
class Pool2DOptions:
    """MAX_POOL_2D, AVERAGE_POOL_2D, L2_POOL_2D."""

    padding: str
    stride_h: int
    stride_w: int
    filter_h: int
    filter_w: int
    activation: str


@dataclass(frozen=True)
class FullyConnectedOptions:
    """FULLY_CONNECTED."""

    activation: str
    keep_num_dims: bool


@dataclass(frozen=True)
class BatchMatMulOptions:
    """BATCH_MATMUL; `adj_x` and `adj_y` say that a factor is transposed first."""

    adj_x: bool
    adj_y: bool


@dataclass(frozen=True)
class ConcatenationOptions:
    """CONCATENATION; a negative `axis` counts from the end."""

    axis: int
    activation: str


@dataclass(frozen=True)
class AddOptions:
    """ADD."""

    activation: str


@dataclass(frozen=True)
class SubOptions:
    """SUB."""

    activation: str


@dataclass(frozen=True)
class MulOptions:
    """MUL."""

    activation: str


@dataclass(frozen=True)
class DivOptions:
    """DIV."""

    activation: str


@dataclass(frozen=True)
class SoftmaxOptions:
    """SOFTMAX."""

    beta: float


@dataclass(frozen=True)
class LeakyReluOptions:
    """LEAKY_RELU; the slope below zero."""

    alpha: float


@dataclass(frozen=True)
class ResizeBilinearOptions:
    """RESIZE_BILINEAR; the size is its second input."""

    align_corners: bool
    half_pixel_centers: bool


@dataclass(frozen=True)
class ResizeNearestNeighborOptions:
    """RESIZE_NEAREST_NEIGHBOR; the size is its second input."""

    align_corners: bool
    half_pixel_centers: bool


@dataclass(frozen=True)
class ReshapeOptions:
    """RESHAPE; empty if the shape is only in the second input."""

    new_shape: tuple[int, ...]


@dataclass(frozen=True)
class SqueezeOptions:
    """SQUEEZE."""

    squeeze_dims: tuple[int, ...]


@dataclass(frozen=True)
class ReducerOptions:
    """MEAN, SUM, REDUCE_MAX, REDUCE_MIN; the axes are the second input."""

    keep_dims: bool


@dataclass(frozen=True)
class StridedSliceOptions:
    """STRIDED_SLICE; begin, end and strides are inputs, these are bit masks over the axes."""

    begin_mask: int
    end_mask: int
    ellipsis_mask: int
    new_axis_mask: int
    shrink_axis_mask: int


@dataclass(frozen=True)
class DepthToSpaceOptions:
    """DEPTH_TO_SPACE."""

    block_size: int


@dataclass(frozen=True)
class SpaceToDepthOptions:
    """SPACE_TO_DEPTH."""

    block_size: int


@dataclass(frozen=True)
class PackOptions:
    """PACK."""

    values_count: int
    axis: int


@dataclass(frozen=True)
class SplitOptions:
    """SPLIT; the axis is the first input."""

    num_splits: int


@dataclass(frozen=True)
class MirrorPadOptions:
    """MIRROR_PAD; `mode` is REFLECT or SYMMETRIC."""

    mode: str


@dataclass(frozen=True)
class SplitVOptions:
    """SPLIT_V; sizes and axis are inputs."""

    num_splits: int


@dataclass(frozen=True)
class UnpackOptions:
    """UNPACK."""

    num: int
    axis: int


@dataclass(frozen=True)
class GatherOptions:
    """GATHER; the indices are the second input."""

    axis: int
    batch_dims: int


@dataclass(frozen=True)
class ArgMaxOptions:
    """ARG_MAX; the axis is the second input."""

    output_type: str


@dataclass(frozen=True)
class ArgMinOptions:
    """ARG_MIN."""

    output_type: str


@dataclass(frozen=True)
class GeluOptions:
    """GELU; by tanh if `approximate`."""

    approximate: bool


@dataclass(frozen=True)
class L2NormOptions:
    """L2_NORMALIZATION."""

    activation: str


@dataclass(frozen=True)
class CumsumOptions:
    """CUMSUM; the axis is the second input."""

    exclusive: bool
    reverse: bool


@dataclass(frozen=True)
class TableOptions:
    """TABLE, which no file has: the streaming engine writes it in place of ops that change each byte by itself.

    Attributes:
        table: 256 bytes, by the input byte's unsigned value.
    """

    table: bytes


@dataclass(frozen=True, eq=False)
class MoveOptions:
    """MOVE, which no file has: the streaming engine writes it in place of ops that only move numbers about.

    Attributes:
        places: `[height, width, channels]`: for each number of the output, its place in the inputs, which are laid one
            behind the other.
    """

    places: NDArray[np.int64]


@dataclass(frozen=True)
class CustomOptions:
    """CUSTOM; the op's own name, and its options in a form of its own."""

    code: str
    data: bytes


OPTIONS: dict[str, type[Any]] = {
    "CONV_2D": Conv2DOptions,
    "DEPTHWISE_CONV_2D": DepthwiseConv2DOptions,
    "TRANSPOSE_CONV": TransposeConvOptions,
    "MAX_POOL_2D": Pool2DOptions,
    "AVERAGE_POOL_2D": Pool2DOptions,
    "L2_POOL_2D": Pool2DOptions,
    "FULLY_CONNECTED": FullyConnectedOptions,
    "BATCH_MATMUL": BatchMatMulOptions,
    "CONCATENATION": ConcatenationOptions,
    "ADD": AddOptions,
    "SUB": SubOptions,
    "MUL": MulOptions,
    "DIV": DivOptions,
    "SOFTMAX": SoftmaxOptions,
    "LEAKY_RELU": LeakyReluOptions,
    "RESIZE_BILINEAR": ResizeBilinearOptions,
    "RESIZE_NEAREST_NEIGHBOR": ResizeNearestNeighborOptions,
    "RESHAPE": ReshapeOptions,
    "SQUEEZE": SqueezeOptions,
    "MEAN": ReducerOptions,
    "SUM": ReducerOptions,
    "REDUCE_MAX": ReducerOptions,
    "REDUCE_MIN": ReducerOptions,
    "STRIDED_SLICE": StridedSliceOptions,
    "DEPTH_TO_SPACE": DepthToSpaceOptions,
    "SPACE_TO_DEPTH": SpaceToDepthOptions,
    "PACK": PackOptions,
    "SPLIT": SplitOptions,
    "MIRROR_PAD": MirrorPadOptions,
    "SPLIT_V": SplitVOptions,
    "UNPACK": UnpackOptions,
    "GATHER": GatherOptions,
    "ARG_MAX": ArgMaxOptions,
    "ARG_MIN": ArgMinOptions,
    "GELU": GeluOptions,
    "L2_NORMALIZATION": L2NormOptions,
    "CUMSUM": CumsumOptions,
}
"""By op kind; an op that is not here is read without its options."""

Options = (
    Conv2DOptions
    | DepthwiseConv2DOptions
    | TransposeConvOptions
    | Pool2DOptions
    | FullyConnectedOptions
    | BatchMatMulOptions
    | ConcatenationOptions
    | AddOptions
    | SubOptions
    | MulOptions
    | DivOptions
    | SoftmaxOptions
    | LeakyReluOptions
    | ResizeBilinearOptions
    | ResizeNearestNeighborOptions
    | ReshapeOptions
    | SqueezeOptions
    | ReducerOptions
    | StridedSliceOptions
    | DepthToSpaceOptions
    | SpaceToDepthOptions
    | PackOptions
    | SplitOptions
    | MirrorPadOptions
    | SplitVOptions
    | UnpackOptions
    | GatherOptions
    | ArgMaxOptions
    | ArgMinOptions
    | GeluOptions
    | L2NormOptions
    | CumsumOptions
    | TableOptions
    | MoveOptions
    | CustomOptions
)

ACCESSORS = {
    "activation": "FusedActivationFunction",
    "dilation_h": "DilationHFactor",
    "dilation_w": "DilationWFactor",
    "filter_h": "FilterHeight",
    "filter_w": "FilterWidth",
}
ENUMS = {
    "activation": "ActivationFunctionType",
    "mode": "MirrorPadMode",
    "output_type": "TensorType",
    "padding": "Padding",
}


def enum_name(enum: type[Any], value: int) -> str:
    """The name of a number in one of the binding's enumerations.

    Raises:
        DamagedError: it has no such number.
    """
    names = {number: str(name) for name, number in vars(enum).items() if not name.startswith("_")}
    if value in names:
        return names[value]
    raise DamagedError(f"{value} is no {enum.__name__} of this schema")


def _value(schema: Any, table: Any, field: str) -> Any:
    accessor = ACCESSORS.get(field, "".join(word.capitalize() for word in field.split("_")))
    if hasattr(table, f"{accessor}AsNumpy"):
        length = getattr(table, f"{accessor}Length")()
        return tuple(getattr(table, f"{accessor}AsNumpy")().tolist()) if length else ()
    value = getattr(table, accessor)()
    return enum_name(getattr(schema, ENUMS[field]), value) if field in ENUMS else value


def read_options(schema: Any, kind: str, operator: Any) -> Options | None:
    """Read the options of one operator of the binding `schema`; None for an op that has none or is not in `OPTIONS`.

    Raises:
        DamagedError: the options are those of another op.
    """
    wanted = OPTIONS.get(kind)
    table = operator.BuiltinOptions()
    if wanted is None or table is None:
        return None
    if operator.BuiltinOptionsType() != getattr(schema.BuiltinOptions, wanted.__name__):
        raise DamagedError(f"an op {kind} carries the options of another op")
    typed = getattr(schema, wanted.__name__)()
    typed.Init(table.Bytes, table.Pos)
    options: Options = wanted(*(_value(schema, typed, field.name) for field in dataclasses.fields(wanted)))
    return options
