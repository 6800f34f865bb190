"""Train the teacher: the thesis's U-Net, or any relative of it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.distill.nets.families import NetSpec, build_net
from edgeblur.distill.nets.inherit import inherit, is_trunk
from edgeblur.distill.nets.keras_files import load_keras, save_model
from edgeblur.distill.nets.mask_head import has_mask
from edgeblur.distill.nets.unet import UNetSpec, gate_clamp, has_gate, set_gate, unet_spec
from edgeblur.distill.nets.widen import widened
from edgeblur.distill.training.fit import FitOptions, Fitted, fit, load_best, refuse_changed, removed_unless_begun
from edgeblur.distill.training.hard import refuse_untrained
from edgeblur.distill.training.workers import Place, join
from edgeblur.errors import UserError
from edgeblur.files import alone_in, made_parents, refuse_existing, refuse_strangers, refuse_swallowing, set_aside
from edgeblur.progress import say
from edgeblur.store.dataset import Dataset, open_dataset
from edgeblur.store.notes import MODEL, ModelInfo
from edgeblur.store.run_folder import TEACHER, Run, RunModel, create_run, open_run


@dataclass(frozen=True)
class TrainOptions:
    """What to train and how.

    Attributes:
        spec: the net.
        fit: how long, with which loss and augmentation.
        strategy: `single`, or `multiworker` for one process a machine as TF_CONFIG says.
        start: a .keras file whose weights training starts from: of the same shape, or any mask head for a mask head.
    """

    spec: NetSpec = field(default_factory=unet_spec)
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
        UserError: no such data set, `out` occupied, nothing to resume or damaged since it ended, a start of another
            shape.
    """
    dataset = open_dataset(data)
    place = join(options.strategy)
    with _run_folder(data, out, options, place, resume=resume, force=force) as run:
        if run.teacher.keras.exists():  # what was to resume had ended already
            load_keras(run.teacher.keras)
            run.add(TEACHER)
            return Fitted.read(run.teacher)
        return _train(dataset, run, options, place, resume=resume)


@contextlib.contextmanager
def _run_folder(
    data: Path, out: Path, options: TrainOptions, place: Place, *, resume: bool, force: bool
) -> Iterator[Run]:
    """The folder this process writes to: the run's own for the chief, one that goes away again for other workers."""
    if place.chief:
        if resume:
            run = _reopen(data, out, options)
            with alone_in(run.teacher.folder if run.teacher.folder.is_dir() else out):
                yield run
            return
        _refuse(data, out, options, force=force)
        _refuse_busy(out)
        with made_parents(out), set_aside(out), removed_unless_begun(out, Run(out).teacher.folder):
            run = create_run(out, data, _recipe(options))
            run.teacher.folder.mkdir()
            with alone_in(run.teacher.folder):
                yield run
        return
    with tempfile.TemporaryDirectory(prefix="edgeblur-worker-") as scratch:
        run = Run(Path(scratch))
        if resume:
            # Every worker reads the chief's checkpoint; TensorFlow does not send it around.
            shutil.copytree(_reopen(data, out, options).teacher.folder, run.teacher.folder)
        yield run


def _refuse_busy(out: Path) -> None:
    """Refuse to replace a run that another command is training a model of.

    Raises:
        UserError: there is one.
    """
    for folder in filter(Path.is_dir, out.iterdir() if out.is_dir() else ()):
        with alone_in(folder):
            pass


def _reopen(data: Path, out: Path, options: TrainOptions) -> Run:
    """The run folder of a training that was begun with the same options.

    Raises:
        UserError: there is none, or it was begun otherwise.
    """
    run = open_run(out)
    begun = run.settings().training
    if begun is None:
        raise UserError(
            f"{out} holds no training that edgeblur began: start one instead of resuming it", options=("resume",)
        )
    refuse_changed(out, {**begun, "data": str(run.dataset)}, {**_recipe(options), "data": str(data.absolute())})
    return run


def _refuse(data: Path, out: Path, options: TrainOptions, *, force: bool) -> None:
    """Refuse to make a run folder in the place of what should stay.

    Raises:
        UserError: something is there and `force` is false, it is no run folder, or holds what the training needs.
    """
    refuse_untrained(options.fit.hard, options.start)
    refuse_existing(out, force=force)
    refuse_strangers(out, "run.json")
    refuse_swallowing(out, [needed for needed in (data, options.start) if needed])


def _recipe(options: TrainOptions) -> dict[str, Any]:
    return {**asdict(options), "start": str(options.start) if options.start else None}


def _train(dataset: Dataset, run: Run, options: TrainOptions, place: Place, *, resume: bool) -> Fitted:
    model = run.teacher
    model.folder.mkdir(parents=True, exist_ok=True)
    with place.scope():
        net = build_net(options.spec, seed=options.fit.seed)
        if options.start:
            copy_weights(net, load_keras(options.start), options.start, seed=options.fit.seed)
        say(f"training {net.count_params():,} parameters on {len(dataset.split('train'))} pictures")
        fitted = fit(net, dataset, model.folder, options.fit, resume=resume, callbacks=place.callbacks)
    if place.chief:
        if place.strategy:  # reading a distributed net would ask workers that may be gone
            net = build_net(options.spec)
            load_best(net, model.folder)
        info = ModelInfo(kind="teacher", spec=options.spec.as_json(), best=fitted.best, seconds=round(fitted.seconds))
        save_model(net, model, info)
        run.add(TEACHER)
    return fitted


def copy_weights(net: Any, source: Any, path: Path, *, seed: int = 0) -> None:
    """Take over the weights of a net of the same shape, layer by layer; layers that it lacks stay as they are.

    So does the net's clamp, if it has one: it is set, not learnt. A mask head also starts from one of other widths and
    depths: from a narrower one by whose multiple it has channels these are copied, for others see `inherit`.

    Args:
        net: gets the weights.
        source: has them.
        path: of `source`, for messages.
        seed: of the shares of copied channels.

    Raises:
        UserError: a layer has another shape there, no layer that learns is the same, or the net should have a gate.
    """
    import tf_keras

    theirs = {layer.name: layer.get_weights() for layer in source.layers}
    shared = [layer for layer in net.layers if layer.name in theirs and layer.trainable]
    shapes = {layer.name: [w.shape for w in layer.get_weights()] for layer in shared}
    weights = {name: theirs[name] if [w.shape for w in theirs[name]] == shapes[name] else None for name in shapes}
    if None in weights.values() and has_mask(net) and has_mask(source):
        rng = np.random.default_rng(seed)
        each = {layer.name for layer in shared if isinstance(layer, tf_keras.layers.DepthwiseConv2D)}
        weights = {name: widened(theirs[name], shapes[name], rng, sums=name not in each) for name in shapes}
        if None in weights.values() and is_trunk(net) and is_trunk(source):
            drawn = inherit(net, source)
            say(f"{path} has {source.count_params():,} parameters, the net {net.count_params():,}: it starts with what "
                f"it has room for; drawn at random: {', '.join(drawn) or 'none'}")  # fmt: skip
            return
        if None not in weights.values():
            say(f"{path} has {source.count_params():,} parameters: its channels are copied")
    if None in weights.values() or not any(layer.trainable_weights for layer in shared):
        raise UserError(f"{path} has {source.count_params():,} parameters in another arrangement than the net's "
                        f"{net.count_params():,}: start from a model of the same shape; mask heads start from "
                        "any other")  # fmt: skip
    clamp = gate_clamp(net) if has_gate(net) else None
    if clamp and not has_gate(source):
        raise UserError(
            f"{path} has no gate, and would output a picture of its own: start from a net that has one",
            options=("start",),
        )
    for layer in shared:
        layer.set_weights(weights[layer.name])
    if clamp:
        set_gate(net, *clamp)
    if new := [layer.name for layer in net.layers if layer.trainable_weights and layer.name not in theirs]:
        say(f"{path} lacks {', '.join(new)}: drawn at random")


def spec_of(model: RunModel) -> UNetSpec:
    """The spec of a run's U-Net.

    Raises:
        UserError: its model.json has none, or that of a mask head.
    """
    info = model.info()
    if info.spec is None:
        raise UserError(f"{model.folder}/{MODEL} names no U-Net spec: this model was not trained by edgeblur")
    if info.is_mask_head:
        raise UserError(
            f"{model.name} is a mask head, and pruning and quantization-aware training are for U-Nets: choose another "
            "width",
            options=("width",),
        )
    try:
        return UNetSpec.from_json(info.spec)
    except ValueError as error:
        raise UserError(f"{model.folder}/{MODEL} is damaged: spec: {error}; train again") from error
