"""Files of a hostile world: mutated inputs through everything that reads one. Only sentences may come back.

    python bench/fuzz.py --seconds 3600 [--target labels] [--seed 1] [--keep build/fuzz] [--figures bench/fuzz.json]

A mutator of our own, as it needs nothing but Python: bits, bytes, numbers that break things, cuts, copies, and parts of
other inputs. Each target reads one mutated input; what ends in anything but an error of ours, or takes more CPU time
than the limit, is kept as a file, by which it can be tried again: copy it to tests/corpus/TARGET once it is mended.

The targets take turns of two minutes of CPU time. After each turn its figures are added to bench/fuzz.json: the sum of
all that was ever tried, of which the table of docs/reliability.md is made.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

import numpy as np
from PIL import Image

from edgeblur.errors import EdgeblurError

LIMIT_S = 20
"""Of CPU time for one input; reading, planning and writing C of the largest net here takes a tenth."""
TURN_S = 120
"""Of CPU time that a target gets before the next has its turn."""
FIGURES = Path(__file__).parent / "fuzz.json"

_ODD_BYTES = [b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\0" * 8]
_ODD_TEXT = [b"1e999", b"-1e999", b"NaN", b"1e-200", b"9" * 400, b"null", b"true", b'""', b"[]", b"{}", b"-1", b"0.1",
             b'"\\ud800"', b'"\\u0000"', b"[" * 2000, b"2147483648", b"1e300"]  # fmt: skip


def mutated(data: bytes, others: list[bytes], draw: random.Random, *, text: bool) -> bytes:
    """One to eight changes of an input."""
    changed = bytearray(data)
    for _ in range(1 << draw.randrange(4)):
        at, length = draw.randrange(len(changed) + 1), draw.choice([1, 2, 4, 8, 64])
        match draw.randrange(8):
            case 0 if changed:
                changed[min(at, len(changed) - 1)] ^= 1 << draw.randrange(8)
            case 1:
                odd = draw.choice(_ODD_BYTES)
                changed[at : at + len(odd)] = odd
            case 2:
                changed[at:at] = draw.randbytes(length)
            case 3:
                del changed[at : at + length]
            case 4:
                del changed[at:]
            case 5:
                other = draw.choice(others)
                start = draw.randrange(len(other) + 1)
                changed[at : at + length] = other[start : start + 8 * length]
            case 6 if text:
                numbers = [i for i, byte in enumerate(changed) if chr(byte).isdigit()]
                at = draw.choice(numbers) if numbers else at
                changed[at : at + 1] = draw.choice(_ODD_TEXT)
            case _:
                changed[at : at + 1] = bytes([draw.randrange(256)])
    return bytes(changed)


@dataclass(frozen=True)
class Target:
    """What reads an input, and inputs to begin with."""

    read: Callable[[bytes, Path], object]
    seeds: Callable[[], list[bytes]]
    text: bool = False


def _tflite(data: bytes, folder: Path) -> object:
    from edgeblur.export.c_array import Provenance
    from edgeblur.export.stream.compile import compile_stream
    from edgeblur.export.tflite.graph import read_tflite
    from edgeblur.export.tflm.differences import differences

    graph = read_tflite(data, name="net")
    differences(graph)
    return compile_stream(graph, Provenance("net.tflite", "net", graph))


def _nets() -> list[bytes]:
    from random_nets import random_net

    return [random_net(seed).tflite for seed in range(24)]


def _labels(data: bytes, folder: Path) -> object:
    from edgeblur.distill.data.labels import from_labels
    from edgeblur.pictures.blur import blur_faces

    if not (folder / "a.png").exists():
        Image.new("RGB", (64, 48)).save(folder / "a.png")
    (folder / "labels.jsonl").write_bytes(data)
    return [blur_faces(photo.picture, photo.faces) for photo in from_labels(folder, folder / "labels.jsonl", [])]


def _label_files() -> list[bytes]:
    face = {"file": "a.png", "faces": [[4, 6, 20, 30], [40, 8, 10, 12]], "width": 64, "height": 48}
    full = {
        **face,
        "ellipses": [[14, 21, 18, 28, 12.5], None],
        "split": "val",
        "source": "a/b@0123456:c",
        "terms": "cc0",
    }
    return [json.dumps(line).encode() for line in (face, full, {"file": "a.png", "faces": []})]


def _manifest(data: bytes, folder: Path) -> object:
    from edgeblur.store.dataset import open_dataset

    (folder / "manifest.json").write_bytes(data)
    return open_dataset(folder).split("train")


def _manifests() -> list[bytes]:
    face = {"box": [1.0, 2.0, 3.0, 4.0], "ellipse": [2.5, 4.0, 3.0, 4.0, 0.0]}
    sample = {"name": "00001.jpg", "source": "a", "group": "a", "split": "train", "faces": [face]}
    return [json.dumps({"edgeblur": "0", "size": 64, "counts": {"train": 1}, "samples": [sample] * n}).encode()
            for n in (0, 1, 3)]  # fmt: skip


def _picture(data: bytes, folder: Path) -> object:
    from edgeblur.pictures.images import encoded, load_picture

    (folder / "a.png").write_bytes(data)
    return encoded(Path("a.jpg"), load_picture(folder / "a.png", []))


def _pictures() -> list[bytes]:
    random_pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    picture, found = Image.fromarray(random_pixels), []
    for kind in (
        "JPEG",
        "PNG",
        "GIF",
        "TIFF",
        "WEBP",
        "BMP",
        "PPM",
        "TGA",
        "JPEG2000",
        "ICO",
        "PCX",
        "SGI",
        "AVIF",
        "DDS",
    ):
        exif = Image.Exif()
        exif[0x0112] = 6
        buffer = io.BytesIO()
        with contextlib.suppress(KeyError):  # a Pillow without AVIF
            picture.save(buffer, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "TIFF", "WEBP") else {}))
            found.append(buffer.getvalue())
    return found


def _run_json(data: bytes, folder: Path) -> object:
    from edgeblur.store.run_folder import open_run

    (folder / "run.json").write_bytes(data)
    return open_run(folder).models()


def _runs() -> list[bytes]:
    return [json.dumps({"edgeblur": "0", "dataset": "/data", "training": None, "models": m}).encode()
            for m in ([], ["teacher", "w8"])]  # fmt: skip


TARGETS = {
    "tflite": Target(_tflite, _nets),
    "labels": Target(_labels, _label_files, text=True),
    "manifest": Target(_manifest, _manifests, text=True),
    "run": Target(_run_json, _runs, text=True),
    "picture": Target(_picture, _pictures),
}


@dataclass
class Found:
    """What came of fuzzing one target."""

    executions: int = 0
    accepted: int = 0
    cpu_s: float = 0
    broken: dict[str, bytes] = field(default_factory=dict)  # by the place where it broke


class _TooLongError(Exception):
    pass


def _too_long(number: int, frame: FrameType | None) -> None:
    raise _TooLongError


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    before = signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended: other work of the machine does not count."""
    return sum(os.times()[:4])


def try_input(target: Target, data: bytes, folder: Path) -> str | None:
    """Read one input; None if it was taken, `""` if it was refused in a sentence, else where it broke."""
    try:
        with _limited():
            target.read(data, folder)
    except EdgeblurError as error:
        return "" if str(error).strip() else "an empty sentence"
    except OSError:  # a name too long, ...: the command line tells it in a sentence of its own
        return ""
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
    return None


def fuzz(name: str, *, cpu_s: float = 1e9, executions: int = 1 << 60, seed: int = 0, keep: Path | None = None) -> Found:
    """Mutate the inputs of a target for so much CPU time, or so often; inputs that were taken become seeds themselves.

    Each input lies in `keep` while it is tried: it is there when it ended the process itself.
    """
    target, draw, found = TARGETS[name], random.Random(seed), Found()
    pool, began = target.seeds(), _cpu_s()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        while found.cpu_s < cpu_s and found.executions < executions:
            data = mutated(draw.choice(pool), pool, draw, text=target.text)
            if keep:
                keep.write_bytes(data)
            broke = try_input(target, data, Path(folder))
            found.executions += 1
            found.cpu_s = _cpu_s() - began
            if broke:
                found.broken.setdefault(broke, data)
            elif broke is None:
                found.accepted += 1
                if len(pool) < 500:
                    pool.append(data)
    return found


def add_figures(path: Path, name: str, found: Found) -> None:
    """Add what came of a target to the sum of all that was tried; what broke stays open until somebody mends it."""
    figures = json.loads(path.read_text()) if path.exists() else {}
    sums = figures.setdefault(name, {"inputs": 0, "taken": 0, "cpu_s": 0, "broken": {}})
    sums["inputs"] += found.executions
    sums["taken"] += found.accepted
    sums["cpu_s"] = round(sums["cpu_s"] + found.cpu_s)
    for place in found.broken:
        sums["broken"].setdefault(place, "open")
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(figures, indent=2) + "\n")
    part.replace(path)


def main() -> int:
    """Fuzz for so long, tell what was found, keep what broke."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3600, help="of CPU time, for all targets together")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--figures", type=Path, default=FIGURES)
    options = parser.parse_args()
    names, failed, began, turn = options.target or list(TARGETS), 0, _cpu_s(), 0
    options.keep.mkdir(parents=True, exist_ok=True)
    while _cpu_s() - began < options.seconds:
        name = names[turn % len(names)]
        cpu_s = min(TURN_S, options.seconds / len(names))
        found = fuzz(name, cpu_s=cpu_s, seed=options.seed + turn, keep=options.keep / f"{name}.last")
        add_figures(options.figures, name, found)
        turn += 1
        print(
            f"{name}: {found.executions:,} inputs, {found.accepted:,} taken, {found.cpu_s:.0f} s of CPU, "
            f"{len(found.broken)} places broke",
            flush=True,
        )
        for place, data in found.broken.items():
            path = options.keep / name / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"  {place}: {path}", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
