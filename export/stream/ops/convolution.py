"""What convolutions of 8 and of 16 bits, in groups and depth by depth, share: a window of weights along rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeblur.export.stream.net.fixed_point import padding_before
from edgeblur.export.stream.net.net import Columns, Field, Operation, Plane, Window
from edgeblur.export.stream.ops.geometry import row_window, windowed_columns
from edgeblur.export.tflite.options import Conv2DOptions, DepthwiseConv2DOptions


@dataclass(frozen=True, eq=False)
class Convolution(Operation):
    """A convolution over rows of one or more planes whose channels lie side by side.

    Attributes:
        weights: int8, of shape `[., kernel height, kernel width, .]`; what the outer two are each kind says.
        options: as in the .tflite.
    """

    weights: NDArray[np.int8]
    options: Conv2DOptions | DepthwiseConv2DOptions

    def windows(self, inputs: Sequence[Plane], output: Plane) -> Sequence[Window]:
        return [row_window(inputs[0], output, self.weights.shape[1], self.options)] * len(inputs)

    def window_fields(self, inputs: Sequence[Plane], output: Plane) -> Mapping[str, Field]:
        """Members of the kernel's struct that say which columns the window looks at."""
        o, (_, kernel_h, kernel_w, _) = self.options, self.weights.shape
        return {
            "kernel_h": kernel_h,
            "kernel_w": kernel_w,
            "stride": o.stride_w,
            "dilation": o.dilation_w,
            "pad_left": padding_before(o.padding, inputs[0].width, output.width, kernel_w, o.stride_w, o.dilation_w),
        }

    def columns(self, inputs: Sequence[Plane], output: Plane, first: int, end: int) -> Columns | None:
        return windowed_columns(self.fields(inputs, output), inputs, first, end, self.options.stride_w)

    def row_macs(self, inputs: Sequence[Plane], output: Plane) -> int:
        return output.width * self.weights.size
