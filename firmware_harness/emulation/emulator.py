"""Firmware in an emulated board: started, fed with pictures, watched, and understood when it fails."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from edgeblur.errors import RunError, UserError
from edgeblur.files import write_bytes
from edgeblur.firmware_harness.boards.boards import Board, Emulator, boards
from edgeblur.firmware_harness.emulation.build import find_tool
from edgeblur.firmware_harness.emulation.elf import function_at
from edgeblur.firmware_harness.emulation.npm import find_package
from edgeblur.progress import bar

COUNTING = ("-icount", "shift=0,sleep=off", "-display", "none", "-monitor", "none", "-serial", "none")
"""The clock advances 1 ns an instruction, so that the board's timers count instructions; no windows, no consoles.

Without `sleep=off` the clock's start depends on the host, and counts differ by some ticks from run to run.
"""

_CHIPS = {"rp2040js": "rp2040.cjs"}
"""What brings memory, files and a counter to an emulator that is an npm package."""

_FILES = ("-semihosting-config", "enable=on,target=native")
_NO_PICTURE = 1  # INFER_NO_PICTURE, the end that should be
_ENDS = {2: "a picture was cut short", 3: "the engine did not give as many rows as it should"}


@dataclass(frozen=True)
class FirmwareReport:
    """What firmware reported about its run.

    Attributes:
        frame_ticks: of the board's counter, for each picture.
        node_ticks: of each node of the net, all pictures together; empty if it was not built to be traced.
        calibration_ticks: what the counter showed for the loop of known length.
        calibration_instructions: that length.
        stack_bytes: at the deepest moment.
        ram_bytes: that the engine took, without stack and the caller's rows.
        second_stack_bytes: of a second core, if one took part.
    """

    frame_ticks: tuple[int, ...]
    node_ticks: tuple[int, ...]
    calibration_ticks: int
    calibration_instructions: int
    stack_bytes: int
    ram_bytes: int
    second_stack_bytes: int | None = None


def emulator_of(board: Board) -> Emulator:
    """How a board is emulated.

    Raises:
        UserError: it is not.
    """
    if (emulator := board.emulator or board.twin) is None:
        emulated = ", ".join(other.name for other in boards() if other.emulator or other.twin)
        raise UserError(f"{board.name} ({board.title}) is not emulated: use one of {emulated}")
    return emulator


def emulator_version(emulator: Emulator) -> str:
    """The first line of what an emulator says about itself.

    Raises:
        UserError: it is not installed.
    """
    command = [find_tool(emulator.program, [emulator.package]), "--version"]
    version = subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition("\n")[0]
    if emulator.npm is None:
        return version
    find_package(emulator.npm)
    return f"{emulator.npm.replace('@', ' ')} in {emulator.program} {version}"


def _command(emulator: Emulator, elf: Path) -> tuple[list[str], dict[str, str]]:
    """What runs firmware in its own folder, and what its environment has beside ours."""
    program = find_tool(emulator.program, [emulator.package])
    if emulator.npm is None:
        return [program, *emulator.arguments, *COUNTING, *_FILES, "-kernel", elf.name], {}
    script = str(resources.files("edgeblur.firmware_harness.emulation") / _CHIPS[emulator.npm.partition("@")[0]])
    return [program, script, elf.name], {"NODE_PATH": str(find_package(emulator.npm))}


def emulate(
    board: Board, elf: Path, pictures: Sequence[bytes], *, output_bytes: int, limit_s: float
) -> tuple[list[bytes], FirmwareReport]:
    """Run firmware on pictures, one after the other.

    Args:
        board: an emulated one.
        elf: firmware for it; the files that host and firmware exchange lie beside it.
        pictures: as the model takes them.
        output_bytes: of one finished picture.
        limit_s: seconds of this host after which the firmware is taken for hung.

    Returns:
        The finished pictures, and what the firmware reported.

    Raises:
        UserError: no emulator.
        RunError: the firmware crashed, hung, or gave something else than so many pictures.
    """
    emulator = emulator_of(board)
    command, environment = _command(emulator, elf)
    folder = elf.parent
    write_bytes(folder / "pictures.bin", b"".join(pictures))
    for left in ("outputs.bin", "report.txt"):
        (folder / left).unlink(missing_ok=True)
    with _started(command, folder, environment) as process:
        _wait(process, folder / "outputs.bin", output_bytes, len(pictures), board, limit_s)
    report = folder / "report.txt"
    lines = report.read_text().splitlines() if report.exists() else []
    complaint = (folder / "emulator.txt").read_text(errors="replace")
    reported = _understand([line.partition(" ")[::2] for line in lines], board, elf, complaint)
    outputs = (folder / "outputs.bin").read_bytes()
    if len(reported.frame_ticks) != len(pictures) or len(outputs) != len(pictures) * output_bytes:
        raise RunError(
            f"the firmware on {board.name} gave {len(outputs):,} bytes of {len(reported.frame_ticks)} pictures, "
            f"{len(pictures) * output_bytes:,} of {len(pictures)} were expected"
        )
    return [outputs[i : i + output_bytes] for i in range(0, len(outputs), output_bytes)], reported


@contextlib.contextmanager
def _started(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not outlive the block."""
    with (folder / "emulator.txt").open("wb") as complaints:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=complaints, stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], outputs: Path, size: int, count: int, board: Board, limit_s: float) -> None:
    """Show how far the firmware is until it ends."""
    deadline = time.monotonic() + limit_s
    with bar() as progress:
        task = progress.add_task(f"run on {board.name}", total=count, note="")
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
                return
            progress.update(task, completed=outputs.stat().st_size // size if outputs.exists() else 0)
    raise RunError(
        f"the firmware on {board.name} did not end within {limit_s:.0f} s: it hangs, or this host is very busy"
    )


def _understand(lines: Sequence[Sequence[str]], board: Board, elf: Path, complaint: str) -> FirmwareReport:
    """The firmware's report, `name hexadecimal` a line."""
    numbers: dict[str, list[int]] = {}
    for name, value in lines:
        numbers.setdefault(name, []).append(int(value, 16))
    if "fault_pc" in numbers:
        raise _fault(numbers, board, elf)
    if "end" not in numbers:
        said = next((line for line in complaint.splitlines() if line.strip()), "it said nothing")
        raise RunError(f"the firmware on {board.name} crashed before its end: {said}; its stack may have overflowed")
    if (end := numbers["end"][0]) != _NO_PICTURE:
        raise RunError(f"the firmware on {board.name} gave up: {_ENDS.get(end, f'status {end}')}")
    stack, second = numbers["stack"][0], numbers.get("second_stack", [None])[0]
    if max(stack, second or 0) >= board.stack_bytes:
        raise RunError(f"the firmware on {board.name} used up all {board.stack_bytes} bytes of its stack")
    return FirmwareReport(
        frame_ticks=tuple(numbers.get("frame", ())),
        node_ticks=tuple(numbers.get("node", ())),
        calibration_ticks=numbers["calibration_ticks"][0],
        calibration_instructions=numbers["calibration_instructions"][0],
        stack_bytes=stack,
        ram_bytes=numbers["ram"][0],
        second_stack_bytes=second,
    )


def _fault(numbers: dict[str, list[int]], board: Board, elf: Path) -> RunError:
    place = numbers["fault_pc"][0]
    function = function_at(elf, place) or "no function of the firmware"
    facts = "".join(
        f", {name.removeprefix('fault_')} 0x{numbers[name][0]:08x}"
        for name in ("fault_lr", "fault_status", "fault_address")
        if name in numbers
    )
    return RunError(f"the firmware on {board.name} stopped with a fault at 0x{place:08x} in {function}{facts}")
