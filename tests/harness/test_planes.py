"""Frames of videos veiled in their own planes: what is not veiled is the decoder's bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from veil_c import tiny_finder

from edgeblur.export.veil.plan import VeilPlan
from edgeblur.export.veil.reference import alpha
from edgeblur.firmware_harness.blurring.encoder import Encoder
from edgeblur.firmware_harness.blurring.planes import PlaneVeiler, planes_of
from edgeblur.firmware_harness.blurring.veils import Look, Veiler

av = pytest.importorskip("av")

WIDTH, HEIGHT = 48, 36


def noise(name: str = "yuv420p") -> Any:
    packed = np.random.default_rng(2).integers(0, 256, (HEIGHT * 3 // 2, WIDTH), np.uint8)
    return av.VideoFrame.from_ndarray(packed, format=name)


def half_veiled(veiler: PlaneVeiler, frame: Any) -> Look:
    """A look by which the upper left cells are found."""
    look = veiler.look(frame)
    levels = np.zeros_like(look.levels)
    levels[:3, :3] = 8
    return Look(levels, look.squares, look.plan)


def strengths(plan: VeilPlan, levels: Any) -> list[Any]:
    return [alpha(levels, each) for each in planes_of(plan)]


def parts(packed: Any) -> list[Any]:
    luma, quarter = packed[:HEIGHT], WIDTH * HEIGHT // 4
    flat = packed.reshape(-1)[WIDTH * HEIGHT :]
    return [luma, *(flat[i * quarter : (i + 1) * quarter].reshape(HEIGHT // 2, -1) for i in range(2))]


@pytest.mark.parametrize("style", ["blur", "pixelate", "black"])
@pytest.mark.parametrize(("name", "black"), [("yuv420p", 16), ("yuvj420p", 0)])
def test_planes_change_where_they_are_veiled_and_nowhere_else(style: str, name: str, black: int) -> None:
    veiler, frame = PlaneVeiler(Veiler(tiny_finder(), "litert", style)), noise(name)
    assert veiler.takes(frame)
    look = half_veiled(veiler, frame)
    packed, share = veiler.cover(frame, look)
    clear = veiler.cover(frame, Look(look.levels * 0, look.squares, look.plan))
    assert (clear[0] == frame.to_ndarray()).all()
    assert clear[1] == 0
    for weight, before, after in zip(
        strengths(look.plan, look.levels), parts(frame.to_ndarray()), parts(packed), strict=True
    ):
        assert (before == after)[weight == 0].all()
        assert (weight == 256).any()
        assert (before != after)[weight == 256].mean() > 0.9
    assert 0 < share < 1
    if style == "black":
        whole = [weight == 256 for weight in strengths(look.plan, look.levels)]
        shown = [set(after[mask].tolist()) for after, mask in zip(parts(packed), whole, strict=True)]
        assert shown == [{black}, {128}, {128}]


def test_frames_around_are_veiled_as_well() -> None:
    veiler, frame = PlaneVeiler(Veiler(tiny_finder(), "litert", "blur")), noise()
    look = half_veiled(veiler, frame)
    nothing = Look(look.levels * 0, look.squares, look.plan)
    assert (veiler.cover(frame, nothing, [look])[0] == veiler.cover(frame, look)[0]).all()


def test_other_frames_are_left_to_rgb() -> None:
    grey = np.zeros((HEIGHT, WIDTH), np.uint8)
    odd = np.zeros((HEIGHT + 1, WIDTH + 1, 3), np.uint8)
    assert not PlaneVeiler.takes(av.VideoFrame.from_ndarray(grey, format="gray"))
    assert not PlaneVeiler.takes(av.VideoFrame.from_ndarray(odd, format="rgb24").reformat(format="yuv420p"))


@pytest.mark.parametrize("name", ["yuv420p", "yuvj420p"])
def test_the_encoder_is_given_planes_as_they_are(name: str, tmp_path: Path) -> None:
    """Coded without loss, they come back bit for bit: nothing was converted on the way."""
    frame = noise(name)
    with av.open(str(tmp_path / "in.mkv"), "w") as file:
        moving = file.add_stream("libx264", rate=25, options={"qp": "0"})
        moving.width, moving.height, moving.pix_fmt = WIDTH, HEIGHT, name
        file.mux(moving.encode(frame))
        file.mux(moving.encode(None))
    out = tmp_path / "out.mkv"
    with av.open(str(tmp_path / "in.mkv")) as opened, av.open(str(out), "w") as written:
        source = opened.streams.video[0]
        with Encoder(written, source, [], out, {"qp": "0"}) as encoder:
            for each in opened.decode(source):
                encoder.write(each, each.to_ndarray())
    with av.open(str(out)) as file:
        (back,) = file.decode(video=0)
    assert back.format.name == name
    assert (back.to_ndarray() == frame.to_ndarray()).all()
