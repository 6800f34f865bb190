"""What libFuzzer is let loose on: generated C and the serial firmware, each with a harness fuzz_*.c of this folder."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from int8_nets import Int8Net, unet
from stream_c import compiler, write_list, write_net
from veil_c import FINDER, FIRMWARE, tiny_finder, write_veil

from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.veil.plan import VeilOptions, plan_veil
from edgeblur.firmware_harness.shell.model import SERIAL_FILES, copy_firmware, firmware_model, write_engine

HERE = Path(__file__).parent
CORPUS = HERE.parent / "corpus"
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DEDGEBLUR_ASSERT=assert", "-include",
               "assert.h")  # fmt: skip


def _unet(size: tuple[int, int]) -> bytes:
    net = Int8Net(seed=13)
    return net.tflite(unet(net, 2, 2, size))


def _strided() -> bytes:
    net = Int8Net(seed=6)
    x = net.conv(net.picture(22, 11, 1, 1 / 128, 0), 3, (2, 1), stride=(3, 1), padding="VALID", scale=0.02, gain=2)
    x = net.depthwise(net.conv(x, 5, (3, 2), stride=(2, 2), scale=0.02, gain=2), dilation=(2, 1))
    return net.tflite(net.up_conv(x, 3, (3, 3), scale=0.02, zero_point=11))


def _write_stream(folder: Path) -> list[Path]:
    names = []
    for shape, data in (("unet", _unet((16, 12))), ("strided", _strided())):
        for optimize in ("size", "speed"):
            names.append(f"{shape}_{optimize}")
            write_net(read_tflite(data), names[-1], folder, optimize=optimize)
    write_list(folder, names)
    return [folder / f"{name}.c" for name in names]


def _write_veil(hold: str) -> Callable[[Path], list[Path]]:
    def write(folder: Path) -> list[Path]:
        finder = tiny_finder(16, 16)
        blind = VeilOptions(0.998, 1.0)  # it sees no face: what is grey was withheld
        write_veil(finder, plan_veil(finder, (4, 3), pixels="gray8", hold=hold, options=blind), folder)
        return [folder / "model.c", folder / f"model{FINDER}.c"]

    return write


def _write_protocol(folder: Path) -> list[Path]:
    (folder / "tiny.tflite").write_bytes(_unet((16, 16)))
    model = firmware_model(folder / "tiny.tflite")
    write_engine(folder, model, "host")
    copy_firmware(folder, SERIAL_FILES)
    return [folder / name for name in model.engine.sources]  # the harness includes protocol.c


@dataclass(frozen=True)
class CTarget:
    """A harness, and what it is compiled with.

    Attributes:
        harness: a file of tests/helpers.
        write: writes the generated C into a folder; returns the `.c` files.
        covered: which files' coverage is of interest.
    """

    harness: str
    write: Callable[[Path], list[Path]]
    covered: str

    def build(self, folder: Path, flags: Sequence[str], *, tool: str = "clang") -> Path:
        """Compile it to a program in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        sources = [HERE / self.harness, *self.write(folder)]
        program = folder / "fuzz"
        command = [compiler(tool), "-std=c99", "-O1", "-g1", *flags, f"-I{folder}", f"-I{FIRMWARE}", f"-I{HERE}"]
        command += [*map(str, sources), "-o", str(program)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:4000]
        return program


C_TARGETS = {
    "c-stream": CTarget("fuzz_stream.c", _write_stream, r"(unet|strided)_\w+\.c"),
    "c-veil-live": CTarget("fuzz_veil.c", _write_veil("live"), r"model(_finder)?\.c"),
    "c-veil-rows": CTarget("fuzz_veil.c", _write_veil("rows"), r"model(_finder)?\.c"),
    "c-veil-buffer": CTarget("fuzz_veil.c", _write_veil("buffer"), r"model(_finder)?\.c"),
    "c-protocol": CTarget("fuzz_protocol.c", _write_protocol, r"protocol\.c|engine_stream\.c"),
}


def has_libfuzzer() -> bool:
    """Whether clang is there with its fuzzer's runtime (Debian: libclang-rt-dev)."""
    try:
        told = subprocess.run(["clang", "-print-resource-dir"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    return any(Path(told.strip()).glob("lib/*/libclang_rt.fuzzer*"))


@dataclass(frozen=True)
class CFound:
    """What libFuzzer says at its end.

    Attributes:
        executions: inputs.
        corpus: inputs that reach something of their own.
        cpu_s: it took so much CPU time.
        broken: what the sanitizers or the harness said; "" for nothing.
    """

    executions: int
    corpus: int
    cpu_s: float
    broken: str


def run_fuzzer(program: Path, corpus: Sequence[Path], *, cpu_s: float, artifacts: Path) -> CFound:
    """Let it run for so much CPU time; new inputs go into the first folder, and what breaks into another."""
    artifacts.mkdir(parents=True, exist_ok=True)
    before, executions, kept, broken = os.times(), 0, 0, ""
    while not broken and (spent := _children_s(before)) < cpu_s:
        seconds = max(1, min(30, round(cpu_s - spent)))  # of the wall, which a crowded machine stretches
        command = [str(program), f"-max_total_time={seconds}", "-print_final_stats=1", "-max_len=1500", "-timeout=60"]
        command += [f"-artifact_prefix={artifacts}/", *map(str, corpus)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        executions += _number(r"stat::number_of_executed_units: *(\d+)", done.stderr)
        kept = _number(r"corp: (\d+)/", done.stderr)
        broken = _reason(done.stderr) if done.returncode else ""
    return CFound(executions, kept, _children_s(before), broken)


def _children_s(before: os.times_result) -> float:
    now = os.times()
    return now.children_user + now.children_system - before.children_user - before.children_system


def _number(pattern: str, text: str) -> int:
    """The last number that a pattern finds, 0 for none."""
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def _reason(text: str) -> str:
    found = re.search(r"SUMMARY: (.*)|runtime error: (.*)", text)
    return (found[0] if found else text.strip().rpartition("\n")[2])[:300] or "it ended without a word"


FUZZER_FLAGS = ("-fsanitize=fuzzer", *_SANITIZERS)
"""For `CTarget.build`: with libFuzzer's own main."""

REPLAY_FLAGS = (*_SANITIZERS, "-xc", str(HERE / "fuzz_main.c"))
"""With a main that runs the files it is given; any compiler takes these."""
