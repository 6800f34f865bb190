"""A memory plan as numbers: how many rows of each plane are kept, what that takes, and when it takes most."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.costs.cost import frame_cost, layer_instructions
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.ops.conv_2d import Conv2D
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.planning.budget import Recomputation
from edgeblur.export.stream.planning.layout import scratch_bytes
from edgeblur.export.stream.planning.schedule import Schedule


@dataclass(frozen=True)
class PlaneRows:
    """What is kept of one plane.

    Attributes:
        node: its number in the net.
        name: of the layer that makes it.
        op: the layer's kind; `picture` for the rows that come in.
        height, width, channels: of the plane.
        row_bytes: of one row.
        most_rows: rows alive at the plane's own worst moment; 0 for the output, whose rows go to the caller.
        ring_bytes: what a ring buffer of so many rows would take.
        worst_rows: rows alive at the net's worst moment.
        worst_bytes: of those.
        worst_share: of all bytes alive then.
        waits_for: the layer that reads the last of those rows; None if there are none.
        macs: multiply-accumulates of the plane.
        recomputes: the layer that this one repeats to save memory; None if it repeats none.
        kernel: `direct` or `winograd`; None if there is but one for such a layer.
        why: it has that kernel; None if there was no choice.
        predicted_instructions: of the layer in a frame, on the summary's core; None if that is unknown.
    """

    node: int
    name: str
    op: str
    height: int
    width: int
    channels: int
    row_bytes: int
    most_rows: int
    ring_bytes: int
    worst_rows: int
    worst_bytes: int
    worst_share: float
    waits_for: str | None
    macs: int
    recomputes: str | None
    kernel: str | None = None
    why: str | None = None
    predicted_instructions: int | None = None


@dataclass(frozen=True)
class PlanSummary:
    """A model's memory plan.

    Attributes:
        name: of the model.
        planes: in the net's order, the picture first, the output last.
        picture_rows: rows of a picture.
        worst_picture_rows: of those, how many have been taken in at the worst moment.
        worst_layer: the layer that runs then.
        worst_row: the row that it makes.
        live_bytes: bytes of rows alive at the worst moment; no plan can need less.
        arena_bytes: what the plan needs for them.
        scratch_bytes: for the kernel that wants most.
        counter_bytes: which step is next, and how many rows of each plane are made.
        state_bytes: the three together.
        row_bytes: the caller's two rows, one in and one out.
        ram_bytes: all of it, everything writable but the stack.
        ring_bytes: what ring buffers, one for each plane, would take in the arena's stead.
        macs: multiply-accumulates of a picture.
        macs_recomputed: of those, what is spent a second time to save memory.
        recomputation: what is made twice to fit a budget; None if nothing is.
        predicted_core: the core that instructions are predicted for; None if there are none.
        predicted_instructions: of a frame.
    """

    name: str
    planes: tuple[PlaneRows, ...]
    picture_rows: int
    worst_picture_rows: int
    worst_layer: str
    worst_row: int
    live_bytes: int
    arena_bytes: int
    scratch_bytes: int
    counter_bytes: int
    state_bytes: int
    row_bytes: int
    ram_bytes: int
    ring_bytes: int
    macs: int
    macs_recomputed: int
    recomputation: Recomputation | None
    predicted_core: str | None = None
    predicted_instructions: int | None = None

    @property
    def largest(self) -> list[PlaneRows]:
        """The planes that take something at the worst moment, the greediest first."""
        taking = [plane for plane in self.planes if plane.worst_bytes]
        return sorted(taking, key=lambda plane: (-plane.worst_bytes, plane.node))

    def as_json(self) -> dict[str, Any]:
        """All fields by name; what is not there is absent."""
        planes = [{k: v for k, v in asdict(plane).items() if v is not None} for plane in self.planes]
        return {k: v for k, v in asdict(self).items() if v is not None} | {"planes": planes}


def _waiting(net: Net, schedule: Schedule) -> dict[int, str]:
    """For each node with rows alive at the worst moment, the layer that reads the last of them."""
    worst = schedule.worst_step
    last: dict[int, int] = {}
    for row in schedule.rows:
        if row.birth <= worst <= row.death:
            last[row.node] = max(last.get(row.node, 0), row.death)
    return {node: net.nodes[schedule.steps[death].node].name for node, death in last.items()}


def _planes(net: Net, schedule: Schedule) -> tuple[PlaneRows, ...]:
    worst, waiting = schedule.worst_step, _waiting(net, schedule)
    alive = Counter(row.node for row in schedule.rows if row.birth <= worst <= row.death)
    planes = []
    for n, node in enumerate(net.nodes):
        plane, most = node.plane, schedule.most_rows(n)
        planes.append(
            PlaneRows(
                n, node.name, node.operation.label if node.operation else "picture",
                plane.height, plane.width, plane.channels, plane.row_bytes, most, most * plane.row_bytes,
                alive[n], alive[n] * plane.row_bytes, alive[n] * plane.row_bytes / schedule.live_bytes,
                waiting.get(n), net.row_macs(node) * plane.height,
                None if node.recomputes is None else net.nodes[node.recomputes].name,
                node.operation.how if isinstance(node.operation, Conv2D) else None, node.why,
            )
        )  # fmt: skip
    return tuple(planes)


def with_instructions(summary: PlanSummary, net: Net, options: StreamOptions) -> PlanSummary:
    """The same with predicted instructions, if any were counted on such a core.

    Args:
        summary: of the net's plan.
        net: the net.
        options: that it was compiled for; without a core nothing is predicted.
    """
    core, optimize = options.core, options.optimize
    if core is None:
        return summary
    frame = frame_cost(net, core, optimize=optimize)
    if frame is None:
        return summary
    layers = layer_instructions(net, core, optimize=optimize)
    planes = [
        replace(plane, predicted_instructions=round(layers.get(plane.node, 0)) or None) for plane in summary.planes
    ]
    return replace(summary, planes=tuple(planes), predicted_core=core, predicted_instructions=frame.instructions)


def summarize(compiled: Compiled) -> PlanSummary:
    """The numbers of a compiled model's plan, without predicted instructions."""
    net, schedule, files = compiled.net, compiled.schedule, compiled.files
    planes, worst = _planes(net, schedule), schedule.worst_step
    arena, scratch = compiled.plan.arena_bytes, net.cores * scratch_bytes(net)
    return PlanSummary(
        name=net.name,
        planes=planes,
        picture_rows=net.nodes[0].plane.height,
        worst_picture_rows=sum(step.node == 0 for step in schedule.steps[: worst + 1]),
        worst_layer=net.nodes[schedule.steps[worst].node].name,
        worst_row=schedule.steps[worst].row,
        live_bytes=schedule.live_bytes,
        arena_bytes=arena,
        scratch_bytes=scratch,
        counter_bytes=files.state_bytes - arena - scratch,
        state_bytes=files.state_bytes,
        row_bytes=files.row_bytes,
        ram_bytes=files.ram_bytes,
        ring_bytes=sum(plane.ring_bytes for plane in planes),
        macs=net.macs,
        macs_recomputed=net.macs_recomputed,
        recomputation=compiled.recomputation,
    )


def remarks(summary: PlanSummary) -> list[str]:
    """Where the RAM goes, in sentences."""
    first, *others = summary.largest[:3]
    moment = f"after {summary.worst_picture_rows} of {summary.picture_rows} picture rows"
    said = [
        f"At the worst moment, {moment}, {summary.live_bytes:,} B of rows are alive: {_told(first)}"
        + "".join(f"; {_told(plane)}" for plane in others)
        + f". The plan needs {summary.arena_bytes:,} B for them; a ring buffer for each plane would need "
        f"{summary.ring_bytes:,} B."
    ]
    if summary.recomputation:
        said.append(_told_recomputation(summary.recomputation))
    return said


def _told(plane: PlaneRows) -> str:
    rows = f"{plane.worst_rows} rows" if plane.worst_rows > 1 else "1 row"
    return f"{plane.worst_share:.0%} is {plane.name} ({rows} of {plane.row_bytes:,} B wait for {plane.waits_for})"


def _told_recomputation(recomputation: Recomputation) -> str:
    saved = recomputation.ram_bytes_before - recomputation.ram_bytes_after
    twice = (
        f"{repeated.plane} is made again for {' and '.join(repeated.readers)} from {' and '.join(repeated.sources)}"
        for repeated in recomputation.repeated
    )
    return (
        f"To save {saved:,} B, {'; '.join(twice)}: {recomputation.macs_added:,} MACs more "
        f"({recomputation.macs_share:.1%})."
    )
