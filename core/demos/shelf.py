"""`edgeblur demo --model NAME`: a model that is trained already, from pictures to C and a comparison, in a minute."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from edgeblur import __version__
from edgeblur.demos.steps import agree, draw, emulate, numbered
from edgeblur.distill.data.make import MakeOptions
from edgeblur.errors import UserError
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.write import export_stream
from edgeblur.export.tflite.graph import blurring_model
from edgeblur.files import refuse_existing, refuse_strangers, write_json
from edgeblur.firmware_harness.blurring.batch import blur_files
from edgeblur.firmware_harness.blurring.blurrers import open_blurrer
from edgeblur.firmware_harness.comparison.compare import compare, write_comparison
from edgeblur.firmware_harness.comparison.table import Comparison, Entry
from edgeblur.firmware_harness.engines.engines import available_engines
from edgeblur.firmware_harness.report.facts import installed_judge
from edgeblur.models.choose import Chosen, choose_tflite
from edgeblur.models.facts import read_facts
from edgeblur.models.read import read_model
from edgeblur.progress import say

SCENES = 40
_MARKERS = ("demo.json", "run/run.json")
"""What distinguishes the folder of a demo, with a model or with a training, from a user's own."""


@dataclass(frozen=True)
class ShelfDemo:
    """Where everything lies, and the five lines that sum it up."""

    sheet: Path
    summary: tuple[str, ...]


def run_shelf_demo(
    model: Path, out: Path, *, scenes: int = SCENES, data: Path | None = None, force: bool = False
) -> ShelfDemo:
    """Blur pictures with a trained int8 model, export it as C, run it in all engines, compare it with a detector.

    Args:
        model: a name of the shelf, a .tflite file or a run.
        out: a new folder; gets `data/` (unless `data` is given), `blurred/`, `firmware_stream/` and `compare.png`.
        scenes: face scenes to draw, if there is no data set.
        data: a data set, of which the test split is taken.

    Raises:
        UserError: no such model, one that computes in floats, or `out` is occupied.
        RunError: engines that must agree differ.
    """
    chosen = choose_tflite(model)
    if blurring_model(read_model(chosen.path)).input.scale is None:
        raise UserError(f"{chosen.name} computes in floats, and the demo goes as far as a board: take an int8 model")
    refuse_existing(out, force=force)
    refuse_strangers(out, next((marker for marker in _MARKERS if (out / marker).exists()), _MARKERS[0]))
    write_json(out / _MARKERS[0], {"edgeblur": __version__, "model": chosen.name})
    steps, started = numbered(5), time.monotonic()
    if data is None:
        say(f"{next(steps)} drawing {scenes} face scenes")
        data = draw(out / "data", scenes, MakeOptions(shares=(0, 0, 1)), force=force)  # all test split
    else:
        say(f"{next(steps)} using the test pictures of {data}")
    say(f"{next(steps)} blurring them with {chosen.name}")
    blurred = list(blur_files(data / "test", out / "blurred", open_blurrer(str(model)), force=force, skipped=[]))
    say(f"{next(steps)} exporting C")
    firmware = out / "firmware_stream"
    export_stream(chosen.path, firmware, StreamOptions("speed"), name="face_blur", title=chosen.title, force=force)
    say(f"{next(steps)} running it in {', '.join(available_engines())}, and on an emulated board")
    ran = f"{agree(chosen, out / 'validate.json', data=data)}; {emulate(chosen)}"
    say(f"{next(steps)} comparing with approach A")
    found = _compare(chosen, data, out)
    seconds = time.monotonic() - started
    return ShelfDemo(
        out / "compare.png",
        (
            f"pictures: {len(blurred)} blurred in {out / 'blurred'}; {seconds / 60:.1f} minutes in all",
            *_told(chosen, found),
            f"{ran}; C in {firmware}",
            f"contact sheet: {out / 'compare.png'}",
        ),
    )


def _compare(chosen: Chosen, data: Path, out: Path) -> Comparison:
    judge = installed_judge()
    judges = [judge] if judge else []
    found = compare(None, data=data, extra=[chosen.path], detectors=judges, judges=judges)
    write_comparison(found, out)
    return found.table


def _told(chosen: Chosen, found: Comparison) -> tuple[str, str]:
    """What the model takes, and what it does to these pictures."""
    untouched, net, facts = found.entries[0], found.entries[-1], read_facts(chosen.path)
    work = f", {facts.macs / 1e6:.0f} MMAC" if facts.macs is not None else ""
    needs = f"; {facts.ram_bytes:,} bytes of RAM, row by row" if facts.ram_bytes is not None else ""
    near, before = (e.protection.fidelity.image.psnr_db for e in (net, untouched))
    return (
        f"{chosen.name}: {facts.parameters:,} parameters, {facts.size_bytes:,} bytes{work}{needs}",
        f"int8 {near:.2f} dB against the target (untouched {before:.2f} dB); {_leaks(net, untouched)}",
    )


def _leaks(net: Entry, untouched: Entry) -> str:
    after, before = (entry.leak_rate for entry in (net, untouched))
    if after is None or before is None:
        return "leak rate not measured"
    return f"leak rate {after:.0%} (untouched {before:.0%})"
