"""The picture that a report opens with: a few photos of the test split, before and after the student's blur."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from edgeblur.export.tflite.graph import read_tflite
from edgeblur.firmware_harness.comparison.contact_sheet import Column, contact_sheet
from edgeblur.firmware_harness.engines.engines import engine_as_on_a_board, open_engine
from edgeblur.store.dataset import Sample, evenly, open_dataset

_PICTURES, _CELL = 4, 192


def before_after(dataset: Path, model: Path, name: str) -> Image.Image | None:
    """Draw photos with faces, clear and through a model, in pairs: the one with the largest face first.

    Args:
        dataset: whose test split is shown, from the largest face to the smallest.
        model: a .tflite that takes a picture and gives one.
        name: what it is called.

    Returns:
        None where the test split has no face to show.
    """
    data, engine = open_dataset(dataset), open_engine(engine_as_on_a_board(read_tflite(model)), model)
    faced = [sample for sample in data.split("test") if sample.faces]
    shown = evenly(sorted(faced, key=_smallness), _PICTURES)
    if not shown:
        return None
    size = engine.model.input.width, engine.model.input.height
    columns = []
    for sample in shown:
        clear = data.load(sample, size).picture
        columns += [Column("before", [clear]), Column(f"after: {name}", [engine.blur(clear)])]
    return contact_sheet(columns, cell=_CELL)


def _smallness(sample: Sample) -> float:
    return -max(face.box.side for face in sample.faces)
