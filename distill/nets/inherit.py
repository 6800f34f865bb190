"""A mask head begins with the weights of another one of other widths and depths, as far as these go.

Where it is narrower, the channels that do least are left out (structured pruning, for nets that add their skips; for
those that concatenate them see `prune`). Where it is wider, the new channels are drawn and not yet listened to; where
it is deeper, the new convs pass on what they get (Chen et al. 2016, "Net2Net"). So a net that is only wider or deeper
finds the same masks to begin with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgeblur.distill.nets.mask_head import LOGIT, MaskSpec

_PICTURE = "picture"
_NEW = -1
"""In the place of a channel's number in the other net: it has no such channel."""

Weights = np.ndarray[Any, np.dtype[np.float32]]
Channels = np.ndarray[Any, np.dtype[np.intp]]


def is_trunk(net: Any) -> bool:
    """Whether a net is built as `mask_head` builds them: others may call a layer `mask` too."""
    return {LOGIT, "down1_1", "down2_1", "bottom_1", "narrow2", "up2"} <= {layer.name for layer in net.layers}


def inherit(net: Any, source: Any) -> list[str]:
    """Give a mask head the weights of another one.

    Args:
        net: a new one, whose weights are drawn.
        source: a trained one, of any widths and depths.

    Returns:
        Names of the layers of `net` for which `source` has nothing: they stay as they were drawn.
    """
    mine, theirs = _Trunk.of(net), _Trunk.of(source)
    kept = {_PICTURE: np.arange(3), LOGIT: np.arange(1)}
    for tensor, width in mine.widths.items():
        name = _counterpart(mine, theirs, tensor)
        kept[tensor] = _strongest(theirs, theirs.writes[name], width) if name else np.arange(width)
    drawn = []
    for name in mine.reads:
        inputs, outputs = kept[mine.reads[name]], kept[mine.writes[name]]
        other = _counterpart(mine, theirs, name)
        if other is None or not _copied(mine, theirs, name, other, inputs, outputs):
            drawn.append(name)
    return drawn


def spec_of_net(net: Any) -> MaskSpec:
    """What a mask head was built by, clamp and blur aside, as its layers tell."""
    trunk = _Trunk.of(net)
    _, height, width, _ = net.input_shape
    first = next(iter(trunk.reads))

    def filters(stage: str) -> int:
        return int(trunk.layers[trunk.stages[stage][0]].filters) if stage in trunk.stages else 0

    finest = 1 if "up1" in trunk.stages else 2
    return MaskSpec(
        height, width,
        widths=(filters("half"), filters("down1"), filters("down2"), filters("bottom")),
        depths=(len(trunk.stages["down1"]), len(trunk.stages["down2"]), len(trunk.stages["bottom"])),
        stem=trunk.kernel(first).shape[0],
        fine=len(trunk.stages[f"up{finest}"]),
        finest=finest,
        separable="bottom_1_each" in trunk.layers,
    )  # fmt: skip


@dataclass
class _Trunk:
    """The convs of a mask head, in their order, and which tensor each reads and writes.

    A tensor is called after the conv that writes it; the way up adds what `narrow` writes to a skip, so it writes the
    skip's channels.

    Attributes:
        layers: the net's, by name.
        stages: names of the convs of a stage, in their order.
        reads, writes: tensor by conv.
        widths: channels by tensor.
    """

    layers: dict[str, Any]
    stages: dict[str, list[str]] = field(default_factory=dict)
    reads: dict[str, str] = field(default_factory=dict)
    writes: dict[str, str] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, net: Any) -> _Trunk:
        """As `mask_head._mask` builds it."""
        trunk = cls({layer.name: layer for layer in net.layers})
        ends = {stage: trunk._stage(stage, before) for stage, before in trunk._way_down()}
        last = list(ends.values())[-1]
        for level in (2, 1):
            if f"narrow{level}" in trunk.layers:
                trunk._add(f"narrow{level}", f"narrow{level}", last, ends[f"down{level}"])
                last = trunk._stage(f"up{level}", ends[f"down{level}"])
        trunk._add(LOGIT, LOGIT, last, LOGIT)
        return trunk

    def _way_down(self) -> Iterator[tuple[str, str]]:
        last = _PICTURE
        for stage in ("half", "down1", "down2", "bottom"):
            yield stage, last
            last = self.writes[self.stages[stage][-1]] if self.stages.get(stage) else last

    def _stage(self, stage: str, reads: str) -> str:
        """Its convs one behind the other; returns the tensor of the last."""
        names = [name for name in (stage, *(f"{stage}_{number}" for number in range(1, 100))) if name in self.layers]
        for name in names:
            self._add(stage, name, reads, name)
            reads = name
        return reads

    def _add(self, stage: str, name: str, reads: str, writes: str) -> None:
        self.stages.setdefault(stage, []).append(name)
        self.reads[name], self.writes[name] = reads, writes
        if name != LOGIT:
            self.widths.setdefault(writes, int(self.layers[name].filters))

    def kernel(self, name: str) -> Weights:
        """`[kh, kw, in, out]`."""
        kernel: Weights = self.layers[name].get_weights()[0]
        return np.swapaxes(kernel, 2, 3) if self.transposed(name) else kernel

    def transposed(self, name: str) -> bool:
        """Whether its kernel is stored as `[kh, kw, out, in]`."""
        return bool(name == LOGIT and self.layers[name].kernel_size == (2, 2))

    def norm(self, name: str) -> list[Weights] | None:
        """Scale, shift, mean and variance; None without one."""
        norm = self.layers.get(f"{name}_norm")
        return norm.get_weights() if norm is not None else None


def _counterpart(mine: _Trunk, theirs: _Trunk, name: str) -> str | None:
    """The conv of the other net that stands where `name` stands in its own; of longer stages the first and the last.

    A conv beyond a shorter stage gets its last: what that writes is passed on.
    """
    stage, place = next((s, names.index(name)) for s, names in mine.stages.items() if name in names)
    names = theirs.stages.get(stage)
    if not names:
        return None
    last = place > 0 and place == len(mine.stages[stage]) - 1
    return names[-1] if last else names[min(place, len(names) - 1)]


def _strongest(trunk: _Trunk, tensor: str, width: int) -> Channels:
    """`width` channels of a tensor in their order, those that do least left out; `_NEW` behind them where it has less.

    What a channel does: how much it varies, by its batch norm and as if normally distributed, times the norm of what
    the next convs make of it. What does not vary is a bias to them.
    """
    varies = np.ones(trunk.widths[tensor])
    used = np.zeros(trunk.widths[tensor])
    for name, written in trunk.writes.items():
        if written == tensor and (norm := trunk.norm(name)) and f"{name}_relu" in trunk.layers:
            varies = _spread_behind_relu(norm[1], np.abs(norm[0]))
    for name, read in trunk.reads.items():
        if read == tensor:
            norm = trunk.norm(name)
            scale = norm[0] / np.sqrt(norm[3] + 1e-3) if norm else 1.0
            used += np.square(trunk.kernel(name) * scale).sum((0, 1, 3))
    strength = varies * np.sqrt(used)
    best = np.sort(np.argsort(-strength, kind="stable")[:width])
    return np.concatenate([best, np.full(width - len(best), _NEW)])


def _spread_behind_relu(mean: Weights, deviation: Weights) -> Any:
    """Standard deviation of max(0, x), x normally distributed."""
    deviation = np.maximum(deviation, 1e-6)
    ratio = mean / deviation
    below = np.array([0.5 * (1 + math.erf(each / math.sqrt(2))) for each in ratio])
    density = np.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
    first = mean * below + deviation * density
    second = (mean**2 + deviation**2) * below + mean * deviation * density
    return np.sqrt(np.maximum(second - first**2, 0))


def _copied(mine: _Trunk, theirs: _Trunk, name: str, other: str, inputs: Channels, outputs: Channels) -> bool:
    """Give a conv and its batch norm what the other net has for them; False where that is another kind of conv."""
    separable = f"{name}_each" in mine.layers
    if separable != (f"{other}_each" in theirs.layers) or mine.transposed(name) != theirs.transposed(other):
        return False
    place, length = next((n.index(name), len(n)) for n in mine.stages.values() if name in n)
    theirs_length = next(len(n) for n in theirs.stages.values() if other in n)
    kernel = mine.kernel(name)
    if place >= theirs_length and length > theirs_length:
        _pass_on(mine, name, kernel)
        return True
    source = theirs.kernel(other)
    if source.shape[2] != theirs.widths.get(theirs.reads[other], 3) or source.shape[2] <= inputs.max():
        return False
    if (theirs.reads[other] == _PICTURE) != (mine.reads[name] == _PICTURE):
        return False
    if (centred := _centred(source, kernel.shape[0])) is None:
        return False
    if separable:
        mine.layers[f"{name}_each"].set_weights([_each(mine, theirs, name, other, inputs)])
        _fill_norm(mine, theirs, f"{name}_each", f"{other}_each", inputs)
    old, there = outputs != _NEW, inputs != _NEW
    kernel = kernel.copy()
    kernel[..., old] = 0  # what the new inputs say is not yet listened to
    kernel[np.ix_(*map(np.arange, kernel.shape[:2]), there, old)] = centred[:, :, inputs[there]][..., outputs[old]]
    stored = np.swapaxes(kernel, 2, 3) if mine.transposed(name) else kernel
    mine.layers[name].set_weights([stored, *theirs.layers[other].get_weights()[1:]])
    _fill_norm(mine, theirs, name, other, outputs)
    return True


def _pass_on(trunk: _Trunk, name: str, kernel: Weights) -> None:
    """Each output channel is the input channel of its number; their batch norms do nothing to begin with."""
    middle = kernel.shape[0] // 2
    same = np.zeros_like(kernel)
    same[middle, middle] = np.eye(kernel.shape[2], kernel.shape[3])
    trunk.layers[name].set_weights([same])
    if f"{name}_each" in trunk.layers:
        (each,) = trunk.layers[f"{name}_each"].get_weights()
        each = np.zeros_like(each)
        each[each.shape[0] // 2, each.shape[1] // 2] = 1
        trunk.layers[f"{name}_each"].set_weights([each])


def _each(mine: _Trunk, theirs: _Trunk, name: str, other: str, inputs: Channels) -> Weights:
    """The kernel of single channels of a separable conv, `[kh, kw, in, 1]`."""
    (drawn,), (source,) = (trunk.layers[f"{n}_each"].get_weights() for trunk, n in ((mine, name), (theirs, other)))
    kernel: Weights = drawn.copy()
    kernel[:, :, inputs != _NEW] = source[:, :, inputs[inputs != _NEW]]
    return kernel


def _centred(kernel: Weights, size: int) -> Weights | None:
    """The kernel with a rim of zeros, or without its rim; None where the middle would move."""
    rim, odd = divmod(size - kernel.shape[0], 2)
    if odd:
        return None
    if rim < 0:
        return kernel[-rim:rim, -rim:rim]
    return np.pad(kernel, ((rim, rim), (rim, rim), (0, 0), (0, 0)))


def _fill_norm(mine: _Trunk, theirs: _Trunk, name: str, other: str, channels: Channels) -> None:
    drawn, source = mine.norm(name), theirs.norm(other)
    if drawn is None or source is None:
        return
    for vector, learnt in zip(drawn, source, strict=True):
        vector[channels != _NEW] = learnt[channels[channels != _NEW]]
    mine.layers[f"{name}_norm"].set_weights(drawn)
