"""A model compiled for a camera's frames: finder, veil and their C, from one set of options."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgeblur.errors import DoesNotFit, UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.finder import Finder, finder_of
from edgeblur.export.tflite.graph import Graph, require_int8
from edgeblur.export.veil.emit import FINDER, FrameFiles, emit_veil, veil_bytes
from edgeblur.export.veil.plan import VeilOptions, VeilPlan, fitting_finder, plan_veil, tiled_size

DEFAULT_PIXELS, DEFAULT_HOLD = "rgb565le", "buffer"


@dataclass(frozen=True)
class FrameOptions:
    """Frames as a camera gives them, and how they are veiled; what is None is chosen.

    Attributes:
        width, height: of a frame, in pixels.
        pixels: a name of `edgeblur.export.veil.pixels.FORMATS`.
        hold: one of `edgeblur.export.veil.plan.HOLDS`.
        net: width and height that the net is rewritten for, rounded up to what it can take; by default as wide or high
            as it is, in the frame's shape. A net of one size looks at such a picture in tiles (`buffer`).
        clamp: mask values from which a cell begins to be veiled and is veiled fully; the net's own by default.
        margin, share, memory: as `VeilOptions` has them.
    """

    width: int
    height: int
    pixels: str = DEFAULT_PIXELS
    hold: str = DEFAULT_HOLD
    net: tuple[int, int] | None = None
    clamp: tuple[float, float] | None = None
    margin: int | None = None
    share: int | None = None
    memory: int | None = None

    @property
    def told(self) -> str:
        """The options of `edgeblur export` that lead here, each with a space before it."""
        parts = [f" --frame {self.width}x{self.height} --pixels {self.pixels} --hold {self.hold}"]
        parts += [f" --input {self.net[0]}x{self.net[1]}"] if self.net else []
        parts += [f" --clamp {self.clamp[0]:g}:{self.clamp[1]:g}"] if self.clamp else []
        for name in ("margin", "share", "memory"):
            value = getattr(self, name)
            parts += [f" --{name} {value}"] if value is not None else []
        return "".join(parts)


def parse_told(text: str) -> FrameOptions:
    """The inverse of `FrameOptions.told`.

    Raises:
        ValueError: it is none.
    """
    words = text.split()
    given = dict(zip(words[::2], words[1::2], strict=True))
    sides = {name: tuple(map(int, given.pop(name).split("x"))) for name in ("--frame", "--input") if name in given}
    width, height = sides["--frame"]
    low, _, full = given.pop("--clamp", "").partition(":")
    counts = {name: int(given.pop(f"--{name}")) for name in ("margin", "share", "memory") if f"--{name}" in given}
    pixels, hold = given.pop("--pixels"), given.pop("--hold")
    if given or len(sides.get("--input", (0, 0))) != 2:
        raise ValueError(f"unknown options of frames: {text}")
    net = sides.get("--input")
    return FrameOptions(
        width, height, pixels, hold, (net[0], net[1]) if net else None, (float(low), float(full)) if full else None,
        counts.get("margin"), counts.get("share"), counts.get("memory"),
    )  # fmt: skip


def default_veil(finder: Finder, hold: str) -> VeilOptions:
    """What a frame is veiled by if nothing is asked for: docs/frames.md has the measurements behind it.

    `live` veils by the frame before, so it grows what it found by the way that a face may have gone since.
    """
    clamp = finder.clamp or (VeilOptions.low, VeilOptions.full)
    return VeilOptions(*clamp, share=2, memory=2) if hold == "live" else VeilOptions(*clamp)


@dataclass(frozen=True, eq=False)
class CompiledFrames:
    """A model compiled for frames.

    Attributes:
        finder: its mask part, at the size that it is run at.
        plan: how frames lie over the finder's input.
        compiled: the finder's streaming engine.
        files: the C of both.
    """

    finder: Finder
    plan: VeilPlan
    compiled: Compiled
    files: FrameFiles


@dataclass(frozen=True)
class _FinderProvenance(Provenance):
    """Of the finder's files: its own name as prefix, but they come from the whole export."""

    whole: Provenance | None = None

    @property
    def lines(self) -> list[str]:
        assert self.whole is not None
        return self.whole.lines


def plan_frames(graph: Graph, options: FrameOptions) -> tuple[Finder, VeilPlan]:
    """The finder of a model, rewritten for a frame, and the frame over it.

    Raises:
        UserError: the model has no mask, is no int8 model, cannot take the size, or options that do not go together.
    """
    require_int8(graph)
    whole, frame = finder_of(graph), (options.width, options.height)
    finder, picture = fitting_finder(whole, frame), None
    if options.net is not None:
        finder, picture = _enlarged(whole, options)
    veil = default_veil(finder, options.hold)
    if options.clamp is not None:
        veil = replace(veil, low=options.clamp[0], full=options.clamp[1])
    veil = replace(
        veil,
        margin=veil.margin if options.margin is None else options.margin,
        share=veil.share if options.share is None else options.share,
        memory=veil.memory if options.memory is None else options.memory,
    )
    return finder, plan_veil(finder, frame, pixels=options.pixels, hold=options.hold, options=veil, net=picture)


def _enlarged(finder: Finder, options: FrameOptions) -> tuple[Finder, tuple[int, int] | None]:
    """A finder for a larger or smaller picture, rewritten to the next size that it can take.

    What it sees beyond the frame repeats the frame's rim. A net of one size stays as it is, and the size of the picture
    that it looks at in tiles comes with it.

    Raises:
        UserError: it has one size, and rows or boxes would have to wait for several tiles.
    """
    assert options.net is not None
    try:
        multiple = finder.multiple
    except UserError as error:
        picture = tiled_size(finder, (options.width, options.height), options.net)
        if picture != (finder.input.width, finder.input.height):
            _check_tiles(finder, options.hold, str(error))
        return finder, picture
    wide, tall = (-(-side // multiple) * multiple for side in options.net)
    return finder.resized(wide, tall), None


def _check_tiles(finder: Finder, hold: str, why: str) -> None:
    """Refuse tiles where a frame's rows are gone before the next tile begins: each tile would need the RAM of a net."""
    if hold != "buffer":
        raise UserError(
            f"{why}, so it looks at frames in tiles, one after the other, and a frame held {hold!r} is gone by then: "
            "hold frames in a buffer, or leave another size out, and frames are shrunk to the net's own",
            options=("input",),
        )
    if finder.heads:
        raise UserError(
            f"{why}, and a detector's boxes are not joined across tiles: leave another size out, and frames are shrunk "
            "to the net's own",
            options=("input",),
        )


def compile_frames(
    graph: Graph,
    options: FrameOptions,
    provenance: Provenance,
    stream: StreamOptions | None = None,
) -> CompiledFrames:
    """Compile a model for frames of a camera's size.

    Args:
        graph: an int8 mask head, or a finder.
        options: the frames.
        provenance: the name of everything public, and what the files say about their origin.
        stream: as `compile_stream` takes them, but the RAM is that of everything writable but the stack and a driver's
            frame.

    Raises:
        UserError: as `plan_frames`, or the finder cannot be streamed, or does not fit.
    """
    finder, plan = plan_frames(graph, options)
    stream = stream or StreamOptions()
    ram_bytes = stream.ram_bytes
    own = _FinderProvenance(provenance.source, provenance.name + FINDER, finder.graph, whole=provenance)

    def compiled_within(budget: int | None) -> Compiled:
        return compile_stream(finder.graph, own, replace(stream, ram_bytes=budget), checked=True)

    compiled = compiled_within(None)
    files = emit_veil(plan, finder, compiled, provenance)
    if ram_bytes is not None and files.ram_bytes > ram_bytes:
        around = files.ram_bytes - compiled.files.state_bytes - compiled.files.row_bytes
        if ram_bytes <= around:
            raise DoesNotFit(
                f"the veil alone takes {veil_bytes(plan, compiled):,} bytes of RAM, and {ram_bytes:,} are allowed: "
                "veil smaller frames, or hold them live"
            )
        compiled = compiled_within(ram_bytes - around)
        files = emit_veil(plan, finder, compiled, provenance)
    return CompiledFrames(finder, plan, compiled, files)
