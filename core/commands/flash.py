"""`edgeblur flash`."""

from __future__ import annotations

from pathlib import Path

import click

from edgeblur.commands.options import board_file_option
from edgeblur.progress import out as stdout


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--board", help="The board that the project was written for; another one is refused.")
@board_file_option
@click.option("--port", help="Serial port of the board, for tools that need it: /dev/ttyACM0, COM3, ...")
@click.option(
    "--drive", type=click.Path(path_type=Path), help="Copy the .uf2 to this drive, which appears in BOOTSEL mode."
)
@click.option("--dry-run", is_flag=True, help="Only print the command.")
def command(
    folder: Path, board: str | None, board_file: Path | None, port: str | None, drive: Path | None, dry_run: bool
) -> None:
    """Flash the project in FOLDER, which `edgeblur firmware` wrote and which was built.

    The board's own tool does it (pyocd, esptool, picotool, arduino-cli, west, pio); the command is printed first.
    """
    from edgeblur.firmware_harness.projects.flash import plan_flash, run_flash

    plan = plan_flash(folder, board=board, board_file=board_file, port=port, drive=drive)
    stdout.print(plan.shell_line, soft_wrap=True)
    if not dry_run:
        run_flash(plan)
        stdout.print(f"{plan.board.name} is flashed")
