"""A graph without weights says what the trained net will cost; that is what a search relies on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeblur.distill.nets.mask_head import LOGIT, MaskSpec, build_mask_head
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import Graph, image_model, read_tflite
from edgeblur.export.tflite.writer import write_tflite
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.fit.fit import fit
from edgeblur.firmware_harness.fit.plan import plan_graph
from edgeblur.quantize.convert import to_quantized
from edgeblur.search.budget import Budget, cost_of
from edgeblur.search.skeleton import skeleton

SPECS = {
    "usual": MaskSpec(64, 64, base=4, fine=2),
    "coarse": MaskSpec(64, 64, widths=(0, 8, 12, 16), depths=(2, 2, 1), stem=6, finest=2, fine=2),
    "separable": MaskSpec(64, 64, widths=(4, 8, 12, 16), depths=(1, 2, 1), stem=5, finest=2, separable=True),
}


@pytest.fixture(scope="module", params=SPECS)
def both(request: pytest.FixtureRequest) -> tuple[MaskSpec, Graph]:
    """A spec, and what TensorFlow's converter makes of its net."""
    spec = SPECS[request.param]
    net = build_mask_head(spec)
    logit = net.get_layer(LOGIT)  # so that masks are seen, and the blend has a scale
    logit.set_weights([logit.get_weights()[0], logit.get_weights()[1] + 2.3])
    rng = np.random.default_rng(0)
    pictures = [rng.random((1, spec.height, spec.width, 3), np.float32) for _ in range(2)]
    return spec, read_tflite(to_quantized(net, pictures))


@pytest.mark.parametrize("frames", [None, FrameOptions(160, 120, hold="live")], ids=["pictures", "frames"])
def test_costs_are_those_of_the_converted_net(both: tuple[MaskSpec, Graph], frames: FrameOptions | None) -> None:
    spec, converted = both
    board = find_board("mps2-an386")
    real, guessed = (
        fit(plan_graph(graph, StreamOptions("speed"), frames), board) for graph in (converted, skeleton(spec))
    )
    assert real.stream
    assert guessed.stream
    assert real.frame
    assert guessed.frame
    for kind, tolerance in (("RAM", 0.0), ("flash", 0.02)):  # tables of requantization differ with the scales
        wanted, got = (one.memory(kind) for one in (real.stream, guessed.stream))
        assert wanted
        assert got
        assert got.size_bytes == pytest.approx(wanted.size_bytes, rel=tolerance)
    assert guessed.frame.instructions == pytest.approx(real.frame.instructions, rel=0.03)


def test_a_skeleton_is_a_whole_model() -> None:
    graph = read_tflite(write_tflite(skeleton(SPECS["coarse"])))
    model = image_model(graph)
    assert (model.input.height, model.input.width, model.output.channels) == (64, 64, 3)


def test_a_budget_in_frames_counts_the_veil() -> None:
    spec = replace(SPECS["usual"], height=96, width=96)
    whole, veiled = (
        cost_of(spec, Budget("mps2-an386", frame=frame, hold=hold))
        for frame, hold in ((None, "buffer"), ((320, 240), "live"))
    )
    assert whole
    assert veiled
    assert veiled.ram_bytes < whole.ram_bytes  # no rows of the picture wait for their mask


def test_what_exceeds_a_budget_is_told_by_how_much() -> None:
    cost = cost_of(SPECS["usual"], Budget("pico-2"))
    assert cost
    assert max(cost.excess(Budget("pico-2").on_board())) == 0.0
    tight = Budget("pico-2", ram_bytes=cost.ram_bytes // 2, ms=(cost.ms or 0) * 2)
    assert cost.excess(tight) == pytest.approx((1.0, 0.0, 0.0, -0.5), abs=0.01)


def test_a_mask_that_is_grown_has_no_skeleton() -> None:
    with pytest.raises(ValueError, match="no grown mask"):
        skeleton(MaskSpec(64, 64, dilate=1))
