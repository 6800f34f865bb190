"""`edgeblur search`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edgeblur.commands.options import POSITIVE, SEED, Finite, FiniteRange, Size, json_option, refuse_given
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout
from edgeblur.progress import say

F = TypeVar("F", bound=Callable[..., Any])

_LIMITS = [
    click.option("--board", help="Board that the net must fit; see `edgeblur boards`."),
    click.option("--ram", "ram_bytes", type=click.IntRange(1), help="Maximum RAM in bytes. [default: the board's]"),
    click.option("--flash", "flash_bytes", type=click.IntRange(1),
                 help="Maximum flash in bytes. [default: the board's]"),
    click.option("--instructions", type=click.IntRange(1),
                 help="Maximum predicted instructions per frame. [default: none]"),
    click.option("--ms", type=POSITIVE, help="Maximum estimated milliseconds per frame, at the board's highest clock. "
                 "[default: none]"),
    click.option("--frame", type=Size(), help="Count a veil for frames of this size as well, such as 320x240."),
    click.option("--pixels", default="rgb565le", show_default=True, help="Pixel format of the frames."),
    click.option("--hold", default="buffer", show_default=True, type=click.Choice(["buffer", "live", "rows"]),
                 help="Who keeps the frame."),
]  # fmt: skip

_TEACHING = [
    click.option("--teacher", default="mask8", show_default=True,
                 help="Mask head to learn from: a name of the shelf or a .keras file; `none` for labels alone."),
    click.option("--teacher-weight", default=0.5, show_default=True, type=FiniteRange(0, 1),
                 help="0 learns from the labels alone, 1 from the teacher alone."),
    click.option("--start", "starts", multiple=True, default=("live", "mask8"), show_default=True,
                 help="Mask head whose weights nets start from, pruned to their widths: a name of the shelf or a "
                 ".keras file; `none` for random weights; repeatable, the search chooses."),
    click.option("--photos", default=2000, show_default=True, type=click.IntRange(1),
                 help="Maximum number of training photos, evenly spread."),
    click.option("--epochs", default=8, show_default=True, type=click.IntRange(1),
                 help="Number of epochs of a net that does not stop early."),
    click.option("--batch", default=32, show_default=True, type=click.IntRange(1), help="Pictures per step."),
    click.option("--learning-rate", default=3e-3, show_default=True, type=POSITIVE,
                 help="Adam's learning rate at the start; it falls along a cosine."),
    click.option("--outside", "outside_db", default=33.0, show_default=True, type=Finite(),
                 help="PSNR outside the faces, in dB, at which leaks are compared."),
    click.option("--judge", "judges", multiple=True, default=("centerface",), show_default=True,
                 help="Detector that looks for leaks; repeatable, the keenest counts."),
    click.option("--limit", type=click.IntRange(1), help="Maximum number of validation photos, evenly spread."),
]  # fmt: skip


def _with(options: list[Any]) -> Callable[[F], F]:
    """All of these options, in their order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Data set made by `edgeblur data make`.")
@click.option("--out", default="search", show_default=True, type=click.Path(path_type=Path),
              help="Folder for the front and for unfinished trainings.")  # fmt: skip
@click.option("--study", "url", help="Optuna storage: sqlite:///FILE, or postgresql://USER@HOST/DATABASE for workers "
              "on several machines. [default: sqlite:///OUT/study.db]")  # fmt: skip
@click.option("--name", default="edgeblur", show_default=True, help="Name of the study in its storage.")
@click.option("--trials", default=30, show_default=True, type=click.IntRange(0),
              help="Number of nets to train, including those that stop early; 0 only shows the front.")  # fmt: skip
@click.option(
    "--seed", default=0, show_default=True, type=SEED, help="Random seed for the choice of nets and for training."
)
@_with(_LIMITS)
@_with(_TEACHING)
@json_option
def command(
    data: Path | None, out: Path, url: str | None, name: str, trials: int, seed: int, as_json: bool,
    board: str | None, ram_bytes: int | None, flash_bytes: int | None, instructions: int | None, ms: float | None,
    frame: tuple[int, int] | None, pixels: str, hold: str, teacher: str, teacher_weight: float,
    starts: tuple[str, ...], photos: int, epochs: int, batch: int, learning_rate: float, outside_db: float,
    judges: tuple[str, ...], limit: int | None,
) -> None:  # fmt: skip
    """Search for mask heads that fit a board: first by the compiler, then by short distillations.

    A net that takes too much RAM, flash or time is dropped before any training. The others learn in rungs, and about
    half of them stop at each. The rest are judged by the faces that a detector still finds on the validation photos, at
    equal fidelity outside the faces; `edgeblur data make --hold-out` keeps makers for that. The same command continues
    a search that was stopped, and a second one running beside it shares the work.
    """
    from edgeblur.search.report import front_table, rows, told, write_report
    from edgeblur.search.storage import how_to_log_in, shown
    from edgeblur.search.study import SearchOptions, front, read_study, search

    url = url or f"sqlite:///{out / 'study.db'}"
    if not trials:
        found = read_study(url, name)
    else:
        if data is None or board is None:
            raise UserError("a search needs --data and --board; without them, --trials 0 shows the front of a study")
        if frame is None:
            refuse_given("pixels", "hold", because="is for frames: add --frame")
        from edgeblur.distill.nets.families import augmentation
        from edgeblur.distill.nets.keras_files import require_tensorflow

        require_tensorflow()
        from edgeblur.distill.training.fit import FitOptions
        from edgeblur.search.budget import Budget
        from edgeblur.search.quality import QualityOptions
        from edgeblur.search.teachers import NONE, start_spec, teachings
        from edgeblur.search.trial import TrialOptions
        from edgeblur.store.dataset import open_dataset

        for start in set(starts) - {NONE}:
            start_spec(start)  # what is wrong is told at once
        fit = FitOptions(epochs, batch, learning_rate, seed=seed, face_weight=0.8, keep="last",
                         augmentation=augmentation("mask", "sigmoid"))  # fmt: skip
        budget = Budget(board, ram_bytes, flash_bytes, instructions, ms, frame=frame, pixels=pixels, hold=hold)
        trial = TrialOptions(teacher, teacher_weight, starts, photos, fit, QualityOptions(outside_db, judges, limit))
        options = SearchOptions(trials, budget.on_board(), trial, seed)
        found = search(
            url, name, open_dataset(data), teachings(teacher, teacher_weight), out, options,
            tell=lambda one: say(told(one)),
        )  # fmt: skip
    written = write_report(found, out)
    if as_json:
        click.echo(json.dumps({"study": shown(url), "trials": rows(found)}))
        return
    stdout.print(front_table(found))
    say(f"{written.picture}, {written.page}, {written.numbers}")
    if front(found):
        line = f"edgeblur distill RUN --from-study {shown(url)} --trial TRIAL --no-alone"
        say(f"train one of them to the end: {line}{how_to_log_in(url)}")
