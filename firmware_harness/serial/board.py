"""A board that runs edgeblur's serial firmware: what it is, and pictures through its model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from edgeblur.errors import RunError
from edgeblur.firmware_harness.serial import frames
from edgeblur.firmware_harness.serial.frames import Answer, BoardInfo, Command, DamagedError, Source, Status, Times
from edgeblur.firmware_harness.serial.link import LinkOptions, SerialLink

RESTARTS = 3
"""How often a picture is begun anew at most, if the board forgets it."""

_HELLO_S = 8.0  # boards that reset when their port is opened need a second or two until they listen

_REASONS = {
    Status.NOT_KNOWN: "its firmware does not know this request: write it anew with `edgeblur firmware`",
    Status.WRONG_SIZE: "its model takes rows of another size",
    Status.NO_CAMERA: "it has no camera: fill in camera_row in its firmware",
    Status.FAILED: "its engine failed",
}


class _ForgottenError(Exception):
    """The board does not know the picture that it was working on: it was reset."""


class SerialBoard:
    """A board behind an open line.

    Attributes:
        link: the line.
        restarted: how many pictures were begun anew because the board had been reset.
    """

    def __init__(self, link: SerialLink) -> None:
        self.link = link
        self.restarted = 0

    @property
    def _where(self) -> str:
        return f"the board at {self.link.options.port}"

    def info(self) -> BoardInfo:
        """What the board tells about itself.

        Raises:
            RunError: no answer, or from another version of the protocol.
        """
        answer = self.link.ask(Command.INFO, silence_s=min(_HELLO_S, self.link.options.silence_s))
        try:
            return frames.parse_info(answer.payload)
        except DamagedError:
            spoken = frames.protocol_version(answer.payload)
            raise RunError(
                f"{self._where} speaks version {spoken} of the protocol, this edgeblur speaks {frames.VERSION}: "
                "write its firmware anew with `edgeblur firmware`"
            ) from None

    def run(self, rows: Sequence[bytes], height: int, row_bytes: int) -> tuple[bytes, Times]:
        """A picture through the board's model.

        Args:
            rows: of the picture, in the model's own numbers.
            height: how many finished rows will come,
            row_bytes: of so many bytes.

        Returns:
            All finished rows, and what they took.

        Raises:
            RunError: no answer, a refusal, or a board that resets again and again.
        """
        for attempt in range(RESTARTS + 1):
            self.restarted += attempt > 0
            with contextlib.suppress(_ForgottenError):
                return self._run(rows, height, row_bytes)
        raise self._resets()

    def run_frames(self, frames: Sequence[Sequence[bytes]], height: int, row_bytes: int) -> list[tuple[bytes, Times]]:
        """Frames through a board that veils them: each one follows the one before.

        Args:
            frames: the rows of each, as a camera writes them.
            height, row_bytes: as `run` takes them.

        Raises:
            RunError: as `run`. A board that forgot is given all of them anew.
        """
        for attempt in range(RESTARTS + 1):
            self.restarted += attempt > 0
            with contextlib.suppress(_ForgottenError):
                return [self._run(rows, height, row_bytes, seed=number) for number, rows in enumerate(frames)]
        raise self._resets()

    def infer(self, seed: int) -> Times:
        """A picture that the board makes itself (`serial_frames.pattern`) through its model, without the line.

        Raises:
            RunError: no answer, or a refusal.
        """
        with contextlib.suppress(_ForgottenError):
            answer = self._ask(Command.INFER, Source.PATTERN, seed.to_bytes(4, "little"))
            return frames.parse_times(answer.payload)
        raise self._refused(Command.INFER, Status.OUT_OF_ORDER)

    def camera(self, height: int, row_bytes: int, *, looked_before: bool = False) -> tuple[bytes, Times]:
        """A picture of the board's own camera through its model: it takes the rows in itself as it needs them.

        Args:
            height: how many finished rows will come,
            row_bytes: of so many bytes.
            looked_before: it takes one for itself first, as a veil needs that shows a frame by the one before.

        Raises:
            RunError: no answer, no camera, or the board was reset.
        """
        with contextlib.suppress(_ForgottenError):
            if looked_before:
                self._ask(Command.INFER, Source.CAMERA, bytes(4))
            self._ask(Command.BEGIN, Source.CAMERA, int(looked_before).to_bytes(4, "little"))
            finished = b"".join(self._waiting(0, row_bytes))
            answer = self._ask(Command.TIMES)
            if answer.rows_out == height:
                return finished, frames.parse_times(answer.payload)
        raise RunError(f"{self._where} did not finish the picture of its camera: was it reset?")

    def _resets(self) -> RunError:
        return RunError(
            f"{self._where} forgot its picture {RESTARTS + 1} times: it resets while it computes "
            "(its power, its watchdog, or too small a stack)"
        )

    def _run(self, rows: Sequence[bytes], height: int, row_bytes: int, *, seed: int = 0) -> tuple[bytes, Times]:
        """A picture; with a seed that is not 0 it follows the one before."""
        finished: list[bytes] = []
        self._ask(Command.BEGIN, Source.HOST, seed.to_bytes(4, "little"))
        for y, row in enumerate(rows):
            while (answer := self._ask(Command.ROW, y, row, row_bytes)).status == Status.ROW_WAITS:
                finished += self._row(answer, len(finished), row_bytes)
                finished += self._waiting(len(finished), row_bytes)
            finished += self._row(answer, len(finished), row_bytes)
        finished += self._waiting(len(finished), row_bytes)
        answer = self._ask(Command.TIMES)
        if len(finished) != height or answer.rows_out != height:
            raise _ForgottenError
        return b"".join(finished), frames.parse_times(answer.payload)

    def _waiting(self, count: int, row_bytes: int) -> Iterator[bytes]:
        """All rows that are ready, after so many others."""
        while True:
            answer = self._ask(Command.NEXT, row_bytes=row_bytes)
            if not answer.has_row:
                return
            yield from self._row(answer, count, row_bytes)
            count += 1

    def _row(self, answer: Answer, count: int, row_bytes: int) -> list[bytes]:
        """The row that an answer brings, if any; it must be the one after so many others."""
        if not answer.has_row:
            return []
        if answer.rows_out != count + 1 or len(answer.payload) != row_bytes:
            raise _ForgottenError
        return [answer.payload]

    def _ask(self, command: Command, argument: int = 0, payload: bytes = b"", row_bytes: int = 0) -> Answer:
        """A request within a picture.

        Raises:
            _ForgottenError: the board was reset.
            RunError: no answer, or the board cannot carry it out.
        """
        answer = self.link.ask(command, argument, payload, answer_bytes=row_bytes)
        if answer.status == Status.OUT_OF_ORDER:
            raise _ForgottenError
        if answer.status not in (Status.OK, Status.ROW_WAITS):
            raise self._refused(command, answer.status)
        return answer

    def _refused(self, command: Command, status: int) -> RunError:
        known = status in set(Status)
        reason = _REASONS.get(Status(status)) if known else None
        return RunError(f"{self._where} refused {command.name}: {reason or f'it says status {status}'}")


@contextlib.contextmanager
def open_board(options: LinkOptions) -> Iterator[SerialBoard]:
    """A board at a serial port; the port is closed after the block.

    Raises:
        UserError: pyserial or the port is missing.
    """
    link = SerialLink(options)
    try:
        yield SerialBoard(link)
    finally:
        link.close()
