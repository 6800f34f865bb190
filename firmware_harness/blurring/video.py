"""Videos: every frame veiled, with memory in both directions; sound, times and the way up stay."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.errors import UserError
from edgeblur.files import behind_links, new_file, refuse_existing
from edgeblur.firmware_harness.blurring.blurrers import Blurrer
from edgeblur.firmware_harness.blurring.encoder import Encoder, require_av
from edgeblur.firmware_harness.blurring.files import BlurredFile
from edgeblur.firmware_harness.blurring.planes import PlaneVeiler, standing
from edgeblur.pictures.arrays import Pixels, changed_share
from edgeblur.progress import track

SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})
"""Of the videos that are read and written."""


@dataclass(frozen=True)
class Memory:
    """For how long a face that was found stays veiled, in frames.

    Attributes:
        before: a face is veiled in so many frames before the first in which it is found.
        after: and in so many behind the last.
    """

    before: int = 2
    after: int = 8

    def __post_init__(self) -> None:
        if not (0 <= self.before <= 60 and 0 <= self.after <= 600):
            raise UserError(
                f"memory goes from 0 to 60 frames before and 600 behind, not {self.before} and {self.after}"
            )


def is_video(path: Path) -> bool:
    """Whether a file is a video by its suffix."""
    return path.suffix.lower() in SUFFIXES


def blur_video(
    source: Path, out: Path, blurrer: Blurrer, *, memory: Memory | None = None, force: bool, skipped: list[str]
) -> BlurredFile:
    """Blur a video into another file: nothing half-written stays.

    Sound is copied as it is; so are the times of frames, also where they are uneven. A video that says which way up it
    is shown is written that way up. Cover pictures, places, titles and all else that a file says are dropped.

    Args:
        source: with one of `SUFFIXES`.
        out: the same; its suffix chooses the container.
        blurrer: of any kind.
        memory: by default two frames before and eight behind.
        force: replace what is at `out`.
        skipped: gets a sentence about streams that were left out.

    Raises:
        UserError: no PyAV, not a video, another suffix, sound that the container cannot hold, or `out` is there.
    """
    _check_places(source, out, force)
    begun = time.monotonic()
    with _telling(source), require_av().open(str(source)) as opened:
        streams = _streams(opened, source, skipped)
        with new_file(out) as staged, require_av().open(str(staged), "w") as written:
            frames, veiled = _convert(opened, written, streams, blurrer, memory or Memory(), out)
    return BlurredFile(out, frames, veiled / max(frames, 1), time.monotonic() - begun)


def _check_places(source: Path, out: Path, force: bool) -> None:
    if not is_video(out):
        raise UserError(f"{out} should name a video ({', '.join(sorted(SUFFIXES))}), as {source} is one")
    if behind_links(out) == behind_links(source):
        raise UserError(f"{out} is the video itself: write the blurred one elsewhere")
    refuse_existing(out, force=force)


@contextlib.contextmanager
def _telling(source: Path) -> Iterator[None]:
    """FFmpeg's errors as sentences."""
    av = require_av()
    try:
        yield
    except av.FileNotFoundError as error:
        raise UserError(f"{source} does not exist") from error
    except av.FFmpegError as error:
        raise UserError(f"{source} cannot be blurred as a video: {error.strerror or error}") from error


def _streams(opened: Any, source: Path, skipped: list[str]) -> tuple[Any, list[Any]]:
    """The moving picture and the sounds of a file."""
    moving = [s for s in opened.streams.video if not s.disposition & require_av().stream.Disposition.attached_pic]
    if not moving:
        raise UserError(f"{source} holds no moving picture")
    others = [s.type for s in opened.streams if s is not moving[0] and s.type != "audio"]
    if others:
        skipped.append(f"{', '.join(others)} in {source}")
    return moving[0], list(opened.streams.audio)


def _convert(
    opened: Any, written: Any, streams: tuple[Any, list[Any]], blurrer: Blurrer, memory: Memory, out: Path
) -> tuple[int, float]:
    """Decode, veil, encode; gives the number of frames and the sum of their veiled shares."""
    moving, sounds = streams
    moving.thread_type = "AUTO"
    window = _Window(blurrer, memory)
    frames, veiled = 0, 0.0
    with Encoder(written, moving, sounds, out) as encoder:
        packets = _passed_on(opened.demux(moving, *sounds), moving, encoder)
        finished = window.through(frame for packet in packets for frame in packet.decode())
        for shown, picture, share in track(finished, "blurring", moving.frames or None, unit="frames"):
            encoder.write(shown, picture)
            frames, veiled = frames + 1, veiled + share
    if not frames:
        raise UserError("a video without a single whole frame cannot be blurred")
    return frames, veiled


def _passed_on(packets: Iterable[Any], moving: Any, encoder: Encoder) -> Iterator[Any]:
    """The packets of the moving picture; all others go to the encoder as they are."""
    for packet in packets:
        if packet.stream is moving:
            yield packet
        else:
            encoder.pass_on(packet)


def _upright(frame: Any) -> Pixels:
    """A decoded frame as RGB, the way up that it is shown."""
    pixels: Pixels = frame.to_ndarray(format="rgb24")
    swapped, upside_down, mirrored = standing(frame)
    pixels = pixels.transpose(1, 0, 2) if swapped else pixels
    return np.ascontiguousarray(pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1])


@dataclass(frozen=True)
class _Waiting:
    """A frame that was looked at.

    Attributes:
        shown: as it was decoded.
        picture: the same in RGB; None where its planes are veiled.
        look: what was found.
    """

    shown: Any
    picture: Pixels | None
    look: Any


class _Window:
    """Frames that wait until those behind them were looked at, and what was found in those before."""

    def __init__(self, blurrer: Blurrer, memory: Memory) -> None:
        self._blurrer, self._memory = blurrer, memory
        self._planes = PlaneVeiler(blurrer.veiler) if blurrer.veiler else None
        self._waiting: deque[_Waiting] = deque()
        self._past: deque[Any] = deque(maxlen=memory.after)

    def through(self, frames: Iterable[Any]) -> Iterator[tuple[Any, Pixels, float]]:
        """Decoded frames in; the same out, finished, with their veiled shares."""
        for frame in frames:
            self._waiting.append(self._looked_at(frame))
            if len(self._waiting) > self._memory.before:
                yield self._finished()
        while self._waiting:
            yield self._finished()

    def _looked_at(self, frame: Any) -> _Waiting:
        if self._planes and self._planes.takes(frame):
            return _Waiting(frame, None, self._planes.look(frame))
        picture = _upright(frame)
        return _Waiting(frame, picture, self._blurrer.look(picture))

    def _finished(self) -> tuple[Any, Pixels, float]:
        frame = self._waiting.popleft()
        around = [*self._past, *(waiting.look for waiting in self._waiting)]
        self._past.append(frame.look)
        if frame.picture is None:
            assert self._planes is not None
            return frame.shown, *self._planes.cover(frame.shown, frame.look, around)
        veiled = self._blurrer.cover(frame.picture, frame.look, around)
        return frame.shown, veiled, changed_share(frame.picture, veiled)
