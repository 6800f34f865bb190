"""One training loop for teacher and students: curves, checkpoints, early stopping, resume after a kill."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.distill.nets.centres import has_centres
from edgeblur.distill.nets.families import learns_masks, mask_logit
from edgeblur.distill.training.centre_student_model import centre_student_model_class
from edgeblur.distill.training.curves import draw_curves
from edgeblur.distill.training.hard import hard_pictures
from edgeblur.distill.training.lessons import Augmentation, lessons, shown
from edgeblur.distill.training.mask_student_model import MASK_AS_WEIGHT, mask_student_model_class
from edgeblur.distill.training.student_model import Finding, Teaching, fidelity_metrics, student_model_class
from edgeblur.errors import RunError, UserError
from edgeblur.files import refuse_unwritable, telling_disk_errors, write_bytes
from edgeblur.progress import bar, say
from edgeblur.store.dataset import Dataset, Sample
from edgeblur.store.notes import HISTORY, Epoch, History
from edgeblur.store.run_folder import RunModel

__all__ = [
    "FitOptions", "Fitted", "Teaching", "fit", "load_best", "refuse_changed", "refuse_unfit", "removed_unless_begun",
]  # fmt: skip

BEST_WEIGHTS = "best.npz"
HARD = "hard.json"
_CURVES_EVERY_S = 20  # drawing takes half a second: a tiny net's epoch is shorter


@dataclass(frozen=True)
class FitOptions:
    """How long and how a net is trained.

    Attributes:
        epochs: maximum number of passes over the train split.
        batch: pictures a step (on all workers together).
        learning_rate: of Adam at the start; falls to 1 % of it along a cosine over all epochs.
        patience: stop after so many epochs without a better validation loss; of no effect where the last is kept.
        face_weight: how much more a pixel inside a face counts in the loss; 1 is the thesis's plain MSE.
        mask_weight: weight of predicting where the faces are, beside the picture (`student_model.Finding`); 0 is off.
        seed: of weights and shuffling.
        augmentation: how pictures are varied; None shows them as they are.
        bfloat16: let convolutions compute with 16 bits where that loses nothing else; weights stay float32. Twice as
            fast for a wide U-Net on a CPU that has instructions for it, and slower on one that has not.
        ema: momentum of an exponential moving average of the weights, which is validated and kept in the place of the
            last step's: near the end of a training these swing about what they average to. 0 is off.
        hard: share of an epoch for pictures in which the net misses a face as it is before the training, and the same
            share for those in which it finds one that is none (`hard.Hard`); only for nets that learn masks. 0 is off.
        keep: the weights of which epoch, `best` (by validation loss) or `last`. The validation loss says little
            where rare faces are shown often: it is what they cost the usual ones.
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
    ema: float = 0.0
    hard: float = 0.0
    keep: str = "best"


@dataclass(frozen=True)
class Fitted:
    """What a training came to: `epochs` of history, and one of them whose weights were kept.

    Epochs before `first_counting` never are.
    """

    epochs: tuple[Epoch, ...]
    first_counting: int = 1
    keep: str = "best"

    @classmethod
    def read(cls, model: RunModel) -> Fitted:
        """What the finished training of a run's model came to."""
        history = model.history()
        return cls(history.epochs, keep=history.keep)

    @property
    def best(self) -> Epoch:
        """The epoch whose weights were kept: by validation loss, or the last."""
        counting = [epoch for epoch in self.epochs if epoch.epoch >= self.first_counting]
        return counting[-1] if self.keep == "last" else min(counting, key=lambda epoch: epoch.val_loss)

    @property
    def seconds(self) -> float:
        """Wall time of all epochs."""
        return sum(epoch.seconds for epoch in self.epochs)


def fit(
    net: Any,
    data: Dataset,
    folder: Path,
    options: FitOptions,
    *,
    teaching: Teaching | None = None,
    resume: bool = False,
    recipe: Mapping[str, Any] | None = None,
    callbacks: tuple[Any, ...] = (),
    keep_best_after: int = 0,
) -> Fitted:
    """Train `net` and leave it with its best weights.

    A net that finds masks (`families.mask_logit`) learns where the faces are, others how the blurred picture looks.

    Writes `history.json`, `curves.png`, `best.npz` and `checkpoint/` below `folder` as it goes. To be called
    inside a strategy's scope when there is one.

    Args:
        net: a tf_keras model, `[N, H, W, 3]` to `[N, H, W, 3]`, 0 to 1, or to a centre net's outputs.
        teaching: a teacher to learn from as well.
        resume: go on where `folder` stands; otherwise start anew.
        recipe: what else makes the training what it is, and is not to change when it is resumed; JSON.
        callbacks: further tf_keras callbacks (pruning needs one).
        keep_best_after: steps before which no epoch counts as the best: its net is not yet what was asked for.

    Raises:
        UserError: an empty split or a damaged picture, options that are not for this net, or a training to resume that
            was begun with other ones.
        RunError: the disk is full.
    """
    import tensorflow as tf
    import tf_keras

    refuse_unfit(net, options)
    refuse_unwritable(folder / HISTORY)
    masks = learns_masks(net)
    # Of the graph, not of the layers: the net that is saved stays a float32 one.
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": options.bfloat16})
    tf_keras.utils.set_random_seed(options.seed)  # whatever was drawn before
    _, height, width, _ = net.input_shape
    workers = tf.distribute.get_strategy().num_replicas_in_sync
    again = _again(net, data, folder, options, resume=resume)
    train, val = (
        lessons(data, split, height=height, width=width, batch=options.batch,
                face_weight=MASK_AS_WEIGHT if masks else options.face_weight,
                augment=options.augmentation if split == "train" else None, workers=workers, masks=masks,
                again=again if split == "train" else (), seed=options.seed)
        for split in ("train", "val")
    )  # fmt: skip
    finding = Finding(options.mask_weight, options.face_weight) if options.mask_weight else None
    student = _student(net, teaching, options.face_weight, finding)
    schedule = tf_keras.optimizers.schedules.CosineDecay(options.learning_rate, options.epochs * len(train), alpha=0.01)
    adam = tf_keras.optimizers.Adam(schedule, use_ema=options.ema > 0, ema_momentum=options.ema)
    student.compile(optimizer=adam, loss="mse", weighted_metrics=[], metrics=fidelity_metrics())
    _average_statistics(net, options.ema)
    student.build(net.input_shape)  # so that a checkpoint finds the optimizer's slots when it is restored
    if not resume:  # a checkpoint that lies about would be taken for this training's own
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    begun_with = {**asdict(options), **(recipe or {})}
    history = _History(folder, options, begun_with, len(train), resume=resume, keep_best_after=keep_best_after)
    if not history.finished():
        if resume:
            _refuse_damaged(net, folder, epochs=len(history.epochs), kept=bool(history.kept()))
        keeper = tf_keras.callbacks.BackupAndRestore(str(folder / "checkpoint"), delete_checkpoint=False)
        watcher = _watcher_class()(net, history)
        everyone = [*callbacks, watcher, keeper, _order_class()(train)]
        with telling_disk_errors(folder), _telling(folder), watcher.progress:
            student.fit(train, validation_data=val, epochs=options.epochs, verbose=0, callbacks=everyone)
    history.draw()
    load_best(net, folder)
    return history.fitted()


def _student(net: Any, teaching: Teaching | None, face_weight: float, finding: Finding | None) -> Any:
    """The model that learns, by what the net has to learn."""
    if has_centres(net):
        return centre_student_model_class()(net, teaching, face_weight)
    if mask_logit(net) is not None:
        return mask_student_model_class()(net, teaching, face_weight)
    return student_model_class()(net, teaching, finding)


def _again(net: Any, data: Dataset, folder: Path, options: FitOptions, *, resume: bool) -> list[Sample]:
    """Training pictures to show more often: those that the net gets wrong as it is now."""
    if not options.hard:
        return []
    path = folder / HARD
    if not resume:
        path.unlink(missing_ok=True)
    usual = len(shown(data, "train", options.augmentation))
    hard = hard_pictures(net, data, path)
    again = hard.again(data.split("train"), options.hard, usual)
    say(f"shown {usual + len(again)} pictures an epoch: {len(hard.missed)} with a missed face and {len(hard.false)} "
        f"with a false one come more often")  # fmt: skip
    return again


def _average_statistics(net: Any, ema: float) -> None:
    """Let batch norms average over as many steps as the weights are averaged over: theirs are no trained weights."""
    import tf_keras

    if ema:
        for layer in net.layers:
            if isinstance(layer, tf_keras.layers.BatchNormalization):
                layer.momentum = ema


def refuse_unfit(net: Any, options: FitOptions) -> None:
    """Refuse options that a net cannot be trained with.

    Raises:
        UserError: a mask weight for a net that learns masks anyway or without the face weight that carries them, hard
            examples for a net that has no mask.
    """
    if options.mask_weight and learns_masks(net):
        raise UserError(
            "a mask weight is for U-Nets that paint: this net learns masks without it", options=("mask_weight",)
        )
    if options.mask_weight and options.face_weight == 1:
        raise UserError(
            "a mask weight needs a face weight other than 1, from which the masks are read",
            options=("mask_weight", "face_weight"),
        )
    if options.hard and mask_logit(net) is None:
        raise UserError(
            "hard examples are found by the masks of a net: use them for a mask head, or a U-Net with a gate as output",
            options=("hard", "output"),
        )


@contextlib.contextmanager
def _telling(folder: Path) -> Iterator[None]:
    """Tell TensorFlow's errors in words: it has one for a full disk (met at a checkpoint) and for too little memory."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        if "No space left" in str(error) or "File too large" in str(error):
            raise OSError(errno.ENOSPC, "No space left on device", str(folder)) from error
        raise RunError(
            "there is too little memory for this training: choose a smaller batch, size or width",
            options=("batch", "size", "width"),
        ) from error
    except tf.errors.InvalidArgumentError as error:
        if "JPEG" not in str(error):
            raise
        # Of a data set too large to be kept decoded: of others, each picture was read before the first step.
        raise UserError("the data set holds a damaged picture: make it again") from error


def _save_best(net: Any, folder: Path) -> None:
    """Keep a net's weights. Not as HDF5: its library crashes the process when the disk is full."""
    buffer = io.BytesIO()
    np.savez(buffer, *net.get_weights())
    write_bytes(folder / BEST_WEIGHTS, buffer.getvalue())


def load_best(net: Any, folder: Path) -> None:
    """Give a net the best weights that a training in `folder` has had so far."""
    path = folder / BEST_WEIGHTS
    try:
        with np.load(path, allow_pickle=False) as weights:
            net.set_weights(list(weights.values()))
    except (OSError, ValueError, KeyError, EOFError, IndexError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} is damaged or of another net ({error!r:.80}): this training cannot be resumed, start it anew"
        ) from error


def _refuse_damaged(net: Any, folder: Path, *, epochs: int, kept: bool) -> None:
    """Read all that a training goes on from before its first step: the best weights are only needed after the last.

    Args:
        net: as it is built.
        folder: of the training.
        epochs: that the history knows.
        kept: the weights of one of them were kept.

    Raises:
        UserError: the checkpoint or the best weights are damaged, of another net, or gone while the history has epochs
            that they stood for, or the history is gone.
    """
    import tensorflow as tf

    if kept or (folder / BEST_WEIGHTS).exists():
        now = net.get_weights()
        load_best(net, folder)
        net.set_weights(now)
    place = folder / "checkpoint" / "chief"
    there = (place / "checkpoint").exists()
    if there and not epochs:
        raise UserError(
            f"{folder / HISTORY}, which says how it was begun, is gone or empty: this training cannot be resumed, "
            "start it anew"
        )
    if not there and epochs < 2:  # killed before its first epoch ended, or as its checkpoint was written
        return
    try:
        reader = tf.train.load_checkpoint(str(place))
        shapes = reader.get_variable_to_shape_map()
        for name in shapes:
            reader.get_tensor(name)
        if Counter(tuple(one.shape) for one in net.weights) - Counter(map(tuple, shapes.values())):
            raise ValueError("it is of another net")
    except (OSError, ValueError, IndexError, RuntimeError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"the checkpoint in {place} is damaged ({reason:.100}): this training cannot be resumed, start it anew"
        ) from error


@contextlib.contextmanager
def removed_unless_begun(folder: Path, model: Path) -> Iterator[None]:
    """Remove `folder` when training `model` (itself or inside) ends before its first epoch: nothing is to resume.

    What lay there before, a training that lost its history, say, stays.
    """
    new = not folder.is_dir() or not any(folder.iterdir())
    try:
        yield
    except BaseException:
        if new and not (model / HISTORY).exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise


def refuse_changed(place: Path | str, begun: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with a training with other options than it was begun with.

    Raises:
        UserError: something differs; it is named, with both values.
    """
    old, new = _flat(begun), _flat(json.loads(json.dumps(wanted)))
    changed = [f"{key} {old.get(key)}, not {new.get(key)}" for key in {**new, **old} if old.get(key) != new.get(key)]
    if changed:
        raise UserError(
            f"{place} was begun with other options ({'; '.join(changed)}): resume with the same ones, or start anew"
        )


def _flat(options: Mapping[str, Any]) -> dict[str, Any]:
    """Nested options by their own names; no two of ours are called the same."""
    flat: dict[str, Any] = {}
    for key, value in options.items():
        flat.update(_flat(value) if isinstance(value, dict) else {key: value})
    return flat


class _History:
    """The epochs so far, on disk after each; early stopping is a function of it, so it survives a kill."""

    def __init__(
        self, folder: Path, options: FitOptions, begun_with: dict[str, Any], steps: int,
        *, resume: bool, keep_best_after: int,
    ) -> None:  # fmt: skip
        self.path = folder / HISTORY
        self.begun_with = begun_with
        self.folder, self.options, self.steps = folder, options, steps
        self.first_counting = min(options.epochs, keep_best_after // steps + 1)
        self.epochs: tuple[Epoch, ...] = ()
        self.drawn = time.monotonic()
        if resume and self.path.exists():
            known = History.read(self.path)
            refuse_changed(folder, known.options, begun_with)
            self.epochs = known.epochs

    def add(self, epoch: int, logs: dict[str, float], seconds: float) -> bool:
        """Note an epoch; True if its weights are to be kept. A killed one that runs again replaces its first try."""
        measured = {name: round(float(value), 6) for name, value in logs.items()}
        entry = Epoch.from_json({"epoch": epoch + 1, **measured, "seconds": round(seconds, 1)})
        self.epochs = (*(e for e in self.epochs if e.epoch <= epoch), entry)
        return self.kept() == epoch + 1

    def write(self) -> None:
        """Put the epochs so far on disk; their curves as well, if it is a while ago that these were drawn."""
        History(self.begun_with, self.steps, self.epochs).write(self.path)
        if time.monotonic() - self.drawn > _CURVES_EVERY_S:
            self.draw()

    def draw(self) -> None:
        """Draw the curves of the epochs so far."""
        draw_curves(self.epochs, self.folder / "curves.png")
        self.drawn = time.monotonic()

    def fitted(self) -> Fitted:
        """What the training came to so far."""
        return Fitted(self.epochs, self.first_counting, self.options.keep)

    def kept(self) -> int:
        """Number of the epoch whose weights are kept so far, 0 if none counts yet."""
        counts = bool(self.epochs) and self.epochs[-1].epoch >= self.first_counting
        return self.fitted().best.epoch if counts else 0

    def stale(self) -> bool:
        """Patience is exhausted."""
        return bool(self.kept()) and self.epochs[-1].epoch - self.kept() >= self.options.patience

    def finished(self) -> bool:
        """Nothing is left to train."""
        return self.stale() or len(self.epochs) >= self.options.epochs


def _success(logs: dict[str, float]) -> str:
    """How well a net does on what it is trained with: a mask head is judged by its masks."""
    return f"{logs['psnr']:.2f} dB" if "psnr" in logs else f"mask IoU {logs['iou']:.3f}"


def _validated(logs: dict[str, float]) -> str:
    """What validation photos say: of a net that outputs a picture its fidelity too."""
    picture = f"{logs['val_psnr']:.2f} dB, ssim {logs['val_ssim']:.3f}" if "val_psnr" in logs else ""
    found = f"mask IoU {logs['val_iou']:.3f}" if "val_iou" in logs else ""
    return ", ".join(part for part in (picture, found) if part)


def _refuse_divergence(epoch: int, logs: dict[str, float]) -> None:
    """Stop at the first epoch whose measures are no numbers: from there on no epoch ever is."""
    lost = [name for name, value in logs.items() if not math.isfinite(value)]
    if lost:
        raise RunError(
            f"the training diverged: in epoch {epoch + 1} {', '.join(lost)} became no number; "
            "start anew with a lower learning rate",
            options=("learning_rate",),
        )


def _order_class() -> type[Any]:
    """The callback that shows a resumed training the pictures that it would have been shown, in their order.

    Each pass over a data set takes the next seed of its own, so those of the epochs that are done are taken first. It
    stands behind the callback that restores the checkpoint, which alone knows how many these are.
    """
    import tf_keras

    class Order(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, train: Any) -> None:
            super().__init__()
            self.train = train

        def on_train_begin(self, logs: Any = None) -> None:
            for _ in range(int(self.model.optimizer.iterations.numpy()) // len(self.train)):
                iter(self.train)

    return Order


def _watcher_class() -> type[Any]:
    """The callback that shows progress and keeps history and best weights."""
    import tf_keras

    class Watcher(tf_keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, net: Any, history: _History) -> None:
            super().__init__()
            self.net, self.history, self.progress = net, history, bar()
            self.last: list[Any] = []  # weights of the last step, while their averages are in the net

        def on_train_begin(self, logs: Any = None) -> None:
            self.task = self.progress.add_task("training", total=self.history.steps, note="")

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.started = time.monotonic()
            name = f"epoch {epoch + 1}/{self.history.options.epochs}"
            self.progress.reset(self.task, total=self.history.steps, description=name)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.progress.update(self.task, advance=1, note=_success(logs))

        def on_test_begin(self, logs: Any = None) -> None:
            if self.history.options.ema:
                self.last = [variable.numpy() for variable in self.model.trainable_variables]
                self.model.optimizer.finalize_variable_values(self.model.trainable_variables)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            _refuse_divergence(epoch, logs)
            kept = self.history.add(epoch, logs, time.monotonic() - self.started)
            if kept:  # before the history says so, and whole or not at all: a kill may come at any time
                _save_best(self.net, self.history.folder)
            self.history.write()
            say(
                f"epoch {epoch + 1}/{self.history.options.epochs}: train {_success(logs)}, val {_validated(logs)}"
                + (" (best)" if kept and self.history.options.keep == "best" else "")
            )
            if self.history.stale():
                self.model.stop_training = True
            if self.history.options.ema:  # before a checkpoint is made, which others go on from
                for variable, value in zip(self.model.trainable_variables, self.last, strict=True):
                    variable.assign(value)

    return Watcher
