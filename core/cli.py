"""The command line. Each subcommand is one file in `commands/`, imported only when it is called."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

import click

from edgeblur import __version__
from edgeblur.errors import EdgeblurError, UserError, as_sentence

COMMANDS = {
    "bench": "Count instructions, code and RAM on all emulated boards, and compare with earlier runs.",
    "blur": "Blur the faces in pictures and videos, with a model or a detector.",
    "boards": "List boards: core, clock, memory, SDK, and the source of each fact.",
    "check": "Check a model against your limits on RAM, flash, instructions and leaks, for CI.",
    "clamp": "Choose the mask value at which a mask model starts to blur: measure candidates, or set one.",
    "compare": "Compare approach A (detector) with approach B (teacher, students) on the same photos.",
    "data": "Make a data set: photos and face labels in, picture / blurred / mask out.",
    "demo": "Run the whole pipeline on a small scale: data, teacher, student, int8, C, report.",
    "detector": "Approach A for boards: quantize a pretrained face detector, BlazeFace, to int8.",
    "distill": "Distill a run's teacher into a narrower student; prune it if asked.",
    "export": "Write a model as C: row by row, or as an array for TensorFlow Lite Micro.",
    "flash": "Flash a firmware project onto a board, with the board's own tool.",
    "fit": "Will it fit? RAM and flash of models on boards, before anything is built.",
    "firmware": "Write a firmware project around a model, for the SDK of a board.",
    "inspect": "Show what is in a .tflite: ops, shapes, scales, MACs, and which engines run it.",
    "models": "List and show the trained models that come with edgeblur.",
    "page": "Write an HTML page in which a model runs as WebAssembly: scenes, pictures, webcam.",
    "quantize": "Quantize to int8 after training, and show where fidelity was lost.",
    "report": "Write a self-contained HTML page and a Markdown page about a run.",
    "run": "Run a model on a board, emulated or at a serial port: bytes, instructions or milliseconds, RAM.",
    "search": "Search for mask heads that fit a board: first by the compiler, then by short training.",
    "train": "Train the teacher U-Net.",
    "validate": "Run a .tflite on this host: size, arena, MACs, latency, fidelity.",
}


class LazyGroup(click.Group):
    """A group that lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `edgeblur.commands.NAME` and take its `command`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"edgeblur.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Help lines come from the table above, so that `--help` imports no stage."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="edgeblur")
def cli() -> None:
    """Distill a face-blurring U-Net into int8 students for microcontrollers, and prove what was lost."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; every failure that has a sentence gets that sentence and its exit code."""
    with _own_streams(), _ended_in_order():
        try:
            _refuse_empty(sys.argv[1:] if arguments is None else arguments)
            code = cli.main(arguments, prog_name="edgeblur", standalone_mode=False)
            sys.stdout.flush()  # here, where a full disk or a closed pipe can still be reported
        except click.ClickException as error:
            error.show()
            code = 2
        except _REPORTED as error:
            code = _report(error)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse_empty(arguments: list[str]) -> None:
    """Refuse an argument that is nothing, as an unset variable of a shell is: a path would mean the current folder.

    Raises:
        UserError: there is one.
    """
    for before, argument in itertools.pairwise(["", *arguments]):
        if not argument or (argument.startswith("--") and argument.endswith("=")):
            where = argument.rstrip("=") or before
            place = f" behind {where}" if where.startswith("-") else ""
            raise UserError(f"an argument{place} is empty: give it a value, or leave it out")


_REPORTED = (EdgeblurError, OSError, MemoryError, click.exceptions.Abort, KeyboardInterrupt)


def _report(error: BaseException) -> int:
    """Write the one sentence for an error to standard error, and give its exit code."""
    if isinstance(error, BrokenPipeError):  # `| head` has seen enough; as click does, no word about it
        return 1
    if isinstance(error, (click.exceptions.Abort, KeyboardInterrupt)):
        ended = next((e for e in (error, error.__cause__) if isinstance(e, Terminated)), None)  # click wraps it
        sentence = f"{'interrupted' if ended is None else 'ended'}; nothing half-written was left behind"
        code = 128 + (signal.SIGINT if ended is None else ended.number)
    elif isinstance(error, MemoryError):
        sentence, code = "there is not enough memory for this: try smaller pictures, batches or nets", 1
    elif isinstance(error, OSError):
        refusal = as_sentence(error)
        sentence, code = str(refusal), refusal.exit_code
    else:
        sentence, code = f"{error}{_flags(error)}", getattr(error, "exit_code", 1)
    with contextlib.suppress(OSError):  # nobody may be listening there either
        print("edgeblur:", " ".join(sentence.splitlines()), file=sys.stderr, flush=True)
    return code


class Terminated(KeyboardInterrupt):
    """A signal that asks to end (a container's stop, a closed terminal): cleaned up like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated(number)


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Terminated`; one that is ignored, as nohup has it, or handled by others stays so."""
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # Python lets only the main thread choose
    for number in numbers:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _flags(error: BaseException) -> str:
    """The options that an error is about, as they are typed: ` (--mask-weight, --face-weight)`."""
    flags = [f"--{name.replace('_', '-')}" for name in getattr(error, "options", ())]
    return f" ({', '.join(flags)})" if flags else ""


@contextlib.contextmanager
def _own_streams() -> Iterator[None]:
    """Standard streams that take every file name, also where they are closed, and that end in silence."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # started with >&-
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names need not be text
    try:
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:  # reported already; Python would report it again at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
