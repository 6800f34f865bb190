"""Two prunings that are often confused: whole channels (smaller and faster), and single weights (compresses better)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgeblur.distill.nets.unet import CARRIERS, GATED, UNetSpec, build_unet, conv_names, has_gate, stages

_CARRIER_STRENGTH = 1e3
"""Factor on the strength of channels that carry the picture through: only a dead one goes before the others."""

Kept = np.ndarray[Any, np.dtype[np.intp]]
"""Indices of the channels of a tensor that stay, ascending."""


def pruned_spec(spec: UNetSpec, share: float) -> UNetSpec:
    """The spec with `share` of the channels of each conv removed, at least one staying."""

    def fewer(filters: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(max(1, round(f * (1 - share))) for f in filters)

    return replace(
        spec,
        encoder=tuple(map(fewer, spec.encoder)),
        bottleneck=fewer(spec.bottleneck),
        up=fewer(spec.up),
        decoder=tuple(map(fewer, spec.decoder)),
    )


def prune_channels(net: Any, spec: UNetSpec, share: float) -> tuple[Any, UNetSpec]:
    """Remove the weakest `share` of the channels of every conv, and rebuild the net without them.

    A channel's strength is the L1 norm of its filter (Li et al. 2017, "Pruning Filters for Efficient ConvNets"),
    times its batch norm's scale if there is one. The finest level keeps the channels that carry the picture through,
    small as their filters are, and a net with a gate those of its gate and of its blurred picture. The exported model
    is smaller and faster; it wants fine-tuning.

    Returns:
        The smaller net with the weights that stayed, and its spec.
    """
    smaller = pruned_spec(spec, share)
    slim = build_unet(smaller)
    kept: Kept = np.arange(3)
    skips: list[tuple[Kept, int]] = []
    levels = len(spec.encoder)
    targets, sources = dict(stages(smaller)), dict(stages(spec))
    finest, deeper = (GATED, CARRIERS) if has_gate(net) else (CARRIERS, 0)
    for stage, filters in sources.items():
        level = int(stage[3:]) if stage != "mid" else 0
        if stage.startswith("dec"):
            up = f"up{level}"
            kept = _shrink(net, slim, up, kept, spec.up[levels - level], smaller.up[levels - level], spared=deeper)
            skip, _ = skips.pop()
            kept = np.concatenate([kept, skip + spec.up[levels - level]])  # the concat lays the skip behind
        for name, before, after in zip(conv_names(stage, len(filters)), filters, targets[stage], strict=True):
            kept = _shrink(net, slim, name, kept, before, after, spared=finest if level == 1 else deeper)
        if stage.startswith("enc"):
            skips.append((kept, filters[-1]))
    kernel, bias = net.get_layer("head").get_weights()
    slim.get_layer("head").set_weights([kernel[:, :, kept], bias])
    return slim, smaller


def _shrink(net: Any, slim: Any, name: str, inputs: Kept, before: int, after: int, *, spared: int = 0) -> Kept:
    """Copy the strongest `after` of `before` channels of layer `name` into the slim net; returns which.

    The first `spared` are among them as long as they do anything.
    """
    kernel, bias = net.get_layer(name).get_weights()
    transposed = name.startswith("up")  # kernels [kh, kw, out, in] instead of [kh, kw, in, out]
    if transposed:
        kernel = np.swapaxes(kernel, 2, 3)
    kernel = kernel[:, :, inputs]
    strength = np.abs(kernel).sum((0, 1, 2))
    norm = f"{name}_norm"
    has_norm = any(layer.name == norm for layer in net.layers)
    if has_norm:
        strength = strength * np.abs(net.get_layer(norm).get_weights()[0])
    assert strength.shape == (before,)
    strength[:spared] *= _CARRIER_STRENGTH
    kept: Kept = np.sort(np.argsort(-strength, kind="stable")[:after])
    kernel = kernel[..., kept]
    slim.get_layer(name).set_weights([np.swapaxes(kernel, 2, 3) if transposed else kernel, bias[kept]])
    if has_norm:
        slim.get_layer(norm).set_weights([w[kept] for w in net.get_layer(norm).get_weights()])
    return kept


def with_sparsity(net: Any, sparsity: float, steps: int) -> tuple[Any, tuple[Any, ...]]:
    """Wrap a net for magnitude pruning of single weights with tensorflow-model-optimization.

    Args:
        net: a tf_keras model.
        sparsity: share of zeros that is reached, 0 to 1.
        steps: training steps in which the share rises from zero (Zhu and Gupta 2017); it is held after.

    Returns:
        The wrapped net, and the callbacks that its training needs.
    """
    from tensorflow_model_optimization.sparsity import keras as sparse

    every = max(1, steps // 50)
    last = max(1, steps // every) * every  # masks change only at multiples of the frequency, so the end must be one
    schedule = sparse.PolynomialDecay(0.0, sparsity, begin_step=0, end_step=last, frequency=every)

    class PruningStep(sparse.UpdatePruningStep):  # type: ignore[misc]
        """Counts on where a resumed training's optimizer stands; the original would start again from zero."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.step = int(self.model.optimizer.iterations)

    return sparse.prune_low_magnitude(net, pruning_schedule=schedule), (PruningStep(),)


def without_wrapping(net: Any) -> Any:
    """The plain net again, its zeros in place."""
    from tensorflow_model_optimization.sparsity import keras as sparse

    return sparse.strip_pruning(net)


def zero_share(net: Any) -> float:
    """The share of kernel weights that are exactly zero."""
    kernels = [w.numpy() for w in net.weights if "kernel" in w.name]
    return float(sum((k == 0).sum() for k in kernels) / sum(k.size for k in kernels))
