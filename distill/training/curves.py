"""Training curves as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from edgeblur.files import write_bytes
from edgeblur.store.notes import Epoch

_PAINTED = (("loss", "loss (MSE)"), ("mae", "MAE"), ("psnr", "PSNR, dB"), ("ssim", "SSIM"))
_FOUND = (("loss", "loss (cross entropy, overlap)"), ("iou", "mask IoU"), ("psnr", "PSNR, dB"), ("ssim", "SSIM"))


def draw_curves(epochs: Sequence[Epoch], path: Path) -> None:
    """Draw train and validation curves over the epochs into a PNG: loss, PSNR, SSIM, and MAE or the IoU of masks.

    Args:
        epochs: at least one; a metric that is missing leaves its panel empty.
    """
    from matplotlib.figure import Figure  # no pyplot: it would look for a screen

    figure = Figure(figsize=(9, 5.2), layout="constrained")
    x = [e.epoch for e in epochs]
    panels = _FOUND if any(e.val_iou is not None for e in epochs) else _PAINTED
    for axes, (key, title) in zip(figure.subplots(2, 2).flat, panels, strict=True):
        for name, label in ((key, "train"), (f"val_{key}", "validation")):
            values = [getattr(e, name) for e in epochs]
            if None not in values:
                axes.plot(x, values, marker="o", markersize=3, label=label)
        if key == "loss":
            axes.set_yscale("log")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("epoch", fontsize=8)
        axes.grid(alpha=0.3)
        if axes.lines:  # a centre net has no picture to measure
            axes.legend(fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_bytes(path, buffer.getvalue())
