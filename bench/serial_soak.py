"""The serial protocol over a line that is bad in every way: each picture comes out right, or the failure is reported.

    make serial FRAMES=100000
    python bench/serial_soak.py [--frames 100000] [--share 0.05] [--seed 1] [--figures FILE.json] [--table]

The serial firmware runs on this host under sanitizers: a net, and a veil of each hold. Between it and the host's side
a share of the frames, both ways, is lost, sent twice or again later, cut, changed, joined with the next, or has noise
inside; now and then the board is reset. Every output byte must be the reference's, unless the host's side says in a
sentence that it gave up. The figures are added to bench/serial_soak.json.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from figures import parsed, read_sums
from int8_nets import Int8Net, unet
from serial_rig import HostBoard, Line, build_for_host, host_board
from veil_c import finding, tiny_finder

from edgeblur.errors import RunError
from edgeblur.export.veil.compile import FrameOptions, plan_frames
from edgeblur.export.veil.reference import Blurrer
from edgeblur.files import write_json
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.projects.frames_firmware import frames_model
from edgeblur.firmware_harness.serial import link
from edgeblur.firmware_harness.serial.board import SerialBoard, open_board
from edgeblur.firmware_harness.serial.link import LinkOptions
from edgeblur.firmware_harness.shell.model import firmware_model

FIGURES = Path(__file__).parent / "serial_soak.json"
PICTURES = 40
"""Different ones for each board."""
VEILS = {"buffer": "rgb565le", "live": "yuyv", "rows": "gray8"}
RESETS = 1 / 2000  # of frames
_LATEST = 20  # frames after which one that was sent twice comes again

# A lost frame costs a wait: the host's side waits less here, as this board is quick.
_FIRST_WAIT_S, _GRACE_S, _SILENCE_S = 0.03, 0.01, 4.0


@dataclass
class Figures:
    """What was tried with one board, and what came of it.

    Attributes:
        frames: sent by either side.
        harmed: of these, by what was done to them.
        pictures: that came out with the reference's bytes.
        reported: that did not come out, and the host's side said so in a sentence.
        wrong: that came out with other bytes.
    """

    frames: int = 0
    harmed: Counter[str] = field(default_factory=Counter)
    pictures: int = 0
    reported: int = 0
    wrong: int = 0


class BadLine:
    """What happens to the frames of one direction; they are counted as they were sent."""

    def __init__(self, draw: random.Random, share: float, figures: Figures, reset: Callable[[], None]) -> None:
        self._draw, self._share, self._figures, self._reset = draw, share, figures, reset
        self._begun = b""
        self._later: list[tuple[int, bytes]] = []

    def __call__(self, data: bytes) -> bytes:
        """What arrives when this is sent."""
        *whole, self._begun = (self._begun + data).split(b"\0")
        return b"".join(self._arrives(frame) if frame else b"\0" for frame in whole)

    def _arrives(self, frame: bytes) -> bytes:
        self._figures.frames += 1
        late = b"".join(b"\0" + again + b"\0" for left, again in self._later if left == 0)
        self._later = [(left - 1, again) for left, again in self._later if left > 0]
        if self._draw.random() < RESETS:
            self._figures.harmed["board reset"] += 1
            self._reset()
        if self._draw.random() >= self._share:
            return late + frame + b"\0"
        harm = self._draw.choice(HARMS)
        self._figures.harmed[harm] += 1
        return late + self._harmed(frame, harm)

    def _harmed(self, frame: bytes, harm: str) -> bytes:
        draw, at = self._draw, self._draw.randrange(len(frame))
        match harm:
            case "lost":
                return b""
            case "twice":
                return frame + b"\0" + frame + b"\0"
            case "again later":
                self._later.append((draw.randrange(_LATEST), frame))
                return frame + b"\0"
            case "cut":
                return frame[:at] + b"\0"
            case "bits flipped":
                changed = bytearray(frame)
                for _ in range(draw.randint(1, 8)):
                    changed[draw.randrange(len(frame))] ^= 1 << draw.randrange(8)
                return bytes(changed) + b"\0"
            case "bytes lost":
                return frame[:at] + frame[at + draw.randint(1, 5) :] + b"\0"
            case "joined with the next":
                return frame
            case _:
                return frame[:at] + draw.randbytes(draw.randint(1, 60)) + frame[at:] + b"\0"


HARMS = ("lost", "twice", "again later", "cut", "bits flipped", "bytes lost", "joined with the next", "noise inside")


@dataclass(frozen=True)
class Work:
    """A board's program and what goes through it.

    Attributes:
        program: of this host.
        sequences: of pictures: rows as bytes; a veil's frames follow each other.
        expected: all bytes of each picture of each sequence.
        height, row_bytes: of what comes out.
        frames: it veils frames.
    """

    program: Path
    sequences: Sequence[Sequence[list[bytes]]]
    expected: Sequence[Sequence[bytes]]
    height: int
    row_bytes: int
    frames: bool

    def ask(self, board: SerialBoard, number: int) -> list[bytes]:
        """What comes out for a sequence.

        Raises:
            RunError: the host's side gave up.
        """
        pictures = self.sequences[number]
        if self.frames:
            return [out for out, _ in board.run_frames(pictures, self.height, self.row_bytes)]
        return [board.run(rows, self.height, self.row_bytes)[0] for rows in pictures]


def net_work(folder: Path) -> Work:
    """A U-Net of width 2 on 16x16 pixels."""
    net, path = Int8Net(seed=3), folder / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 2, 2, (16, 16))))
    engine, pixels = open_engine("litert-ref", path), np.random.default_rng(1)
    raws = [pixels.integers(-128, 128, (1, 16, 16, 3), np.int8) for _ in range(PICTURES)]
    program = build_for_host(folder, firmware_model(path))
    sequences = [[[row.tobytes() for row in raw[0]]] for raw in raws]
    return Work(program, sequences, [[engine.run(raw).tobytes()] for raw in raws], 16, 48, False)


def veil_work(folder: Path, hold: str) -> Work:
    """A veil of frames of 24x18 pixels, two that follow each other at a time."""
    finder, options, pixels = tiny_finder(), FrameOptions(24, 18, VEILS[hold], hold), np.random.default_rng(2)
    (folder / "tiny.tflite").write_bytes(finder.data)
    fitted, plan = plan_frames(finder.graph, options)
    sequences, expected = [], []
    for _ in range(PICTURES):
        frames = pixels.integers(0, 256, (2, plan.height, plan.row_bytes), np.uint8)
        reference = Blurrer(plan, finding(fitted))
        sequences.append([[row.tobytes() for row in frame] for frame in frames])
        expected.append([reference.blur(frame).tobytes() for frame in frames])
    program = build_for_host(folder, frames_model(folder / "tiny.tflite", options))
    return Work(program, sequences, expected, plan.height, plan.row_bytes, True)


WORKS: dict[str, Callable[[Path], Work]] = {
    "net": net_work,
    **{f"veil {hold}": partial(veil_work, hold=hold) for hold in VEILS},
}


def soak(work: Work, port: Path, *, frames: int, share: float, seed: int) -> Figures:
    """Pictures over a bad line until so many frames were sent."""
    figures, draw = Figures(), random.Random(seed)
    with host_board(work.program, port) as (host, line):
        make_bad(line, host, draw, share, figures)
        with open_board(LinkOptions(str(port), 921_600, _SILENCE_S)) as board:
            while figures.frames < frames:
                number = draw.randrange(PICTURES)
                try:
                    found = work.ask(board, number)
                except RunError:
                    figures.reported += len(work.sequences[number])
                    continue
                right = [a == b for a, b in zip(found, work.expected[number], strict=True)]
                figures.pictures += sum(right)
                figures.wrong += len(right) - sum(right)
    return figures


def make_bad(line: Line, host: HostBoard, draw: random.Random, share: float, figures: Figures) -> None:
    """Harm a share of the frames of a line, both ways."""
    line.to_board = BadLine(random.Random(draw.random()), share, figures, host.reset)
    line.to_host = BadLine(random.Random(draw.random()), share, figures, host.reset)


def add_figures(path: Path, name: str, found: Figures) -> None:
    """Add to the sum of all that was tried."""
    sums = read_sums(path)
    before = Figures(**sums[name]) if name in sums else Figures()
    added = Figures(
        before.frames + found.frames,
        Counter(before.harmed) + found.harmed,
        before.pictures + found.pictures,
        before.reported + found.reported,
        before.wrong + found.wrong,
    )
    sums[name] = {**vars(added), "harmed": dict(sorted(added.harmed.items()))}
    write_json(path, sums)


def table(path: Path = FIGURES) -> str:
    """The figures as docs/reliability.md has them."""
    lines = ["| board | frames | harmed | pictures right | reported | wrong |", "|---|---|---|---|---|---|"]
    for name, sums in read_sums(path).items():
        cells = (sums["frames"], sum(sums["harmed"].values()), sums["pictures"], sums["reported"], sums["wrong"])
        lines.append(f"| {name} | {' | '.join(f'{cell:,}' for cell in cells)} |")
    return "\n".join(lines) + "\n"


def soak_all(frames: int, share: float, seed: int) -> Iterator[tuple[str, Figures]]:
    """Every board, each with its part of the frames."""
    link._FIRST_WAIT_S, link._GRACE_S = _FIRST_WAIT_S, _GRACE_S
    for name, make in WORKS.items():
        with tempfile.TemporaryDirectory(prefix="serial-") as place:
            work = make(Path(place))
            yield name, soak(work, Path(place) / "port", frames=frames // len(WORKS), share=share, seed=seed)


def main() -> int:
    """Print a line a board; 1 if a picture came out wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000, help="sent by either side, of all boards together")
    parser.add_argument("--share", type=float, default=0.05, help="of frames that are harmed")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parsed(parser, FIGURES, table)
    wrong = 0
    for name, found in soak_all(options.frames, options.share, options.seed):
        add_figures(options.figures, name, found)
        wrong += found.wrong
        harmed = sum(found.harmed.values())
        print(
            f"{name}: {found.frames:,} frames, {harmed:,} harmed; {found.pictures:,} pictures right, "
            f"{found.reported:,} reported, {found.wrong:,} wrong",
            flush=True,
        )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
