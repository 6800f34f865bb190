"""A serial line to a board: a request is sent again when the line garbles it, and given up in one sentence."""

from __future__ import annotations

import contextlib
import errno
import time
from dataclasses import dataclass
from typing import Any

from edgeblur.errors import RunError, UserError, missing_package
from edgeblur.firmware_harness.serial import frames
from edgeblur.firmware_harness.serial.frames import Answer, Command, DamagedError, Status

ATTEMPTS = 12
"""The maximum number of times that a request is sent."""

_FIRST_WAIT_S = 0.3  # doubled each time: a board that computes for long is not asked all the time
_LONGEST_FRAME = 1 << 17
"""Bytes: twice the longest row that a board can tell; of a line that never sends a zero byte no more is kept."""
_GRACE_S = 0.1  # after a damaged frame: a whole one may be right behind it
_REOPEN_S = 5.0
_WRITE_S = 5.0
_BITS_A_BYTE = 12  # with start and stop bit, and some room


@dataclass(frozen=True)
class LinkOptions:
    """A serial line.

    Attributes:
        port: `/dev/ttyACM0`, `COM3`, or a URL of pyserial's such as `socket://host:port`.
        baud: bits a second; USB ports do not care.
        silence_s: how long a board may be silent, computing, before it is given up.
    """

    port: str
    baud: int = 115200
    silence_s: float = 30.0


@dataclass
class LinkCounts:
    """What went wrong on the line and was mended: requests sent again, damaged frames, ports opened again."""

    repeated: int = 0
    damaged: int = 0
    reopened: int = 0


def _ports() -> str:
    from serial.tools.list_ports import comports

    found = ", ".join(port.device for port in comports())
    return f"there are {found}" if found else "no board is connected"


def _open(options: LinkOptions) -> Any:
    """Open a port with pyserial.

    Raises:
        UserError: pyserial or the port is missing, or the port may not be used.
    """
    try:
        import serial
    except ImportError as error:
        raise missing_package("pyserial", "boards", error) from error
    try:
        return serial.serial_for_url(options.port, options.baud, write_timeout=_WRITE_S)
    except (OSError, ValueError) as error:  # pyserial's own is an OSError
        reason = getattr(error, "errno", None)
        if reason in (errno.EACCES, errno.EPERM):
            advice = "add yourself to the group that owns it, often dialout"
        elif reason == errno.EBUSY:
            advice = "another program uses it: close that"
        else:
            advice = _ports()
        raise UserError(f"{options.port} cannot be opened as a serial port: {advice}") from error


class SerialLink:
    """An open line; close it when done."""

    def __init__(self, options: LinkOptions) -> None:
        self.options = options
        self.counts = LinkCounts()
        self._sequence = 0
        self._came = b""  # after the last zero byte
        self._port = _open(options)

    def close(self) -> None:
        """Give the port back."""
        with contextlib.suppress(OSError):
            self._port.close()

    def _reopen(self) -> None:
        """Open the port again after it vanished, as USB ports do when a board resets."""
        self.close()
        self._came = b""
        deadline = time.monotonic() + _REOPEN_S
        while True:
            try:
                self._port = _open(self.options)
            except UserError as error:
                if time.monotonic() > deadline:
                    raise RunError(
                        f"{self.options.port} vanished and did not come back within {_REOPEN_S:.0f} s: "
                        "is the board still connected?"
                    ) from error
                time.sleep(0.1)
            else:
                self.counts.reopened += 1
                return

    def _send(self, data: bytes) -> None:
        import serial

        try:
            self._port.write(data)
        except serial.SerialTimeoutException:
            pass  # nobody takes it in: as good as silence
        except OSError:
            self._reopen()

    def _read(self, wait_s: float) -> bytes:
        """What came, at once if something is there, else within so many seconds."""
        try:
            self._port.timeout = wait_s
            first: bytes = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else first
        except OSError:
            self._reopen()
            return b""

    def _frames(self, wait_s: float) -> list[bytes]:
        """What came between zero bytes."""
        *whole, came = (self._came + self._read(wait_s)).split(b"\0")
        self._came = came[-_LONGEST_FRAME:]
        return [frame for frame in whole if frame]

    def _await(self, command: Command, wait_s: float) -> Answer | None:
        """The answer to the newest request; None if none came in time, or only damaged ones."""
        deadline = time.monotonic() + wait_s
        while (left := deadline - time.monotonic()) > 0:
            for frame in self._frames(left):
                try:
                    answer = frames.parse_answer(frame)
                except DamagedError:
                    answer = None
                if answer and answer.command == command and answer.sequence == self._sequence:
                    return answer
                if answer is None or answer.status == Status.DAMAGED:  # else it is late: to an earlier request
                    self.counts.damaged += 1
                    grace = _GRACE_S + len(frame) * _BITS_A_BYTE / self.options.baud
                    deadline = min(deadline, time.monotonic() + grace)
        return None

    def ask(
        self, command: Command, argument: int = 0, payload: bytes = b"", *, answer_bytes: int = 0,
        silence_s: float | None = None,
    ) -> Answer:  # fmt: skip
        """Send a request until its answer comes.

        Args:
            command: what to do.
            argument: two bytes of it.
            payload: the rest.
            answer_bytes: how many may come, so that a slow line is given the time.
            silence_s: how long to wait in all; by default the options'.

        Raises:
            RunError: no answer.
        """
        self._sequence = self._sequence % 255 + 1
        frame = frames.request(command, self._sequence, argument, payload)
        silence_s = self.options.silence_s if silence_s is None else silence_s
        on_the_line = (len(frame) + answer_bytes) * _BITS_A_BYTE / self.options.baud
        wait, deadline, damaged = _FIRST_WAIT_S, time.monotonic() + silence_s + on_the_line, self.counts.damaged
        for attempt in range(ATTEMPTS):
            self.counts.repeated += attempt > 0
            self._send(frame)
            if answer := self._await(command, min(wait + on_the_line, deadline - time.monotonic())):
                return answer
            if time.monotonic() >= deadline:
                break
            wait *= 2
        raise self._gave_up(silence_s, self.counts.damaged - damaged)

    def _gave_up(self, silence_s: float, damaged: int) -> RunError:
        where = f"the board at {self.options.port}"
        if damaged:
            return RunError(
                f"{where} gave no whole answer, only {damaged} damaged frames: check the rate of "
                f"{self.options.baud} baud and the cable, and that firmware of `edgeblur firmware` runs on it",
                options=("baud",),
            )
        return RunError(
            f"{where} did not answer within {silence_s:g} s: check the port, the rate of {self.options.baud} baud, and "
            "that firmware of `edgeblur firmware` runs on it; if it is only slow, wait longer",
            options=("port", "baud", "timeout"),
        )
