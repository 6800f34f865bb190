"""Kills and full disks at random moments: nothing lost but the current step, and no half file taken for a whole one.

    python bench/torture.py [--kills 200] [--disks 50] [--work data,blur,video,export,train,...] [--seed 1] [--table]

A command is started, and SIGKILL comes at a random moment of its usual time, or files may grow to a random size only.
Then: what is in its place is whole (or what was there before), and the same command ends well when it is given again,
or says by which option it does. Each turn is added to bench/torture.json, so that a run that is stopped counts as well.
Commands are forked from a process that has imported what they need: kills meet their work, and not TensorFlow's import.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import parsed, read_sums

from edgeblur.cli import main as edgeblur_main
from edgeblur.errors import UserError
from edgeblur.files import write_json
from edgeblur.pictures.images import load_picture
from edgeblur.search.study import read_study
from edgeblur.store.dataset import open_dataset
from edgeblur.store.run_folder import open_run

FAST_STUDENT = "--width 2 --levels 2 --epochs 3 --batch 8"
TRAIN = f"train --data {{data}} --out {{out}} --size 32 {FAST_STUDENT}"
SEARCHED = 2
SEARCH = (
    f"search --data {{data}} --out {{out}} --board mps2-an386 --trials {SEARCHED} --epochs 2 --photos 8 --limit 4 "
    "--teacher none --start none"
)
CLIP_FRAMES = 24
FIGURES = Path(__file__).parent / "torture.json"


@dataclass(frozen=True)
class Work:
    """A command and what it leaves.

    Attributes:
        line: of the command; `{data}` is a data set, `{clip}` a video, `{out}` its place.
        broken: what is wrong with what lies in its place, None if nothing is.
        begins: the command whose result lies in its place when it begins; "" for none.
    """

    line: str
    broken: Callable[[Path], str | None]
    begins: str = ""


def broken_dataset(out: Path) -> str | None:
    """A manifest stands for three pictures a sample, all readable."""
    if not out.exists():
        return None
    try:
        data = open_dataset(out)
        for sample in data.samples:
            data.load(sample)
    except UserError as error:
        return str(error)
    return None


def broken_pictures(out: Path) -> str | None:
    """Every file under its last name is a whole picture."""
    for path in out.rglob("*.jpg") if out.exists() else ():
        if not path.name.startswith("."):
            try:
                load_picture(path)
            except UserError as error:
                return str(error)
    return None


def broken_export(out: Path) -> str | None:
    """All five files or none."""
    names = sorted(path.name for path in out.iterdir()) if out.exists() else []
    return None if len(names) in (0, 5) else f"only {names}"


def broken_run(out: Path) -> str | None:
    """The models that run.json names can be opened, and what is not finished can be resumed."""
    if not out.exists():
        return None
    try:
        for model in open_run(out).models():
            model.info()
            if model.keras.stat().st_size < 1000:
                return f"{model.keras} is cut"
    except UserError as error:
        return str(error)
    return None


def broken_search(out: Path) -> str | None:
    """Each net of the study can be read; where its front was written there are as many as were asked for."""
    if not (out / "study.db").exists():
        return None
    url, front = f"sqlite:///{out / 'study.db'}", out / "front.json"
    try:
        trained = len(read_study(url))
    except UserError as error:
        if "has no study" not in str(error):
            return str(error)
        trained = 0
    if not front.exists():
        return None
    left = [path.name for path in out.glob("trial-*")]
    shown = len(json.loads(front.read_text())["trials"])
    return None if shown == trained == SEARCHED and not left else f"front of {shown} of {trained} nets, {left} left"


def broken_video(out: Path) -> str | None:
    """All frames of the clip, or no file."""
    if not out.exists():
        return None
    import av

    try:
        with av.open(str(out)) as file:
            frames = sum(1 for _ in file.decode(video=0))
    except av.FFmpegError as error:
        return str(error)
    return None if frames == CLIP_FRAMES else f"only {frames} frames"


def write_clip(path: Path) -> None:
    """A video of noise that gets brighter."""
    import av

    random = np.random.default_rng(0)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(CLIP_FRAMES):
            pixels = random.integers(0, 8 * n + 1, (48, 64, 3), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode(None))


WORK = {
    "data": Work("data make --source synthetic:24 --size 32 --out {out}", broken_dataset),
    "blur": Work("blur {data}/train --out {out}", broken_pictures),
    "video": Work("blur {clip} --out {out}.mp4", broken_video),
    "export": Work("export mask4 --engine stream --out {out}", broken_export),
    "tflm": Work("export mask4 --out {out}", broken_export),
    "train": Work(TRAIN, broken_run),
    "distill": Work(f"distill {{out}} --no-alone {FAST_STUDENT}", broken_run, TRAIN),
    "quantize": Work("quantize --int8 {out}", broken_run, TRAIN),
    "search": Work(SEARCH, broken_search),
}


FORKS = multiprocessing.get_context("forkserver")
_OFTEN = ("edgeblur.cli", "edgeblur.store.run_folder", "edgeblur.search.study", "rich.progress", "PIL.Image")
_HEAVY = ("tf_keras", "optuna", "onnxruntime", "matplotlib.figure")


def import_first(modules: Sequence[str]) -> None:
    """What the process imports that commands are forked from, as far as it is installed; before the first command."""
    FORKS.set_forkserver_preload([*_OFTEN, *modules])


import_first(())


def _run(arguments: list[str], heard: Path, largest: int | None) -> None:
    """In the forked process: a command, its standard error into a file."""
    with heard.open("w") as file:
        os.dup2(file.fileno(), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    edgeblur_main(arguments)


class Started:
    """A command that runs in a process of its own, whose standard error is kept."""

    def __init__(self, line: str, largest: int | None = None) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="heard-")
        self._heard = Path(self._place.name) / "err"
        self._process = FORKS.Process(target=_run, args=(line.split(), self._heard, largest))
        self._process.start()

    def killed(self, after_s: float) -> bool:
        """Send SIGKILL after so many seconds; whether it still ran then."""
        self._process.join(after_s)
        self._process.kill()
        self.ended()
        return self._process.exitcode == -signal.SIGKILL

    def ended(self) -> tuple[int, str]:
        """Wait for its end: exit code and standard error."""
        self._process.join()
        err = self._heard.read_text(errors="replace") if self._heard.exists() else ""
        self._place.cleanup()
        assert self._process.exitcode is not None
        return self._process.exitcode, err


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def _ended(line: str, largest: int | None = None, what: str = "") -> tuple[int, str]:
    code, err = Started(line, largest).ended()
    assert "Traceback" not in err, f"{what or f'`{line}`'}: {err[-800:]}"
    return code, err


def _go_on(line: str, what: str) -> None:
    """The same command ends well, or says which option it wants, and does with that.

    Raises:
        AssertionError: it does not.
    """
    code, err = _ended(line)
    option = next((option for option in ("--resume", "--force") if option in err), "")
    assert code in (0, 2), f"{what}: `{line}` ended with {code}: {err[-500:]}"
    assert code == 0 or option, f"{what}: `{line}` does not say how to go on: {err[-500:]}"
    if code:
        code, err = _ended(f"{line} {option}")
        assert code == 0, f"{what}: `{line} {option}` ended with {code}: {err[-500:]}"


def _strike(line: str, draw: random.Random, usual: float | None) -> tuple[bool, str]:
    """Kill a command at a moment of its usual time, or without one fill its disk.

    Returns:
        Whether that came in its middle, and what was done, for messages.
    """
    if usual is not None:
        moment = draw.random() * usual
        return Started(line).killed(moment), f"`{line}` killed after {moment:.2f} s"
    largest = int(10 ** draw.uniform(0, 5))
    what = f"`{line}` with files of at most {largest} bytes"
    return _ended(line, largest, what)[0] == 1, what


def torture(
    name: str, *, kills: int, disks: int, seed: int, note: Callable[[str, bool], None] = lambda kind, middle: None
) -> int:
    """Kill a command so often, and fill its disk so often; the number of times that came in its middle.

    Args:
        name: of `WORK`.
        kills, disks: so often.
        seed: of the moments.
        note: is called after each turn that lost nothing, with "kills" or "disks", and whether it came in its middle.

    Raises:
        AssertionError: something was lost, or a half file taken for a whole one.
    """
    work, draw, middle = WORK[name], random.Random(seed), 0
    with tempfile.TemporaryDirectory(prefix="torture-") as place:
        data, clip, out, begins = (Path(place) / name for name in ("data", "clip.mp4", "out/x", "begins"))
        _ended(WORK["data"].line.format(out=data))
        if name == "video":
            write_clip(clip)
        if work.begins:
            _ended(work.begins.format(data=data, out=begins))
        before, line = _digest(data), work.line.format(data=data, clip=clip, out=out)
        made = Path(line.split("--out ")[-1]) if "--out " in line else out
        usual = 0.0
        for turn in range(-1, kills + disks):
            shutil.rmtree(out.parent, ignore_errors=True)
            if work.begins:
                shutil.copytree(begins, out)
            if turn < 0:
                started = time.monotonic()
                _ended(line)
                usual = time.monotonic() - started
                continue
            struck, what = _strike(line, draw, usual if turn < kills else None)
            middle += struck
            _whole(work, made, what)
            _go_on(line, what)
            _whole(work, made, f"{what}, then again")
            assert _digest(data) == before, f"{what}: the data set that it read is another"
            note("kills" if turn < kills else "disks", struck)
    return middle


def _whole(work: Work, out: Path, what: str) -> None:
    fault = work.broken(out)
    assert fault is None, f"{what}: {fault}"


def add_turn(path: Path, name: str, kind: str, middle: bool) -> None:
    """Add a turn that lost nothing to the sum of all that was tried."""
    figures = read_sums(path)
    sums = figures.setdefault(name, {"kills": 0, "disks": 0, "middle": 0})
    sums[kind] += 1
    sums["middle"] += middle
    write_json(path, figures)


def table(path: Path = FIGURES) -> str:
    """The figures as docs/reliability.md has them."""
    figures = read_sums(path)
    figures["all"] = {kind: sum(sums[kind] for sums in figures.values()) for kind in ("kills", "disks", "middle")}
    rows = [f"| {name} | {sums['kills']} | {sums['disks']} | {sums['middle']} |" for name, sums in figures.items()]
    return "\n".join(["| work | kills | full disks | in its middle |", "|---|---|---|---|", *rows]) + "\n"


def main() -> int:
    """Torture one kind of work after the other, and tell how often it was met in its middle."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--disks", type=int, default=50)
    parser.add_argument("--work", default=",".join(WORK))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parsed(parser, FIGURES, table)
    names = options.work.split(",")
    if {"train", "distill", "quantize", "search"} & set(names):
        import_first(_HEAVY)
    for name in names:
        counts = (max(1, options.kills // len(names)), max(1, options.disks // len(names)))
        note = functools.partial(add_turn, options.figures, name)
        middle = torture(name, kills=counts[0], disks=counts[1], seed=options.seed, note=note)
        print(f"{name}: {counts[0]} kills and {counts[1]} full disks, {middle} in its middle; nothing lost", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
