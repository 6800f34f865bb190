"""Models as `fit` takes them, planned by the streaming engine's compiler."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from edgeblur.errors import DoesNotFit, Unsupported
from edgeblur.export.c_array import Provenance, comment_safe
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.costs.choose import cost_on
from edgeblur.export.stream.costs.footprint import Footprint
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.report.footprints import footprint_of
from edgeblur.export.tflite.graph import Graph, read_file
from edgeblur.export.tflite.outputs import several_outputs
from edgeblur.export.tflm.arena import Arena, record_arena
from edgeblur.export.tflm.differences import differences
from edgeblur.export.veil.compile import CompiledFrames, FrameOptions, compile_frames, plan_frames
from edgeblur.export.veil.cost import veil_code_bytes, veil_instructions
from edgeblur.firmware_harness.boards.boards import Board, options_for
from edgeblur.firmware_harness.fit.needs import Candidate, Part, Parts, VeilNeeds, round_up
from edgeblur.firmware_harness.shell.model import NAME
from edgeblur.firmware_harness.shell.reserved import BEGUN_BYTES
from edgeblur.models.arenas import known_arena
from edgeblur.models.choose import Chosen, called
from edgeblur.models.read import read_model


def plan_candidate(chosen: Chosen, options: StreamOptions, *, arena: Arena | None = None) -> Candidate:
    """Plan a model for the streaming engine, and record TensorFlow Lite Micro's arena meanwhile.

    Args:
        chosen: an int8 model, or one of which only the arena is of interest.
        options: aim and budgets, without a core.
        arena: if it was recorded before.

    Raises:
        UserError: no whole .tflite.
    """
    graph, data = read_model(chosen.path), read_file(chosen.path)
    with ThreadPoolExecutor(1) as pool:
        recorded = pool.submit(lambda: arena or known_arena(graph.sha256) or record_arena(data))
        direct, why_not = None, None
        compile_for = functools.partial(compile_stream, graph, _provenance(chosen, graph))
        try:
            direct = footprint_of(compile_for(options))
        except (DoesNotFit, Unsupported) as error:  # TensorFlow Lite Micro may take it
            why_not = str(error)
        suited = None if options.optimize == "size" or direct is None else _suited(compile_for, direct, options)
        return Candidate(
            chosen.name, graph.size_bytes, options, direct, why_not, recorded.result(), suited,
            tflm_differs=differences(graph), outputs=several_outputs(graph),
        )  # fmt: skip


def compile_suited(chosen: Chosen, options: StreamOptions, board: Board) -> Compiled:
    """Compile a model with the kernels that suit a board, as `fit` takes it there.

    Raises:
        UserError: no whole .tflite, or the streaming engine refuses it.
    """
    graph = read_model(chosen.path)
    return compile_stream(graph, _provenance(chosen, graph), options_for(board, options))


def _provenance(chosen: Chosen, graph: Graph) -> Provenance:
    return Provenance(comment_safe(called(chosen.path)), NAME, graph)


def _suited(
    compile_for: Callable[[StreamOptions], Compiled], direct: Footprint, options: StreamOptions
) -> Callable[[Board], Footprint]:
    """Compile for a board, once for all with its core and its flash; where no other kernels are, it is done already."""
    cached = functools.cache(lambda wanted: footprint_of(compile_for(wanted)))

    def suited(board: Board) -> Footprint:
        return cached(options_for(board, options)) if cost_on(board.core.name) else direct

    return suited


def examine_frames(chosen: Chosen, frames: FrameOptions, options: StreamOptions | None = None) -> Candidate:
    """Plan a mask head for frames of a camera's size.

    Args:
        chosen: an int8 mask head.
        frames: of which size, in which format, held how.
        options: aim and budgets, as `compile_frames` takes them.

    Raises:
        UserError: it has no mask, or options do not go together.
    """
    graph = read_model(chosen.path)
    return _framed(chosen.name, graph, _provenance(chosen, graph), frames, options or StreamOptions())


def plan_graph(graph: Graph, options: StreamOptions, frames: FrameOptions | None = None) -> Candidate:
    """Plan a graph that lies in no file, for the streaming engine alone.

    Args:
        graph: an int8 net.
        options: aim and budgets; the core is each board's own.
        frames: as `examine_frames` takes them, for a mask head.

    Raises:
        DoesNotFit, Unsupported: the streaming engine refuses it.
        UserError: the frames do not go together with the net.
    """
    provenance = Provenance(graph.name, NAME, graph)
    if frames is not None:
        return _framed(graph.name, graph, provenance, frames, options)
    compile_for = functools.partial(compile_stream, graph, provenance)
    direct = footprint_of(compile_for(options))
    suited = None if options.optimize == "size" else _suited(compile_for, direct, options)
    return Candidate(graph.name, 0, options, direct, None, Arena(None, "it was not asked"), suited)


def _framed(
    name: str, graph: Graph, provenance: Provenance, frames: FrameOptions, options: StreamOptions
) -> Candidate:  # fmt: skip
    compiled = functools.cache(functools.partial(compile_frames, graph, frames, provenance))

    def compiled_on(board: Board) -> CompiledFrames:
        return compiled(options_for(board, options))

    plan_frames(graph, frames)  # what is wrong is reported at once
    return Candidate(
        name, graph.size_bytes, options, None, None, Arena(None, "it has no veil for frames"),
        suited=lambda board: footprint_of(compiled_on(board).compiled),
        veiled=lambda board: _veil_needs(compiled_on(board), board.core.name, options.optimize),
    )  # fmt: skip


def _veil_needs(frames: CompiledFrames, core: str, optimize: str) -> VeilNeeds:
    plan, constants = frames.plan, frames.files.constant_bytes
    return VeilNeeds(
        _frame_parts(frames),
        constants,
        veil_code_bytes(plan),
        veil_instructions(plan, core, optimize),
        plan.looks,
        plan.facts,
    )


def _frame_parts(frames: CompiledFrames) -> Parts:
    """The same with a veil; begun is what the loop over frames keeps."""
    plan, files = frames.plan, frames.files
    state = Part("state", round_up(files.state_bytes), "exact")
    loop = Part("loop", BEGUN_BYTES, "exact")
    if plan.hold == "buffer":
        return state, loop, Part("frame", round_up(plan.height * plan.row_bytes), "exact", "the camera driver's")
    return state, loop, Part("row", round_up(plan.row_bytes), "exact")
