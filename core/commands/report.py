"""`edgeblur report`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeblur.commands.options import json_option
from edgeblur.progress import out as stdout
from edgeblur.store.run_folder import open_run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--limit", type=click.IntRange(1),
              help="Number of test pictures to compare on. [default: as in the last comparison, else 200]")  # fmt: skip
@click.option("--judge", default="auto", show_default=True,
              help="Detector for approach A and leak rates. auto: centerface if installed; none: leave "
              "both out.")  # fmt: skip
@click.option("--privacy", is_flag=True,
              help="Include identity and leaks by every detector (takes minutes unless compared before).")  # fmt: skip
@json_option
def command(run: Path, limit: int | None, judge: str, privacy: bool, as_json: bool) -> None:
    """Write RUN/report.html (self-contained), RUN/report.md and RUN/report.json, comparing first if a model is new."""
    from edgeblur.firmware_harness.report.facts import gather
    from edgeblur.firmware_harness.report.pages import write_report

    found = gather(open_run(run), limit=limit, judge=None if judge == "none" else judge, privacy=privacy)
    html, markdown = write_report(found, run)
    if as_json:
        print(json.dumps({"html": str(html), "markdown": str(markdown), **found.comparison.as_json()}))
    else:
        stdout.print(f"{html}\n{markdown}", markup=False)
