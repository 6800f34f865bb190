"""Models as `fit` takes them: found by what a user typed, and planned, or known from models/footprints.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflm.arena import Arena, record_arena
from edgeblur.files import sha256
from edgeblur.firmware_harness.fit.needs import Candidate
from edgeblur.models.arenas import known_arena
from edgeblur.models.choose import Chosen, choose_tflite
from edgeblur.models.footprints import known_footprint
from edgeblur.store.run_folder import Run


def choose_candidates(paths: Sequence[Path], name: str | None) -> list[Chosen]:
    """The models that a user means: files, one of a run by its name, or all int8 models of a run.

    Raises:
        UserError: a path leads to no .tflite.
    """
    chosen: list[Chosen] = []
    for path in paths:
        whole = name is None and (path / "run.json").is_file()
        models = [model for model in Run(path).models() if model.int8_tflite.exists()] if whole else []
        found = [Chosen(model.int8_tflite, Run(path), model) for model in models]
        chosen += found or [choose_tflite(path, name)]
    return chosen


def examine(chosen: Chosen, options: StreamOptions | None = None, *, arena: Arena | None = None) -> Candidate:
    """What a model takes with the streaming engine, and TensorFlow Lite Micro's arena.

    Args:
        chosen: an int8 model, or one of which only the arena is of interest.
        options: aim and budgets; the core is each board's own.
        arena: if it was recorded before.

    Raises:
        UserError: no whole .tflite.
    """
    options = replace(options or StreamOptions(), core=None)
    recorded = chosen.shelf_name is not None and options == StreamOptions()
    if recorded and (known := _known(chosen, arena)) is not None:
        return known
    from edgeblur.firmware_harness.fit.plan import plan_candidate  # and with it the compiler, NumPy, LiteRT's schema

    return plan_candidate(chosen, options, arena=arena)


def _known(chosen: Chosen, arena: Arena | None) -> Candidate | None:
    """A model of the shelf as it was recorded; None if it was not, or by a compiler whose code was another."""
    data = chosen.path.read_bytes()
    digest = sha256(data)
    known = known_footprint(digest)
    if known is None:
        return None
    arena = arena or known_arena(digest) or record_arena(data)
    return Candidate(
        chosen.name, len(data), StreamOptions(), known.footprint, known.why_not, arena,
        tflm_differs=known.tflm_differs,
    )  # fmt: skip
