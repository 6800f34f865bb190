"""`edgeblur check`: limits that are kept, missed and misspelled; JUnit XML; the hook and the action that call it."""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from tools import require

from edgeblur.cli import main
from edgeblur.firmware_harness.gates.check import Checked, Row
from edgeblur.firmware_harness.gates.gates import read_gates
from edgeblur.store.dataset import Dataset

ROOT = Path(__file__).parents[2]
ON_PATH = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def check(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main(["check", *map(str, arguments)])
    return int(end.value.code or 0)


def gates(folder: Path, text: str) -> Path:
    path = folder / "gates.toml"
    path.write_text(text)
    return path


def found(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of `--json` by place and gate."""
    return {(row["place"], row["gate"]): row for row in json.loads(text)["gates"]}


def test_limits_that_are_kept(tiny_int8: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = gates(tmp_path, """
        [host]
        max_differing_bytes = 0
        pictures = 2
        [boards.pico]
        max_ram_bytes = 200_000
        max_flash_bytes = 100_000
    """)  # fmt: skip
    assert check(tiny_int8, "--gates", limits, "--json") == 0
    rows = found(capsys.readouterr().out)
    assert rows["host", "max_differing_bytes"]["found"] == 0
    main_fit = ["fit", str(tiny_int8), "--board", "pico", "--json"]
    with pytest.raises(SystemExit):
        main(main_fit)
    planned = json.loads(capsys.readouterr().out)
    assert rows["pico", "max_ram_bytes"]["found"] == planned["ram_bytes"]
    assert rows["pico", "max_ram_bytes"]["margin"] == 200_000 - planned["ram_bytes"]
    assert rows["pico", "max_flash_bytes"]["found"] == planned["flash_bytes"]
    assert all(row["passed"] for row in rows.values())


def test_a_limit_that_is_missed(tiny_int8: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = gates(tmp_path, "[boards.pico]\nmax_ram_bytes = 1000\nmax_flash_bytes = 1_000_000\n")
    assert check(tiny_int8, "--gates", limits, "--junit", tmp_path / "junit.xml") == 1
    told = capsys.readouterr()
    assert "FAILED" in told.out
    assert "fails 1 of 2 gates: max_ram_bytes of pico" in told.err
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("2", "1")
    cases = {case.get("name"): case for case in suites.iter("testcase")}
    assert cases["max_ram_bytes"].find("failure") is not None
    assert cases["max_flash_bytes"].find("failure") is None
    assert check(tiny_int8, "--gates", limits, "--junit", tmp_path / "junit.xml") == 2, "it is there already"


def test_the_json_is_read_back() -> None:
    rows = (Row("pico", "max_ram_bytes", "B", 200, 150, "planned"), Row("host", "max_leak", "share", 0.5, None, ""))
    checked = Checked("mask4", rows)
    assert Checked.from_json(json.loads(json.dumps(checked.as_json()))) == checked
    assert checked.as_json()["gates"][0] == {
        "place": "pico", "gate": "max_ram_bytes", "unit": "B", "limit": 200, "found": 150, "margin": 50,
        "basis": "planned", "passed": True,
    }  # fmt: skip
    identical = Row("photos", "min_outside_db", "dB", 30.0, math.inf, "measured")
    assert identical.as_json() == {
        "place": "photos", "gate": "min_outside_db", "unit": "dB", "limit": 30.0, "basis": "measured", "passed": True,
    }  # fmt: skip


def test_photos(tiny_int8: Path, tiny_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = gates(tmp_path, f"[photos]\ndata = '{tiny_data.root}'\nmin_outside_db = 5\nmax_face_free_changed = 1\n")
    check(tiny_int8, "--gates", limits, "--json")
    rows = found(capsys.readouterr().out)
    assert rows["photos", "min_outside_db"]["unit"] == "dB"
    row = rows["photos", "min_outside_db"]
    assert row["margin"] == pytest.approx(row["found"] - 5, abs=1e-4)
    if "found" not in rows["photos", "max_face_free_changed"]:
        assert not rows["photos", "max_face_free_changed"]["passed"], "what is unknown fails"


def test_an_emulated_board(tiny_int8: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")
    limits = gates(tmp_path, "[boards.mps2-an386]\noptimize = 'speed'\nmax_instructions = 1\nmax_differing_bytes = 0\n")
    assert check(tiny_int8, "--gates", limits, "--json") == 1
    rows = found(capsys.readouterr().out)
    assert rows["mps2-an386", "max_instructions"]["found"] > 10_000
    assert rows["mps2-an386", "max_differing_bytes"]["passed"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[boards.pico]\nmax_ram_byts = 5\n", "did you mean max_ram_bytes?"),
        ("[boards.pico]\nmax_ram_bytes = '5'\n", "should be a whole number of at least 0, but is '5'"),
        ("[boards.pico]\nmax_ram_bytes = true\n", "should be a whole number"),
        ("[photos]\ndata = 'dataset'\nmax_leak = inf\n", "max_leak should be a number of at least 0, but is inf"),
        ("[boards.pico]\noptimize = 'fast'\nmax_ram_bytes = 1\n", "should be one of size, balanced, speed"),
        ("[boards.pico]\nmax_differing_bytes = 0\n", "cannot be measured without that board"),
        ("[boards.pixo]\nmax_ram_bytes = 5\n", "pixo"),
        ("[boards.pico]\n", "sets no limit"),
        ("[photos]\nmax_leak = 0.1\n", "needs a data set as `data`"),
        ("[photos]\nphotos = 'a'\nmax_leak = 0.1\n", "needs the label file"),
        ("[photos]\ndata = 'missing'\nmin_outside_db = 1\n", "missing"),
        ("photos = 3\n", "photos should be a table"),
        ("board = 1\n", "there is no table 'board': did you mean boards?"),
        ("max_ram_bytes = 1\n", "there is no table 'max_ram_bytes': write one of host, photos, boards"),
        ("[host\n", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_said(
    tiny_int8: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    assert check(tiny_int8, "--gates", gates(tmp_path, text)) == 2
    assert told in capsys.readouterr().err


def test_a_missing_file_is_said(tiny_int8: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tiny_int8, "--gates", tmp_path / "none.toml") == 2
    assert "does not exist: write limits there" in capsys.readouterr().err


def test_the_example_of_the_help_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    text = capsys.readouterr().out
    example = text[text.index("[host]") : text.index("Only figures with a limit")]
    read = read_gates(gates(tmp_path, "\n".join(line.strip() for line in example.splitlines())))
    assert set(read.boards) == {"pico", "mps2-an386"}
    assert read.photos is not None
    assert read.photos.data == tmp_path / "dataset"


def test_the_pre_commit_hook(tiny_int8: Path, tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    gates(tmp_path, "[boards.pico]\nmax_ram_bytes = 1000\n")
    command = [*shlex.split(hook["entry"]), str(tiny_int8), "mask8"]  # as pre-commit calls it: all files at once
    done = subprocess.run(command, cwd=tmp_path, env=ON_PATH, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.count("FAILED") == 2
    gates(tmp_path, "[boards.pico]\nmax_ram_bytes = 200_000\n")
    assert subprocess.run(command, cwd=tmp_path, env=ON_PATH, capture_output=True, check=False).returncode == 0


def test_the_github_action(tiny_int8: Path, tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    step = action["runs"]["steps"][-1]
    values = {name: about.get("default", "") for name, about in action["inputs"].items()} | {"model": str(tiny_int8)}
    env = {key: values[text.removeprefix("${{ inputs.").removesuffix(" }}")] for key, text in step["env"].items()}
    gates(tmp_path, "[boards.pico]\nmax_ram_bytes = 200_000\n")
    done = subprocess.run([step["shell"], "-c", step["run"]], cwd=tmp_path, env={**ON_PATH, **env}, check=False)
    assert done.returncode == 0
    assert (tmp_path / values["junit"]).is_file()
