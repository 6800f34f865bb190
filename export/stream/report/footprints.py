"""The footprint of a compiled net."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.costs.cost import whole_frame
from edgeblur.export.stream.costs.footprint import Footprint
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.planning.halves import halves
from edgeblur.export.stream.planning.layout import extra_stack_bytes, output_row_bytes


def kernels_of(net: Net) -> Counter[str]:
    """How many layers of a net take each kernel; one that two cores make together is two."""
    found: Counter[str] = Counter()
    for node in net.nodes:
        if node.operation:
            found[node.operation.kernel] += 2 if halves(net, node) else 1
    return found


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
        cores=net.cores,
        alone_work=whole_frame(replace(net, cores=1)) if net.cores > 1 else None,
    )
