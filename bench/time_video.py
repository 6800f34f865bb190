"""Frames a second of `edgeblur blur` and of deface on the same clip, side by side in one run.

    python bench/time_video.py --deface PATH [--rounds 3] [--seconds 20] [--keep FOLDER]

PATH is deface's program, from an environment of its own (`pip install deface onnx onnxruntime`). The clip is drawn: a
camera pans over scenes with faces, 640x360 at 30 frames a second in H.264, with a tone. Both programs are started anew
each round, one after the other, in turn the one or the other first; what counts is the time from start to end,
decoding, encoding and start-up included, and, as other work may keep the cores busy, processor time beside it.
Prints each round and, last, the ratios of the medians.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from edgeblur.distill.data.synthetic.scene import draw_scene

WIDTH, HEIGHT, RATE = 640, 360, 30
SCENES = 4
SOUND_RATE, SOUND_PART = 16000, 1024


def write_clip(path: Path, seconds: int) -> None:
    """A clip of drawn scenes side by side, over which a camera pans; with a tone."""
    wide = np.concatenate([np.asarray(draw_scene(seed, WIDTH)[0])[:HEIGHT] for seed in range(SCENES)], axis=1)
    frames = seconds * RATE
    with av.open(str(path), "w") as file:
        moving = file.add_stream("libx264", rate=RATE)
        moving.width, moving.height, moving.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = file.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for n in range(frames):
            left = n * (wide.shape[1] - WIDTH) // frames
            picture = np.ascontiguousarray(wide[:, left : left + WIDTH])
            file.mux(moving.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(moving.encode(None))
        wave = np.sin(np.arange(seconds * SOUND_RATE) / 5).astype(np.float32)[None]
        for start in range(0, wave.shape[1], SOUND_PART):
            part = av.AudioFrame.from_ndarray(wave[:, start : start + SOUND_PART], format="fltp", layout="mono")
            part.sample_rate, part.pts = SOUND_RATE, start
            file.mux(sound.encode(part))
        file.mux(sound.encode(None))


@dataclass(frozen=True)
class Took:
    """Seconds that a program ran, and of processor time that it and its children took."""

    seconds: float
    cpu_seconds: float


def took(command: Sequence[str]) -> Took:
    """Run a program."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-2000:]}")
    return Took(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def processor() -> str:
    """What the machine calls its processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deface", type=Path, required=True, help="deface's program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20, help="of the clip")
    parser.add_argument("--keep", type=Path, help="a folder for the clip and both copies")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgeblur-") as name:
        folder = options.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        clip = folder / "clip.mp4"
        write_clip(clip, options.seconds)
        ours = [str(Path(sys.executable).with_name("edgeblur")), "blur", str(clip), "--force", "--out"]
        commands = {
            "edgeblur": [*ours, str(folder / "edgeblur.mp4")],
            "deface": [str(options.deface), "--keep-audio", "--output", str(folder / "deface.mp4"), str(clip)],
        }
        order = list(commands)
        rounds = [{who: took(commands[who]) for who in order[:: 1 - 2 * (n % 2)]} for n in range(options.rounds)]
    frames = options.seconds * RATE
    rates = {who: [frames / each[who].seconds for each in rounds] for who in commands}
    cpu = {who: [each[who].cpu_seconds for each in rounds] for who in commands}
    median = {who: statistics.median(rate) for who, rate in rates.items()}
    median_cpu = {who: statistics.median(each) for who, each in cpu.items()}
    told = {
        "clip": f"{WIDTH}x{HEIGHT}, {frames} frames",
        "machine": f"{processor()}, {len(os.sched_getaffinity(0))} cores",
        "edgeblur": importlib.metadata.version("edgeblur"),
        "deface": subprocess.check_output([options.deface, "--version"], text=True).strip(),
        "frames_a_second": {who: [round(rate, 1) for rate in each] for who, each in rates.items()},
        "cpu_seconds": {who: [round(each, 1) for each in seconds] for who, seconds in cpu.items()},
        "ratio": round(median["edgeblur"] / median["deface"], 2),
        "cpu_ratio": round(median_cpu["deface"] / median_cpu["edgeblur"], 2),
    }  # fmt: skip
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
