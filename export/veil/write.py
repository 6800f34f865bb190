"""Write a model's folder for frames: the veil, its finder, the picture of its memory plan, a README."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeblur import __version__
from edgeblur.export.c_array import Provenance, comment_safe, render
from edgeblur.export.identifier import check_identifier, default_identifier
from edgeblur.export.stream.costs.code_size import CodeSize, measure_code
from edgeblur.export.stream.costs.prices import DEFAULT_CORE
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.report.plan_summary import PlanSummary, summarize, with_instructions
from edgeblur.export.stream.report.show_plan import plan_svg
from edgeblur.export.tflite.graph import Graph
from edgeblur.export.tflite.inside import read_settled
from edgeblur.export.tflm.write import frame_file_names, refuse_keras, refuse_stranger_files
from edgeblur.export.veil.compile import CompiledFrames, FrameOptions, compile_frames
from edgeblur.export.veil.emit import FINDER
from edgeblur.files import new_folder, write_bytes, write_text

HELD = {
    "buffer": "the camera's driver owns whole frames, and they are veiled in place.",
    "live": "nowhere. A row is veiled by the mask of the frame before, as soon as it comes.",
    "rows": "rows wait until their own frame's mask is known.",
}


@dataclass(frozen=True, eq=False)
class FrameExport:
    """What was written.

    Attributes:
        name: prefix of everything public in the C.
        folder: where the files lie.
        files: their names.
        graph: the model.
        options: what the C was written for, and whose instructions are predicted.
        frames: the finder, the veil, their C.
        code: measured size of the compiled C; None if no compiler is installed.
    """

    name: str
    folder: Path
    files: tuple[str, ...]
    graph: Graph
    options: StreamOptions
    frames: CompiledFrames
    code: CodeSize | None

    def summary(self) -> PlanSummary:
        """The finder's plan, with predicted instructions where such a core was counted."""
        compiled = self.frames.compiled
        return with_instructions(summarize(compiled), compiled.net, self.options)

    def as_json(self) -> dict[str, Any]:
        """For `--json`; what is unknown is absent."""
        files, code = self.frames.files, self.code
        flash = {"flash_bytes": code.flash_bytes, "code_bytes": code.code_bytes, "code_for": code.told} if code else {}
        return {
            "name": self.name,
            "engine": "stream",
            "optimize": self.options.optimize,
            **self.frames.plan.facts.as_json(),
            "files": [str(self.folder / file) for file in self.files],
            "size_bytes": self.graph.size_bytes,
            "sha256": self.graph.sha256,
            "ram_bytes": files.ram_bytes,
            "state_bytes": files.state_bytes,
            "row_bytes": files.row_bytes,
            "constant_bytes": files.constant_bytes,
            **flash,
            "macs": self.frames.compiled.net.macs * self.frames.plan.looks,
            "plan": self.summary().as_json(),
        }


def export_frames(
    tflite: Path,
    out: Path,
    frames: FrameOptions,
    options: StreamOptions | None = None,
    *,
    name: str | None = None,
    title: str | None = None,
    force: bool = False,
    check: Callable[[Path], None] | None = None,
) -> FrameExport:
    """Write `NAME.h`, `NAME.c`, `NAME_finder.*`, `plan.svg` and `README.txt` into the folder `out`, all or none.

    The same model and options give the same bytes, whenever and wherever they are written.

    Args:
        tflite: an int8 mask head, or a finder.
        out, name, title, force, check: as `export_stream` takes them.
        frames: of which size, in which format, held how.
        options: as `compile_frames` takes them; their core is `DEFAULT_CORE` if none is named.

    Raises:
        UserError: no whole int8 .tflite with a mask, options that do not go together, no identifier, or a folder that
            is not free.
        RunError: the disk is full.
    """
    refuse_keras(tflite)
    name = check_identifier(name) if name is not None else default_identifier(tflite.stem)
    title = title or tflite.name
    graph = read_settled(tflite, name=title)
    if force:
        refuse_stranger_files(out)
    options = options or StreamOptions()
    options = replace(options, core=options.core or DEFAULT_CORE)
    provenance = Provenance(comment_safe(title), name, graph, options.arguments + frames.told)
    compiled = compile_frames(graph, frames, provenance, options)
    readme = render(
        "veil_README.txt.j2", name=name, version=__version__, lines=provenance.lines, files=compiled.files,
        plan=compiled.plan, held=HELD[frames.hold],
    )  # fmt: skip
    with new_folder(out, force=force) as folder:
        compiled.files.write(folder, name)
        if check is not None:
            check(folder / f"{name}.c")
            check(folder / f"{name}{FINDER}.c")
        write_bytes(folder / f"{name}{FINDER}.tflite", compiled.finder.data)
        write_text(folder / "plan.svg", plan_svg(compiled.compiled))
        write_text(folder / "README.txt", readme)
    code = measure_code(compiled.files, name, options.optimize)
    return FrameExport(name, out, frame_file_names(name), graph, options, compiled, code)
