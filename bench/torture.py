"""Kills and full disks at random moments: nothing lost but the current step, and no half file taken for a whole one.

    python bench/torture.py [--kills 200] [--disks 50] [--work data,blur,export,train] [--seed 1]

A command is started, and SIGKILL comes at a random moment of its usual time, or files may grow to a random size only.
Then: what is in its place is whole (or what was there before), and the same command, told to go on, ends well.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.pictures.images import load_picture
from edgeblur.store.dataset import open_dataset
from edgeblur.store.run_folder import open_run

FAST = "--size 32 --width 2 --levels 2 --epochs 3 --batch 8"


@dataclass(frozen=True)
class Work:
    """A command and what it leaves.

    Attributes:
        line: of the command; `{data}` is a data set.
        again: what it takes to go on, or to begin anew, after it was killed.
        broken: what is wrong with what lies in its place, None if nothing is.
    """

    line: str
    again: tuple[str, ...]
    broken: Callable[[Path], str | None]


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


WORK = {
    "data": Work("data make --source synthetic:60 --size 48 --out {out}", (), broken_dataset),
    "blur": Work("blur {data} --out {out}", ("--force",), broken_pictures),
    "export": Work("export mask8 --engine stream --out {out}", (), broken_export),
    "tflm": Work("export mask8 --out {out}", (), broken_export),
    "train": Work(f"train --data {{data}} --out {{out}} {FAST}", ("--resume",), broken_run),
}


def _start(line: str, largest: int | None = None) -> subprocess.Popen[bytes]:
    def limit() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    command = [sys.executable, "-m", "edgeblur", *line.split()]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=limit)


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def _checked(work: Work, line: str, out: Path, what: str) -> None:
    """What lies there is whole, and the command goes on, or begins anew.

    Raises:
        AssertionError: it does not.
    """
    if fault := work.broken(out):
        raise AssertionError(f"{what}: {fault}")
    begun = out.exists() and any(out.iterdir())
    again = f"{line} {' '.join(work.again) if begun and work.again else '--force' if begun else ''}"
    process = _start(again)
    err = process.communicate()[1].decode(errors="replace")
    if process.returncode or "Traceback" in err:
        raise AssertionError(f"{what}: `{again}` ended with {process.returncode}: {err[-500:]}")
    if fault := work.broken(out):
        raise AssertionError(f"{what}, then {again}: {fault}")


def torture(name: str, *, kills: int, disks: int, seed: int) -> int:
    """Kill a command so often, and fill its disk so often; the number of times that came in its middle.

    Raises:
        AssertionError: something was lost, or a half file taken for a whole one.
    """
    work, draw, middle = WORK[name], random.Random(seed), 0
    with tempfile.TemporaryDirectory(prefix="torture-") as place:
        data = Path(place) / "data"
        _start(WORK["data"].line.format(out=data)).communicate()
        before, source = _digest(data), data / "train" if name == "blur" else data
        line = work.line.format(data=source, out=Path(place) / "out" / "x")
        started = time.monotonic()
        _start(line).communicate()
        usual = time.monotonic() - started
        for turn in range(kills + disks):
            shutil.rmtree(Path(place) / "out", ignore_errors=True)
            if turn < kills:
                process, moment = _start(line), draw.random() * usual
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.communicate(timeout=moment)
                middle += process.poll() is None
                process.kill()
                what = f"{name} killed after {moment:.2f} s"
            else:
                largest = int(10 ** draw.uniform(0, 5))
                process, what = _start(line, largest), f"{name} with files of at most {largest} bytes"
            err = (process.communicate()[1] or b"").decode(errors="replace")
            middle += turn >= kills and process.returncode == 1
            assert "Traceback" not in err, f"{what}: {err[-800:]}"
            _checked(work, line, Path(place) / "out" / "x", what)
            assert _digest(data) == before, f"{what}: the data set that it read is another"
    return middle


def main() -> int:
    """Torture one kind of work after the other, and tell how often it was met in its middle."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--disks", type=int, default=50)
    parser.add_argument("--work", default=",".join(WORK))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    names = options.work.split(",")
    for name in names:
        counts = (max(1, options.kills // len(names)), max(1, options.disks // len(names)))
        middle = torture(name, kills=counts[0], disks=counts[1], seed=options.seed)
        print(f"{name}: {counts[0]} kills and {counts[1]} full disks, {middle} in its middle; nothing lost", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
