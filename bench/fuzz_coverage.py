"""How much of the C the kept inputs of tests/corpus reach, by clang's coverage: lines and regions, target by target.

PYTHONPATH=tests/helpers python bench/fuzz_coverage.py
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from fuzz_c import C_TARGETS, CORPUS, HERE

FLAGS = ("-O0", "-fprofile-instr-generate", "-fcoverage-mapping", "-xc", str(HERE / "fuzz_main.c"))


def summaries(name: str, folder: Path) -> list[dict[str, dict[str, int]]]:
    """What llvm-cov says of each covered file of a target."""
    program, raw, merged = C_TARGETS[name].build(folder, FLAGS), folder / "raw", folder / "merged"
    environment = {**os.environ, "LLVM_PROFILE_FILE": str(raw)}
    files = sorted((CORPUS / name).glob("*.bin"))
    subprocess.run([program, *files], env=environment, stderr=subprocess.DEVNULL, check=True)
    subprocess.run(["llvm-profdata", "merge", "-o", merged, raw], check=True)
    command = ["llvm-cov", "export", "-summary-only", "-instr-profile", merged, program]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    wanted = re.compile(rf"(?:^|/)(?:{C_TARGETS[name].covered})$")
    return [file["summary"] for file in told["data"][0]["files"] if wanted.search(file["filename"])]


def main() -> None:
    """Print a table."""
    print("| target | lines reached | regions reached |\n|---|---|---|")
    for name in C_TARGETS:
        with tempfile.TemporaryDirectory(prefix="coverage-") as place:
            found = summaries(name, Path(place))
        cells = []
        for kind in ("lines", "regions"):
            covered, count = (sum(each[kind][what] for each in found) for what in ("covered", "count"))
            cells.append(f"{covered:,} of {count:,} ({covered / count:.0%})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
