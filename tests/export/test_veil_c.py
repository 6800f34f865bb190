"""The veil's C on this host, under sanitizers: byte for byte its reference, and secure whatever its caller does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from veil_c import BUFFER, ORDERS, expected, finding, fixed_finder, moving_frames, tiny_finder, write_veil

from edgeblur.export.veil.plan import VeilOptions, fitting_finder, plan_veil, tiled_size
from edgeblur.export.veil.reference import Blurrer, alpha

FRAMES = int(os.environ.get("EDGEBLUR_VEIL_FRAMES", "40"))
"""For each pixel format; 1000 take a minute."""

_CASES = [
    ((320, 240), "rgb565le", "live", {"margin": 1, "share": 3, "memory": 3}),
    ((34, 51), "yuyv", "rows", {"margin": 2, "memory": 1, "grid": 12}),
    ((131, 77), "rgb565be", "buffer", {"share": 2, "memory": 4, "smooth": False}),
    ((6, 3), "uyvy", "live", {}),
    ((1, 1), "gray8", "rows", {}),
    ((300, 7), "bgr888", "buffer", {"margin": 1}),
    ((64, 200), "rgb888", "rows", {"memory": 2}),
    ((1280, 720), "gray8", "live", {"memory": 15}),
    ((639, 359), "rgb565le", "buffer", {}),
    ((200, 1), "rgb888", "live", {"grid": 4}),
    ((40, 30), "rgb565le", "rows", {"margin": 1}),  # all of a pixel of the net in one word
    ((34, 26), "rgb565be", "live", {"grid": 6}),  # units in one word, too many for a whole pixel
    ((16, 12), "rgb888", "buffer", {}),  # a unit lies in several pixels of the net
    ((80, 60), "uyvy", "live", {"grid": 5}),
]


@pytest.mark.parametrize(("frame", "pixels", "hold", "veil"), _CASES)
def test_the_c_gives_the_references_bytes(
    frame: tuple[int, int], pixels: str, hold: str, veil: dict[str, int], tmp_path: Path
) -> None:
    finder = fitting_finder(tiny_finder(), frame)
    plan = plan_veil(finder, frame, pixels=pixels, hold=hold, options=VeilOptions(0.82, 0.92, **veil))
    c = write_veil(finder, plan, tmp_path)
    c.build()
    frames = moving_frames(plan, 4)
    wanted, given = expected(finder, plan, frames), c.run(frames)
    assert [int((a != b).sum()) for a, b in zip(given, wanted, strict=True)] == [0] * 4


def test_a_grey_net_that_cannot_be_rewritten_sees_a_padded_frame(tmp_path: Path) -> None:
    finder = tiny_finder(32, 48, channels=1)
    plan = plan_veil(finder, (31, 64), pixels="rgb565le", hold="live", options=VeilOptions(0.82, 0.92))
    assert plan.x.content < plan.x.net
    c = write_veil(finder, plan, tmp_path)
    c.build()
    frames = moving_frames(plan, 4)
    assert all((a == b).all() for a, b in zip(c.run(frames), expected(finder, plan, frames), strict=True))


@pytest.mark.parametrize(
    ("frame", "pixels", "picture"),
    [((64, 48), "rgb565le", (64, 48)), ((132, 77), "yuyv", (90, 90)), ((20, 90), "rgb888", (32, 100))],
)
def test_a_net_that_cannot_be_rewritten_looks_at_tiles(
    frame: tuple[int, int], pixels: str, picture: tuple[int, int], tmp_path: Path
) -> None:
    finder, options = fixed_finder(), VeilOptions(0.7, 0.8, memory=1, margin=1)
    plan = plan_veil(finder, frame, pixels=pixels, options=options, net=tiled_size(finder, frame, picture))
    assert plan.looks > 1
    c = write_veil(finder, plan, tmp_path)
    c.build()
    frames = moving_frames(plan, 4)
    wanted = expected(finder, plan, frames)
    assert all((a == b).all() for a, b in zip(c.run(frames), wanted, strict=True))
    assert 0.05 < np.mean([(a != b).mean() for a, b in zip(frames, wanted, strict=True)]) < 0.95
    (tmp_path / "size.c").write_text(
        '#include "model.h"\ntypedef char size[sizeof(model_state) == MODEL_STATE_BYTES ? 1 : -1];\n'
        "int main(void) { return 0; }\n"
    )
    c.build(tmp_path / "size.c", ("-O0",))


@pytest.mark.parametrize("pixels", ["rgb888", "bgr888", "rgb565le", "rgb565be", "yuyv", "uyvy", "gray8"])
def test_in_place_nothing_outside_the_veil_changes(pixels: str, tmp_path: Path) -> None:
    finder = tiny_finder()
    plan = plan_veil(finder, (24, 20), pixels=pixels, options=VeilOptions(0.86, 0.92))
    c = write_veil(finder, plan, tmp_path)
    c.build(flags=("-O2",))
    frames = moving_frames(plan, FRAMES)
    blurrer, changed, clear = Blurrer(plan, finding(finder)), 0, 0
    for frame, veiled in zip(frames, c.run(frames), strict=True):
        blurrer.blur(frame)
        assert blurrer.held is not None
        outside = alpha(blurrer.held, plan) == 0
        units = [part.reshape(plan.height, plan.x.units, -1) for part in (frame, veiled)]
        changed += int((units[0] != units[1])[outside].sum())
        clear += int(outside.sum())
    assert changed == 0
    assert clear > 1000


def test_the_same_c_comes_out_again_and_its_state_is_as_large_as_it_says(tmp_path: Path) -> None:
    finder = tiny_finder()
    for hold in ("buffer", "live", "rows"):
        for pixels, frame in (("yuyv", (34, 9)), ("gray8", (1279, 5)), ("rgb888", (33, 31))):
            plan = plan_veil(finder, frame, pixels=pixels, hold=hold)
            folder = tmp_path / f"{hold}{pixels}"
            folder.mkdir()
            c = write_veil(finder, plan, folder)
            (folder / "size.c").write_text(
                '#include "model.h"\ntypedef char size[sizeof(model_state) == MODEL_STATE_BYTES ? 1 : -1];\n'
                "int main(void) { return 0; }\n"
            )
            before = [path.read_bytes() for path in sorted(folder.glob("model*"))]
            c.build(folder / "size.c", ("-O0",))
            write_veil(finder, plan, folder)
            assert [path.read_bytes() for path in sorted(folder.glob("model*"))] == before


@pytest.mark.parametrize("hold", ["live", "rows"])
def test_no_order_of_calls_lets_an_unseen_pixel_out(hold: str, tmp_path: Path) -> None:
    finder = tiny_finder(16, 16)
    plan = plan_veil(finder, (4, 3), pixels="gray8", hold=hold, options=VeilOptions(0.998, 1.0))  # sees nothing
    program = write_veil(finder, plan, tmp_path).build(ORDERS)
    told = subprocess.run([str(program), "4"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[:2000]
    assert int(told.stdout.split()[2]) > 10_000


def test_a_frame_buffer_is_grey_after_whatever_went_wrong(tmp_path: Path) -> None:
    finder = tiny_finder(16, 16)
    plan = plan_veil(finder, (9, 7), pixels="rgb888", options=VeilOptions(0.998, 1.0))
    program = write_veil(finder, plan, tmp_path).build(BUFFER)
    told = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[:2000]


def test_damaged_constants_keep_everything_grey(tmp_path: Path) -> None:
    finder = tiny_finder(16, 16)
    plan = plan_veil(finder, (9, 7), options=VeilOptions(0.998, 1.0))
    c = write_veil(finder, plan, tmp_path)
    weights = tmp_path / "model_finder_weights.h"
    text = weights.read_text()
    at = text.index("{\n") + 2
    weights.write_text(text[:at] + "77," + text[text.index(",", at) + 1 :])
    c.build()
    done = subprocess.run([str(tmp_path / "veil_host")], input=bytes(9 * 7 * 3), capture_output=True, check=False)
    assert done.returncode == 9  # the self-test, which begins, says that something is wrong
