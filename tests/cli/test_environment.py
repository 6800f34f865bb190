"""Odd places to run in: no home, another locale, no colour, places that take no file, a clock that jumps."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import edgeblur
from edgeblur.cli import main

COMMANDS = """
import sys
from edgeblur.cli import main
for line in (["models"], ["fit", "mask4", "--board", "pico"], ["blur", sys.argv[1], "--out", sys.argv[2]],
             ["export", "mask4", "--engine", "stream", "--out", sys.argv[3]], ["blur", "gone"]):
    try:
        main(line)
    except SystemExit as ended:
        assert ended.code in (None, 0) or line == ["blur", "gone"], line
"""
ENVIRONMENTS = {
    "nothing": {},
    "locale C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no colour": {"NO_COLOR": "1", "TERM": "dumb"},
    "colour": {"FORCE_COLOR": "1"},
}
NOT_CLOCKS = {"time", "localtime", "gmtime", "ctime", "now", "utcnow", "today"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_commands_work_without_home_locale_and_colour(name: str, tmp_path: Path) -> None:
    picture, out, c = tmp_path / "Bild ü 目.png", tmp_path / "Aus ü 目.png", tmp_path / "C ü"
    Image.new("RGB", (40, 30)).save(picture)
    paths = [os.fsencode(path) for path in (picture, out, c)]
    environment = {"PATH": os.environ["PATH"], **ENVIRONMENTS[name]}
    command = [sys.executable, "-c", COMMANDS, *paths]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert b"Traceback" not in done.stderr
    assert b"live (default)" in done.stdout.replace(b"\x1b[0m", b"")
    assert (b"\x1b" in done.stdout) == (name == "colour")
    assert out.is_file()
    assert len(list(c.iterdir())) == 5


@pytest.mark.parametrize(
    "line",
    [
        "data make --source synthetic:6 --out PLACE/new",
        "export mask4 --engine stream --out PLACE/new",
        "export mask4 --out PLACE/new",
        "firmware mask4 --board pico --out PLACE/new",
        "inspect mask4 --svg PLACE/new.svg",
        "validate mask4 --random 1 --out PLACE/new.json",
    ],
)
@pytest.mark.parametrize("place", ["/proc", "/sys"])
def test_places_that_take_no_file_are_one_sentence(line: str, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.replace("PLACE", place).split())
    assert ended.value.code == 2
    assert "cannot be used" in capsys.readouterr().err.strip().splitlines()[-1]


ODD_PLACES = ("circle", "circle/x", "nowhere", "pipe", "empty", "file/x")


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Links in a circle and to nothing, a pipe, an empty folder, a file where a folder would have to be; a picture."""
    monkeypatch.chdir(tmp_path)
    for name, target in (("circle", "back"), ("back", "circle"), ("nowhere", "gone/x")):
        Path(name).symlink_to(target)
    os.mkfifo("pipe")
    Path("empty").mkdir()
    Path("file").touch()
    Path("gates.toml").write_text("[host]\nmax_differing_bytes = 0\n")
    Image.new("RGB", (40, 30)).save("photo.png")
    return tmp_path


@pytest.mark.parametrize("place", ODD_PLACES)
@pytest.mark.parametrize(
    "line",
    [
        "check mask4 --junit PLACE --force",
        "inspect mask4 --svg PLACE --force",
        "models path mask4 --output mask --out PLACE --force",
        "page mask4 --out PLACE --force",
        "validate mask4 --random 1 --out PLACE --force",
    ],
)
def test_a_file_goes_only_where_a_file_can_be(
    line: str, place: str, odd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = refused(line, place, odd, capsys)
    assert err.startswith(f"edgeblur: {place.partition('/')[0]}")
    assert out == "", "no work was done before"


@pytest.mark.parametrize("place", ["circle", "circle/x", "pipe", "file/x"])
@pytest.mark.parametrize(
    "line",
    [
        "blur . --out PLACE --force",
        "compare --data data --out PLACE --force",
        "export mask4 --engine stream --out PLACE --force",
        "export mask4 --out PLACE --force",
        "firmware mask4 --board pico --out PLACE --force",
    ],
)
def test_a_folder_goes_only_where_a_folder_can_be(
    line: str, place: str, odd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = refused(line, place, odd, capsys)
    assert place.partition("/")[0] in err
    assert "of the" not in err, "told before the first picture is blurred"


def refused(line: str, place: str, odd: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Standard output and error of a command that refuses a place: one sentence, exit code 2, nothing made or lost."""
    before = tree(odd)
    with pytest.raises(SystemExit) as ended:
        main(line.replace("PLACE", place).split())
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert len(err.splitlines()) == 1
    assert tree(odd) == before
    return out, err


def tree(folder: Path) -> list[tuple[str, int]]:
    """Names and kinds of all that lies in a folder."""
    return sorted((path.name, path.lstat().st_mode) for path in folder.rglob("*"))


def test_nothing_asks_for_the_time_of_day() -> None:
    """Durations are of clocks that never jump, and no file depends on when it was written."""
    asked = []
    for folder in edgeblur.__path__:
        for path in Path(folder).parent.glob("*/**/*.py"):
            if {"tests", "bench", "docs", "findings", ".venv", ".typing", "build"} & set(path.parts):
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and node.attr in NOT_CLOCKS and isinstance(node.value, ast.Name):
                    asked += [f"{path}:{node.lineno}"] if node.value.id in ("time", "datetime", "date") else []
    assert not asked
