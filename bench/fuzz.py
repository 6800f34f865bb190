"""Files of a hostile world: mutated inputs through everything that reads one. Only sentences may come back.

    python bench/fuzz.py --seconds 3600 [--target labels] [--seed 1] [--keep build/fuzz] [--figures bench/fuzz.json]

For what is Python (fuzz_targets.py), a mutator of our own, as it needs nothing else: bits, bytes, numbers that break
things, cuts, copies, and parts of other inputs. For C, libFuzzer with sanitizers, where clang has it (fuzz_c.py in
tests/helpers). What ends in anything but an error of ours, or takes more CPU time than the limit, is kept as a file, by
which it can be tried again: copy it to tests/corpus/TARGET once it is mended.

The targets take turns of two minutes of CPU time. After each turn its figures are added to bench/fuzz.json: the sum of
all that was ever tried, of which the table of docs/reliability.md is made.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from figures import parsed, read_sums
from fuzz_targets import TARGETS, Target

from edgeblur.errors import EdgeblurError
from edgeblur.files import write_json

LIMIT_S = 20
"""Of CPU time for one input; reading, planning and writing C of the largest net here takes a tenth."""
_MOST_MEMORY = 8 << 30
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
            data = draw.choice(pool)
            data = target.change(data, draw) if target.change else mutated(data, pool, draw, text=target.text)
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


def fuzz_apart(name: str, *, cpu_s: float, seed: int, keep: Path) -> Found:
    """As `fuzz`, in a process of its own: an input that ends it is found in `keep`, and breaks nothing else.

    It gets 8 GiB of addresses, so that an input that claims memory is a `MemoryError` and does not take the machine's.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        theirs.send(fuzz(name, cpu_s=cpu_s, seed=seed, keep=keep))

    before = _cpu_s()
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    theirs.close()
    try:
        found: Found = ours.recv()
    except EOFError:  # how many inputs there were is not known: they do not count
        process.join()
        found = Found(cpu_s=_cpu_s() - before, broken={f"the process ended by {_signal(process)}": keep.read_bytes()})
    process.join()
    return found


def _signal(process: BaseProcess) -> str:
    code = process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def add_figures(path: Path, name: str, found: Found) -> None:
    """Add what came of a target to the sum of all that was tried; what broke stays open until somebody mends it."""
    figures = read_sums(path)
    sums = figures.setdefault(name, {"inputs": 0, "taken": 0, "cpu_s": 0, "broken": {}})
    sums["inputs"] += found.executions
    sums["taken"] += found.accepted
    sums["cpu_s"] = round(sums["cpu_s"] + found.cpu_s)
    for place in found.broken:
        sums["broken"].setdefault(place, "open")
    write_json(path, figures)


def fuzz_c(name: str, *, cpu_s: float, keep: Path) -> Found:
    """Let libFuzzer loose on a target of tests/helpers/fuzz_c.py; what it finds of use stays in `keep`."""
    from fuzz_c import C_TARGETS, CORPUS, FUZZER_FLAGS, run_fuzzer

    place, broken = keep / name, keep / name / "broken"
    program = place / "fuzz"
    if not program.exists():
        C_TARGETS[name].build(place, FUZZER_FLAGS)
    (place / "corpus").mkdir(exist_ok=True)
    done = run_fuzzer(program, [place / "corpus", CORPUS / name], cpu_s=cpu_s, artifacts=broken)
    found = Found(done.executions, done.corpus, done.cpu_s)
    if done.broken:
        latest = max(broken.iterdir(), key=lambda path: path.stat().st_mtime, default=None)
        found.broken[done.broken] = latest.read_bytes() if latest else b""
    return found


def table(path: Path = FIGURES) -> str:
    """The figures as docs/reliability.md has them."""
    lines = ["| target | inputs | accepted | CPU time | places that broke | open |", "|---|---|---|---|---|---|"]
    figures = read_sums(path)
    for name, sums in figures.items():
        still = sum(state == "open" for state in sums["broken"].values())
        minutes = f"{sums['cpu_s'] / 60:.1f} min"
        lines.append(
            f"| {name} | {sums['inputs']:,} | {sums['taken']:,} | {minutes} | {len(sums['broken'])} | {still} |"
        )
    hours = sum(sums["cpu_s"] for sums in figures.values()) / 3600
    return "\n".join(lines) + f"\n\nThat is {hours:.2f} hours of CPU time.\n"


def _try(name: str, options: Options, turn: int) -> Found:
    cpu_s = min(TURN_S, options.seconds / len(options.names))
    if name in TARGETS:
        return fuzz_apart(name, cpu_s=cpu_s, seed=options.seed + turn, keep=options.keep / f"{name}.last")
    return fuzz_c(name, cpu_s=cpu_s, keep=options.keep)


def _tell(name: str, found: Found, keep: Path) -> None:
    print(
        f"{name}: {found.executions:,} inputs, {found.accepted:,} accepted, {found.cpu_s:.0f} s of CPU, "
        f"{len(found.broken)} places broke",
        flush=True,
    )
    for place, data in found.broken.items():
        path = keep / name / f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"  {place}: {path}", flush=True)


@dataclass(frozen=True)
class Options:
    """Of the command line.

    Attributes:
        names: of targets.
        seconds: of CPU time, for all of them together.
        seed: of the first turn.
        keep: where inputs lie that broke something, and libFuzzer's.
        figures: the sum of all that was tried.
    """

    names: tuple[str, ...]
    seconds: float
    seed: int
    keep: Path
    figures: Path


def _options() -> Options:
    from fuzz_c import C_TARGETS, has_libfuzzer

    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3600, help="of CPU time, for all targets together")
    parser.add_argument("--target", choices=[*TARGETS, *C_TARGETS], action="append")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    told = parsed(parser, FIGURES, table)
    if not (told.target or has_libfuzzer()):
        print("clang's fuzzer runtime is not installed (Debian: libclang-rt-dev): C is left out", file=sys.stderr)
    names = told.target or [*TARGETS, *(C_TARGETS if has_libfuzzer() else ())]
    return Options(tuple(names), told.seconds, told.seed, told.keep, told.figures)


def main() -> int:
    """Fuzz for so long, tell what was found, keep what broke."""
    options = _options()
    began, turn, failed = _cpu_s(), 0, 0
    options.keep.mkdir(parents=True, exist_ok=True)
    while _cpu_s() - began < options.seconds:
        name = options.names[turn % len(options.names)]
        found = _try(name, options, turn)
        add_figures(options.figures, name, found)
        _tell(name, found, options.keep)
        failed |= bool(found.broken)
        turn += 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
