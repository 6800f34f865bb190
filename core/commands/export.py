"""`edgeblur export`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeblur.commands.options import force_option, json_option, model_option
from edgeblur.progress import out as stdout
from edgeblur.progress import say
from edgeblur.run import choose_tflite


@click.command(short_help="Write .tflite and C arrays for firmware.")
@click.argument("run_or_model", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write; new or empty.")
@model_option
@click.option("--name", help="The array's C identifier; by default made from the model's name.")
@force_option
@json_option
def command(
    run_or_model: Path, out: Path, model_name: str | None, name: str | None, force: bool, as_json: bool
) -> None:
    """Write RUN_OR_MODEL for firmware.

    Into the folder go the .tflite, a C array of it (.h and .c), a header for TensorFlow Lite Micro with the ops to
    register, the arena size and the quantization parameters, and a README.
    """
    chosen = choose_tflite(run_or_model, model_name)
    from edgeblur.export.identifier import default_identifier
    from edgeblur.export.write import export_model

    label = f"{chosen.model.name}_{chosen.path.stem}" if chosen.model else chosen.path.stem
    result = export_model(chosen.path, out, name=name if name is not None else default_identifier(label), force=force)
    for remark in result.remarks:
        say(f"note: {remark}")
    if as_json:
        click.echo(json.dumps({"model": chosen.name, **result.as_json()}, indent=2))
        return
    arena, macs = result.arena.bytes, result.cost.macs
    stdout.print(f"{chosen.name} as {result.name} in {out}: {', '.join(result.files)}", soft_wrap=True, markup=False)
    stdout.print(f"  model      {result.graph.size_bytes:>11,} B   SHA-256 {result.graph.sha256}", soft_wrap=True)
    if arena is not None:
        stdout.print(f"  arena      {arena:>11,} B   TensorFlow Lite Micro, reference kernels")
    if macs is not None:
        stdout.print(f"  work       {macs:>11,} MAC an image")
    stdout.print(f"  parameters {result.cost.parameters:>11,}")
