"""What `edgeblur run` found out about a run's models: kept in RUN/boards.json, for the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeblur import __version__
from edgeblur.export.tflite.graph import read_file
from edgeblur.files import read_object, sha256, write_json
from edgeblur.models.choose import Chosen

NAME = "boards.json"
_DETAILS = ("layers", "sections", "frame_instructions", "frame_ms", "line", "port")
"""What `--json` of a run holds beyond what later reports need."""

_KEY = ("model", "sha256", "board", "optimize", "budget_bytes")
"""A run of the same again replaces the one before."""

Record = dict[str, Any]


def records(folder: Path) -> list[Record]:
    """What boards told of a run folder's models, the latest last; empty if none ran on one.

    Raises:
        UserError: boards.json is damaged.
    """
    path = folder / NAME
    return list(read_object(path).get("runs", [])) if path.exists() else []


def keep_record(chosen: Chosen, result: Record, *, budget_bytes: int | None = None) -> None:
    """Note in a run folder what a board told of one of its models; of a file outside a run nothing is kept.

    Args:
        chosen: the model.
        result: of `--json`: emulated with `instructions`, or at a serial port with `measured_ms`.
        budget_bytes: what `--ram` said.
    """
    if chosen.run is None:
        return
    record = {name: value for name, value in result.items() if name not in _DETAILS}
    record["sha256"] = sha256(read_file(chosen.path))
    if budget_bytes is not None:
        record["budget_bytes"] = budget_bytes
    key = [record.get(name) for name in _KEY]
    others = [other for other in records(chosen.run.folder) if [other.get(name) for name in _KEY] != key]
    write_json(chosen.run.folder / NAME, {"edgeblur": __version__, "runs": [*others, record]})
