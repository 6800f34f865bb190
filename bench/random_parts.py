"""Random nets on this host, part by part: not one byte may differ from what LiteRT's reference kernels give.

    make random NETS=5000
    python bench/random_parts.py [--nets 5000] [--part 100] [--again] [--figures FILE.json]

The tests of tests/stream/test_stream_random.py that look at each net: its bytes on three pictures, its plan row by row,
its drawing, and that a second time gives the same files. After each part bench/random_parts.json notes its seeds,
where the next call goes on; `--again` begins at seed 0. A part that fails is told, and its first seed noted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
FIGURES = Path(__file__).parent / "random_parts.json"
TESTS = ROOT / "tests" / "stream" / "test_stream_random.py"
EACH_NET = (
    "test_random_nets_give_the_reference_bytes",
    "test_each_row_is_made_once_before_it_is_read_and_kept_until_then",
    "test_each_plan_is_drawn_and_told",
    "test_a_second_time_gives_the_same_files",
)


@dataclass
class Figures:
    """Seeds from 0 on that were tried, and the first seeds of parts that failed."""

    nets: int = 0
    failed: list[int] = field(default_factory=list)


def try_part(seeds: range) -> str:
    """Run the tests of some seeds; what they say if one fails, "" if none does."""
    environment = {**os.environ, "EDGEBLUR_RANDOM_FIRST": str(seeds.start), "EDGEBLUR_RANDOM_NETS": str(len(seeds))}
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "--tb=short"]
    command += [f"{TESTS}::{name}" for name in EACH_NET]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def read_figures(path: Path) -> Figures:
    """Where the last call ended."""
    return Figures(**json.loads(path.read_text())) if path.exists() else Figures()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line a part; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=500, help="seeds from 0 on, those of earlier calls included")
    parser.add_argument("--part", type=int, default=100, help="nets that are tried and noted at once")
    parser.add_argument("--again", action="store_true", help="begin at seed 0")
    parser.add_argument("--figures", type=Path, default=FIGURES)
    options = parser.parse_args(arguments)
    figures = Figures() if options.again else read_figures(options.figures)
    while figures.nets < options.nets:
        seeds = range(figures.nets, min(figures.nets + options.part, options.nets))
        if said := try_part(seeds):
            figures.failed.append(seeds.start)
            print(said[-8000:], flush=True)
        figures.nets = seeds.stop
        options.figures.write_text(json.dumps(asdict(figures), indent=2) + "\n")
        print(f"{figures.nets:,} nets, failed parts: {figures.failed or 'none'}", flush=True)
    return int(bool(figures.failed))


if __name__ == "__main__":
    sys.exit(main())
