"""`edgeblur boards`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeblur.commands.options import board_file_option, json_option, refuse_given
from edgeblur.progress import out as stdout
from edgeblur.progress import say
from edgeblur.tables import fitted, remarked

if TYPE_CHECKING:
    from edgeblur.firmware_harness.boards.boards import Board


@click.command()
@click.argument("name", required=False)
@click.option("--core", help="Only those with this core: M4, M0+, RISC-V, ...")
@click.option("--sdk", help="Only those of this ecosystem: arduino, esp-idf, pico-sdk, stm32, zephyr, linux, ...")
@click.option(
    "--ram-at-least",
    "ram_bytes",
    type=click.IntRange(1),
    help="Only those with at least this RAM, in bytes and in one piece.",
)
@click.option("--emulated/--real", default=None, help="Only emulated boards, or only real ones.")
@board_file_option
@click.option("--check", is_flag=True, help="Compare memory sizes with the linker scripts of your SDKs; exit code 1 if "
              "one differs. PICO_SDK_PATH, ZEPHYR_BASE, IDF_PATH, STM32_PACK, TEENSY_CORES and ARDUINO_MBED say where "
              "the SDKs are.")  # fmt: skip
@json_option
def command(
    name: str | None, core: str | None, sdk: str | None, ram_bytes: int | None, emulated: bool | None,
    board_file: Path | None, check: bool, as_json: bool,
) -> None:  # fmt: skip
    """List the boards that edgeblur knows, or show all that is known about the board NAME.

    With --board-file, the boards that this file describes.
    """
    from edgeblur.firmware_harness.boards.boards import find_board, read_boards
    from edgeblur.firmware_harness.boards.listing import Wanted, board_json, board_table, boards_table, select

    if name:
        refuse_given("core", "sdk", "ram_bytes", "emulated", because=f"chooses among boards, and {name} is one")
        found: tuple[Board, ...] = (find_board(name, board_file),)
    else:
        found = select(Wanted(core, sdk, ram_bytes, emulated), read_boards(board_file) if board_file else None)
    if check:
        refuse_given("board_file", because="has facts of yours: no SDK is known for them")
        _check(found, as_json)
    elif as_json:
        facts = [board_json(board) for board in found]
        click.echo(json.dumps(facts[0] if name else facts, indent=2))
    else:
        stdout.print(remarked(board_table(found[0]), stdout) if name else fitted(boards_table(found), stdout))


def _check(boards: Sequence[Board], as_json: bool) -> None:
    from edgeblur.firmware_harness.boards.sdk_facts import compare_facts, facts_table

    comparison = compare_facts(boards)
    if as_json:
        rows = [asdict(one) | {"same": one.same} for one in comparison.compared]
        click.echo(json.dumps({"compared": rows, "skipped": comparison.skipped}, indent=2))
    elif comparison.compared:
        stdout.print(fitted(facts_table(comparison), stdout))
    for remark in comparison.skipped:
        say(f"skipped: {remark}")
    comparison.check()
