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

from edgeblur.errors import UserError, missing_package
from edgeblur.files import new_file, refuse_existing
from edgeblur.firmware_harness.blurring.blurrers import Blurrer
from edgeblur.firmware_harness.blurring.files import BlurredFile
from edgeblur.pictures.images import Pixels
from edgeblur.progress import bar

SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})
"""Of the videos that are read and written."""

_CODECS = {".webm": ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"})}
_H264 = ("libx264", {"crf": "18", "preset": "veryfast"})


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
    with _telling(source), _av().open(str(source)) as opened:
        streams = _streams(opened, source, skipped)
        with new_file(out) as staged, _av().open(str(staged), "w") as written:
            frames, veiled = _convert(opened, written, streams, blurrer, memory or Memory(), out)
    return BlurredFile(out, frames, veiled / max(frames, 1), time.monotonic() - begun)


def _av() -> Any:
    try:
        import av
    except ModuleNotFoundError as error:
        raise missing_package("av", "video") from error
    return av


def _check_places(source: Path, out: Path, force: bool) -> None:
    if not is_video(out):
        raise UserError(f"{out} should name a video ({', '.join(sorted(SUFFIXES))}), as {source} is one")
    if out.resolve() == source.resolve():
        raise UserError(f"{out} is the video itself: write the blurred one elsewhere")
    refuse_existing(out, force=force)


@contextlib.contextmanager
def _telling(source: Path) -> Iterator[None]:
    """FFmpeg's errors as sentences."""
    av = _av()
    try:
        yield
    except av.FileNotFoundError as error:
        raise UserError(f"{source} does not exist") from error
    except av.FFmpegError as error:
        raise UserError(f"{source} cannot be blurred as a video: {error.strerror or error}") from error


def _streams(opened: Any, source: Path, skipped: list[str]) -> tuple[Any, list[Any]]:
    """The moving picture and the sounds of a file."""
    moving = [s for s in opened.streams.video if not s.disposition & _av().stream.Disposition.attached_pic]
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
    encoder = _Encoder(written, moving, out)
    copies = {sound: _copied(written, sound, out) for sound in sounds}
    window = _Window(blurrer, memory)
    frames, veiled = 0, 0.0
    with bar() as progress:
        task = progress.add_task("blurring", total=moving.frames or None, note="")
        for packet in opened.demux(moving, *sounds):
            if packet.stream in copies:
                if packet.dts is not None:
                    packet.stream = copies[packet.stream]
                    encoder.pass_on(packet)
                continue
            for shown, picture, share in window.add(packet.decode()):
                encoder.write(shown, picture)
                frames, veiled = frames + 1, veiled + share
                progress.advance(task)
        for shown, picture, share in window.rest():
            encoder.write(shown, picture)
            frames, veiled = frames + 1, veiled + share
        encoder.end()
    if not frames:
        raise UserError("a video without a single whole frame cannot be blurred")
    return frames, veiled


def _copied(written: Any, sound: Any, out: Path) -> Any:
    try:
        stream = written.add_stream_from_template(sound)
    except (ValueError, _av().FFmpegError) as error:
        kind = sound.codec_context.name
        raise UserError(f"{out.suffix} has no room for this sound ({kind}): choose .mkv, or the suffix of the source") \
            from error  # fmt: skip
    stream.metadata.clear()
    return stream


def _upright(frame: Any) -> Pixels:
    """A decoded frame as RGB, the way up that it is shown."""
    pixels: Pixels = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


class _Encoder:
    """Writes frames as they come, with their own times."""

    def __init__(self, written: Any, moving: Any, out: Path) -> None:
        codec, options = _CODECS.get(out.suffix.lower(), _H264)
        self._written, self._moving = written, moving
        self._stream = written.add_stream(codec, rate=moving.average_rate or 25, options=options)
        self._stream.codec_context.time_base = moving.time_base
        self._begun = False
        self._sound: list[Any] = []  # until the first frame says how large frames are: the file's head wants to know

    def _begin(self, frame: Any, picture: Pixels) -> None:
        height, width, _ = picture.shape
        context = self._stream.codec_context
        context.width, context.height = width, height
        context.pix_fmt = "yuv420p" if width % 2 == height % 2 == 0 else "yuv444p"
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            with contextlib.suppress(AttributeError, ValueError):
                setattr(context, name, getattr(frame, name))
        self._begun = True

    def write(self, shown: Any, picture: Pixels) -> None:
        """Encode a picture in a decoded frame's place."""
        if not self._begun:
            self._begin(shown, picture)
            for packet in self._sound:
                self._written.mux(packet)
        frame = _av().VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = shown.pts, shown.time_base
        self._written.mux(self._stream.encode(frame))

    def pass_on(self, packet: Any) -> None:
        """Write a packet of sound as it is, behind the file's head."""
        if self._begun:
            self._written.mux(packet)
        else:
            self._sound.append(packet)

    def end(self) -> None:
        """Write what the encoder still holds."""
        if self._begun:
            self._written.mux(self._stream.encode(None))


class _Window:
    """Frames that wait until those behind them were looked at, and what was found in those before."""

    def __init__(self, blurrer: Blurrer, memory: Memory) -> None:
        self._blurrer, self._memory = blurrer, memory
        self._waiting: deque[tuple[Any, Pixels, Any]] = deque()
        self._past: deque[Any] = deque(maxlen=memory.after)

    def add(self, frames: Iterable[Any]) -> Iterator[tuple[Any, Pixels, float]]:
        """Take decoded frames in; gives those that are finished, with their veiled shares."""
        for frame in frames:
            picture = _upright(frame)
            self._waiting.append((frame, picture, self._blurrer.look(picture)))
            if len(self._waiting) > self._memory.before:
                yield self._finished()

    def rest(self) -> Iterator[tuple[Any, Pixels, float]]:
        """All that still waits."""
        while self._waiting:
            yield self._finished()

    def _finished(self) -> tuple[Any, Pixels, float]:
        frame, picture, own = self._waiting.popleft()
        around = [*self._past, *(look for _, _, look in self._waiting)]
        veiled = self._blurrer.cover(picture, own, around)
        self._past.append(own)
        return frame, veiled, float((veiled != picture).any(axis=-1).mean())
