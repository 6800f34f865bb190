"""Boards at a pseudo-terminal: the serial firmware as a program or in QEMU, behind a line that may be bad."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from stream_c import SANITIZERS, compiler

from edgeblur.export.stream.options import StreamOptions
from edgeblur.firmware_harness.boards.boards import Board
from edgeblur.firmware_harness.emulation.build import Project, build
from edgeblur.firmware_harness.engines.host_c import FLAGS
from edgeblur.firmware_harness.projects.kinds import choose_kind
from edgeblur.firmware_harness.projects.projects import ProjectOptions, write_files
from edgeblur.firmware_harness.shell.model import CAMERA, SERIAL_FILES, FirmwareModel, copy_firmware, write_engine

Filter = Callable[[bytes], bytes]


def as_it_is(data: bytes) -> bytes:
    """A perfect line."""
    return data


class Line:
    """A pseudo-terminal at `port`, joined to a board's socket by a thread; both ways go through a filter."""

    def __init__(self, port: Path, board: socket.socket | None) -> None:
        self.port = port
        self.to_board: Filter = as_it_is
        self.to_host: Filter = as_it_is
        self._board = board
        self._master = -1
        self._slave = -1
        self._plug()
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()

    def _plug(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(os.ttyname(self._slave))

    def replug(self) -> None:
        """The port vanishes, and comes back as another device under the same name; called by a filter."""
        old = self._master, self._slave
        self._plug()
        for handle in old:
            os.close(handle)

    def _pump(self) -> None:
        while True:
            ends = [self._master, self._wake[0], *([self._board] if self._board else [])]
            ready, _, _ = select.select(ends, [], [])
            if self._wake[0] in ready:
                return
            if self._master in ready:
                self._forward(self.to_board(os.read(self._master, 4096)))
            elif self._board in ready:
                assert self._board is not None
                data = self._board.recv(4096)
                if not data:
                    return
                os.write(self._master, self.to_host(data))

    def _forward(self, data: bytes) -> None:
        if self._board is not None:
            self._board.sendall(data)

    def close(self) -> None:
        os.write(self._wake[1], b"x")
        self._thread.join()
        for handle in (self._master, self._slave, *self._wake):
            os.close(handle)


@contextlib.contextmanager
def joined(port: Path, board: socket.socket | None) -> Iterator[Line]:
    line = Line(port, board)
    try:
        yield line
    finally:
        line.close()


def build_for_host(folder: Path, model: FirmwareModel, *more: Path) -> Path:
    """The serial firmware as a program that notices each wrong access to memory; with more C files of a user's."""
    write_engine(folder, model, "host")
    copy_firmware(folder, (*SERIAL_FILES, CAMERA))
    program, here = folder / "firmware", Path(__file__).with_name("platform_host.c")
    sources = [
        str(here),
        *(str(folder / name) for name in (CAMERA, "protocol.c", *model.engine.sources)),
        *map(str, more),
    ]
    command = [compiler("gcc"), *FLAGS, *SANITIZERS, f"-I{folder}", *sources, "-o", str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return program


class HostBoard:
    """A running program of `build_for_host`."""

    def __init__(self, program: Path, line: socket.socket) -> None:
        # Until the program hears the signal that resets it, nothing shall happen: by default it would end.
        command = ["sh", "-c", 'trap "" USR1; exec "$0"', str(program)]
        self.process = subprocess.Popen(command, stdin=line, stdout=line, stderr=subprocess.PIPE)

    def reset(self) -> None:
        self.process.send_signal(signal.SIGUSR1)

    def stop(self) -> str:
        """What it complained about."""
        self.process.kill()
        assert self.process.stderr is not None
        complaint = self.process.stderr.read().decode()
        self.process.stderr.close()
        self.process.wait()
        return complaint


@contextlib.contextmanager
def host_board(program: Path, port: Path) -> Iterator[tuple[HostBoard, Line]]:
    """A board of this host at a pseudo-terminal."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        board = HostBoard(program, theirs)
        theirs.close()
        try:
            with joined(port, ours) as line:
                yield board, line
        finally:
            complaint = board.stop()
        assert complaint == ""


def build_emulated(folder: Path, model: FirmwareModel, board: Board) -> Path:
    """The serial firmware of an emulated board, linked."""
    write_files(folder, choose_kind(board, None), board, model, ProjectOptions(stream=StreamOptions(model.optimize)))
    sources = tuple(str(path.relative_to(folder)) for path in sorted(folder.glob("src/*.c")))
    return build(Project(folder, board, sources, 0, model.optimize))


@contextlib.contextmanager
def emulated_board(board: Board, elf: Path, port: Path) -> Iterator[tuple[socket.socket, Line]]:
    """A board in QEMU at a pseudo-terminal, and its monitor, which takes `system_reset`."""
    assert board.emulator is not None
    with contextlib.ExitStack() as stack:
        ends, command = [], [board.emulator.program, *board.emulator.arguments, "-display", "none", "-kernel", str(elf)]
        for name in ("serial", "monitor"):  # pairs, as a name of a socket has to be short
            ours, its = socket.socketpair()
            ends.append((stack.enter_context(ours), stack.enter_context(its)))
            command += ["-chardev", f"socket,id={name},fd={its.fileno()}", f"-{name}", f"chardev:{name}"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[its.fileno() for _, its in ends])
        stack.callback(process.wait)
        stack.callback(process.kill)
        for ours, its in ends:
            ours.settimeout(30)
            its.close()
        (line, _), (monitor, _) = ends
        yield monitor, stack.enter_context(joined(port, line))
