"""A search as an Optuna study: seeded, shared by any number of workers, taken up again after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edgeblur.distill.nets.mask_head import MaskSpec
from edgeblur.distill.training.fit import Teaching, refuse_changed
from edgeblur.errors import RunError, UserError
from edgeblur.files import refuse_unwritable
from edgeblur.progress import say
from edgeblur.records import MismatchError
from edgeblur.search.budget import Budget, Cost, cost_of
from edgeblur.search.quality import Quality
from edgeblur.search.space import CHOICES, choices_of, described, relative, suggest_spec
from edgeblur.search.storage import ORIGIN, SPEC, open_storage, open_study, quiet, shown, telling_loss, try_again
from edgeblur.search.teachers import NONE, start_spec
from edgeblur.search.trial import Stopped, TrialOptions, fewer, goes_on, refuse_too_few, train_trial
from edgeblur.store.dataset import Dataset

NAME = "edgeblur"
"""Of the study in its storage, where no other is named."""
_OPTIONS, _COST, _QUALITY, _START = "options", "cost", "quality", "start"
_RELATIVES = 10  # nets that are trained before the sampler chooses, as many as it would draw at random
_MISSES_A_STEP = 4  # of them that are too large, before the next ones are taken from farther away
_MISFITS_A_TRIAL = 200  # nets in a row that may be too large before a budget is called too small


@dataclass(frozen=True)
class SearchOptions:
    """What is searched for.

    Attributes:
        trials: nets that are trained, those that stop at a rung among them; too large ones do not count.
        budget: what a net may cost, and where.
        trial: how each is taught and judged.
        seed: of what is tried and of all trainings.
        heartbeat_s: how often a worker shows that it is alive; one that is silent for four times as long is dead.
    """

    trials: int
    budget: Budget
    trial: TrialOptions = field(default_factory=TrialOptions)
    seed: int = 0
    heartbeat_s: int = 15

    def begun_with(self) -> dict[str, Any]:
        """What makes the study what it is, and is not to change while it goes on; JSON."""
        space = {f"choices of {name}": list(choices) for name, choices in CHOICES.items()}
        return {"budget": self.budget.as_json(), "trial": asdict(self.trial), "seed": self.seed, "space": space}


@dataclass(frozen=True)
class Tried:
    """A net of a study.

    Attributes:
        number: of its trial.
        spec: the net.
        cost: before training.
        quality: after it; None where it stopped at a rung.
        stopped_at: the epoch of that rung.
        start: the mask head whose weights it began with, `none` for weights drawn at random.
    """

    number: int
    spec: MaskSpec
    cost: Cost
    quality: Quality | None = None
    stopped_at: int | None = None
    start: str = NONE

    @property
    def values(self) -> tuple[float, float, float] | None:
        """What is to be low: leak rate, instructions, RAM in bytes; None for a net that was not judged."""
        if self.quality is None:
            return None
        return self.quality.leak_rate, float(self.cost.instructions or 0), float(self.cost.ram_bytes)


def search(
    url: str,
    name: str,
    data: Dataset,
    teaching: Callable[[int, int], Teaching | None],
    folder: Path,
    options: SearchOptions,
    *,
    tell: Callable[[Tried], None] = lambda tried: None,
) -> list[Tried]:
    """Run trials until the study has as many as are wanted, beside whatever other workers run.

    Args:
        url: of the storage: `sqlite:///FILE`, `postgresql://USER@HOST/DATABASE`.
        name: of the study in it.
        data: photos; its validation split judges.
        teaching: the teacher for an input's height and width.
        folder: where trainings lie meanwhile.
        options: of the search.
        tell: is called after each trial of this worker.

    Returns:
        All nets that were trained so far, by whatever worker.

    Raises:
        UserError: a study that was begun with other options, a storage that cannot be reached, a budget that no net
            meets, or a data set without validation photos.
    """
    refuse_too_few(data)
    data = fewer(data, options.trial)
    refuse_unwritable(folder / "front.json")
    folder.mkdir(parents=True, exist_ok=True)  # where SQLite puts its file, if nobody says otherwise
    with quiet(), telling_loss(url):
        study = open_study(url, name, options.heartbeat_s)
        _claim(study, url, options)
        worker = _Worker(study, data, teaching, folder, options, tell)
        while worker.wanted():
            worker.run_one()
        return tried(study)


def read_study(url: str, name: str = NAME) -> list[Tried]:
    """The nets of a study that were trained.

    Raises:
        UserError: there is no such study, or it is not one of ours.
    """
    with quiet():
        import optuna

        storage = open_storage(url, None)
        try:
            return tried(optuna.load_study(study_name=name, storage=storage))
        except KeyError:
            known = ", ".join(optuna.get_all_study_names(storage)) or "none"
            raise UserError(f"{shown(url)} has no study called {name!r}: there are {known}") from None


def read_trial(url: str, number: int, name: str = NAME) -> Tried:
    """One net of a study.

    Raises:
        UserError: there is no such study or trial, or no net was trained in it.
    """
    found = read_study(url, name)
    for one in found:
        if one.number == number:
            return one
    known = ", ".join(str(one.number) for one in found) or "none"
    raise UserError(f"trial {number} of {shown(url)} trained no net; those that did: {known}", options=("trial",))


class _TooLarge(Exception):
    """A net exceeds the budget.

    Its trial fails, so that the sampler does not see it: beside so many large nets, any small one would seem good.
    """


@dataclass(frozen=True)
class _Worker:
    """One process that runs trials of a study."""

    study: Any
    data: Dataset
    teaching: Callable[[int, int], Teaching | None]
    folder: Path
    options: SearchOptions
    tell: Callable[[Tried], None]

    def wanted(self) -> bool:
        """Whether to run one more; waits while others' trials are under way that could still be lost."""
        import optuna

        while True:
            optuna.storages.fail_stale_trials(self.study)
            waiting = bool(_in_state(self.study, "WAITING"))
            missing = self.options.trials - len(tried(self.study))
            running = len(_in_state(self.study, "RUNNING"))
            if missing <= 0:
                return False
            if waiting or running < missing:
                return True
            time.sleep(self.options.heartbeat_s)

    def run_one(self) -> None:
        """Ask for nets until one fits the budget, and train it."""
        import optuna

        known = len(self.study.get_trials(deepcopy=False))
        for misses in range(_MISFITS_A_TRIAL):
            # By the number of the trial, so that a search that is taken up again asks what it would have asked.
            seed = (self.options.seed * 100_003 + known + misses) % 2**32
            before = len(tried(self.study))
            self.study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
            if before < _RELATIVES and not _in_state(self.study, "WAITING"):
                starts = self.options.trial.starts
                start, steps = starts[before % len(starts)], 1 + misses // _MISSES_A_STEP
                steps = 0 if before < len(starts) and misses == 0 else steps  # the start itself first
                self._ask_for_a_relative(start, steps, np.random.default_rng(seed))
            self.study.optimize(self._objective, n_trials=1, catch=_TooLarge)
            if len(tried(self.study)) > before:
                return
        raise RunError(
            f"none of {_MISFITS_A_TRIAL} nets meets the budget: allow more RAM, flash or time",
            options=("ram", "flash", "ms", "instructions"),
        )

    def _ask_for_a_relative(self, start: str, steps: int, rng: np.random.Generator) -> None:
        """Let the next trial be a net near one that it can start from: what is pruned little has little to learn."""
        if start == NONE:
            return
        chosen = choices_of(start_spec(start))
        for _ in range(steps):
            chosen = relative(chosen, rng)
        self.study.enqueue_trial({**chosen, _START: start})

    def _objective(self, trial: Any) -> tuple[float, float, float]:
        import optuna

        spec = suggest_spec(trial)
        start = str(trial.suggest_categorical(_START, self.options.trial.starts))
        cost = cost_of(spec, self.options.budget)
        if cost is None or max(cost.excess(self.options.budget)) > 0:
            raise _TooLarge
        trial.set_user_attr(SPEC, spec.as_json())
        trial.set_user_attr(_COST, cost.as_json())
        trial.set_user_attr(ORIGIN, trial.user_attrs.get(ORIGIN, trial.number))
        begun = len(_in_state(self.study, "RUNNING")) + len(tried(self.study))  # this one, too
        say(f"trial {trial.number} (net {begun} of {self.options.trials}): {described(spec, start)}")
        stopped: list[int] = []

        def at_rung(epoch: int, loss: float) -> None:
            others = self._at(epoch, trial)
            trial.set_user_attr(_rung(epoch), loss)
            if not goes_on(loss, others):
                stopped.append(epoch)
                raise Stopped

        place = self.folder / f"trial-{trial.user_attrs[ORIGIN]}"
        try:
            quality = train_trial(spec, self.data, self.teaching, place, self.options.trial, at_rung, start)
        except Stopped:
            trial.set_user_attr("stopped", stopped[0])
            self.tell(Tried(trial.number, spec, cost, None, stopped[0], start))
            raise optuna.TrialPruned from None
        except (KeyboardInterrupt, SystemExit):  # as if the worker had been killed, but at once
            try_again(self.study, trial)
            raise
        trial.set_user_attr(_QUALITY, quality.as_json())
        # What leaks more than most is no more wanted than what is too large, however little it costs.
        trial.set_constraint("leak", quality.leak_rate - median([*_leaks(self.study), quality.leak_rate]))
        done = Tried(trial.number, spec, cost, quality, start=start)
        self.tell(done)
        assert done.values is not None
        return done.values

    def _at(self, epoch: int, mine: Any) -> list[float]:
        """Loss of the other nets that came to a rung; what a killed worker left counts once."""
        found = {}
        for other in self.study.get_trials(deepcopy=False):
            loss, origin = other.user_attrs.get(_rung(epoch)), other.user_attrs.get(ORIGIN)
            if loss is not None and origin != mine.user_attrs[ORIGIN]:
                found[origin] = float(loss)
        return list(found.values())


def _leaks(study: Any) -> list[float]:
    """Leak rates of the nets that were judged."""
    return [one.quality.leak_rate for one in tried(study) if one.quality]


def _rung(epoch: int) -> str:
    return f"loss after epoch {epoch}"


def tried(study: Any) -> list[Tried]:
    """The nets of a study that were trained to a rung or to the end, by trial.

    Raises:
        UserError: the study is not one of ours.
    """
    found = []
    for trial in _in_state(study, "COMPLETE", "PRUNED"):
        told = trial.user_attrs
        if trial.state.name == "PRUNED" and "stopped" not in told:
            continue  # too large, in a study of an earlier version
        try:
            quality = Quality.from_json(told[_QUALITY]) if _QUALITY in told else None
            found.append(Tried(trial.number, MaskSpec.from_json(told[SPEC]), Cost.from_json(told[_COST]), quality,
                               told.get("stopped"), trial.params.get(_START, NONE)))  # fmt: skip
        except (KeyError, MismatchError) as error:
            raise UserError(f"the study {study.study_name!r} is not one of `edgeblur search`: {error}") from error
    return found


def _in_state(study: Any, *states: str) -> list[Any]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name in states]


def _claim(study: Any, url: str, options: SearchOptions) -> None:
    """Note in the study what it was begun with, or compare."""
    import json

    begun = study.user_attrs.get(_OPTIONS)
    wanted = json.loads(json.dumps(options.begun_with()))
    if begun is None:
        study.set_user_attr(_OPTIONS, wanted)
    else:
        refuse_changed(shown(url), begun, wanted)


def front(found: Sequence[Tried]) -> list[Tried]:
    """The nets that no other is better than in leaks, instructions and RAM at once, the cheapest first."""
    judged = [(one, one.values) for one in found if one.values is not None]

    def beaten(mine: tuple[float, ...]) -> bool:
        return any(
            other != mine and all(a <= b for a, b in zip(other, mine, strict=True)) for _, other in judged if other
        )

    best = [one for one, values in judged if values and not beaten(values)]
    return sorted(best, key=lambda one: (one.cost.instructions or 0, one.number))
