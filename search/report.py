"""A study for people: the front as a table, a picture and a page."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.table import Table

from edgeblur import __version__
from edgeblur.files import as_json, write_together
from edgeblur.firmware_harness.privacy.intervals import interval_json
from edgeblur.search.space import described
from edgeblur.search.study import Tried, front


@dataclass(frozen=True)
class Written:
    """Files about a study."""

    picture: Path
    page: Path
    numbers: Path


def row(one: Tried, *, best: bool) -> dict[str, Any]:
    """A net by name, for JSON and the page; what is unknown is absent."""
    cost, quality = one.cost.as_json(), one.quality.as_json() if one.quality else {}
    if one.quality:
        quality["interval"] = interval_json(one.quality.leaked, one.quality.faces)
    stopped = {} if one.stopped_at is None else {"stopped_at": one.stopped_at}
    return {"trial": one.number, "net": described(one.spec, one.start), "front": best, **cost, **quality, **stopped,
            "start": one.start, "spec": one.spec.as_json()}  # fmt: skip


def rows(found: Sequence[Tried]) -> list[dict[str, Any]]:
    """All nets that were trained, those of the front first."""
    best = front(found)
    rest = [one for one in found if one not in best]
    return [row(one, best=True) for one in best] + [row(one, best=False) for one in rest]


def told(one: Tried) -> str:
    """A line about a trial that ended."""
    cost, quality = one.cost, one.quality
    work = f"{cost.instructions / 1e6:.2f} M instructions, " if cost.instructions else ""
    end = (
        f"stopped after epoch {one.stopped_at}"
        if quality is None
        else f"{quality.leaked} of {quality.faces} faces still found at {quality.outside_db:.1f} dB"
    )
    return f"trial {one.number}: {work}{cost.ram_bytes:,} B of RAM; {end}"


def front_table(found: Sequence[Tried]) -> Table:
    """The front, the cheapest net first."""
    table = Table(title=f"{len(found)} nets trained, {sum(one.quality is not None for one in found)} to the end")
    for name in ("trial", "net", "leak", "dB out", "changed", "instructions", "ms", "RAM", "flash"):
        table.add_column(name, justify="left" if name == "net" else "right", no_wrap=name != "net")
    for one in front(found):
        quality, cost = one.quality, one.cost
        assert quality is not None
        table.add_row(
            str(one.number), described(one.spec, one.start), f"{quality.leaked} of {quality.faces}",
            f"{quality.outside_db:.1f}", f"{quality.changed} of {quality.face_free}",
            "-" if cost.instructions is None else f"{cost.instructions / 1e6:.2f} M",
            "-" if cost.ms is None else f"{cost.ms:.0f}", f"{cost.ram_bytes:,} B", f"{cost.flash_bytes:,} B",
        )  # fmt: skip
    return table


def write_report(found: Sequence[Tried], folder: Path) -> Written:
    """Write front.png, front.html and front.json, replacing those of an earlier look at the study."""
    written = Written(*(folder / f"front.{suffix}" for suffix in ("png", "html", "json")))
    folder.mkdir(parents=True, exist_ok=True)
    numbers = rows(found)
    write_together({
        written.picture: _drawn(found),
        written.page: _page(numbers).encode(),
        written.numbers: as_json({"edgeblur": __version__, "trials": numbers}),
    })  # fmt: skip
    return written


def _drawn(found: Sequence[Tried]) -> bytes:
    """Leak rate against instructions as a PNG: judged nets as dots, darker with more RAM, the front as a line."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a screen

    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axes = figure.subplots()
    if judged := [one for one in found if one.quality]:
        ram = [one.cost.ram_bytes / 1000 for one in judged]
        across, up = zip(*map(_place, judged), strict=True)
        dots = axes.scatter(across, up, c=ram, cmap="viridis_r", zorder=3)
        figure.colorbar(dots, label="RAM, kB")
        best = front(found)
        axes.plot(*zip(*map(_place, best), strict=True), color="0.6", linewidth=1)
        for one in best:
            axes.annotate(str(one.number), _place(one), (5, 4), textcoords="offset points", fontsize=8)
    axes.set_xlabel("million instructions a frame, predicted")
    axes.set_ylabel("faces still found, %")
    axes.grid(alpha=0.3)
    axes.set_ylim(bottom=0)
    axes.set_title("Nets of the front by their trial", fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _place(one: Tried) -> tuple[float, float]:
    """Of a judged net in the picture: million instructions, leak rate in per cent."""
    return (one.cost.instructions or 0) / 1e6, 100 * one.quality.leak_rate if one.quality else 0.0


def _page(numbers: list[dict[str, Any]]) -> str:
    """One page that opens no connection: a plot whose axes can be chosen, and a table that can be sorted."""
    environment = Environment(
        loader=PackageLoader("edgeblur.search", "templates"), undefined=StrictUndefined, autoescape=True
    )
    loader = environment.loader
    assert loader is not None
    data = json.dumps(numbers).replace("<", "\\u003c")
    script = loader.get_source(environment, "front.js")[0].replace("DATA", data, 1)
    digest = hashlib.sha256(script.encode()).digest()
    page = environment.get_template("front.html.j2")
    return page.render(version=__version__, script=script, digest=base64.b64encode(digest).decode())
