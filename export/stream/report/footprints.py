"""The footprint of a compiled net."""

from __future__ import annotations

from collections import Counter

from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.costs.cost import whole_frame
from edgeblur.export.stream.costs.footprint import Footprint
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.planning.layout import extra_stack_bytes, output_row_bytes


def kernels_of(net: Net) -> Counter[str]:
    """How many layers of a net take each kernel."""
    return Counter(node.operation.kernel for node in net.nodes if node.operation)


def footprint_of(compiled: Compiled) -> Footprint:
    """What a compiled net takes, as numbers."""
    net, files = compiled.net, compiled.files
    return Footprint(
        state_bytes=files.state_bytes,
        row_in_bytes=net.nodes[0].plane.row_bytes,
        row_out_bytes=output_row_bytes(net),
        constant_bytes=files.constant_bytes,
        extra_stack_bytes=extra_stack_bytes(net),
        kernels=kernels_of(net),
        work=whole_frame(net),
        vector_work=whole_frame(net, helium=True),
    )
