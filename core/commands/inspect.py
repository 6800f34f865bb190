"""`edgeblur inspect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from edgeblur.commands.options import force_option, json_option, model_argument, model_option, size_option
from edgeblur.files import refuse_place, write_text
from edgeblur.models.choose import choose_tflite
from edgeblur.progress import out as stdout
from edgeblur.tables import named_table

if TYPE_CHECKING:
    from edgeblur.firmware_harness.engines.inspection import Inspection


@click.command()
@model_argument
@model_option
@size_option
@click.option("--svg", type=click.Path(path_type=Path), help="Also draw the graph into this SVG file.")
@force_option
@json_option
def command(
    run_or_model: Path, model_name: str | None, size: tuple[int, int] | None, svg: Path | None, force: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Show what is in a .tflite: a file, a run's model, or a name of `edgeblur models`.

    It lists each op with its output, MACs and parameters, and what the streaming engine does with it; which tool made
    the file; and which engines run it. Any .tflite will do.
    """
    from edgeblur.firmware_harness.engines.inspection import graph_svg, inspect_file

    if svg is not None:
        refuse_place(svg, force=force)
    found = inspect_file(choose_tflite(run_or_model, model_name).path, size=size)
    if as_json:
        click.echo(json.dumps(found.record.as_json(), indent=2))
    else:
        stdout.print(_facts(found), "", _ops(found), sep="\n")
    if svg is not None:
        write_text(svg, graph_svg(found))


def _facts(found: Inspection) -> Table:
    facts = found.record
    rows = [("file", f"{found.path}, {found.graph.size_bytes:,} B"), ("SHA-256", found.graph.sha256)]
    rows += [("made by", found.made_by)] if found.made_by else []
    rows += [("input", told) for told in facts.inputs]
    rows += [(f"output {n}", f"{one.name}: {one.tensor}") for n, one in enumerate(facts.outputs)]
    rows += [("MACs", f"{found.macs:,}")] if found.macs is not None else []
    rows += [("parameters", f"{facts.parameters:,}")]
    rows += [(name, "runs it" if why is None else why) for name, why in found.engines.items()]
    return named_table(found.graph.name, rows)


def _ops(found: Inspection) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "op", "output"):
        table.add_column(heading)
    for heading in ("MACs", "parameters"):
        table.add_column(heading, justify="right")
    table.add_column("stream", overflow="fold")
    for facts in found.ops:
        macs = "?" if facts.cost.macs is None else f"{facts.cost.macs:,}"
        shape = "x".join(map(str, facts.output.shape))
        fate = facts.fate
        told = f"{fate.kind}: {fate.told}" if fate.kind in ("refused", "vanishes") else fate.told
        table.add_row(
            str(facts.op.index), facts.op.kind, Text(f"{facts.output.dtype} {shape}"), macs,
            f"{facts.cost.parameters:,}", Text(told),
        )  # fmt: skip
    return table
