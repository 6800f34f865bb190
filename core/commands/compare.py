"""`edgeblur compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table

from edgeblur.commands.options import ModelFile, force_option, json_option
from edgeblur.errors import UserError
from edgeblur.files import refuse_existing, refuse_unwritable
from edgeblur.progress import out as stdout
from edgeblur.store.run_folder import open_run
from edgeblur.tables import fitted

if TYPE_CHECKING:
    from edgeblur.firmware_harness.comparison.table import Comparison, Entry

_HEADINGS = ("dB", "dB in", "dB out", "SSIM", "MAE", "leak", "over-blur", "params", "MMAC", "host ms")


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Data set. [default: the run's]")
@click.option(
    "--with",
    "extra",
    multiple=True,
    type=ModelFile(),
    help="Another .tflite, or a name of `edgeblur models`; repeatable.",
)
@click.option("--detector", "detectors", multiple=True, default=("centerface",), show_default=True,
              help="Detector for approach A; repeatable. `none` leaves approach A out.")  # fmt: skip
@click.option("--judge", "judges", multiple=True, default=("centerface",), show_default=True,
              help="Detector that says which faces leak; repeatable. mtcnn@0.7 sets the score, centerface@0.4x5 also "
              "enlarges pictures five times; `none` leaves leak rates out.")  # fmt: skip
@click.option(
    "--privacy", is_flag=True, help="Also try to identify faces by an embedding (takes minutes); see docs/privacy.md."
)
@click.option(
    "--limit", default=200, show_default=True, type=click.IntRange(1), help="Maximum number of test pictures."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for compare.json and compare.png; RUN by default.")
@force_option
@json_option
def command(
    run: Path | None, data: Path | None, extra: tuple[Path, ...], detectors: tuple[str, ...], judges: tuple[str, ...],
    privacy: bool, limit: int, out: Path | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compare detectors (approach A) with the teacher and students of RUN (approach B) on a data set's test split.

    Writes compare.json and the contact sheet compare.png; in RUN itself they replace those of the last comparison.
    """
    from edgeblur.firmware_harness.comparison.compare import compare, write_comparison
    from edgeblur.firmware_harness.comparison.table import COMPARISON, SHEET
    from edgeblur.firmware_harness.privacy.tables import protection_table

    opened = open_run(run) if run else None
    for path in extra:
        if not path.is_file():
            raise UserError(f"{path} does not exist: --with takes a .tflite file")
    if out and out.is_file():
        raise UserError(f"{out} is a file: name a folder for compare.json and compare.png as --out")
    if out and out != run:
        for name in (COMPARISON, SHEET):
            refuse_existing(out / name, force=force)
    if place := out or run:
        refuse_unwritable(place / COMPARISON)
    found = compare(
        opened, data=data, extra=extra, limit=limit, privacy=privacy,
        detectors=[d for d in detectors if d != "none"], judges=[j for j in judges if j != "none"],
    )  # fmt: skip
    if place:
        write_comparison(found, place)
    if as_json:
        print(json.dumps(found.table.as_json()))
        return
    stdout.print(fitted(_table(found.table), stdout))
    if privacy or len(found.table.judges) > 1:
        rows = {entry.title: entry.protection for entry in found.table.entries}
        stdout.print("", fitted(protection_table("Privacy, on the same photos", rows), stdout), sep="\n")
    if place:
        stdout.print(f"contact sheet: {place}/compare.png, numbers: {place}/compare.json", markup=False)


def _table(found: Comparison) -> Table:
    table = Table(
        "what", *(Column(heading, justify="right") for heading in _HEADINGS),
        title=f"{found.images} test photos at {found.width}x{found.height}, against the target; "
        f"leaks judged by {_judges(found)}; latency on {found.host}",
    )  # fmt: skip
    for entry in found.entries:
        table.add_row(entry.title, *_numbers(entry))
    return table


def _judges(found: Comparison) -> str:
    smallest = {leak.min_side_px for entry in found.entries for leak in entry.protection.leaks}
    faces = "".join(f", faces of {side:g} px and more" for side in sorted(smallest))
    return f"{', '.join(found.judges) or 'nobody'}{faces}"


def _numbers(entry: Entry) -> list[str]:
    from edgeblur.firmware_harness.privacy.tables import decibel, share

    f, over_blur = entry.protection.fidelity, entry.protection.over_blur
    return [
        *(decibel(part) for part in (f.image, f.inside, f.outside)),
        f"{f.image.ssim:.3f}" if f.image.ssim is not None else "-",
        f"{f.image.mae:.4f}",
        share(entry.leak_rate),
        f"{over_blur.mean_change:.4f}" if over_blur.mean_change is not None else "-",
        f"{entry.parameters:,}" if entry.parameters is not None else "-",
        f"{entry.macs / 1e6:,.1f}" if entry.macs is not None else "-",
        f"{entry.latency.median_ms:.2f}" if entry.latency else "-",
    ]
