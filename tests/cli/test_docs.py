"""README and docs: their commands are commands, their links lead somewhere, and the site builds without a warning."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from light import run_light
from PIL import Image
from shown import PAGES, ROOT, SHOWN, arguments

from edgeblur.cli import cli
from edgeblur.firmware_harness.engines.inputs import random_picture

RUN = (
    "models",
    "models show live",
    "boards --core M4",
    "fit live",
    "fit live --board pico",
    "blur photos/ --out blurred",
    "check live --gates gates.toml --junit junit.xml",
    "export live --engine stream --out c",
    "firmware live --board pico --out pico",
)
"""Shown commands that the light install runs as well; test_shown_commands.py runs them all."""


COMMANDS = {line: page for page, lines in SHOWN.items() for line in lines}
OURS = {line: page for line, page in COMMANDS.items() if arguments(line) is not None}
OTHERS = {line: page for line, page in COMMANDS.items() if arguments(line) is None}


def parse(command: click.Command, name: str, given: list[str], parent: click.Context | None = None) -> None:
    """Read arguments as the command line would, without running anything."""
    context = command.make_context(name, given, parent=parent)
    if isinstance(command, click.Group) and context._protected_args:
        rest = [*context._protected_args, *context.args]
        inner_name, inner, left = command.resolve_command(context, rest)
        assert inner is not None
        parse(inner, inner_name or "", left, context)


@pytest.mark.parametrize("line", sorted(OURS))
def test_every_command_shown_is_one(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with the .tflite files that pages make."""
    monkeypatch.chdir(tmp_path)
    for option, value in itertools.pairwise(word for shown in OURS for word in arguments(shown) or ()):
        if option == "--out" and value.endswith(".tflite"):
            Path(value).touch()
    given = arguments(line)
    assert given, f"{line} of {OURS[line]}"
    try:
        parse(cli, "edgeblur", given)
    except click.exceptions.Exit:  # --help and --version
        pass
    except click.ClickException as error:
        pytest.fail(f"{OURS[line]} shows `{line}`, and that is refused: {error.format_message()}")


@pytest.mark.parametrize("line", sorted(OTHERS))
def test_every_other_command_is_known(line: str) -> None:
    words = shlex.split(line)
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        assert words[1] in targets
    elif words[:2] == ["pip", "install"]:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        asked = [name for extra in re.findall(r"\[(.+?)\]", line) for name in extra.split(",")]
        assert set(asked) <= set(extras)
    else:
        known = ("$EDITOR", "git", "python", ".venv/bin/pytest", "sudo", "npm", "west", "idf.py", "cmake")
        assert words[0] in known, line


def test_the_light_install_runs_what_needs_no_training(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(random_picture(128, 128, 1)).save(tmp_path / "photos" / "a.png")
    (tmp_path / "gates.toml").write_text("[boards.pico]\nmax_ram_bytes = 200_000\n")
    assert {f"edgeblur {line}" for line in RUN} <= set(OURS)
    _, told = run_light(tmp_path, *(line.split() for line in RUN))
    ended = [line for line in told if " ended with " in line]
    assert len(ended) == len(RUN)
    assert all(line.endswith(" ended with 0") for line in ended), "\n".join(told)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"https?:|#|mailto:", target):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page} links to {target}"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="mkdocs is not installed here: make install")
    subprocess.run(["make", "--silent", "types"], cwd=ROOT, check=True)
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # the theme announces its successor
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    api = (tmp_path / "site" / "reference" / "api" / "index.html").read_text()
    assert "edgeblur.api.train_teacher" in api
    assert "data:image/png;base64" in (tmp_path / "site" / "the-whole-way" / "index.html").read_text()
    assert "edgeblur check" in (tmp_path / "site" / "reference" / "commands" / "index.html").read_text()


@pytest.mark.parametrize("place", ["bench", "docs/make"])
def test_scripts_say_what_they_take(place: str) -> None:
    """A script that reads no options would start minutes of work on `--help`."""
    scripts = [path for path in (ROOT / place).glob("*.py") if "__main__" in path.read_text()]
    assert scripts
    assert [path.name for path in scripts if not re.search(r"\bparse(_args|d)\(", path.read_text())] == []
