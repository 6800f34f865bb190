"""A video being written: frames are encoded in a thread of their own, sound is passed on as it is."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from edgeblur.errors import UserError, missing_package
from edgeblur.pictures.arrays import Pixels

_CODECS = {".webm": ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"})}
_H264 = ("libx264", {"crf": "18", "preset": "veryfast"})

_WAITING = 8
"""Frames and packets that may wait for the encoder: more would only take memory."""


def require_av() -> Any:
    """PyAV.

    Raises:
        UserError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise missing_package("av", "video", error) from error
    return av


class Encoder:
    """Writes frames as they come, with their own times; a block around it ends with the last one written.

    Encoding runs beside whoever makes the frames (FFmpeg lets go of Python meanwhile), in the order of the calls; its
    errors come out of a later call, or of the block's end.
    """

    def __init__(
        self, written: Any, moving: Any, sounds: list[Any], out: Path, options: dict[str, str] | None = None
    ) -> None:
        """Open the streams.

        Args:
            written: the file.
            moving: the stream that frames were decoded from.
            sounds: streams whose packets will be passed on.
            out: whose suffix chooses the codec.
            options: of the codec, in place of its own.

        Raises:
            UserError: the container has no room for a sound.
        """
        codec, usual = _CODECS.get(out.suffix.lower(), _H264)
        self._written = written
        self._stream = written.add_stream(codec, rate=moving.average_rate or 25, options=options or usual)
        self._stream.codec_context.time_base = moving.time_base
        self._copies = {sound: _copied(written, sound, out) for sound in sounds}
        self._begun = False
        self._sound: list[Any] = []  # until the first frame says how large frames are: the file's head wants to know
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                self._later(self._end)
                self._settle(0)
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def write(self, shown: Any, picture: Pixels) -> None:
        """Encode a picture in a decoded frame's place: RGB, or planes as the decoder gave them, one below the other."""
        self._later(lambda: self._write(shown, picture))

    def pass_on(self, packet: Any) -> None:
        """Write a packet of sound as it is, behind the file's head; one without a time says that the sound ends."""
        if packet.dts is not None:
            packet.stream = self._copies[packet.stream]
            self._later(lambda: self._pass_on(packet))

    def _later(self, work: Callable[[], None]) -> None:
        self._waiting.append(self._thread.submit(work))
        self._settle(_WAITING)

    def _settle(self, count: int) -> None:
        """Wait until no more than so many pieces of work are left."""
        while len(self._waiting) > count:
            self._waiting.popleft().result()

    def _begin(self, shown: Any, frame: Any) -> None:
        """Open the codec for frames like the first one; colours are those of the decoded frame."""
        context = self._stream.codec_context
        context.width, context.height = frame.width, frame.height
        even = frame.width % 2 == frame.height % 2 == 0
        context.pix_fmt = self._own_format(frame.format.name) or ("yuv420p" if even else "yuv444p")
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            with contextlib.suppress(AttributeError, ValueError):
                setattr(context, name, getattr(shown, name))
        self._begun = True

    def _write(self, shown: Any, picture: Pixels) -> None:
        name = "rgb24" if picture.ndim == 3 else shown.format.name
        frame = require_av().VideoFrame.from_ndarray(picture, format=name)
        if not self._begun:
            self._begin(shown, frame)
            for packet in self._sound:
                self._written.mux(packet)
        frame.pts, frame.time_base = shown.pts, shown.time_base
        self._written.mux(self._stream.encode(frame))

    def _own_format(self, name: str) -> str | None:
        """A format of planes, if the codec takes it as it is."""
        known = self._stream.codec_context.codec.video_formats or ()
        return name if name != "rgb24" and name in {each.name for each in known} else None

    def _pass_on(self, packet: Any) -> None:
        if self._begun:
            self._written.mux(packet)
        else:
            self._sound.append(packet)

    def _end(self) -> None:
        """Write what the encoder still holds."""
        if self._begun:
            self._written.mux(self._stream.encode(None))


def _copied(written: Any, sound: Any, out: Path) -> Any:
    try:
        stream = written.add_stream_from_template(sound)
    except (ValueError, require_av().FFmpegError) as error:
        kind = sound.codec_context.name
        raise UserError(f"{out.suffix} has no room for this sound ({kind}): choose .mkv, or the suffix of the source") \
            from error  # fmt: skip
    stream.metadata.clear()
    return stream
