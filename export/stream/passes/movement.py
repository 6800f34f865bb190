"""Ops that only move numbers: read together, said again as one op the engine has, or not at all.

RESHAPE, TRANSPOSE, TILE, SLICE and their kin in any order are one map from numbers to numbers. If it leaves each number
where it is, it vanishes; a pair of transpositions around element-wise ops does; upsampling and pixel shuffle are
recognised by what they do, not by how a converter writes them; anything else becomes one MOVE from the planes.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from edgeblur.export.stream.passes.draft import Draft, data_inputs
from edgeblur.export.stream.passes.index_maps import MOVERS, Places, UnclearError
from edgeblur.export.stream.passes.pointwise import ONLY_TABLES, OWN_KERNEL
from edgeblur.export.stream.passes.reductions import REDUCERS, reduced_axes
from edgeblur.export.stream.passes.views import Shape, View, merged, plane_view, unshuffled
from edgeblur.export.tflite.graph import ABSENT, Graph, Op, Tensor, as_plane
from edgeblur.export.tflite.options import (
    ConcatenationOptions,
    Conv2DOptions,
    DepthToSpaceOptions,
    MoveOptions,
    ReducerOptions,
    ResizeNearestNeighborOptions,
    SpaceToDepthOptions,
)

_POINTWISE = OWN_KERNEL | ONLY_TABLES | {"TABLE"}
_LAST_AXIS = ("ARG_MAX", "ARG_MIN", "CONV_2D", "FULLY_CONNECTED", "L2_NORMALIZATION", "SOFTMAX", *REDUCERS)
_AS_IT_IS = ("CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS", "RESHAPE", "SPACE_TO_DEPTH", "SQUEEZE")


def move_rows(graph: Graph) -> Graph:
    """Write the ops of a graph that only move numbers in the engine's own way."""
    if not any(op.kind in MOVERS and not _is_plain(graph, op) for op in graph.ops):
        return graph
    return _Moving(graph).run()


def _is_plane(tensor: Tensor) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[0] == 1 and min(tensor.shape) > 0


def _is_plain(graph: Graph, op: Op) -> bool:
    """Whether an op that moves numbers is lowered as it is: planes in and out, and a kernel of its own or none."""
    tensors = [graph.tensors[i] for i in (*data_inputs(graph, op), op.outputs[0])]
    if op.kind not in _AS_IT_IS or not all(_is_plane(t) for t in tensors):
        return False
    if op.kind == "CONCATENATION":
        options = op.options
        return not isinstance(options, ConcatenationOptions) or options.axis in (3, -1) or options.activation != "NONE"
    return op.kind in ("DEPTH_TO_SPACE", "SPACE_TO_DEPTH") or tensors[0].shape == tensors[-1].shape


_MOST_ELEMENTS = 2**24
"""Of a tensor that is looked at number by number; no net that a board holds has such."""


class _Moving:
    """The pass at work. `views` has the tensors that are not written, as views of some that are."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.draft = Draft(graph)
        self.views: dict[int, View] = {}
        self.plain: dict[int, Op] = {}

    def run(self) -> Graph:
        for op in self.graph.ops:
            if not (self._is_small(op) and (self._said_again(op) or self._done_on_planes(op))):
                self.draft.keep(dataclasses.replace(op, inputs=tuple(self._written(i, op) for i in op.inputs)))
        return self.draft.graph([self._written_output(i) for i in self.graph.outputs])

    def _is_small(self, op: Op) -> bool:
        """Whether all that an op reads and writes, as large as the file claims it to be, may be looked at."""
        tensors = [self.graph.tensors[i] for i in (*op.inputs, *op.outputs) if i != ABSENT]
        return all(tensor.elements <= _MOST_ELEMENTS for tensor in tensors)

    def _said_again(self, op: Op) -> bool:
        return op.kind in MOVERS and bool(data_inputs(self.graph, op)) and self._move(op)

    def _done_on_planes(self, op: Op) -> bool:
        return self._pointwise(op) or self._last_axis(op) or self._transposed(op)

    # Views

    def view(self, index: int) -> View:
        return self.views.get(index) or plane_view(index, self.draft.tensors[index].shape)

    def _move(self, op: Op) -> bool:
        """Note an op's outputs as views; False if it cannot be read."""
        taken = data_inputs(self.graph, op)
        if len({self._kind(i) for i in (*taken, *op.outputs)}) > 1 or len(taken) < _planes_read(op):
            return False
        sources, sizes, places = merged([self.view(i) for i in taken])
        inputs = iter(places)
        arranged = [next(inputs) if i in taken else np.zeros(0, np.int64) for i in op.inputs]
        try:
            moved = MOVERS[op.kind](self.graph, op, arranged)
        except (UnclearError, ValueError, IndexError, TypeError, OverflowError, MemoryError):
            # constants that are none of this op's
            return False
        if any(m.shape != self.graph.tensors[i].shape for m, i in zip(moved, op.outputs, strict=False)):
            return False
        for index, where in zip(op.outputs, moved, strict=False):
            self.views[index] = View(sources, where, sizes).used()
        if _is_plain(self.graph, op):
            self.plain[op.outputs[0]] = op
        return True

    def _kind(self, index: int) -> tuple[object, ...]:
        tensor = self.graph.tensors[index]
        return tensor.dtype, tensor.scales, tensor.zero_points

    # Tensors that must be there

    def _written(self, index: int, reader: Op) -> int:
        """A tensor that an op reads, written if it is only a view so far; what stands in its place."""
        view = self.views.get(index)
        if view is None:
            return index
        op, tensor = self.plain.get(index), self.graph.tensors[index]
        if op is not None and op.kind != "CONCATENATION" and not view.is_whole and self._is_direct(op):
            self.draft.keep(dataclasses.replace(op, inputs=tuple(self._written(i, op) for i in op.inputs)))
        elif view.is_whole and self.draft.tensors[view.sources[0]].shape == tensor.shape:
            return view.sources[0]
        elif not _is_plane(tensor):  # the lowering refuses what moved it there, by name
            op = self.graph.producers[index]
            self.draft.keep(dataclasses.replace(op, inputs=tuple(self._written(i, op) for i in op.inputs)))
        else:
            self._write(reader if op is None else op, index, view)
        del self.views[index]
        return index

    def _is_direct(self, op: Op) -> bool:
        """Whether the plane that an op moves is there, not itself a view."""
        return all(i not in self.views for i in data_inputs(self.graph, op))

    def _written_output(self, index: int) -> int:
        """An output; a plane without one of its axes of size 1 is as good as the plane.

        One of the same numbers in rows of another length is not: whoever takes its rows counts on the model's size.
        """
        view = self.views.get(index)
        if view is not None and view.is_whole:
            source = self.draft.tensors[view.sources[0]].shape
            if as_plane(self.graph.tensors[index].shape) == source and len(source) == 4:
                return view.sources[0]
        if view is not None and not _is_plane(self.graph.tensors[index]) and len(self.graph.tensors[index].shape) < 4:
            shape = self.graph.tensors[index].shape
            padded = (*shape, *(1,) * (4 - len(shape))) if len(shape) == 3 else (1, 1, *shape)
            if padded[0] == 1 and len(padded) == 4:
                plane = self.draft.like(self.graph.tensors[index], padded)
                producer = self.graph.producers[index]
                self._write(producer, plane, View(view.sources, view.places.reshape(padded), view.sizes))
                return plane
        return self._written(index, self.graph.producers.get(index, self.graph.ops[-1]))

    def _write(self, op: Op, target: int, view: View) -> None:
        """Write the op that makes a plane of a view of planes."""
        sources = [self.draft.tensors[i] for i in view.sources]
        given, places = self.draft.tensors[target].shape, view.places
        if (parts := _side_by_side(view, [t.shape for t in sources], given)) is not None:
            self.draft.op(op, "CONCATENATION", parts, (target,), ConcatenationOptions(3, "NONE"))
        elif len(sources) == 1 and _is_repeated(places, sources[0].shape, given):
            size = self.draft.constant(np.array(given[1:3], np.int32))
            options = ResizeNearestNeighborOptions(False, False)
            self.draft.op(op, "RESIZE_NEAREST_NEIGHBOR", (view.sources[0], size), (target,), options)
        elif len(sources) == 1 and (block := _block(self.graph, places, sources[0].shape, given)) is not None:
            kind = "DEPTH_TO_SPACE" if isinstance(block, DepthToSpaceOptions) else "SPACE_TO_DEPTH"
            self.draft.op(op, kind, view.sources, (target,), block)
        else:
            self.draft.op(op, "MOVE", view.sources, (target,), MoveOptions(places.reshape(given[1:])))

    # Ops that do not mind where a number lies

    def _pointwise(self, op: Op) -> bool:
        """Do an element-wise op on the planes that its inputs are views of, if all are moved alike."""
        taken = data_inputs(self.graph, op)
        if op.kind not in _POINTWISE or not any(i in self.views for i in taken) or len(op.outputs) != 1:
            return False
        others = [self.graph.tensors[i] for i in op.inputs if i not in taken and i != ABSENT]
        if any(i in self.plain for i in taken) or not all(t.data is None or t.is_plain for t in others):
            return False
        given = self.graph.tensors[op.outputs[0]].shape
        if op.kind != "TABLE" and not all(_can_be_paired(t.shape, given) for t in others):
            return False
        views = [self.view(i) for i in taken]
        if self._pointwise_transposed(op, views):
            return True
        first, shape = views[0], self.draft.tensors[views[0].sources[0]].shape
        alike = all(
            self.draft.tensors[v.sources[0]].shape == shape
            and v.places.shape == first.places.shape
            and (v.places == first.places).all()
            for v in views
        )
        if not alike or first.places.shape != given or not first.is_shuffled:
            return False
        inputs = []
        for i in op.inputs:
            tensor = self.graph.tensors[i] if i != ABSENT else None
            if tensor is None or i in taken:
                inputs.append(self.view(i).sources[0] if tensor is not None else ABSENT)
            elif tensor.elements == 1 or op.kind == "TABLE":
                inputs.append(i)
            else:
                inputs.append(self.draft.constant(unshuffled(tensor.array(), first, shape), tensor))
        self._stand_in(op, inputs, shape, first)
        return True

    def _pointwise_transposed(self, op: Op, views: list[View]) -> bool:
        """The same where all inputs are transposed by the same axes; here one may be repeated along some."""
        given = self.graph.tensors[op.outputs[0]].shape
        sources = [self.draft.tensors[v.sources[0]].shape for v in views]
        orders = [v.permutations(s) for v, s in zip(views, sources, strict=True) if len(s) == 4 == len(given)]
        common = set(orders[0]).intersection(*orders[1:]) if len(orders) == len(views) else set()
        if not common:
            return False
        order = min(common)
        back = tuple(order.index(axis) for axis in range(4))
        inputs = []
        for i in op.inputs:
            tensor = self.graph.tensors[i] if i != ABSENT else None
            if tensor is None or tensor.data is None:
                inputs.append(i if tensor is None else self.view(i).sources[0])
            elif tensor.elements == 1:
                inputs.append(i)
            else:
                values = tensor.array()
                values = values.reshape((1,) * (4 - values.ndim) + values.shape)
                inputs.append(self.draft.constant(values.transpose(back), tensor))
        shape = tuple(given[axis] for axis in back)
        plain = np.arange(math.prod(shape)).reshape(shape)
        self._stand_in(op, inputs, shape, View((), plain.transpose(order), ()))
        return True

    def _stand_in(self, op: Op, inputs: list[int], shape: Shape, like: View) -> None:
        """Write an op whose output has its source's layout; the tensor it wrote is a view of that."""
        target = self.draft.like(self.graph.tensors[op.outputs[0]], shape)
        self.draft.keep(dataclasses.replace(op, inputs=tuple(inputs), outputs=(target,)))
        self.views[op.outputs[0]] = View((target,), like.places, (math.prod(shape),))

    def _last_axis(self, op: Op) -> bool:
        """Do an op on the channels of each pixel on the plane whose pixels its input has, in another order or shape."""
        if op.kind not in _LAST_AXIS or not op.inputs or op.inputs[0] not in self.views or op.inputs[0] in self.plain:
            return False
        view, taken = self.views[op.inputs[0]], self.graph.tensors[op.inputs[0]]
        source, given = self.draft.tensors[view.sources[0]], self.graph.tensors[op.outputs[0]]
        if not _is_plane(source) or not view.keeps_pixels(source.shape[3]) or not _stays_on_pixels(self.graph, op):
            return False
        if len(view.sources) > 1 or taken.shape == source.shape or view.places.size > view.sizes[0]:
            return False
        if op.kind in ("ARG_MAX", "ARG_MIN") and _is_plane(taken):  # what it makes are no bytes, and cannot be moved
            return False
        channels, made = source.shape[3], given.shape[-1]
        if view.places.size // channels * made != given.elements:  # the file claims another size
            return False
        axis = self.draft.constant(np.array([3], np.int32)) if reduced_axes(self.graph, op) else None
        inputs = [view.sources[0], *([axis] if axis is not None else op.inputs[1:])]
        target = self.draft.like(given, (*source.shape[:3], made))
        self.draft.keep(dataclasses.replace(op, inputs=tuple(inputs), outputs=(target,)))
        pixels = view.places[..., :1] // channels
        size = math.prod(source.shape[:3]) * made
        self.views[op.outputs[0]] = View((target,), pixels * made + np.arange(made), (size,))
        return True

    def _transposed(self, op: Op) -> bool:
        """Do a reduction or a PAD of a transposed plane on the plane."""
        axes = reduced_axes(self.graph, op)
        if (axes is None and op.kind not in ("PAD", "PADV2")) or op.inputs[0] not in self.views:
            return False
        view, given = self.views[op.inputs[0]], self.graph.tensors[op.outputs[0]]
        source = self.draft.tensors[view.sources[0]]
        order = next(iter(view.permutations(source.shape)), None) if len(source.shape) == 4 else None
        pads = self.graph.tensors[op.inputs[1]].integers()
        if order is None or pads is None:
            return False
        shape = tuple(given.shape[order.index(axis)] for axis in range(4))
        if axes is not None:
            second = np.array([order[axis] for axis in axes], np.int32)
        else:
            second = np.stack([pads[order.index(axis)] for axis in range(4)]).astype(np.int32)
        inputs = [view.sources[0], self.draft.constant(second), *op.inputs[2:]]
        options = op.options
        if isinstance(options, ReducerOptions):  # LiteRT has a kernel of its own for axes 1 and 2 with `keep_dims`
            if options.keep_dims and axes == (1, 2):
                return False
            options = ReducerOptions(False)
        target = self.draft.like(given, shape)
        self.draft.keep(dataclasses.replace(op, inputs=tuple(inputs), outputs=(target,), options=options))
        self.views[op.outputs[0]] = View(
            (target,), np.arange(math.prod(shape)).reshape(shape).transpose(order), (math.prod(shape),)
        )
        return True


def _can_be_paired(shape: Shape, given: Shape) -> bool:
    """Whether a constant goes with a tensor of a size, repeated along its axes of 1 and those that it lacks."""
    sides = (1,) * (len(given) - len(shape)) + tuple(shape)
    return len(sides) == len(given) and all(side in (1, whole) for side, whole in zip(sides, given, strict=True))


def _planes_read(op: Op) -> int:
    """How many of an op's inputs are moved; the others say how."""
    return len(op.inputs) if op.kind in ("CONCATENATION", "PACK") else 1


def _stays_on_pixels(graph: Graph, op: Op) -> bool:
    """Whether an op reads the last axis of its input only: a 1x1 convolution, or a reduction of that axis."""
    taken = graph.tensors[op.inputs[0]]
    if op.kind == "CONV_2D":
        o, kernel = op.options, graph.tensors[op.inputs[1]].shape
        if not isinstance(o, Conv2DOptions) or (o.stride_h, o.stride_w) != (1, 1):
            return False
        return kernel[1:3] == (1, 1) and kernel[3] == taken.shape[-1]
    if op.kind not in (*REDUCERS, "ARG_MAX", "ARG_MIN"):
        return True
    return reduced_axes(graph, op) == (len(taken.shape) - 1,)


def _side_by_side(view: View, shapes: list[Shape], given: Shape) -> tuple[int, ...] | None:
    """The planes that a plane has side by side along its channels, all whole; None if it is nothing of the kind."""
    if any(len(s) != 4 or s[:3] != given[:3] for s in shapes) or len(shapes) < 2:
        return None
    starts = np.cumsum((0, *view.sizes)).tolist()
    first, parts, channel = view.places[0, 0, 0], [], 0
    while channel < given[3]:
        which = next(s for s in range(len(shapes)) if starts[s] <= first[channel] < starts[s + 1])
        channels = shapes[which][3]
        whole = np.arange(view.sizes[which]).reshape(shapes[which]) + starts[which]
        if not np.array_equal(view.places[..., channel : channel + channels], whole):
            return None
        parts.append(view.sources[which])
        channel += channels
    return tuple(parts)


def _is_repeated(places: Places, taken: Shape, given: Shape) -> bool:
    """Whether each pixel is repeated downwards and to the right, by whole factors."""
    if len(taken) != 4 or given[3] != taken[3] or given[1] % taken[1] or given[2] % taken[2]:
        return False
    factors = given[1] // taken[1], given[2] // taken[2]
    repeated = np.arange(math.prod(taken)).reshape(taken).repeat(factors[0], 1).repeat(factors[1], 2)
    return np.array_equal(repeated, places)


def _block(
    graph: Graph, places: Places, taken: Shape, given: Shape
) -> DepthToSpaceOptions | SpaceToDepthOptions | None:
    """The block of a DEPTH_TO_SPACE or SPACE_TO_DEPTH that moves numbers so."""
    if len(taken) != 4 or math.prod(taken) != math.prod(given) or min(taken[1] * given[1], taken[2] * given[2]) < 1:
        return None
    down, size = given[1] > taken[1], max(given[1], taken[1]) // min(given[1], taken[1])
    options = DepthToSpaceOptions(size) if down else SpaceToDepthOptions(size)
    small, large = (taken, given) if down else (given, taken)
    if size < 2 or large[1:3] != (small[1] * size, small[2] * size) or (down and taken[3] % size**2):
        return None
    kind = "DEPTH_TO_SPACE" if down else "SPACE_TO_DEPTH"
    plain = np.arange(math.prod(taken)).reshape(taken)
    [moved] = MOVERS[kind](graph, Op(0, kind, 1, (0,), (0,), options), [plain])
    return options if np.array_equal(moved, places) else None
