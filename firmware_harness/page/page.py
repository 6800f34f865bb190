"""One self-contained HTML page around a model: the very C of a board runs in it on scenes, pictures and a webcam."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
from PIL import Image

from edgeblur import __version__
from edgeblur.distill.data.synthetic import draw_scene
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.veil.compile import CompiledFrames, FrameOptions
from edgeblur.export.veil.reference import Blurrer
from edgeblur.files import refuse_place, write_text
from edgeblur.firmware_harness.blurring.veils import run_finder
from edgeblur.firmware_harness.boards.boards import boards
from edgeblur.firmware_harness.fit.fit import NO, Fit, fit
from edgeblur.firmware_harness.fit.plan import examine_frames
from edgeblur.firmware_harness.page.wasm import compile_wasm
from edgeblur.models.choose import Chosen
from edgeblur.models.read import read_model
from edgeblur.pictures.images import Pixels
from edgeblur.progress import track

CLAMPS = ((0.1, 0.3), (0.2, 0.4), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9))
"""What the slider offers beside the model's own: a module of WebAssembly each."""

SCENES = (3, 8, 14, 21)
"""Seeds of drawn scenes that the page ships with."""


@dataclass(frozen=True)
class WrittenPage:
    """A page on disk.

    Attributes:
        path: where it lies.
        size_bytes: of it.
        clamps: those of its slider; the model's own is the one that it begins with.
        own: which that is.
        ram_bytes: everything writable but the stack and the frame.
    """

    path: Path
    size_bytes: int
    clamps: tuple[tuple[float, float], ...]
    own: int
    ram_bytes: int


def write_page(chosen: Chosen, out: Path, frames: FrameOptions, *, force: bool = False) -> WrittenPage:
    """Write the page.

    Args:
        chosen: an int8 mask head.
        out: an .html file.
        frames: of which size, and how they are veiled; the page itself writes pixels as rgb888 and holds whole frames.
        force: replace what is there.

    Raises:
        UserError: no clang or lld, a model without a mask, or `out` is there.
        RunError: the C does not compile.
    """
    refuse_place(out, force=force)
    graph, frames = read_model(chosen.path), replace(frames, pixels="rgb888", hold="buffer")
    first, module = compile_wasm(graph, frames, chosen.name)
    options = first.plan.options
    own = (options.low, options.full)
    clamps = tuple(sorted({*CLAMPS, own}))
    modules = {own: module}
    for clamp in track([clamp for clamp in clamps if clamp != own], "compile", len(clamps) - 1):
        modules[clamp] = compile_wasm(graph, replace(frames, clamp=clamp), chosen.name)[1]
    scenes = [_scene(seed, frames) for seed in SCENES]
    facts = {
        "width": frames.width,
        "height": frames.height,
        "cells": [first.plan.x.cells, first.plan.y.cells],
        "clamps": [list(clamp) for clamp in clamps],
        "own": clamps.index(own),
        "expected": fingerprint(_on_host(first, scenes[0])),
        "boards": [_board(found) for found in _fits(chosen, frames)],
    }
    text = _render(chosen.name, graph.sha256, first, facts, [modules[clamp] for clamp in clamps], scenes)
    write_text(out, text)
    return WrittenPage(out, len(text.encode()), clamps, clamps.index(own), first.files.ram_bytes)


def fingerprint(pixels: Pixels) -> str:
    """32 bits of FNV-1a over a picture's bytes, as the page computes it too."""
    value = 0x811C9DC5
    for byte in pixels.tobytes():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{value:08x}"


def _scene(seed: int, frames: FrameOptions) -> Pixels:
    """A drawn scene of a frame's size."""
    side = max(frames.width, frames.height, 32)
    picture = draw_scene(seed, side)[0]
    top, left = (side - frames.height) // 2, (side - frames.width) // 2
    box = (left, top, left + frames.width, top + frames.height)
    return np.ascontiguousarray(np.asarray(picture.crop(box)))


def _on_host(compiled: CompiledFrames, picture: Pixels) -> Pixels:
    """What the page must make of a picture: the veil's reference, and LiteRT's reference kernels."""
    blurrer = Blurrer(compiled.plan, run_finder(compiled.finder, compiled.plan, "litert-ref"))
    return blurrer.blur(picture.reshape(len(picture), -1)).reshape(picture.shape)


def _fits(chosen: Chosen, frames: FrameOptions) -> list[Fit]:
    """The model on real boards that have a clock, in the camera's usual format, as `fit --frame` has it."""
    wanted = replace(frames, pixels="rgb565le", hold="live")
    candidate = examine_frames(chosen, wanted, StreamOptions(optimize="speed"))
    return [fit(candidate, board) for board in boards() if not board.emulator and board.clock_hz]


def _board(found: Fit) -> dict[str, object]:
    ram = found.stream.memory("RAM") if found.stream else None
    return {
        "name": found.board.name,
        "title": found.board.title,
        "fits": bool(found.stream and found.stream.verdict != NO),
        "ram": ram.size_bytes if ram else None,
        "has": ram.region.size_bytes if ram else None,
        "instructions": found.frame.instructions if found.frame else None,
        "ms": round(found.estimated_ms, 1) if found.estimated_ms is not None else None,
    }


def _data_uri(picture: Pixels) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _render(
    model: str, sha256: str, compiled: CompiledFrames, facts: dict[str, object], modules: list[bytes],
    scenes: list[Pixels],
) -> str:  # fmt: skip
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    files = resources.files("edgeblur.firmware_harness.page") / "templates"
    data = {
        **facts,
        "modules": [base64.b64encode(module).decode() for module in modules],
        "scenes": [_data_uri(scene) for scene in scenes],
    }
    script = (files / "page.js").read_text().replace("/* FACTS */ null", json.dumps(data).replace("<", "\\u003c"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = Environment(
        loader=PackageLoader("edgeblur.firmware_harness.page"), autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html.j2").render(
        model=model, plan=compiled.plan, files=compiled.files, version=__version__, script=script, digest=digest,
        sha256=sha256,
    )  # fmt: skip
