"""What a model will take on a board, and whether it fits: from its plan, without compiling or running anything."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeblur.errors import DoesNotFit, RunError, Unsupported, UserError
from edgeblur.export.c_array import Provenance, comment_safe
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.costs.choose import cost_on
from edgeblur.export.stream.costs.cost import FrameCost, frame_cost
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import read_file
from edgeblur.export.tflm.arena import Arena, record_arena
from edgeblur.export.tflm.differences import differences
from edgeblur.export.veil.compile import CompiledFrames, FrameOptions, compile_frames, plan_frames
from edgeblur.export.veil.cost import CODE_BYTES, veil_instructions
from edgeblur.firmware_harness.boards.boards import Board, Region, options_for
from edgeblur.firmware_harness.emulation.build import BEGUN_BYTES, NAME, PORT_RAM_BYTES, with_stack
from edgeblur.firmware_harness.fit.code_sizes import estimate_code
from edgeblur.models.arenas import known_arena
from edgeblur.models.choose import Chosen, called, choose_tflite, read_model
from edgeblur.store.run_folder import Run

TIGHT_SHARE = 0.1
"""A model that leaves less than this share of the RAM or of the flash is `tight`."""

TFLM_CODE_BYTES = (41_000, 74_000)
"""TensorFlow Lite Micro's code without the model, minimum and maximum: U-Nets of width 4 to 32 with CMSIS-NN, linked
for Cortex-M3 to M55 at -O2 and -O3. The maximum counts."""

SERIAL_BYTES = (56, 700)
"""RAM and flash of the serial protocol, in what `edgeblur firmware` wrote for mps2-an386 around U-Nets of width 4 and 8
at 128x128: `.bss` less state and rows, and flash beyond that of firmware that exchanges files."""

FITS, TIGHT, NO = VERDICTS = ("fits", "tight", "no")


@dataclass(frozen=True)
class Part:
    """Something that takes memory.

    Attributes:
        name: for people.
        size_bytes: of it.
        basis: where the number comes from: `exact`, `reserved`, `measured`, `recorded` or `estimated`.
        note: what else there is to say about it.
    """

    name: str
    size_bytes: int
    basis: str
    note: str = ""


@dataclass(frozen=True)
class Memory:
    """What firmware takes of one memory of a board.

    Attributes:
        kind: `RAM` or `flash`.
        region: the part of the board's memory that it must fit.
        parts: what it consists of.
    """

    kind: str
    region: Region
    parts: tuple[Part, ...]

    @property
    def size_bytes(self) -> int:
        """All parts together."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def missing_bytes(self) -> int:
        """What the region lacks; 0 if it suffices."""
        return max(0, self.size_bytes - self.region.size_bytes)

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        left = self.region.size_bytes - self.size_bytes
        return NO if left < 0 else TIGHT if left < TIGHT_SHARE * self.region.size_bytes else FITS

    def as_json(self) -> dict[str, Any]:
        """Bytes by name; what is missing only where something is."""
        kind = self.kind.lower()
        missing = {f"{kind}_missing_bytes": self.missing_bytes} if self.missing_bytes else {}
        return {
            f"{kind}_bytes": self.size_bytes,
            f"{kind}_available_bytes": self.region.size_bytes,
            f"{kind}_region": self.region.name,
            **missing,
            f"{kind}_parts": {part.name: part.size_bytes for part in self.parts},
        }


@dataclass(frozen=True)
class EngineFit:
    """One engine with a model on a board; without flash, code and constants are in the RAM."""

    memories: tuple[Memory, ...]

    @property
    def verdict(self) -> str:
        """The worst of its memories'."""
        return max((memory.verdict for memory in self.memories), key=VERDICTS.index)

    def memory(self, kind: str) -> Memory | None:
        """`RAM` or `flash`; None where the board has none."""
        return next((memory for memory in self.memories if memory.kind == kind), None)

    def as_json(self) -> dict[str, Any]:
        """`verdict`, and what there is of each memory."""
        result: dict[str, Any] = {"verdict": self.verdict}
        for memory in self.memories:
            result |= memory.as_json()
        return result


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model, as far as boards do not matter.

    Attributes:
        name: for tables.
        size_bytes: of the .tflite.
        options: aim and budgets, whatever the board.
        compiled: for the streaming engine, with direct kernels; None if that refuses it.
        why_not: its refusal.
        tflm_differs: where TensorFlow Lite Micro's bytes are not LiteRT's, layer by layer.
        arena: of TensorFlow Lite Micro.
        compile_for: compiles it with the kernels that suit a board; None if they are direct on all.
        frames_for: compiles it for frames of a camera's size, with the kernels that suit a board; None for pictures of
            the model's own size.
    """

    name: str
    size_bytes: int
    options: StreamOptions
    compiled: Compiled | None
    why_not: str | None
    arena: Arena
    compile_for: Callable[[Board], Compiled] | None = None
    frames_for: Callable[[Board], CompiledFrames] | None = None
    tflm_differs: tuple[str, ...] = ()

    def compiled_for(self, board: Board) -> Compiled | None:
        """For a board; None if the streaming engine refuses it."""
        if self.frames_for is not None:
            return self.frames_for(board).compiled
        return self.compiled if self.compiled is None or self.compile_for is None else self.compile_for(board)


@dataclass(frozen=True, eq=False)
class Fit:
    """A model on a board: what each engine takes; None for one that cannot run it, or whose needs are unknown.

    Attributes:
        candidate: the model.
        board: the board.
        stream: RAM and flash of the streaming engine.
        tflm: of TensorFlow Lite Micro.
        frame: predicted work of the streaming engine; None for a core on which nothing was counted.
        kind: of project, whose clock counts; None for the board's highest.
    """

    candidate: Candidate
    board: Board
    stream: EngineFit | None
    tflm: EngineFit | None
    frame: FrameCost | None = None
    kind: str | None = None

    @property
    def clock_hz(self) -> int | None:
        """The clock that `estimated_ms` is at."""
        return self.board.clock_hz if self.kind is None else self.board.clock_in(self.kind)

    @property
    def estimated_ms(self) -> float | None:
        """Milliseconds a frame at `clock_hz`, without wait states; None where cycles or clock are unknown."""
        cycles = self.frame.cycles if self.frame else None
        return None if cycles is None or self.clock_hz is None else cycles / self.clock_hz * 1e3

    @property
    def verdict(self) -> str | None:
        """The streaming engine's; TensorFlow Lite Micro's where that refuses the model."""
        chosen = self.stream or self.tflm
        return chosen.verdict if chosen else None

    def as_json(self) -> dict[str, Any]:
        """The streaming engine's figures by name, `tflm` with the other's; what is unknown is absent."""
        stream = self.stream.as_json() if self.stream else {"stream_unknown": self.candidate.why_not}
        tflm = {"tflm": self.tflm.as_json()} if self.tflm else {"tflm_unknown": self.candidate.arena.why_not}
        about: dict[str, Any] = {"model": self.candidate.name, "board": self.board.name, "core": self.board.core.name}
        if self.candidate.frames_for is not None:
            about |= self.candidate.frames_for(self.board).plan.as_json()
        return {**about, "optimize": self.candidate.options.optimize, **stream, **self._work_as_json(), **tflm}

    def _work_as_json(self) -> dict[str, Any]:
        predicted = {"predicted_instructions": self.frame.instructions} if self.frame else {}
        if self.frame is None or self.estimated_ms is None:
            return predicted
        estimated = {"estimated_cycles": self.frame.cycles, "estimated_ms": round(self.estimated_ms, 3)}
        return {**predicted, **estimated, "clock_hz": self.clock_hz}

    def check(self) -> None:
        """Refuse what does not fit.

        Raises:
            RunError: the sentence says what is missing; also where the streaming engine cannot keep to its RAM.
            UserError: the streaming engine refuses the model, and TensorFlow Lite Micro's needs are unknown.
        """
        if self.stream is None and self.candidate.options.ram_bytes is not None:  # asked of the streaming engine alone
            raise RunError(f"{self.candidate.why_not}")
        chosen, engine = (self.stream, "the streaming engine") if self.stream else (self.tflm, "TensorFlow Lite Micro")
        if chosen is None:
            raise UserError(f"{self.candidate.why_not}; and of TensorFlow Lite Micro: {self.candidate.arena.why_not}")
        if chosen.verdict == NO:
            missing = " and ".join(_lacks(memory) for memory in chosen.memories if memory.missing_bytes)
            raise RunError(f"{self.candidate.name} does not fit {self.board.name} with {engine}: {missing}")


def _lacks(memory: Memory) -> str:
    return (
        f"{memory.missing_bytes:,} bytes of {memory.kind} are missing "
        f"({memory.size_bytes:,} needed, {memory.region.size_bytes:,} there)"
    )


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
    """Plan a model for the streaming engine, and record TensorFlow Lite Micro's arena meanwhile.

    Args:
        chosen: an int8 model, or one of which only the arena is of interest.
        options: aim and budgets; the core is each board's own.
        arena: if it was recorded before.

    Raises:
        UserError: no whole .tflite.
    """
    options = replace(options or StreamOptions(), core=None)
    graph, data = read_model(chosen.path), read_file(chosen.path)
    with ThreadPoolExecutor(1) as pool:
        recorded = pool.submit(lambda: arena or known_arena(graph.sha256) or record_arena(data))
        compiled, why_not = None, None
        try:
            provenance = Provenance(comment_safe(called(chosen.path)), NAME, graph)
            compile_for = functools.partial(compile_stream, graph, provenance)
            compiled = compile_for(options)
        except (DoesNotFit, Unsupported) as error:  # TensorFlow Lite Micro may take it
            why_not = str(error)
        suited = None if options.optimize == "size" or compiled is None else _suited(compile_for, compiled, options)
        return Candidate(
            chosen.name, graph.size_bytes, options, compiled, why_not, recorded.result(), suited,
            tflm_differs=differences(graph),
        )  # fmt: skip


def examine_frames(chosen: Chosen, frames: FrameOptions, options: StreamOptions | None = None) -> Candidate:
    """Plan a mask head for frames of a camera's size.

    Args:
        chosen: an int8 mask head.
        frames: of which size, in which format, held how.
        options: aim and budgets, as `compile_frames` takes them.

    Raises:
        UserError: it has no mask, or options do not go together.
    """
    graph, options = read_model(chosen.path), options or StreamOptions()
    provenance = Provenance(comment_safe(called(chosen.path)), NAME, graph)
    compiled = functools.cache(functools.partial(compile_frames, graph, frames, provenance))

    def frames_for(board: Board) -> CompiledFrames:
        return compiled(options_for(board, options))

    plan_frames(graph, frames)  # what is wrong is reported at once
    arena = Arena(None, "it runs nets, and a veil of frames is none")
    return Candidate(chosen.name, graph.size_bytes, options, None, None, arena, frames_for=frames_for)


def _suited(
    compile_for: Callable[[StreamOptions], Compiled], direct: Compiled, options: StreamOptions
) -> Callable[[Board], Compiled]:
    """Compile for a board, once for all with its core and its flash; where no other kernels are, it is done already."""
    cached = functools.cache(compile_for)

    def suited(board: Board) -> Compiled:
        return cached(options_for(board, options)) if cost_on(board.core.name) else direct

    return suited


def fit(candidate: Candidate, board: Board, kind: str | None = None) -> Fit:
    """What both engines take of a model on a board; of a kind of project the clock counts, if one is named."""
    stream, tflm = _stream_parts(candidate, board), _tflm_parts(candidate, board)
    compiled = candidate.compiled_for(board)
    net = compiled.net if compiled else None
    frame = frame_cost(net, board.core.name, optimize=candidate.options.optimize) if net else None
    if frame is not None and candidate.frames_for is not None:
        frame = _with_veil(frame, veil_instructions(candidate.frames_for(board).plan))
    return Fit(candidate, board, stream and _placed(board, *stream), tflm and _placed(board, *tflm), frame, kind)


def _with_veil(frame: FrameCost, instructions: int) -> FrameCost:
    """A finder's work and the veil's, which is taken to need as many cycles an instruction."""
    share = 1 + instructions / frame.instructions
    cycles = None if frame.cycles is None else round(frame.cycles * share)
    return dataclasses.replace(frame, instructions=frame.instructions + instructions, cycles=cycles)


def fits(candidates: Iterable[Candidate], boards: Sequence[Board], kind: str | None = None) -> list[Fit]:
    """Each model on each board."""
    return [fit(candidate, board, kind) for candidate in candidates for board in boards]


def check_fits(found: Sequence[Fit], *, each: bool) -> None:
    """Refuse what does not fit.

    Args:
        found: models on boards.
        each: on every board; otherwise a model passes that fits one of them.

    Raises:
        RunError: as `Fit.check`, of the first that does not fit, or of a model that fits no board.
        UserError: as `Fit.check`.
    """
    for candidate in dict.fromkeys(one.candidate for one in found):
        own = [one for one in found if one.candidate is candidate]
        if each or len(own) == 1:
            for one in own:
                one.check()
        elif not any(one.verdict in (FITS, TIGHT) for one in own):
            raise RunError(f"{candidate.name} fits none of these {len(own)} boards: take a narrower student")


Parts = tuple[Part, ...]


def _placed(board: Board, ram: Parts, flash: Parts) -> EngineFit:
    """Parts in a board's memories."""
    if board.flash is None:
        return EngineFit((Memory("RAM", board.ram[0], ram + flash),))
    return EngineFit((Memory("RAM", board.ram[0], ram), Memory("flash", board.flash, flash)))


def _round_up(size: int) -> int:
    return -(-size // 4) * 4


def _stack(board: Board) -> Part:
    return Part("stack", board.stack_bytes, "reserved")


def _transport(board: Board) -> tuple[Part, Parts]:
    """What our firmware takes to exchange pictures, beside the two rows: RAM, and flash if that is not in the rest."""
    if board.emulator:
        return Part("transport", PORT_RAM_BYTES, "exact"), ()
    note = "in firmware for mps2-an386"
    ram, flash = SERIAL_BYTES
    return Part("serial protocol", ram, "measured", note), (Part("serial protocol's code", flash, "measured", note),)


def _stream_parts(candidate: Candidate, board: Board) -> tuple[Parts, Parts] | None:
    """RAM and flash; the RAM is, part by part, what `build.ram_needed` adds up."""
    compiled = candidate.compiled_for(board)
    if compiled is None:
        return None
    board, net = with_stack(board, compiled), compiled.net
    code = estimate_code(net, board.core, candidate.options.optimize)
    sizes = code.sizes
    stack, (transport, transport_code) = _stack(board), _transport(board)
    measured = f"at most {sizes.stack_bytes:,} B were used on {sizes.board}"
    frames = candidate.frames_for(board) if candidate.frames_for else None
    constants = (frames or compiled).files.constant_bytes
    ram = (
        *(_frame_parts(frames) if frames else _row_parts(compiled)),
        transport,
        Part(stack.name, stack.size_bytes, stack.basis, measured),
    )
    like = "" if code.own else f"as on {sizes.core}: {board.core.name} was not measured; "
    off = f"{like}real code took {sizes.least_share:.2f} to {sizes.most_share:.2f} times such estimates"
    flash = (
        Part("weights and tables", constants, "exact"),
        Part("engine code", code.code_bytes, "estimated", off),
        *((Part("veil's code", CODE_BYTES, "measured", "for Cortex-M4"),) if frames else ()),
        Part("start-up and C library", code.runtime_bytes, "measured", f"in firmware for {sizes.board}"),
        *transport_code,
    )
    return ram, flash


def _row_parts(compiled: Compiled) -> Parts:
    nodes = compiled.net.nodes
    return (
        Part("state", compiled.files.state_bytes, "exact"),
        Part("row in", _round_up(nodes[0].plane.row_bytes), "exact"),
        Part("row out", _round_up(nodes[-1].plane.row_bytes), "exact"),
    )


def _frame_parts(frames: CompiledFrames) -> Parts:
    """The same with a veil; begun is what the loop over frames keeps."""
    plan, files = frames.plan, frames.files
    state = Part("state", _round_up(files.state_bytes), "exact")
    loop = Part("loop", BEGUN_BYTES, "exact")
    if plan.hold == "buffer":
        return state, loop, Part("frame", _round_up(plan.height * plan.row_bytes), "exact", "the camera driver's")
    return state, loop, Part("row", _round_up(plan.row_bytes), "exact")


def _tflm_parts(candidate: Candidate, board: Board) -> tuple[Parts, Parts] | None:
    arena = candidate.arena.bytes
    if arena is None:
        return None
    note = "reference kernels, 64-bit tables; input and output are in it"
    transport, transport_code = _transport(board)
    ram = (Part("arena", arena, "recorded", note), transport, _stack(board))
    minimum, maximum = TFLM_CODE_BYTES
    code = Part("library code", maximum, "estimated", f"{minimum:,} to {maximum:,} B were measured with CMSIS-NN")
    return ram, (Part("model", candidate.size_bytes, "exact"), code, *transport_code)
