"""Reading a .tflite under the name that people call it by: after `choose`, which only finds it."""

from __future__ import annotations

from pathlib import Path

from edgeblur.export.tflite.graph import Graph
from edgeblur.export.tflite.inside import Inside, look_inside, read_settled
from edgeblur.models.choose import called


def read_model(path: Path) -> Graph:
    """Read a .tflite file under the name that people call it by.

    Raises:
        UserError: as `read_settled`.
    """
    return read_settled(path, name=called(path))


def read_inside(path: Path, *, size: tuple[int, int] | None = None, output: str | None = None) -> Inside:
    """Read a .tflite file under that name, and take off what a converter put around its integer net.

    Args:
        path: the file.
        size, output: as `look_inside` takes them.

    Raises:
        UserError: as `look_inside`.
    """
    return look_inside(path, size=size, output=output, name=called(path))
