"""`edgeblur boards`."""

from __future__ import annotations

import json

import click

from edgeblur.commands.options import json_option, refuse_given
from edgeblur.progress import out as stdout
from edgeblur.tables import fitted


@click.command()
@click.argument("name", required=False)
@click.option("--core", help="Only those with this core: M4, M0+, RISC-V, ...")
@click.option("--sdk", help="Only those of this ecosystem: arduino, esp-idf, pico-sdk, stm32, zephyr, linux, ...")
@click.option("--ram-at-least", "ram_bytes", type=click.IntRange(1), help="Only those with so many bytes in one piece.")
@click.option("--emulated/--real", default=None, help="Only those in QEMU, or only those that one can buy.")
@json_option
def command(
    name: str | None, core: str | None, sdk: str | None, ram_bytes: int | None, emulated: bool | None, as_json: bool
) -> None:
    """List the boards that edgeblur knows, or show all that is known about the board NAME."""
    from edgeblur.firmware_harness.boards.boards import find_board
    from edgeblur.firmware_harness.boards.listing import Wanted, board_json, board_table, boards_table, select

    if name:
        refuse_given("core", "sdk", "ram_bytes", "emulated", because=f"chooses among boards, and {name} is one")
    found = [find_board(name)] if name else select(Wanted(core, sdk, ram_bytes, emulated))
    if as_json:
        facts = [board_json(board) for board in found]
        click.echo(json.dumps(facts[0] if name else facts, indent=2))
    else:
        stdout.print(board_table(found[0]) if name else fitted(boards_table(found), stdout))
