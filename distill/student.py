"""Distill a run's teacher into narrower students, and prune them."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeblur.distill.nets.centres import CentreSpec
from edgeblur.distill.nets.ensemble import ensemble, load_teacher
from edgeblur.distill.nets.families import NetSpec, build_net, finds_masks, mask_logit
from edgeblur.distill.nets.inherit import inherit, is_trunk
from edgeblur.distill.nets.keras_files import at_size, load_keras, save_model
from edgeblur.distill.nets.mask_head import MaskSpec, live_spec, mask_spec
from edgeblur.distill.nets.prune import prune_channels, with_sparsity, without_wrapping, zero_share
from edgeblur.distill.nets.unet import UNetSpec, unet_spec
from edgeblur.distill.teacher import copy_weights, spec_of
from edgeblur.distill.training.fit import FitOptions, Fitted, Teaching, fit, refuse_unfit, removed_unless_begun
from edgeblur.distill.training.hard import refuse_untrained
from edgeblur.distill.training.lessons import shown
from edgeblur.errors import UserError
from edgeblur.files import alone_in, refuse_swallowing
from edgeblur.progress import say
from edgeblur.store.dataset import Dataset, open_dataset
from edgeblur.store.notes import Gain, ModelInfo
from edgeblur.store.run_folder import TEACHER, Run, RunModel


@dataclass(frozen=True)
class StudentOptions:
    """Which student and how it learns.

    Attributes:
        family: one of `FAMILIES`.
        width: filters of its top level.
        levels: pooling levels of a U-Net.
        output: of a U-Net, one of `unet.OUTPUTS`.
        teacher_weight: 0 learns from the ground truth alone, 1 from the teacher alone.
        feature_weight: weight of attention transfer between layers of the same name; 0 is off.
        prune: share of channels to remove after; 0 is none.
        sparsity: share of single weights to zero after; 0 is none.
        alone: train the same student without the teacher as well, to say what distillation gained.
        with_teachers: .keras files of further nets that find masks: the student learns from the mean of all masks.
        net: a mask head by its numbers, in the place of `family` and `width`; the teacher looks at its size.
        called: the student's name, where `net` is given.
        start: a .keras file whose weights the student starts from: of the same shape, or any mask head for a mask head.
        fit: how long, with which loss and augmentation.
    """

    family: str = "unet"
    width: int = 8
    levels: int = 3
    output: str = "sigmoid"
    teacher_weight: float = 0.5
    feature_weight: float = 0.0
    prune: float = 0.0
    sparsity: float = 0.0
    alone: bool = True
    start: Path | None = None
    with_teachers: tuple[Path, ...] = ()
    net: MaskSpec | None = None
    called: str = "searched"
    fit: FitOptions = field(default_factory=FitOptions)

    @property
    def name(self) -> str:
        """`w8`, `gate8` or `w8-linear` by the output, `l2` behind it for other levels than 3; `mask8`; `live`."""
        if self.net:
            return self.called
        if self.family in ("live", "centre"):
            return self.family
        if self.family == "mask":
            return f"mask{self.width}"
        levels = f"l{self.levels}" if self.levels != 3 else ""
        before, after = {"gate": ("gate", ""), "linear": ("w", "-linear")}.get(self.output, ("w", ""))
        return f"{before}{self.width}{levels}{after}"

    def check(self) -> None:
        """Refuse options that contradict each other or that the family has not.

        Raises:
            UserError: as it says.
        """
        for name, share in (("prune", self.prune), ("sparsity", self.sparsity)):
            if not 0 <= share < 1:
                raise UserError(f"{name} is a share of at least 0 and below 1, got {share}", options=(name,))
        if (self.family != "unet" or self.net) and (self.prune or self.sparsity or self.feature_weight):
            raise UserError(
                "pruning, sparsity and a feature weight are for U-Nets: a mask head gets smaller with its width",
                options=("prune", "sparsity", "feature_weight"),
            )
        if self.output == "gate" and (self.feature_weight or self.sparsity):
            raise UserError(
                "a feature weight and sparsity are for U-Nets that paint: one with a gate learns from masks, and "
                "single zeros would let through what it shuts; pruning channels makes it smaller",
                options=("feature_weight", "sparsity"),
            )
        refuse_untrained(self.fit.hard, self.start)
        if self.fit.ema and self.sparsity:
            raise UserError(
                "a moving average would mix zeros with what was there before: train with it first, then make it sparse",
                options=("ema", "sparsity"),
            )
        if self.start and self.alone:
            raise UserError(
                "a student that starts from trained weights cannot be compared with one trained alone: leave that out",
                options=("no_alone",),
            )

    def spec(self, height: int, width: int) -> NetSpec:
        """The net for pictures of this size."""
        if self.net:
            return self.net
        if self.family == "live":
            return live_spec(height=height, width=width)
        if self.family == "centre":
            return CentreSpec(height, width)
        if self.family == "mask":
            return mask_spec(self.width, height=height, width=width)
        return unet_spec(self.width, self.levels, height=height, width=width, output=self.output)


def distill(run: Run, options: StudentOptions, *, resume: bool = False, force: bool = False) -> list[RunModel]:
    """Train a student from the run's teacher; prune it if asked. A finished student is pruned, not trained again.

    Returns:
        The models made, in order; the last is what was asked for.

    Raises:
        UserError: no teacher yet, the student exists already, a share outside 0 to 1, an empty split, an option that
            mask heads do not have.
    """
    options.check()
    if not run.teacher.keras.exists():
        raise UserError(f"{run.folder} has no finished teacher: run `edgeblur train` first, or resume it")
    teacher = load_keras(run.teacher.keras)
    if options.net:
        teacher = at_size(teacher, options.net.height, options.net.width)
    if options.with_teachers:
        teacher = _together(teacher, options)
    workshop = _Workshop(run, open_dataset(run.dataset), teacher, options, resume, force)
    student = RunModel(run.folder / options.name)
    made = []
    pruning = options.prune > 0 or options.sparsity > 0
    if not (student.keras.exists() and pruning):
        made.append(workshop.student(student.name))
    if options.prune:
        made.append(workshop.pruned(student))
    if options.sparsity:
        made.append(workshop.sparse(student))
    return made


def _together(teacher: Any, options: StudentOptions) -> Any:
    """The run's teacher and the further ones as one net; a U-Net that paints has no mask to add, and is left out.

    Raises:
        UserError: the student learns no masks, or one of the further nets has none.
    """
    _, height, width, _ = teacher.input_shape
    if not finds_masks(options.spec(height, width)):
        raise UserError(
            "further teachers show masks, and a U-Net that paints learns from pictures: leave them out, or train a "
            "mask head or a U-Net with a gate",
            options=("with_teacher", "family", "output"),
        )
    nets = [teacher] if mask_logit(teacher) is not None else []
    for path in options.with_teachers:
        nets.append(at_size(load_teacher(path, called=str(path), option="with_teacher"), height, width))
    say(f"the teacher is the mean of {len(nets)} nets' masks")
    return ensemble(nets)


@dataclass(frozen=True)
class _Workshop:
    """What every student of one command shares."""

    run: Run
    data: Dataset
    teacher: Any
    options: StudentOptions
    resume: bool
    force: bool

    @property
    def teaching(self) -> Teaching:
        return Teaching(self.teacher, self.options.teacher_weight, self.options.feature_weight)

    def untaught(self, spec: NetSpec) -> bool:
        """The student wants masks to learn from, and the teacher is a U-Net that has none."""
        return finds_masks(spec) and mask_logit(self.teacher) is None

    def student(self, name: str) -> RunModel:
        """Train the student with the teacher, and alone if that is wanted."""
        _, height, width, _ = self.teacher.input_shape
        spec = self.options.spec(height, width)
        net = self._untrained(spec)
        refuse_unfit(net, self.options.fit)  # before anything is removed
        model, alone = self._claim(name), None
        if self.untaught(spec):
            say(f"{name}: learns from the masks of the data set alone, as a U-Net has no mask to teach")
            self._learn(model, spec, None, ModelInfo(kind="student"))
            return model
        if self.options.alone:
            say(f"{name}-alone: the same student without the teacher, for comparison")
            alone = self._learn(self._claim(f"{name}-alone"), spec, None, ModelInfo(kind="alone"))
        say(f"{name}: {net.count_params():,} parameters learn from the teacher")
        info = ModelInfo(kind="student", parent=TEACHER, teacher_weight=self.options.teacher_weight,
                         feature_weight=self.options.feature_weight,
                         teachers=tuple(str(path) for path in self.options.with_teachers))  # fmt: skip
        self._learn(model, spec, self.teaching, info, alone=alone)
        return model

    def _claim(self, name: str) -> RunModel:
        """The folder of a new model, emptied unless what is there is to be finished (or is finished already).

        Raises:
            UserError: it is finished already and may not be replaced, or unfinished and not to be resumed, or it holds
                what the training is to start from.
        """
        model = RunModel(self.run.folder / name)
        if self.resume or not model.folder.exists():
            return model
        if not self.force:
            state = "exists already" if model.keras.exists() else "holds an unfinished training"
            raise UserError(f"{model.folder} {state}: replace it, or finish it", options=("force", "resume"))
        refuse_swallowing(model.folder, [self.options.start] if self.options.start else [])
        with alone_in(model.folder):
            shutil.rmtree(model.folder)
        return model

    def _learn(
        self, model: RunModel, spec: NetSpec, teaching: Teaching | None, info: ModelInfo,
        *, alone: Fitted | None = None,
    ) -> Fitted:  # fmt: skip
        if model.keras.exists():
            load_keras(model.keras)  # damaged since, it is told now
            return Fitted.read(model)
        net = self._untrained(spec)
        fitted = self._fit(net, model, teaching, start=self.options.start)
        gained = _gain(alone, fitted) if alone else None
        self._save(net, model, spec, fitted, replace(info, gained_by_distilling=gained))
        return fitted

    def _untrained(self, spec: NetSpec) -> Any:
        """The student as it begins: drawn at random, or with the weights that it is to start from."""
        net = build_net(spec, seed=self.options.fit.seed)
        if self.options.start is None:
            return net
        source = load_keras(self.options.start)
        if self.options.net and is_trunk(source):  # of a study, whose trials start so
            inherit(net, source)
        else:
            copy_weights(net, source, self.options.start, seed=self.options.fit.seed)
        return net

    def _fit(
        self, net: Any, model: RunModel, teaching: Teaching | None,
        *, start: Path | None = None, callbacks: tuple[Any, ...] = (), keep_best_after: int = 0,
    ) -> Fitted:  # fmt: skip
        model.folder.mkdir(parents=True, exist_ok=True)
        taught: dict[str, Any] = {}
        if teaching:
            taught = {"teacher_weight": teaching.weight, "feature_weight": teaching.feature_weight}
            if self.options.with_teachers:
                taught["with_teachers"] = [str(path) for path in self.options.with_teachers]
        with alone_in(model.folder), removed_unless_begun(model.folder, model.folder):
            return fit(
                net, self.data, model.folder, self.options.fit, teaching=teaching, resume=self.resume,
                recipe={**taught, "start": str(start) if start else None},
                callbacks=callbacks, keep_best_after=keep_best_after,
            )  # fmt: skip

    def _save(self, net: Any, model: RunModel, spec: NetSpec, fitted: Fitted, info: ModelInfo) -> None:
        seconds = round(fitted.seconds)
        save_model(net, model, replace(info, spec=spec.as_json(), best=fitted.best, seconds=seconds))
        self.run.add(model.name)

    def _spec_of(self, student: RunModel) -> UNetSpec:
        """The spec of a finished student that is to be pruned.

        Raises:
            UserError: it has another output than was asked for, by which its pictures would be varied.
        """
        spec = spec_of(student)
        if spec.output != self.options.output:
            raise UserError(
                f"{student.name} was trained with the output {spec.output}: prune it with the same", options=("output",)
            )
        return spec

    def pruned(self, student: RunModel) -> RunModel:
        """Remove whole channels of a finished student, and fine-tune what stays."""
        share, wanted = self.options.prune, self._spec_of(student)
        model = self._claim(f"{student.name}-prune{round(share * 100)}")
        if model.keras.exists():
            return model
        before = load_keras(student.keras)
        net, spec = prune_channels(before, wanted, share)
        say(f"{model.name}: {before.count_params():,} parameters become {net.count_params():,}; fine-tuning")
        fitted = self._fit(net, model, self.teaching)
        info = ModelInfo(kind="student", parent=student.name, pruned_channels=share)
        self._save(net, model, spec, fitted, info)
        return model

    def sparse(self, student: RunModel) -> RunModel:
        """Zero single weights of a finished student with magnitude pruning, while it goes on learning."""
        share, spec = self.options.sparsity, self._spec_of(student)
        model = self._claim(f"{student.name}-sparse{round(share * 100)}")
        if model.keras.exists():
            return model
        before = load_keras(student.keras)
        steps = (
            math.ceil(len(shown(self.data, "train", self.options.fit.augmentation)) / self.options.fit.batch)
            * self.options.fit.epochs
        )
        wrapped, callbacks = with_sparsity(before, share, round(steps * 0.5))
        say(f"{model.name}: magnitude pruning to {share:.0%} zeros; the same size on a board, smaller when compressed")
        # Without features: the wrapper renames the layers that they go by.
        teaching = replace(self.teaching, feature_weight=0.0)
        fitted = self._fit(wrapped, model, teaching, callbacks=callbacks, keep_best_after=round(steps * 0.6))
        net = without_wrapping(wrapped)
        info = ModelInfo(kind="student", parent=student.name, zeroed_weights=round(zero_share(net), 4))
        self._save(net, model, spec, fitted, info)
        return model


def _gain(alone: Fitted, distilled: Fitted) -> Gain:
    """Best validation figures of both; masks by their IoU too."""
    before, after = alone.best, distilled.best
    return Gain(
        before.val_psnr, after.val_psnr, _difference(before.val_psnr, after.val_psnr),
        *((before.val_iou, after.val_iou, _difference(before.val_iou, after.val_iou)) if after.val_iou else ()),
    )  # fmt: skip


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else round(after - before, 3)
