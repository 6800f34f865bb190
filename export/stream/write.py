"""Write a model's folder for the streaming engine: three C files, the picture of its memory plan, a README."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeblur import __version__
from edgeblur.export.c_array import Provenance, comment_safe, render
from edgeblur.export.identifier import check_identifier, default_identifier
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.costs.code_size import StreamCost, stream_cost
from edgeblur.export.stream.costs.prices import DEFAULT_CORE
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.report.plan_summary import PlanSummary, summarize, with_instructions
from edgeblur.export.stream.report.show_plan import plan_svg
from edgeblur.export.tflite.graph import Graph
from edgeblur.export.tflite.inside import read_settled, without_ends
from edgeblur.export.tflite.outputs import outputs_as_json, several_outputs
from edgeblur.export.tflm.write import refuse_keras, refuse_stranger_files, stream_file_names
from edgeblur.files import new_folder, write_text


@dataclass(frozen=True)
class StreamExport:
    """What was written.

    Attributes:
        options: aim, budgets, and the core for which kernels are chosen and instructions predicted; by default little
            flash, and `DEFAULT_CORE`.
        name: prefix of everything public in the C.
        folder: where the files lie.
        files: their names.
        graph: the model.
        options: what the C was written for; its core is the one whose instructions are predicted.
        compiled: the net, its schedule, its plan, its C.
        cost: its RAM, flash and work.
    """

    name: str
    folder: Path
    files: tuple[str, ...]
    graph: Graph
    options: StreamOptions
    compiled: Compiled
    cost: StreamCost

    def summary(self) -> PlanSummary:
        """The plan, with predicted instructions where such a core was counted."""
        return with_instructions(summarize(self.compiled), self.compiled.net, self.options)

    def as_json(self) -> dict[str, Any]:
        """For `--json`; what is unknown is absent."""
        return {
            "name": self.name,
            "engine": "stream",
            "optimize": self.options.optimize,
            "files": [str(self.folder / file) for file in self.files],
            "size_bytes": self.graph.size_bytes,
            "sha256": self.graph.sha256,
            **outputs_as_json(several_outputs(self.graph)),
            **self.cost.as_json(),
            "plan": self.summary().as_json(),
        }


def export_stream(
    tflite: Path,
    out: Path,
    options: StreamOptions | None = None,
    *,
    name: str | None = None,
    title: str | None = None,
    force: bool = False,
    check: Callable[[Path], None] | None = None,
) -> StreamExport:
    """Write `NAME.h`, `NAME.c`, `NAME_weights.h`, `plan.svg` and `README.txt` into the folder `out`, all or none.

    The same model and options give the same bytes, whenever and wherever they are written.

    Args:
        tflite: an int8 model.
        out: a new or empty folder; with `force` also an earlier export's, which is replaced.
        options: aim, budgets, and the core for which kernels are chosen and instructions predicted; by default little
            flash, and `DEFAULT_CORE`.
        name: prefix of everything public in the C; by default made from the file's name.
        title: what comments and messages call the model; by default the file's name.
        force: replace an earlier export.
        check: gets `NAME.c` before anything is in its place, and raises an error if that should not be.

    Raises:
        UserError: no whole int8 .tflite, an op that cannot be streamed, a budget that cannot be met, no identifier,
            or a folder that is not free.
        RunError: the disk is full.
    """
    refuse_keras(tflite)
    name = check_identifier(name) if name is not None else default_identifier(tflite.stem)
    title = title or tflite.name
    graph = without_ends(read_settled(tflite, name=title))
    if force:
        refuse_stranger_files(out)
    options = options or StreamOptions()
    options = replace(options, core=options.core or DEFAULT_CORE)
    provenance = Provenance(comment_safe(title), name, graph, options.arguments)
    compiled = compile_stream(graph, provenance, options)
    readme = render(
        "stream_README.txt.j2", name=name, version=__version__, lines=provenance.lines, files=compiled.files
    )
    with new_folder(out, force=force) as folder:
        compiled.files.write(folder, name)
        if check is not None:
            check(folder / f"{name}.c")
        write_text(folder / "plan.svg", plan_svg(compiled))
        write_text(folder / "README.txt", readme)
    cost = stream_cost(compiled, name, options.optimize)
    return StreamExport(name, out, stream_file_names(name), graph, options, compiled, cost)
