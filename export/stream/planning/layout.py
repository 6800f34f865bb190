"""Sizes of what the generated C keeps in RAM, known before it is written."""

from __future__ import annotations

from edgeblur.export.stream.net.net import WIDE, Net, Node
from edgeblur.export.stream.planning.plan import Plan
from edgeblur.export.stream.planning.program import Program, compress
from edgeblur.export.stream.planning.schedule import Schedule

_USUAL_POINTERS = 64
"""Row pointers that the stack of every board has room for."""


def scratch_bytes(net: Net) -> int:
    """What the kernel that wants most scratch gets, in whole words; of two cores each has so much.

    A row of 16-bit numbers is finished there, behind its kernel's own: the caller's may lie anywhere.
    """
    most = max(_kernel_bytes(net, node) for node in net.nodes)
    finished = 4 * finished_words(net) + output_row_bytes(net) if net.nodes[0].plane.dtype == WIDE else 0
    return max(4, -(-max(most, finished) // 4) * 4)


def finished_words(net: Net) -> int:
    """Words of scratch before the place where rows of 16-bit outputs are finished: what their kernels want."""
    return -(-max(_kernel_bytes(net, net.nodes[n]) for n in net.outputs) // 4)


def _kernel_bytes(net: Net, node: Node) -> int:
    return node.operation.scratch_bytes(net.planes(node), node.plane) if node.operation else 0


def position_bytes(net: Net, program: Program) -> int:
    """Bytes of a place in the program of row steps; of 16-bit nets a word, which aligns their state."""
    return 2 if len(program.codes) < 2**16 and net.nodes[0].plane.dtype != WIDE else 4


def state_bytes(net: Net, plan: Plan, program: Program) -> int:
    """`sizeof(NAME_state)`: arena and scratch in words, a counter of 16 bits a node, two positions in the program."""
    position = position_bytes(net, program)
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
