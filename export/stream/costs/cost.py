"""How many instructions a layer and a frame will take: what a layer does, times what that was counted to cost."""

from __future__ import annotations

from dataclasses import replace

from edgeblur.errors import UserError
from edgeblur.export.stream.costs.prices import (
    DEFAULT_CORE,
    HANDOVERS,
    FrameCost,
    Prices,
    counted_cores,
    has_vectors,
    price_frame,
    prices,
)
from edgeblur.export.stream.costs.work import DIRECT, is_counted, layer_work, layers
from edgeblur.export.stream.net.layer import Layer
from edgeblur.export.stream.net.net import Net
from edgeblur.export.stream.planning.halves import halves


def _require_prices(core: str, optimize: str) -> Prices:
    found = prices(core, optimize)
    if found is None:
        known = ", ".join(counted_cores())
        raise UserError(f"no instructions were counted on the core {core!r} for {optimize!r}; on {known} they were")
    return found


def instructions(layer: Layer, kernel: str = DIRECT, core: str = DEFAULT_CORE, *, optimize: str = "speed") -> float:
    """Predict the instructions that a layer takes in a frame.

    Args:
        layer: of `work.layers(net)`, or `work.layer_of(net, node)`.
        kernel: `direct` for the one that its operation names, or `conv_2d_winograd` where that could do the same.
        core: a key of boards.toml, counted or running the code of one that was.
        optimize: `size` or `speed`.

    Raises:
        UserError: no such kernel, or it was not counted on that core.
    """
    known = _require_prices(core, optimize)
    work = layer_work(layer, kernel, helium=known.helium)
    if not known.know(work):
        name = layer.operation.kernel if kernel == DIRECT else kernel
        raise UserError(
            f"the kernel {name!r} was not counted on {core} for {optimize!r}: run `make probes` and `make costs`"
        )
    return known.of(work)


def frame_work(net: Net) -> dict[str, float]:
    """What the engine does between layers in a frame: row steps, and bytes of the picture taken in."""
    picture = net.nodes[0].plane
    steps = sum(node.plane.height for node in net.nodes)
    return {"frame.steps": float(steps), "frame.bytes": float(picture.height * picture.row_bytes)}


def layer_instructions(net: Net, core: str, *, optimize: str = "speed") -> dict[int, float]:
    """Predict each layer of a net, by node.

    Raises:
        UserError: nothing was counted on that core.
    """
    return {n: instructions(layer, DIRECT, core, optimize=optimize) for n, layer in layers(net).items()}


def whole_frame(net: Net, *, helium: bool = False) -> dict[str, float] | None:
    """All that a frame takes: the work of each layer, and the engine's between them; None if a kernel was not counted.

    Of two cores it is the busier one's: of a layer that both make, its share of all that grows with the columns.

    Args:
        net: the net.
        helium: for a core with vectors.
    """
    found = layers(net)
    if not all(map(is_counted, found.values())):
        return None
    total = frame_work(net)
    for n, layer in found.items():
        pair = halves(net, net.nodes[n])
        share = max(half.share for half in pair) if pair else 1.0  # what the busier of two cores makes
        if pair:
            total[HANDOVERS] = total.get(HANDOVERS, 0.0) + len(net.nodes[n].steps)
        for unit, amount in layer_work(layer, helium=helium).items():
            total[unit] = total.get(unit, 0.0) + amount * (1.0 if unit.endswith(".rows") else share)
    return total


def frame_cost(net: Net, core: str, *, optimize: str = "speed") -> FrameCost | None:
    """Predict a frame: all layers, and what the engine takes between them.

    Returns:
        None if nothing was counted on that core, or a kernel of the net was not.
    """
    work = whole_frame(net, helium=has_vectors(core))
    cost = None if work is None else price_frame(work, core, optimize=optimize)
    return cost if cost is None or net.cores == 1 else cost.beside(frame_cost(_alone(net), core, optimize=optimize))


def _alone(net: Net) -> Net:
    return replace(net, cores=1)


def frame_instructions(net: Net, core: str, *, optimize: str = "speed") -> float:
    """Predict the instructions of a frame.

    Raises:
        UserError: nothing was counted on that core.
    """
    known = _require_prices(core, optimize)
    return sum(layer_instructions(net, core, optimize=optimize).values()) + known.of(frame_work(net))
