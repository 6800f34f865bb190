"""`edgeblur demo`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeblur.commands.options import force_option, json_option
from edgeblur.progress import out as stdout


@click.command(short_help="The whole way on a small scale.")
@click.option("--out", default="demo", show_default=True, type=click.Path(path_type=Path), help="Folder to make.")
@click.option("--data", type=click.Path(path_type=Path), help="A data set instead of drawn scenes.")
@click.option("--scenes", default=400, show_default=True, type=click.IntRange(10), help="Face scenes to draw.")
@click.option("--quick", is_flag=True, help="One epoch of everything: shows that it runs, and nothing else.")
@force_option
@json_option
def command(out: Path, data: Path | None, scenes: int, quick: bool, force: bool, as_json: bool) -> None:
    """Go from pictures to C arrays and a report in a few minutes, on drawn face scenes and without any download.

    No trained teacher ships with edgeblur yet, so the demo trains a small one of its own, and says so.
    """
    from edgeblur.distill.keras_files import require_tensorflow

    require_tensorflow()
    from edgeblur.demo import DemoOptions, run_demo

    options = DemoOptions(scenes=scenes)
    if quick:
        options = DemoOptions(scenes, 8, 1, 4, 1, 1, limit=4, size=64)
    demo = run_demo(out, options, data=data, force=force)
    if as_json:
        print(json.dumps({"report": str(demo.report), "summary": list(demo.summary)}))
        return
    for line in demo.summary:
        stdout.print(line, markup=False, soft_wrap=True)
