"""`edgeblur clamp`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table
from rich.text import Text

from edgeblur.commands.options import json_option, model_option
from edgeblur.errors import UserError
from edgeblur.files import refuse_unwritable
from edgeblur.progress import out as stdout
from edgeblur.progress import say
from edgeblur.store.run_folder import open_run

if TYPE_CHECKING:
    from edgeblur.distill.nets.clamp import Reset
    from edgeblur.firmware_harness.comparison.clamp_curve import ClampCurve, ClampPoint


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@model_option
@click.option("--clamps", help="Candidates LOW:FULL, separated by commas. [default: 0.1:0.3 to 0.6:0.8]")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Use the validation photos of this data set. [default: those of RUN]",
)
@click.option("--detector", "detectors", multiple=True,
              help="Detector that looks for leaks, such as mtcnn@0.7; repeatable. [default: centerface, "
              "blazeface]")  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(1), help="Maximum number of validation photos, evenly spread. [default: all]"
)
@click.option("--set", "chosen", metavar="LOW:FULL", help="Give the model this clamp, without measuring anything.")
@json_option
def command(
    run: Path, model_name: str | None, clamps: str | None, data: Path | None, detectors: tuple[str, ...],
    limit: int | None, chosen: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Choose the mask value at which a mask model starts to blur: measure candidates on validation photos, or set one.

    For mask heads and U-Nets with a gate: a cell of the mask is left alone up to LOW and fully blurred from FULL on.
    Writes clamp.json and clamp.png into the model's folder. --set rewrites the model and removes its int8 form, which
    no longer belongs to it. --set also takes a centre net (`distill --family centre`): LOW and FULL are then the
    probabilities of a face at which its box starts to be blurred and is fully blurred.
    """
    from edgeblur.distill.nets.clamp import parse_clamp, parse_clamps, reset_clamp
    from edgeblur.distill.nets.keras_files import require_tensorflow

    if chosen is not None and (clamps is not None or data or detectors or limit):
        raise UserError("--set measures nothing: leave out --clamps, --data, --detector and --limit, or --set")
    asked = parse_clamp(chosen) if chosen is not None else None
    several = parse_clamps(clamps) if clamps is not None else None
    model = (opened := open_run(run)).model(model_name)
    refuse_unwritable(model.keras)
    require_tensorflow()
    if asked:
        reset = reset_clamp(model, asked)
        _show_reset(reset, run, as_json=as_json)
        return
    from edgeblur.detectors.open import USUAL_JUDGES
    from edgeblur.firmware_harness.comparison.clamp_curve import CLAMPS, measure_clamps, write_curve
    from edgeblur.store.dataset import open_dataset

    curve = measure_clamps(
        model, open_dataset(data or opened.dataset), several or CLAMPS, detectors=detectors or USUAL_JUDGES, limit=limit
    )
    write_curve(curve, model)
    if as_json:
        click.echo(json.dumps(curve.as_json(), indent=2, allow_nan=False))
        return
    stdout.print(_table(curve))
    stdout.print(f"{model.folder}/clamp.json, drawn in clamp.png; to choose: `edgeblur clamp {run} "
                 f"--model {model.name} --set LOW:FULL`", soft_wrap=True)  # fmt: skip


def _show_reset(reset: Reset, run: Path, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(reset.as_json()))
    else:
        stdout.print(f"{reset.name}: the clamp is {reset.clamp} now, it was {reset.before}")
    if reset.removed:
        say(f"removed, as of the net before: {', '.join(reset.removed)}; "
            f"next: `edgeblur quantize --int8 {run} --model {reset.name}`")  # fmt: skip


def _table(curve: ClampCurve) -> Table:
    headings = (*(f"leak, {name}" for name in curve.detectors), "dB out", "over-blur", "face-free changed")
    title = (
        f"{curve.model} by its clamp (now {curve.clamp}), in float: {curve.images} validation photos at "
        f"{curve.width}x{curve.height}"
    )
    table = Table(
        "clamp", *(Column(heading, justify="right") for heading in headings),
        title=Text(title), title_justify="left", box=None, pad_edge=False,
    )  # fmt: skip
    for point in curve.points:
        table.add_row(str(point.clamp), *_cells(point))
    return table


def _cells(point: ClampPoint) -> list[str]:
    from edgeblur.firmware_harness.privacy.tables import decibel

    found = point.protection
    outside, spoilt = found.fidelity.outside, found.over_blur
    return [
        *(_counted(leak.rate, leak.leaked, leak.faces) for leak in found.leaks),
        decibel(outside),
        "-" if spoilt.mean_change is None else f"{spoilt.mean_change:.4f}",
        _counted(spoilt.face_free_changed_rate, spoilt.face_free_changed, spoilt.face_free),
    ]


def _counted(rate: float | None, count: int, of: int) -> str:
    from edgeblur.firmware_harness.privacy.tables import sure_share

    return "-" if rate is None else f"{sure_share(count, of)}, {count} of {of}"
