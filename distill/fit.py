"""One training loop for teacher and students: curves, checkpoints, early stopping, resume after a kill."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.dataset import Dataset
from edgeblur.distill.curves import draw_curves
from edgeblur.distill.families import mask_logit
from edgeblur.distill.lessons import Augmentation, lessons
from edgeblur.distill.mask_pupil import MASK_AS_WEIGHT, mask_pupil_class
from edgeblur.distill.pupil import Finding, Teaching, psnr, pupil_class, ssim
from edgeblur.errors import RunError, UserError
from edgeblur.files import read_json, telling_disk_errors, write_bytes, write_json
from edgeblur.progress import bar, say

__all__ = ["FitOptions", "Fitted", "Teaching", "fit", "load_best", "refuse_changed", "removed_unless_begun"]

BEST_WEIGHTS = "best.npz"
HISTORY = "history.json"
_CURVES_EVERY_S = 20  # drawing takes half a second: a tiny net's epoch is shorter


@dataclass(frozen=True)
class FitOptions:
    """How long and how a net is trained.

    Attributes:
        epochs: passes over the train split at most.
        batch: pictures a step (on all workers together).
        learning_rate: of Adam at the start; falls to 1 % of it along a cosine over all epochs.
        patience: stop after so many epochs without a better validation loss.
        face_weight: how much more a pixel inside a face counts in the loss; 1 is the thesis's plain MSE.
        mask_weight: weight of telling where the faces are, beside the picture (`pupil.Finding`); 0 is off.
        seed: of weights and shuffling.
        augmentation: how pictures are varied; None shows them as they are.
        bfloat16: let convolutions compute with 16 bits where that loses nothing else; weights stay float32. Twice as
            fast for a wide U-Net on a CPU that has instructions for it, and slower on one that has not.
    """

    epochs: int = 30
    batch: int = 16
    learning_rate: float = 1e-3
    patience: int = 10
    face_weight: float = 1.0
    mask_weight: float = 0.0
    seed: int = 0
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    bfloat16: bool = False


@dataclass(frozen=True)
class Fitted:
    """What a training came to: `epochs` of history, and the best of them by validation loss.

    Epochs before `first_counting` are never the best.
    """

    epochs: list[dict[str, float]]
    first_counting: int = 1

    @property
    def best(self) -> dict[str, float]:
        """The epoch whose weights were kept."""
        return min((e for e in self.epochs if e["epoch"] >= self.first_counting), key=lambda e: e["val_loss"])

    @property
    def seconds(self) -> float:
        """Wall time of all epochs."""
        return sum(e["seconds"] for e in self.epochs)


def fit(
    net: Any,
    data: Dataset,
    folder: Path,
    options: FitOptions,
    *,
    teaching: Teaching | None = None,
    resume: bool = False,
    callbacks: tuple[Any, ...] = (),
    keep_best_after: int = 0,
) -> Fitted:
    """Train `net` and leave it with its best weights.

    A net that finds masks (`families.mask_logit`) learns where the faces are, others how the blurred picture looks.

    Writes `history.json`, `curves.png`, `best.npz` and `checkpoint/` below `folder` as it goes. To be called
    inside a strategy's scope when there is one.

    Args:
        net: a tf_keras model, `[N, H, W, 3]` to `[N, H, W, 3]`, 0 to 1.
        teaching: a teacher to learn from as well.
        resume: go on where `folder` stands; otherwise start anew.
        callbacks: further tf_keras callbacks (pruning needs one).
        keep_best_after: steps before which no epoch counts as the best: its net is not yet what was asked for.

    Raises:
        UserError: an empty split, or a training to resume that was begun with other options.
        RunError: the disk is full.
    """
    import tensorflow as tf
    import tf_keras

    _refuse_blind_masks(options)
    # Of the graph, not of the layers: the net that is saved stays a float32 one.
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": options.bfloat16})
    _, height, width, _ = net.input_shape
    masks = mask_logit(net) is not None
    workers = tf.distribute.get_strategy().num_replicas_in_sync
    train, val = (
        lessons(data, split, height=height, width=width, batch=options.batch,
                face_weight=MASK_AS_WEIGHT if masks else options.face_weight,
                augment=options.augmentation if split == "train" else None, workers=workers, masks=masks)
        for split in ("train", "val")
    )  # fmt: skip
    finding = Finding(options.mask_weight, options.face_weight) if options.mask_weight else None
    pupil = mask_pupil_class()(net, teaching, options.face_weight) if masks else pupil_class()(net, teaching, finding)
    schedule = tf_keras.optimizers.schedules.CosineDecay(options.learning_rate, options.epochs * len(train), alpha=0.01)
    pupil.compile(
        optimizer=tf_keras.optimizers.Adam(schedule), loss="mse", weighted_metrics=[], metrics=["mae", psnr, ssim]
    )
    pupil.build(net.input_shape)  # so that a checkpoint finds the optimizer's slots when it is restored
    if not resume:  # a checkpoint that lies about would be taken for this training's own
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    history = _History(folder, options, len(train), resume=resume, keep_best_after=keep_best_after)
    if not history.finished():
        keeper = tf_keras.callbacks.BackupAndRestore(str(folder / "checkpoint"), delete_checkpoint=False)
        watcher = _watcher_class()(net, history)
        everyone = [*callbacks, watcher, keeper]
        with telling_disk_errors(folder), _telling_scarcity(folder):
            pupil.fit(train, validation_data=val, epochs=options.epochs, verbose=0, callbacks=everyone)
    history.draw()
    load_best(net, folder)
    return Fitted(history.epochs, history.first_counting)


def _refuse_blind_masks(options: FitOptions) -> None:
    if options.mask_weight and options.face_weight == 1:
        raise UserError("--mask-weight reads the masks from the weight of faces: give a --face-weight other than 1 too")


@contextlib.contextmanager
def _telling_scarcity(folder: Path) -> Iterator[None]:
    """TensorFlow has one error for a full disk, met while it writes a checkpoint, and for too little memory."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        if "No space left" in str(error) or "File too large" in str(error):
            raise OSError(errno.ENOSPC, "No space left on device", str(folder)) from error
        raise RunError("the memory is too small for this training: lower --batch, --size or --width") from error


def _save_best(net: Any, folder: Path) -> None:
    """Keep a net's weights. Not as HDF5: its library crashes the process when the disk is full."""
    buffer = io.BytesIO()
    np.savez(buffer, *net.get_weights())
    write_bytes(folder / BEST_WEIGHTS, buffer.getvalue())


def load_best(net: Any, folder: Path) -> None:
    """Give a net the best weights that a training in `folder` has had so far."""
    with np.load(folder / BEST_WEIGHTS) as weights:
        net.set_weights(list(weights.values()))


@contextlib.contextmanager
def removed_unless_begun(folder: Path, model: Path) -> Iterator[None]:
    """Remove `folder` when training `model` (itself or inside) ends before its first epoch: nothing is to resume."""
    try:
        yield
    except BaseException:
        if not (model / HISTORY).exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise


def refuse_changed(folder: Path, begun: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to go on with a training with other options than it was begun with.

    Raises:
        UserError: something differs; it is named, with both values.
    """
    old, new = _flat(begun), _flat(json.loads(json.dumps(wanted)))
    changed = [f"{key} {old.get(key)}, not {value}" for key, value in new.items() if old.get(key) != value]
    if changed:
        raise UserError(
            f"{folder} was begun with other options ({'; '.join(changed)}): resume with the same ones, or start anew"
        )


def _flat(options: dict[str, Any]) -> dict[str, Any]:
    """Nested options by their own names; no two of ours are called the same."""
    flat: dict[str, Any] = {}
    for key, value in options.items():
        flat.update(_flat(value) if isinstance(value, dict) else {key: value})
    return flat


class _History:
    """The epochs so far, on disk after each; early stopping is a function of it, so it survives a kill."""

    def __init__(self, folder: Path, options: FitOptions, steps: int, *, resume: bool, keep_best_after: int) -> None:
        self.path = folder / HISTORY
        self.folder, self.options, self.steps = folder, options, steps
        self.first_counting = min(options.epochs, keep_best_after // steps + 1)
        self.epochs: list[dict[str, float]] = []
        self.drawn = time.monotonic()
        if resume and self.path.exists():
            known = read_json(self.path)
            refuse_changed(folder, known["options"], asdict(options))
            self.epochs = known["epochs"]

    def add(self, epoch: int, logs: dict[str, float], seconds: float) -> bool:
        """Note an epoch; True if it is the best so far. A killed epoch that runs again replaces its first try."""
        entry = {"epoch": epoch + 1, **{k: round(float(v), 6) for k, v in logs.items()}, "seconds": round(seconds, 1)}
        self.epochs = [e for e in self.epochs if e["epoch"] <= epoch] + [entry]
        return self._best() == epoch + 1

    def write(self) -> None:
        """Put the epochs so far on disk; their curves as well, if it is a while ago that these were drawn."""
        write_json(self.path, {"options": asdict(self.options), "steps_per_epoch": self.steps, "epochs": self.epochs})
        if time.monotonic() - self.drawn > _CURVES_EVERY_S:
            self.draw()

    def draw(self) -> None:
        """Draw the curves of the epochs so far."""
        draw_curves(self.epochs, self.folder / "curves.png")
        self.drawn = time.monotonic()

    def _best(self) -> float:
        """Number of the best epoch so far, 0 if none counts yet."""
        counting = [e for e in self.epochs if e["epoch"] >= self.first_counting]
        return min(counting, key=lambda e: e["val_loss"])["epoch"] if counting else 0

    def stale(self) -> bool:
        """Patience is exhausted."""
        return bool(self._best()) and self.epochs[-1]["epoch"] - self._best() >= self.options.patience

    def finished(self) -> bool:
        """Nothing is left to train."""
        return self.stale() or len(self.epochs) >= self.options.epochs


def _success(logs: dict[str, float]) -> str:
    """How well a net does on what it is trained with: a mask head is told by its masks."""
    return f"{logs['psnr']:.2f} dB" if "psnr" in logs else f"mask IoU {logs['iou']:.3f}"


def _refuse_divergence(epoch: int, logs: dict[str, float]) -> None:
    """Stop at the first epoch whose measures are no numbers: from there on no epoch ever is."""
    lost = [name for name, value in logs.items() if not math.isfinite(value)]
    if lost:
        raise RunError(
            f"the training diverged: in epoch {epoch + 1} {', '.join(lost)} became no number; "
            "start anew with a lower --learning-rate"
        )


def _watcher_class() -> type[Any]:
    """The callback that shows progress and keeps history and best weights."""
    import tf_keras

    class Watcher(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, net: Any, history: _History) -> None:
            super().__init__()
            self.net, self.history, self.progress = net, history, bar()

        def on_train_begin(self, logs: Any = None) -> None:
            self.progress.start()
            self.task = self.progress.add_task("training", total=self.history.steps, note="")

        def on_train_end(self, logs: Any = None) -> None:
            self.progress.stop()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.started = time.monotonic()
            name = f"epoch {epoch + 1}/{self.history.options.epochs}"
            self.progress.reset(self.task, total=self.history.steps, description=name)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.progress.update(self.task, advance=1, note=_success(logs))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            _refuse_divergence(epoch, logs)
            best = self.history.add(epoch, logs, time.monotonic() - self.started)
            if best:  # before the history says so, and whole or not at all: a kill may come at any time
                _save_best(self.net, self.history.folder)
            self.history.write()
            say(
                f"epoch {epoch + 1}/{self.history.options.epochs}: "
                f"train {_success(logs)}, val {logs['val_psnr']:.2f} dB, ssim {logs['val_ssim']:.3f}"
                + (f", mask IoU {logs['val_iou']:.3f}" if "val_iou" in logs else "")
                + (" (best)" if best else "")
            )
            if self.history.stale():
                self.model.stop_training = True

    return Watcher
