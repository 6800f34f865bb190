"""Print a digest of what users get, so that a move of code can be shown to change none of it.

`python tests/helpers/digest.py > before`, move, `python tests/helpers/digest.py > after`, `diff before after`.
A line each: every help text; the C of five models at three aims; the JSON of `boards`, `models` and `fit`; three
firmware projects. TensorFlow is not needed; it takes about a minute.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from edgeblur.cli import cli

MODELS = ("mask4", "mask8", "mask16", "gate8", "unet8")
AIMS = ("size", "balanced", "speed")
PROJECTS = ("mps2-an386", "pico", "nucleo-f411re")


def digest(data: bytes) -> str:
    """The first 16 digits of a SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


def digest_folder(folder: Path) -> str:
    """One digest of all paths and bytes below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts = [f"{path.relative_to(folder).as_posix()}\0{digest(path.read_bytes())}\n" for path in files]
    return digest("".join(parts).encode())


def output(*arguments: str) -> bytes:
    """What `edgeblur ARGUMENTS` writes to standard output.

    Raises:
        RuntimeError: it failed.
    """
    result = CliRunner().invoke(cli, list(arguments), prog_name="edgeblur", terminal_width=110)
    if result.exit_code:
        raise RuntimeError(f"edgeblur {' '.join(arguments)}: exit code {result.exit_code}: {result.output}")
    return result.stdout_bytes


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group, the program itself first."""
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def lines() -> Iterator[str]:
    """Every line of the digest."""
    for words in commands(cli):
        yield f"help {' '.join(words)} {digest(output(*words, '--help'))}"
    for words in (("boards",), ("models",), ("fit", "mask8", "--all"), ("fit", "unet8", "--all")):
        yield f"json {' '.join(words)} {digest(output(*words, '--json'))}"
    with tempfile.TemporaryDirectory() as scratch:
        for model in MODELS:
            for aim in AIMS:
                folder = Path(scratch) / f"{model}-{aim}"
                output("export", model, "--engine", "stream", "--optimize", aim, "--out", str(folder))
                yield f"C {model} {aim} {digest_folder(folder)}"
        for board in PROJECTS:
            folder = Path(scratch) / board
            output("firmware", "mask8", "--board", board, "--out", str(folder))
            yield f"project {board} {digest_folder(folder)}"


if __name__ == "__main__":
    for line in lines():
        print(line)
        sys.stdout.flush()
