"""The frames that host and board exchange over a serial line; firmware/protocol.h is their description."""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass

VERSION = 1
"""Of the protocol."""

_REQUEST = struct.Struct("<BBH")
_ANSWER = struct.Struct("<BBBBHH")
_INFO = struct.Struct("<I32s6HII")
_TIMES = struct.Struct("<QIII")
_CHECK_BYTES = 4
_UNKNOWN = 0xFFFFFFFF
_TEXTS = 4


class Command(enum.IntEnum):
    """What the host asks for."""

    INFO = 1
    BEGIN = 2
    ROW = 3
    NEXT = 4
    INFER = 5
    TIMES = 6


class Source(enum.IntEnum):
    """Where a picture's rows come from."""

    HOST = 1
    PATTERN = 2
    CAMERA = 3


class Status(enum.IntEnum):
    """What the board made of a request."""

    OK = 0
    DAMAGED = 1
    NOT_KNOWN = 2
    WRONG_SIZE = 3
    OUT_OF_ORDER = 4
    ROW_WAITS = 5
    NO_CAMERA = 6
    FAILED = 7


class DamagedError(Exception):
    """What came is no whole frame."""


@dataclass(frozen=True)
class Answer:
    """What the board sent.

    Attributes:
        command: of the request; 0 if that came damaged.
        sequence: of the request.
        status: one of `Status`, or a newer firmware's.
        has_row: the payload is a finished row.
        rows_in, rows_out: of this picture, so far.
        payload: bytes.
    """

    command: int
    sequence: int
    status: int
    has_row: bool
    rows_in: int
    rows_out: int
    payload: bytes


@dataclass(frozen=True)
class BoardInfo:
    """What the firmware tells about itself.

    Attributes:
        sha256: of the .tflite, in hexadecimal digits.
        input, output: `(height, width, channels)` of the model.
        ram_bytes: writable memory of the engine, without stack; None if the firmware does not know.
        tick_hz: ticks a second of the board's counter; None if the board does not know.
        model, board, engine, version: names, and edgeblur's version that wrote the firmware.
        frames: of firmware that veils frames of a camera's size, the options of `edgeblur firmware` for these; else "".
            `input` and `output` are then those of a frame, channels its bytes a pixel.
    """

    sha256: str
    input: tuple[int, int, int]
    output: tuple[int, int, int]
    ram_bytes: int | None
    tick_hz: int | None
    model: str
    board: str
    engine: str
    version: str
    frames: str = ""


@dataclass(frozen=True)
class Times:
    """What a picture took on the board.

    Attributes:
        ticks: of the board's counter, of the engine alone.
        ms: the same in milliseconds; None if the counter's frequency is not known.
        stack_bytes: used at the deepest moment since the board's start; None if it does not know.
        crc32: of all finished rows.
    """

    ticks: int
    ms: float | None
    stack_bytes: int | None
    crc32: int


def stuff(data: bytes) -> bytes:
    """Bytes as COBS, which has no zeros (Cheshire and Baker, Consistent Overhead Byte Stuffing, 1999)."""
    result = bytearray()
    for group in data.split(b"\0"):
        while len(group) >= 254:
            result += b"\xff" + group[:254]
            group = group[254:]
        result += bytes([len(group) + 1]) + group
    return bytes(result)


def unstuff(data: bytes) -> bytes:
    """The bytes that `stuff` was given.

    Raises:
        DamagedError: no such bytes exist.
    """
    result, at = bytearray(), 0
    while at < len(data):
        code = data[at]
        if code == 0 or at + code > len(data):
            raise DamagedError
        result += data[at + 1 : at + code]
        at += code
        if code < 255 and at < len(data):
            result.append(0)
    return bytes(result)


def request(command: Command, sequence: int, argument: int, payload: bytes) -> bytes:
    """A request as it goes over the line; the zero before it ends what noise may have begun."""
    body = _REQUEST.pack(command, sequence, argument) + payload
    return b"\0" + stuff(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


def parse_answer(frame: bytes) -> Answer:
    """An answer from what came between two zero bytes.

    Raises:
        DamagedError: it is none.
    """
    whole = unstuff(frame)
    body, check = whole[:-_CHECK_BYTES], whole[-_CHECK_BYTES:]
    if len(body) < _ANSWER.size or struct.pack("<I", zlib.crc32(body)) != check or not body[0] & 0x80:
        raise DamagedError
    command, sequence, status, has_row, rows_in, rows_out = _ANSWER.unpack_from(body)
    return Answer(command & 0x7F, sequence, status, bool(has_row), rows_in, rows_out, body[_ANSWER.size :])


def protocol_version(payload: bytes) -> int | None:
    """Which protocol an answer to INFO speaks; None if it is too short to tell."""
    return int.from_bytes(payload[:4], "little") if len(payload) >= 4 else None


def parse_info(payload: bytes) -> BoardInfo:
    """An answer to INFO.

    Raises:
        DamagedError: it is none of this version.
    """
    texts = payload[_INFO.size :].decode(errors="replace").split("\0")
    if protocol_version(payload) != VERSION or len(texts) <= _TEXTS:
        raise DamagedError
    _, sha256, *sizes, ram_bytes, tick_hz = _INFO.unpack_from(payload)
    ends = (sizes[0], sizes[1], sizes[2]), (sizes[3], sizes[4], sizes[5])
    model, board, engine, version = texts[:_TEXTS]
    told = texts[_TEXTS] if len(texts) > _TEXTS + 1 else ""
    return BoardInfo(sha256.hex(), *ends, ram_bytes or None, tick_hz or None, model, board, engine, version, told)


def parse_times(payload: bytes) -> Times:
    """An answer to TIMES or INFER.

    Raises:
        DamagedError: it is none.
    """
    if len(payload) != _TIMES.size:
        raise DamagedError
    ticks, tick_hz, stack_bytes, check = _TIMES.unpack(payload)
    ms = 1000 * ticks / tick_hz if tick_hz and ticks else None  # a counter that stands still is none
    return Times(ticks, ms, None if stack_bytes == _UNKNOWN else stack_bytes, check)


def pattern(seed: int, size: int) -> bytes:
    """The picture that a board makes by itself from a seed: xorshift32 (Marsaglia 2003), its states' upper bytes."""
    state, result = seed or 1, bytearray(size)
    for i in range(size):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        result[i] = state >> 24
    return bytes(result)
