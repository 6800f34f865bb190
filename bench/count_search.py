"""Is what `edgeblur search` predicts of a net what the emulated board counts? For nets of the search, not of the fit.

    python bench/count_search.py [--nets 10] [--seed 0] [--study URL] [--board mps2-an386 ...] [--json FILE]

Nets of random choices, or the front of a study, with random weights, made int8 by TensorFlow's converter. For each
board and net: instructions of a picture as the search predicts them, from a graph that no converter saw, and as counted
(`edgeblur run --optimize speed`), the difference in per cent, and bytes that differ from LiteRT's reference. Exit code
1 where a byte differs or a net is off by more than 5 %.
"""

from __future__ import annotations

import argparse
import functools
import json
import random
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import edgeblur
from edgeblur.distill.nets.mask_head import LOGIT, MaskSpec, build_mask_head
from edgeblur.export.stream.options import StreamOptions
from edgeblur.firmware_harness.emulation.run import EmulatedOptions
from edgeblur.quantize.convert import to_quantized
from edgeblur.search.budget import Budget, cost_of
from edgeblur.search.space import described, suggest_spec

TOLERANCE = 0.05
BOARDS = ("mps2-an386",)


class Drawn:
    """What stands in the place of Optuna's trial: each choice is drawn."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """One of the choices."""
        return self._random.choice(choices)


@dataclass(frozen=True)
class Row:
    """One net on one board; instructions are those of a picture."""

    net: str
    board: str
    predicted: int
    counted: int
    differing_bytes: int

    @property
    def off(self) -> float:
        """Predicted less counted, as a share of counted."""
        return self.predicted / self.counted - 1


@functools.cache
def converted(spec: MaskSpec) -> bytes:
    """The net of a spec with random weights, quantized over random pictures."""
    net = build_mask_head(spec)
    logit = net.get_layer(LOGIT)
    kernel, bias = logit.get_weights()
    logit.set_weights([kernel, bias + 2.3])  # so that masks are seen, and the blend has a scale
    draw = np.random.default_rng(0)
    return to_quantized(net, [draw.random((1, spec.height, spec.width, 3), np.float32) for _ in range(2)])


def counted(spec: MaskSpec, board: str, folder: Path) -> Row:
    """The row of a net."""
    cost = cost_of(spec, Budget(board))
    if cost is None or cost.instructions is None:
        raise SystemExit(f"{described(spec)} has no predicted instructions on {board}")
    path = folder / "net.tflite"
    path.write_bytes(converted(spec))
    options = EmulatedOptions(random=1, stream=StreamOptions("speed"))
    run = edgeblur.run_on_board(path, board, options)
    return Row(described(spec), board, cost.instructions, run.ran.instructions, run.comparison.differing_bytes)


def specs(nets: int, seed: int, study: str | None) -> list[MaskSpec]:
    """The nets to count."""
    if study is None:
        return [suggest_spec(Drawn(seed + number)) for number in range(nets)]
    from edgeblur.search.study import front, read_study

    return [one.spec for one in front(read_study(study))][:nets]


def main() -> None:
    """Print a line for each net and board, and the worst."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--study", help="the front of this study, instead of random choices")
    parser.add_argument("--board", action="append")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for spec in specs(options.nets, options.seed, options.study):
            for board in options.board or BOARDS:
                rows.append(row := counted(spec, board, Path(folder)))
                told = f"{row.predicted / 1e6:.2f} M predicted, {row.counted / 1e6:.2f} M counted, {row.off:+.1%}"
                print(f"{row.board}, {row.net}: {told}, {row.differing_bytes} bytes differ", flush=True)
    worst = max(rows, key=lambda row: abs(row.off))
    print(f"{len(rows)} rows; the worst is off by {worst.off:+.1%}")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    sys.exit(int(abs(worst.off) > TOLERANCE or any(row.differing_bytes for row in rows)))


if __name__ == "__main__":
    main()
