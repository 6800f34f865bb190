"""Sizes of what the generated C keeps in RAM, known before it is written."""

from __future__ import annotations

from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.planning.plan import Plan
from edgeblur.export.stream.planning.program import Program, compress
from edgeblur.export.stream.planning.schedule import Schedule

_USUAL_POINTERS = 64
"""Row pointers that the stack of every board has room for."""


def scratch_bytes(net: Net) -> int:
    """What the kernel that wants most scratch gets, in whole words; of two cores each has so much."""
    nodes = [(node, node.operation) for node in net.nodes if node.operation]
    most = max(operation.scratch_bytes(net.planes(node), node.plane) for node, operation in nodes)
    return max(4, -(-most // 4) * 4)


def position_bytes(program: Program) -> int:
    """Bytes of a place in the program of row steps."""
    return 2 if len(program.codes) < 2**16 else 4


def state_bytes(net: Net, plan: Plan, program: Program) -> int:
    """`sizeof(NAME_state)`: arena and scratch in words, a counter of 16 bits a node, two positions in the program."""
    position = position_bytes(program)
    counters = -(-plan.arena_bytes // 4) * 4 + net.cores * scratch_bytes(net)
    positions = -(-(counters + 2 * len(net.nodes)) // position) * position
    return -(-(positions + 2 * position) // 4) * 4


def output_row_bytes(net: Net) -> int:
    """The caller's row that finished ones are given out in: the longest of any output."""
    return max(net.nodes[n].plane.row_bytes for n in net.outputs)


def row_bytes(net: Net) -> int:
    """The caller's two rows: one in and one out."""
    return net.nodes[0].plane.row_bytes + output_row_bytes(net)


def most_pointers(net: Net) -> int:
    """Row pointers that the step with most of them keeps on the stack while its kernel runs."""
    counts = [
        sum(window.count + node.step_rows - 1 for window in net.windows(node)) + node.step_rows - 1
        for node in net.nodes
    ]
    return max(counts)


def extra_stack_bytes(net: Net) -> int:
    """What a net with windows of many rows takes of the stack beyond what is always reserved, with pointers of 32 bits.

    A pool over a whole picture of 480 rows holds 480 pointers; convolutions hold a few.
    """
    return max(0, 4 * (most_pointers(net) - _USUAL_POINTERS))


def ram_bytes(net: Net, schedule: Schedule, plan: Plan) -> int:
    """Everything writable but the stack: state, camera row, finished row."""
    return state_bytes(net, plan, compress([step.node for step in schedule.steps])) + row_bytes(net)
