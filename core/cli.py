"""The command line. Each subcommand is one file in `commands/`, imported only when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from edgeblur import __version__
from edgeblur.errors import EdgeblurError

COMMANDS = {
    "blur": "Blur the faces of a picture or a folder, with a model or a detector.",
    "compare": "Approach A (detector) beside approach B (teacher, students) on the same photos.",
    "data": "Make a data set: photos and face labels in, picture / blurred / mask out.",
    "demo": "The whole way on a small scale: data, teacher, student, int8, C, report.",
    "distill": "Distill a run's teacher into a narrower student; prune it if asked.",
    "export": "Write .tflite and C arrays, with what a TensorFlow Lite Micro project needs.",
    "quantize": "Quantize to int8 after training, and say where fidelity was lost.",
    "report": "One self-contained HTML page and one Markdown page about a run.",
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


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; every failure that has a sentence gets that sentence and its exit code."""
    try:
        code = cli.main(arguments, prog_name="edgeblur", standalone_mode=False)
    except click.exceptions.Abort:
        print("edgeblur: interrupted; nothing half-written was left behind", file=sys.stderr)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except EdgeblurError as error:
        print(f"edgeblur: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
