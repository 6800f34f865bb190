"""The mask part of mask nets in files of their own, for `distill --mask-alone` and `quantize --output mask`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgeblur.progress import out as stdout
from edgeblur.store.run_folder import RunModel


def write_masks(models: Sequence[RunModel], *, int8: bool, force: bool) -> list[Path]:
    """Write the mask part of each model that has one into a file beside it.

    Args:
        models: of a run.
        int8: cut the int8 form, not the float one.
        force: replace an earlier file.

    Returns:
        The files.
    """
    from edgeblur.export.tflite.finder import has_mask, write_finder
    from edgeblur.models.read import read_model

    written = []
    for model in models:
        graph = read_model(model.int8_tflite if int8 else model.float_tflite)
        if has_mask(graph):
            of_int8, of_float = model.masks
            written.append(write_finder(graph, of_int8 if int8 else of_float, force=force))
    return written


def show_masks(paths: Sequence[Path]) -> None:
    """Print a line for each file."""
    for path in paths:
        stdout.print(f"{path}: {path.stat().st_size:,} bytes, the mask alone", soft_wrap=True, markup=False)
