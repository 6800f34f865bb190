"""One trial of a search: a net is priced, then distilled in rungs, and stops where others of its price learn better."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeblur.distill.nets.families import build_net
from edgeblur.distill.nets.inherit import inherit
from edgeblur.distill.nets.mask_head import MaskSpec
from edgeblur.distill.training.fit import FitOptions, Teaching, fit
from edgeblur.errors import UserError
from edgeblur.search.quality import Quality, QualityOptions, measure_quality
from edgeblur.search.teachers import NONE, load_start
from edgeblur.store.dataset import Dataset, evenly

_SHARES = (0.25, 0.5)
"""Of all epochs: after each of these rungs half of the nets stop."""


class Stopped(Exception):
    """A trial is not to go on: others that cost as much learn better."""


@dataclass(frozen=True)
class TrialOptions:
    """How each net of a search is taught and judged.

    Attributes:
        teacher: whose masks they learn, for the record.
        teacher_weight: 0 learns from the labels alone, 1 from the teacher alone.
        starts: mask heads whose weights a net may start from, pruned to its widths (`inherit`), a choice of the search;
            `none` among them for weights drawn at random.
        photos: of the training split, at most, evenly spread; None for all.
        fit: how long; its `keep` is `last`, as a rung judges the net that there is.
        quality: how the last rung is judged.
    """

    teacher: str = "none"
    teacher_weight: float = 0.0
    starts: tuple[str, ...] = (NONE,)
    photos: int | None = None
    fit: FitOptions = field(default_factory=lambda: FitOptions(epochs=8, batch=32, keep="last"))
    quality: QualityOptions = field(default_factory=QualityOptions)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs after which a net may have to stop."""
        return tuple(sorted({max(1, round(share * self.fit.epochs)) for share in _SHARES} - {self.fit.epochs}))


def train_trial(
    spec: MaskSpec,
    data: Dataset,
    teaching: Callable[[int, int], Teaching | None],
    folder: Path,
    options: TrialOptions,
    at_rung: Callable[[int, float], None],
    start: str = NONE,
) -> Quality:
    """Distill a net, asking at each rung whether to go on, and judge it.

    A training in `folder` that was killed is taken up where its last epoch ended.

    Args:
        spec: the net.
        data: photos.
        teaching: the teacher for an input's height and width; None to learn from the labels alone.
        folder: where checkpoints lie meanwhile; gone afterwards.
        options: of all trials.
        at_rung: is told the epoch and the validation loss; raises `Stopped` where the net is not to go on.
        start: the mask head whose weights the net begins with; `none` of them.

    Raises:
        Stopped: at a rung.
        UserError: an empty split, a damaged picture, no such judge, or a package is missing.
    """
    import tf_keras

    tf_keras.backend.clear_session()  # else each net stays in memory
    net = build_net(spec, seed=options.fit.seed)
    if start != NONE:
        inherit(net, load_start(start))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        fit(
            net, data, folder, options.fit, teaching=teaching(spec.height, spec.width),
            resume=(folder / "history.json").exists(), callbacks=(_rungs_class()(options.rungs, at_rung),),
        )  # fmt: skip
        quality = measure_quality(net, data, options.quality)
    except Stopped:
        shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)
    return quality


def _rungs_class() -> type[Any]:
    """The callback that asks at each rung; a class inside a function because its base needs TensorFlow."""
    import tf_keras

    class Rungs(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, rungs: Sequence[int], at_rung: Callable[[int, float], None]) -> None:
            super().__init__()
            self.rungs, self.at_rung = rungs, at_rung

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch + 1 in self.rungs:
                self.at_rung(epoch + 1, float(logs["val_loss"]))

    return Rungs


def goes_on(mine: float, others: Sequence[float]) -> bool:
    """Whether a net is in the better half of those that came to the same rung, as in Li et al. 2020, "ASHA".

    The first to come always goes on. What a net costs has no say: the budget has bounded it, and fronts of loss and
    cost (Schmucker et al. 2021) let through whatever costs least, of however little use it is.

    Args:
        mine: validation loss of the net.
        others: of all others at this rung so far.
    """
    return sum(other < mine for other in others) < (len(others) + 2) // 2


def fewer(data: Dataset, options: TrialOptions) -> Dataset:
    """The photos that trials learn from and are judged by."""
    train, val = evenly(data.split("train"), options.photos), evenly(data.split("val"), options.quality.photos)
    return replace(data, samples=(*train, *val))


def refuse_too_few(data: Dataset) -> None:
    """Refuse a data set without validation photos: nothing could be judged.

    Raises:
        UserError: it has none.
    """
    if not data.split("val"):
        raise UserError(f"{data.root} has no picture in its val split: make it from more photos")
