"""Write a model's folder for firmware: .tflite, C array, and what TensorFlow Lite Micro needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur import __version__
from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance, c_array, comment_safe, render
from edgeblur.export.identifier import check_identifier, default_identifier
from edgeblur.export.tflite.cost import Cost, cost
from edgeblur.export.tflite.graph import Graph, Tensor, read_file, read_tflite
from edgeblur.export.tflm.arena import Arena, record_arena
from edgeblur.export.tflm.differences import differences
from edgeblur.export.tflm.ops import missing_kernels, tflm_header
from edgeblur.files import new_folder, refuse_others, write_bytes, write_text

_KERAS = frozenset({".h5", ".hdf5", ".keras"})


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Attributes:
        name: the array's C identifier.
        folder: where the files lie.
        files: their names.
        graph: the model.
        arena: what TensorFlow Lite Micro needs to run it, or why that is not known.
        cost: its MACs and parameters.
        remarks: sentences that the user should read.
    """

    name: str
    folder: Path
    files: tuple[str, ...]
    graph: Graph
    arena: Arena
    cost: Cost
    remarks: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For `--json`; what is unknown is absent."""
        data = {
            "name": self.name,
            "files": [str(self.folder / file) for file in self.files],
            "size_bytes": self.graph.size_bytes,
            "sha256": self.graph.sha256,
            "arena_bytes": self.arena.bytes,
            "macs": self.cost.macs,
            "parameters": self.cost.parameters,
            "remarks": list(self.remarks),
        }
        return {key: value for key, value in data.items() if value is not None}


def _not_finite(tensor: Tensor) -> bool:
    return tensor.is_plain and not np.isfinite(tensor.array()).all()


def _remarks(graph: Graph, arena: Arena) -> tuple[str, ...]:
    remarks = []
    if any("float" in tensor.dtype for tensor in graph.tensors):
        remarks.append("this model computes in float, at least in part: for int8 run `edgeblur quantize --int8` first")
    if broken := next((t.name for t in graph.tensors if "float" in t.dtype and _not_finite(t)), None):
        remarks.append(
            f"its constant {broken!r} has infinite numbers or NaN: it is damaged, or its training went astray"
        )
    if missing := missing_kernels(graph):
        remarks.append(f"TensorFlow Lite Micro has no kernel for {', '.join(missing)}: the _tflm.h stops with #error")
    remarks += [
        f"{told}: these bytes are not LiteRT's. `edgeblur export --engine stream` gives them, and "
        "`edgeblur validate --engine litert-ref,tflm` counts the difference"
        for told in differences(graph)
    ]
    if arena.why_not is not None:
        remarks.append(f"the arena is not known and left out of the _tflm.h: {arena.why_not}")
    return tuple(remarks)


def refuse_stranger_files(out: Path) -> None:
    """With --force the folder is replaced whole, so it must hold nothing but an earlier export, of either engine.

    Raises:
        UserError: it is a file, or holds something else.
    """
    if out.exists() and not out.is_dir():  # a device as well
        raise UserError(f"{out} is a file: give a folder to export into")
    present = {entry.name for entry in out.iterdir()} if out.is_dir() else set()
    ends = ("_tflm.h", "_weights.h")
    names = [file.removesuffix(end) for end in ends for file in present if file.endswith(end)]
    ours = {"README.txt", *(file for name in names for file in (*_file_names(name), *stream_file_names(name)))}
    ours |= {file for name in names for file in frame_file_names(name.removesuffix("_finder"))}
    refuse_others(out, ours)


def stream_file_names(name: str) -> tuple[str, ...]:
    """What an export for the streaming engine consists of."""
    return (f"{name}.h", f"{name}.c", f"{name}_weights.h", "plan.svg", "README.txt")


def frame_file_names(name: str) -> tuple[str, ...]:
    """What an export for frames consists of: the veil, its finder for the streaming engine, and that as a .tflite."""
    finder = f"{name}_finder"
    return (f"{name}.h", f"{name}.c", *stream_file_names(finder), f"{finder}.tflite")


def _file_names(name: str) -> tuple[str, ...]:
    return (f"{name}.tflite", f"{name}.h", f"{name}.c", f"{name}_tflm.h", "README.txt")


def refuse_keras(path: Path) -> None:
    """Raise a `UserError` for a Keras model: it must be converted first."""
    if path.suffix.lower() in _KERAS:
        raise UserError(f"{path} is a Keras model: export what `edgeblur quantize --int8 {path} --data DATASET` makes")


def export_model(
    tflite: Path, out: Path, *, name: str | None = None, title: str | None = None, force: bool = False,
    check: Callable[[Path], None] | None = None,
) -> ExportResult:  # fmt: skip
    """Write `NAME.tflite`, `NAME.h`, `NAME.c`, `NAME_tflm.h` and `README.txt` into the folder `out`, all or none.

    The same model and name give the same bytes, whenever and wherever they are written.

    Args:
        tflite: the model, int8 or float.
        out: a new or empty folder; with `force` also an earlier export's, which is replaced.
        name: of the C array; by default made from the file's name.
        title: what comments and messages call the model; by default the file's name.
        force: replace an earlier export.
        check: gets `NAME.c` before anything is in its place, and raises an error if that should not be.

    Raises:
        UserError: no whole .tflite (or a Keras model), no identifier, or a folder that is not free.
        RunError: the disk is full.
    """
    refuse_keras(tflite)
    name = check_identifier(name) if name is not None else default_identifier(tflite.stem)
    data = read_file(tflite)
    title = title or tflite.name
    graph = read_tflite(tflite, name=title)
    if force:
        refuse_stranger_files(out)
    provenance = Provenance(comment_safe(title), name, graph)
    with new_folder(out, force=force) as folder:
        arena = record_arena(data)
        array = c_array(data, provenance)
        readme = render("README.txt.j2", name=name, version=__version__, lines=provenance.lines, arena=arena)
        texts = (array.header, array.source, tflm_header(provenance, arena), readme)
        files = _file_names(name)
        write_bytes(folder / files[0], data)
        for file, text in zip(files[1:], texts, strict=True):
            write_text(folder / file, text)
        if check is not None:
            check(folder / f"{name}.c")
    return ExportResult(name, out, files, graph, arena, cost(graph), _remarks(graph, arena))
