"""Train the teacher: the thesis's U-Net, or any relative of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgeblur.dataset import Dataset, open_dataset
from edgeblur.distill.fit import FitOptions, Fitted, fit
from edgeblur.distill.keras_files import load_keras, save_model
from edgeblur.distill.unet import UNetSpec, build_unet, unet_spec
from edgeblur.errors import UserError
from edgeblur.files import read_json, refuse_existing
from edgeblur.progress import say
from edgeblur.run import TEACHER, Run, RunModel, create_run, open_run

STRATEGIES = ("single", "multiworker")


@dataclass(frozen=True)
class TrainOptions:
    """What to train and how.

    Attributes:
        spec: the net.
        fit: how long, with which loss and augmentation.
        strategy: `single`, or `multiworker` for one process a machine as TF_CONFIG says.
        start: a .keras file or run model of the same shape whose weights training starts from.
    """

    spec: UNetSpec = field(default_factory=unet_spec)
    fit: FitOptions = field(default_factory=FitOptions)
    strategy: str = "single"
    start: Path | None = None


def train(data: Path, out: Path, options: TrainOptions, *, resume: bool = False, force: bool = False) -> Fitted:
    """Train a teacher into a new run folder.

    Args:
        data: a data set in the thesis's layout.
        out: the run folder to make, or to go on with.
        resume: go on with a training that was killed; its own options are kept, so that it ends as it would have.
        force: replace what is there.

    Raises:
        UserError: no such data set, `out` occupied, nothing to resume, a start of another shape.
    """
    dataset = open_dataset(data)
    strategy, chief = _strategy(options.strategy)
    if not chief:  # every worker trains alike, only the chief owns the run folder
        with tempfile.TemporaryDirectory(prefix="edgeblur-worker-") as scratch:
            return _train(dataset, Run(Path(scratch)), options, strategy, resume=False, chief=False)
    run, resuming = _open_or_create(data, out, options, resume=resume, force=force)
    return _train(dataset, run, options, strategy, resume=resuming, chief=True)


def _open_or_create(data: Path, out: Path, options: TrainOptions, *, resume: bool, force: bool) -> tuple[Run, bool]:
    if resume:
        run = open_run(out)
        begun = run.settings().get("training")
        if begun is None:
            raise UserError(f"{out} holds no training that edgeblur began: start one without --resume")
        wanted = json.loads(json.dumps(_recipe(options)))
        if begun != wanted:
            changed = ", ".join(sorted(key for key in wanted if wanted[key] != begun.get(key)))
            raise UserError(f"{out} was begun with other options ({changed}): resume with the same ones, or start anew")
        return run, True
    refuse_existing(out, force=force)
    if out.is_dir():
        shutil.rmtree(out)
    return create_run(out, data, {"training": _recipe(options)}), False


def _recipe(options: TrainOptions) -> dict[str, Any]:
    return {**asdict(options), "start": str(options.start) if options.start else None}


def _strategy(name: str) -> tuple[Any, bool]:
    """The tf.distribute strategy (None for one machine), and whether this process is the chief."""
    if name == "single":
        return None, True
    config = os.environ.get("TF_CONFIG")
    if not config:
        raise UserError(
            "--strategy multiworker needs TF_CONFIG with the cluster's workers and this process's index, "
            "as tf.distribute documents it; it is not set"
        )
    try:
        task = json.loads(config)["task"]
        kind, index = str(task["type"]), int(task["index"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"TF_CONFIG should be JSON with cluster and task, but cannot be read as such: {error!r}"
        ) from error
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return strategy, kind == "chief" or (kind == "worker" and index == 0)


def _train(dataset: Dataset, run: Run, options: TrainOptions, strategy: Any, *, resume: bool, chief: bool) -> Fitted:
    model = RunModel(run.folder / TEACHER)
    model.folder.mkdir(parents=True, exist_ok=True)
    with strategy.scope() if strategy else contextlib.nullcontext():
        net = build_unet(options.spec, seed=options.fit.seed)
        if options.start:
            copy_weights(net, load_keras(options.start), options.start)
        say(f"training {net.count_params():,} parameters on {len(dataset.split('train'))} pictures")
        fitted = fit(net, dataset, model.folder, options.fit, resume=resume, chief=chief)
    if chief:
        info = {"kind": TEACHER, "spec": options.spec.as_json(), "best": fitted.best, "seconds": round(fitted.seconds)}
        save_model(net, model, info)
        run.add(TEACHER)
    return fitted


def copy_weights(net: Any, source: Any, path: Path) -> None:
    """Take over all weights of a net of the same shape.

    Raises:
        UserError: the shapes differ.
    """
    ours, theirs = [w.shape for w in net.get_weights()], [w.shape for w in source.get_weights()]
    if ours != theirs:
        raise UserError(f"{path} has {source.count_params():,} parameters in another arrangement than the net's "
                        f"{net.count_params():,}: start from a model of the same shape")  # fmt: skip
    net.set_weights(source.get_weights())


def spec_of(model: RunModel) -> UNetSpec:
    """The spec of a run's model.

    Raises:
        UserError: its model.json has none.
    """
    try:
        return UNetSpec.from_json(read_json(model.folder / "model.json")["spec"])
    except KeyError as error:
        raise UserError(
            f"{model.folder}/model.json names no U-Net spec: this model was not trained by edgeblur"
        ) from error
