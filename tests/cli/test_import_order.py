"""No import points up the house: each room uses only those that stand before it in `ORDER`.

A data set becomes a net, a net a .tflite, a .tflite C, C firmware. Reading .tflite files and writing C need neither
Keras nor a data set, so `export` stands before `quantize`, which looks into the files that it makes. The shelf of
models is in two parts: finding a model stands below the harness, measuring and drawing one above it. Commands and
demos call everything, and nothing calls them but the command line, which finds them by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAGES = ("core", "distill", "quantize", "export", "firmware_harness", "models", "search")

ORDER: tuple[tuple[str, ...], ...] = (
    ("core",),
    ("core/pictures",),
    ("core/detectors",),
    ("core/store",),
    ("distill/data/synthetic",),
    ("distill/data",),
    ("distill/nets", "distill/training"),  # a family of nets says how its nets are trained
    ("distill",),
    ("export/tflite",),
    ("export",),
    ("export/tflm",),
    ("export/stream/net",),
    ("export/stream/ops",),
    ("export/stream/ops/int16",),
    ("export/stream/passes",),
    ("export/stream/planning",),
    ("export/stream", "export/stream/costs", "export/stream/report"),  # `compile` is below the two, `write` above
    ("export/veil",),
    ("models/shelf.py",),
    ("models/arenas.py",),
    ("models/choose.py",),
    ("models/read.py",),
    ("models/footprints.py",),
    ("quantize",),
    ("firmware_harness", "firmware_harness/boards"),
    ("firmware_harness/engines",),
    ("firmware_harness/blurring",),
    ("firmware_harness/privacy",),
    ("firmware_harness/comparison",),
    ("firmware_harness/shell",),
    ("firmware_harness/emulation",),
    ("firmware_harness/fit",),
    ("firmware_harness/page",),
    ("firmware_harness/report",),
    ("firmware_harness/validation",),
    ("firmware_harness/gates",),
    ("firmware_harness/projects",),
    ("firmware_harness/serial",),
    ("models",),
    ("search",),
    ("core/api.py",),
    ("core/demos",),
    ("core/commands",),
)
"""From the ground up; rooms in one line may use each other."""

FLOOR = {room: floor for floor, rooms in enumerate(ORDER) for room in rooms}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "core" else parts
    return ".".join(("edgeblur", *(parts[:-1] if parts[-1] == "__init__" else parts)))


MODULES = {module_name(path): path.relative_to(ROOT) for stage in STAGES for path in (ROOT / stage).rglob("*.py")}


def room(path: Path) -> str:
    return path.as_posix() if path.as_posix() in FLOOR else path.parent.as_posix()


def imported(path: Path) -> Iterator[Path]:
    """The files of ours that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module or "" for name in names]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (MODULES[name] for name in names if name in MODULES)


def test_every_room_has_a_floor() -> None:
    found = {room(path) for path in MODULES.values()}
    assert found == set(FLOOR), "a new folder of code needs a place in ORDER"


def test_no_import_points_up() -> None:
    edges = [(path, target) for path in MODULES.values() for target in imported(path)]
    assert len(edges) > 500
    up = [f"{path} imports {target}" for path, target in edges if FLOOR[room(path)] < FLOOR[room(target)]]
    assert not up, "\n".join(up)
