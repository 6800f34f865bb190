"""How much the inputs reach: of the C those kept in tests/corpus, by clang's coverage; of the Python mutated ones.

    PYTHONPATH=tests/helpers python bench/fuzz_coverage.py [--python]

`--python` measures the readers instead (pip install coverage): each of them in a process of its own, as imports count.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

READERS = {
    "tflite": ("export/tflite/*.py", "export/stream/*"),
    "labels": ("distill/data/labels.py",),
    "manifest": ("core/store/dataset.py",),
    "run": ("core/store/run_folder.py",),
    "picture": ("core/pictures/images.py", "core/pictures/formats.py"),
    "gates": ("firmware_harness/gates/gates.py",),
    "boards": ("firmware_harness/boards/boards.py",),
    "answer": ("firmware_harness/serial/frames.py",),
}
"""Of each target in Python the files that read its inputs."""
INPUTS = {"tflite": 60}
"""Of a target; of all others 1,000."""
ROOT = Path(__file__).parents[1]

MAIN = ROOT / "tests" / "helpers" / "fuzz_main.c"
FLAGS = ("-O0", "-fprofile-instr-generate", "-fcoverage-mapping", "-xc", str(MAIN))


def summaries(name: str, folder: Path) -> list[dict[str, dict[str, int]]]:
    """What llvm-cov says of each covered file of a target."""
    from fuzz_c import C_TARGETS, CORPUS

    program, raw, merged = C_TARGETS[name].build(folder, FLAGS), folder / "raw", folder / "merged"
    environment = {**os.environ, "LLVM_PROFILE_FILE": str(raw)}
    files = sorted((CORPUS / name).glob("*.bin"))
    subprocess.run([program, *files], env=environment, stderr=subprocess.DEVNULL, check=True)
    subprocess.run(["llvm-profdata", "merge", "-o", merged, raw], check=True)
    command = ["llvm-cov", "export", "-summary-only", "-instr-profile", merged, program]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    wanted = re.compile(rf"(?:^|/)(?:{C_TARGETS[name].covered})$")
    return [file["summary"] for file in told["data"][0]["files"] if wanted.search(file["filename"])]


def print_readers() -> None:
    """Print a table of the Python."""
    print("| target | inputs | lines reached | of |\n|---|---|---|---|")
    for name, files in READERS.items():
        subprocess.run([sys.executable, __file__, "--reader", name, *files], check=True)


def print_reader(name: str, *files: str) -> None:
    """Print one line of it."""
    import coverage

    measured = coverage.Coverage(include=[str(ROOT / file) for file in files], data_file=None)
    with measured.collect():
        from fuzz import fuzz

        found = fuzz(name, executions=INPUTS.get(name, 1000), seed=1)
    lines = missing = 0
    for file in measured.get_data().measured_files():
        _, statements, _, left, _ = measured.analysis2(file)
        lines, missing = lines + len(statements), missing + len(left)
    told = ", ".join(f"`{file}`" for file in files)
    reached = f"{lines - missing:,} of {lines:,} ({1 - missing / lines:.0%})"
    print(f"| {name} | {found.executions:,} | {reached} | {told} |", flush=True)


def print_c() -> None:
    """Print a table of the C."""
    from fuzz_c import C_TARGETS

    print("| target | lines reached | regions reached |\n|---|---|---|")
    for name in C_TARGETS:
        with tempfile.TemporaryDirectory(prefix="coverage-") as place:
            found = summaries(name, Path(place))
        cells = []
        for kind in ("lines", "regions"):
            covered, count = (sum(each[kind][what] for each in found) for what in ("covered", "count"))
            cells.append(f"{covered:,} of {count:,} ({covered / count:.0%})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="store_true", help="measure the readers in Python")
    parser.add_argument("--reader", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.python:
        print_readers()
    elif options.reader:
        print_reader(*options.reader)
    else:
        print_c()


if __name__ == "__main__":
    main()
