"""`edgeblur check`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeblur.commands.options import board_file_option, force_option, json_option, model_option
from edgeblur.progress import out as stdout

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("runs_or_models", nargs=-1, required=True, type=_PATH)
@click.option(
    "--gates", "gates_path", type=_PATH, default="gates.toml", show_default=True, help="File with the limits."
)
@board_file_option
@model_option
@click.option("--junit", type=_PATH, help="Also write JUnit XML to this file, for CI services.")
@force_option
@json_option
def command(
    runs_or_models: tuple[Path, ...], gates_path: Path, board_file: Path | None, model_name: str | None,
    junit: Path | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Check models against the limits in a gates.toml, for CI; exit code 1 if a limit is not met.

    \b
    [host]
    max_differing_bytes = 0        # our C beside LiteRT's reference kernels
    [photos]
    data = "dataset"               # or photos = "photos", labels = "photos/annotations.jsonl"
    max_leak = 0.05                # share of faces that the keenest detector still finds
    max_face_free_changed = 0.4    # share of face-free photos visibly changed
    min_outside_db = 30            # PSNR outside the faces
    [boards.pico]                  # a real board: planned
    max_ram_bytes = 200_000
    max_flash_bytes = 400_000
    [boards.mps2-an386]            # an emulated board: built, run, counted
    optimize = "speed"
    max_instructions = 40_000_000
    max_differing_bytes = 0

    Only figures with a limit are measured. Paths are relative to the folder of gates.toml.
    """  # noqa: D301 - click's own mark for a paragraph that is not wrapped
    from edgeblur.files import refuse_place, write_bytes
    from edgeblur.firmware_harness.gates.check import check_gates
    from edgeblur.firmware_harness.gates.gates import read_gates
    from edgeblur.firmware_harness.gates.show import gates_table, junit_xml
    from edgeblur.models.choose import choose_tflite

    if junit:
        refuse_place(junit, force=force)
    gates, chosen = read_gates(gates_path), [choose_tflite(path, model_name) for path in runs_or_models]
    checked = [check_gates(one, gates, board_file) for one in chosen]
    if junit:
        write_bytes(junit, junit_xml(checked))
    if as_json:
        results = [one.as_json() for one in checked]
        click.echo(json.dumps(results[0] if len(results) == 1 else results, indent=2, allow_nan=False))
    else:
        stdout.print(*map(gates_table, checked), sep="\n\n")
    for one in checked:
        one.check()
