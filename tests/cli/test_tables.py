"""Tables on narrow terminals: whole numbers, and no line that is cut."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

import edgeblur
from edgeblur.cli import main
from edgeblur.export.stream.report.show_plan import plan_table
from edgeblur.export.stream.write import export_stream
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.boards.listing import board_table
from edgeblur.firmware_harness.fit.tables import parts_table
from edgeblur.models.choose import choose_tflite
from edgeblur.models.listing import listing, models_table
from edgeblur.tables import fitted, remarked


def printed(table: Table, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(fitted(table, console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 200])
def test_the_list_of_models_shows_whole_numbers_at_any_width(width: int) -> None:
    found = listing()
    text = printed(models_table(found), width)
    assert "…" not in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    for model in found:
        assert f"{model.measures.facts.size_bytes:,}" in text
        assert model.entry.name in text


def test_a_table_that_fits_stays_one_and_no_cell_is_lost() -> None:
    table = Table("name", "first", "second", "third", title="all")
    table.add_row("row", "1" * 20, "2" * 20, "3" * 20)
    assert printed(table, 100).count("row") == 1
    halves = printed(table, 60)
    assert halves.count("row") == 2
    records = printed(table, 24)
    assert "  second: 2222" in records.replace("\n", "")
    for text in (halves, records):
        assert all(digit * 14 in text for digit in "123")


@pytest.mark.parametrize("width", [24, 40, 60, 80, 200])
def test_remarks_are_words_at_any_width(width: int) -> None:
    (fit,) = edgeblur.fit_boards(choose_tflite(Path("mask4")).path, [find_board("pico")])
    for table in (parts_table(fit), board_table(find_board("pico"))):
        console = Console(file=io.StringIO(), width=width, highlight=False)
        console.print(remarked(table, console))
        assert isinstance(console.file, io.StringIO)
        lines = console.file.getvalue().splitlines()
        assert sum(len(line.strip()) == 1 for line in lines) <= 1, "a letter a line"
        assert all(len(line.rstrip()) <= width for line in lines)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return (ended.value.code, *capsys.readouterr())


@pytest.mark.parametrize("width", [40, 80])
def test_a_plan_is_not_cut(width: int, tmp_path: Path) -> None:
    plan = export_stream(choose_tflite(Path("mask4")).path, tmp_path / "c").summary()
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(plan_table(plan, console))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "…" not in text
    assert all(f"{plane.ring_bytes:,}" in text for plane in plan.planes if plane.most_rows)


OWN = ("--core", "cortex-m4", "--ram-size", "196608")


def test_a_board_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "fit", "mask8", *OWN, "--flash-size", "1048576", "--json")
    told = json.loads(out)
    assert (code, told["verdict"], told["ram_available_bytes"]) == (0, "fits", 196_608)
    assert call(capsys, "fit", "mask8", *OWN, "--flash-size", "9000")[0] == 1
    code, _, err = call(capsys, "fit", "mask8", *OWN)
    assert (code, "--ram-size, --flash-size and --core together" in err) == (2, True)
    code, _, err = call(capsys, "fit", "mask8", "--core", "z80", "--ram-size", "1", "--flash-size", "1")
    assert (code, "cortex-m0plus" in err) == (2, True)


def test_an_unknown_board_gets_no_unlike_one_as_advice(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "fit", "mask8", "--board", "stm32f407")
    assert code == 2
    assert ": take" not in err
    assert "--ram-size" in err
    assert "take pico" in call(capsys, "fit", "mask8", "--board", "picoo")[2]
