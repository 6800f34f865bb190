"""`edgeblur demo`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeblur.commands.options import force_option, json_option
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--out", default="demo", show_default=True, type=_PATH, help="Folder to make.")
@click.option("--data", type=_PATH, help="A data set instead of drawn scenes.")
@click.option("--scenes", type=click.IntRange(10), help="Face scenes to draw. [default: 400; 40 with --model]")
@click.option("--quick", is_flag=True, help="One epoch of everything: only shows that it runs.")
@click.option("--from-scratch", is_flag=True, help="Train a small teacher and a student from random weights instead.")
@click.option(
    "--model", type=_PATH, help="Train nothing; show this int8 model: a name of `edgeblur models`, a file or a run."
)
@force_option
@json_option
def command(
    out: Path, data: Path | None, scenes: int | None, quick: bool, from_scratch: bool, model: Path | None,
    force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Go from pictures to C arrays and a report in a few minutes, on drawn face scenes and without any download.

    It begins with the trained models that come with edgeblur: a student starts from their weights, learns the scenes
    with the teacher, becomes int8 and C, and runs in all engines and on an emulated board.

    With --from-scratch it trains a small teacher and a student from random weights, which shows the whole pipeline
    and protects nobody. With --model nothing is trained, and TensorFlow is not needed: that model blurs the pictures,
    is exported, runs in all engines, and is compared with a detector.
    """
    if model is None:
        run = _from_scratch if from_scratch else _student
        summary, result = run(out, data, scenes or 400, quick, force)
    elif from_scratch:
        raise UserError("--from-scratch trains, and --model trains nothing: give only one of them")
    else:
        from edgeblur.demos.shelf import SCENES, run_shelf_demo

        shown = run_shelf_demo(model, out, scenes=scenes or (10 if quick else SCENES), data=data, force=force)
        summary, result = shown.summary, {"sheet": str(shown.sheet)}
    if as_json:
        print(json.dumps({**result, "summary": list(summary)}))
        return
    for line in summary:
        stdout.print(line, markup=False, soft_wrap=True)


def _student(
    out: Path, data: Path | None, scenes: int, quick: bool, force: bool
) -> tuple[tuple[str, ...], dict[str, str]]:  # fmt: skip
    from edgeblur.distill.nets.keras_files import require_tensorflow

    require_tensorflow()
    from edgeblur.demos.student import DemoOptions, run_demo

    options = DemoOptions(scenes, epochs=1, tuning_epochs=1, limit=4) if quick else DemoOptions(scenes)
    demo = run_demo(out, options, data=data, force=force)
    return demo.summary, {"report": str(demo.report)}


def _from_scratch(
    out: Path, data: Path | None, scenes: int, quick: bool, force: bool
) -> tuple[tuple[str, ...], dict[str, str]]:  # fmt: skip
    from edgeblur.distill.nets.keras_files import require_tensorflow

    require_tensorflow()
    from edgeblur.demos.training import DemoOptions, run_demo

    options = DemoOptions(scenes, 8, 1, 4, 1, 1, limit=4, size=64) if quick else DemoOptions(scenes)
    demo = run_demo(out, options, data=data, force=force)
    return demo.summary, {"report": str(demo.report)}
