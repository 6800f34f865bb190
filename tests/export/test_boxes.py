"""A detector's boxes under the veil: decoded, suppressed and drawn in integers, in C as in NumPy."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from detector_nets import tiny_detector
from veil_c import expected, moving_frames, write_veil

from edgeblur.errors import UserError
from edgeblur.export.tflite.finder import Finder, finder_of
from edgeblur.export.veil.boxes import Box, candidates, draw, mask_of_boxes, suppress
from edgeblur.export.veil.plan import VeilOptions, VeilPlan, fitting_finder, plan_veil
from edgeblur.quantize.detector import detector_tflite, make_detector


@functools.cache
def detector(score: float = -2.5) -> Finder:
    noise = [np.random.default_rng(i).random((1, 32, 32, 3), np.float32) for i in range(6)]
    return finder_of(detector_tflite(make_detector(noise, tiny_detector(score=score))))


def planned(frame: tuple[int, int], score: float = -2.5, **options: int) -> tuple[Finder, VeilPlan]:
    finder = fitting_finder(detector(score), frame)
    return finder, plan_veil(finder, frame, options=VeilOptions(0.4, 0.6, **options))


def raw_outputs(plan: VeilPlan, seed: int) -> list[np.ndarray]:
    """Random bytes in the shape of a detector's outputs."""
    random, outputs = np.random.default_rng(seed), dict[int, np.ndarray]()
    assert plan.boxes
    for head in (decoder.head for decoder in plan.boxes.decoders):
        for number, channels in ((head.scores, head.anchors), (head.boxes, head.anchors * head.values)):
            outputs[number] = random.integers(-128, 128, (1, head.height, head.width, channels), np.int8)
    return [outputs[number] for number in sorted(outputs)]


def test_lengths_are_what_scale_and_zero_point_say_to_a_sixteenth_of_a_pixel() -> None:
    finder, plan = planned((32, 32))
    assert plan.boxes
    steps = np.arange(-128, 128)
    for decoder in plan.boxes.decoders:
        tensor = finder.graph.tensors[finder.graph.outputs[decoder.head.boxes]]
        real = (steps - tensor.zero_points[0]) * tensor.scales[0] * 16
        assert np.abs(decoder.length(steps) - real).max() <= 1
        assert decoder.length(np.array(tensor.zero_points))[0] == 0


def test_candidates_are_the_anchors_whose_score_is_veiled_and_lie_around_their_cells() -> None:
    _, plan = planned((32, 32))
    assert plan.boxes
    outputs = [np.full_like(output, -128) for output in raw_outputs(plan, 0)]
    head, decoder = plan.boxes.decoders[1].head, plan.boxes.decoders[1]
    zero = next(q for q in range(-128, 128) if decoder.length(np.array([q]))[0] == 0)
    outputs[head.scores][0, 2, 3, 1] = 127
    outputs[head.boxes][0, 2, 3, 4:8] = zero, zero, 100, 90
    (box,) = candidates(outputs, plan.boxes, plan.levels)
    assert (box.x, box.y) == (16 * (3 * 8 + 4), 16 * (2 * 8 + 4))  # the middle of its cell of 8 pixels
    assert [box.width, box.height] == decoder.length(np.array([100, 90])).tolist()


def test_suppression_keeps_the_highest_score_of_what_overlaps_by_three_tenths() -> None:
    surest, same = Box(320, 320, 160, 160, 90), Box(330, 320, 160, 160, 80)
    beside, far = Box(320 + 110, 320, 160, 160, 70), Box(900, 900, 160, 160, 60)
    assert suppress([far, same, beside, surest]) == [surest, beside, far]
    assert suppress([same, same._replace(x=331)]) == [same]  # of equals the first


def test_an_ellipse_covers_the_cells_whose_centres_lie_in_it_and_its_own() -> None:
    _, plan = planned((32, 32))
    assert plan.boxes
    mask = draw([Box(256, 256, 128, 128, 50)], plan.boxes)
    ys, xs = np.nonzero(mask > -128)
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (2, 4, 3, 4)  # half axes 74 and 100, the middle 7 higher
    assert set(mask[ys, xs]) == {50}
    assert np.count_nonzero(draw([Box(8, 8, 2, 2, 9)], plan.boxes) > -128) == 1
    assert draw([Box(-90, 256, 16, 16, 9)], plan.boxes)[4, 0] == 9  # beside the picture: the nearest cell


def test_more_candidates_than_a_board_keeps_veil_everything() -> None:
    finder = finder_of(
        detector_tflite(make_detector([np.zeros((1, 64, 64, 3), np.float32)], tiny_detector(0, 64, 9.0)))
    )
    plan = plan_veil(finder, (64, 64))
    assert plan.boxes
    assert plan.boxes.anchors > plan.boxes.most
    outputs = [np.full_like(output, 100) for output in raw_outputs(plan, 0)]
    assert (mask_of_boxes(outputs, plan.boxes, plan.levels) == 127).all()


@pytest.mark.parametrize(
    ("frame", "hold", "score"), [((96, 72), "live", -2.5), ((40, 64), "buffer", -2.5), ((32, 32), "buffer", 1.5)]
)
def test_the_c_gives_the_references_bytes(frame: tuple[int, int], hold: str, score: float, tmp_path: Path) -> None:
    finder = fitting_finder(detector(score), frame)
    plan = plan_veil(finder, frame, pixels="rgb565le", hold=hold, options=VeilOptions(0.4, 0.6, memory=1))
    c = write_veil(finder, plan, tmp_path)
    c.build()
    frames = moving_frames(plan, 6)
    wanted, given = expected(finder, plan, frames), c.run(frames)
    assert [int((a != b).sum()) for a, b in zip(given, wanted, strict=True)] == [0] * 6
    changed = [float((a != b).mean()) for a, b in zip(wanted[1:], frames[1:], strict=True)]
    assert max(changed) > 0.1


def test_rows_cannot_wait_for_boxes() -> None:
    with pytest.raises(UserError, match="hold frames in a buffer or live"):
        plan_veil(detector(), (32, 32), hold="rows")
