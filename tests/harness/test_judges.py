"""Judges of leaks: how they are named, what they count at two scores and on enlarged pictures, and how sure that is."""

import numpy as np
import pytest
from PIL import Image

from edgeblur.detectors import open as openers
from edgeblur.detectors.detector import Detector, Finding
from edgeblur.errors import UserError
from edgeblur.firmware_harness.privacy.intervals import interval_json, wilson
from edgeblur.firmware_harness.privacy.judges import Judge, open_judges, parse_judge
from edgeblur.firmware_harness.privacy.leaks import leak_rates
from edgeblur.firmware_harness.privacy.protection import Examiner
from edgeblur.models.measures import worst_leak
from edgeblur.pictures.faces import Box, Ellipse, Face
from edgeblur.store.dataset import Triple

EYES = ((0.0, 0.0), (1.0, 0.0))
FACE = Face(Box(8, 8, 20, 20), Ellipse(18, 18, 20, 20, 0))
BLANK = np.zeros((64, 64, 3), np.uint8)


def shy(calls: list[tuple[int, float]]) -> Detector:
    """Sees the face with a score of 0.5, and more surely in a picture of more than 100 pixels."""

    def find(picture: Image.Image, threshold: float) -> list[Finding]:
        calls.append((picture.width, threshold))
        scale = picture.width / 64
        score = 0.9 if picture.width > 100 else 0.5
        return [Finding(Box(8 * scale, 8 * scale, 20 * scale, 20 * scale), score, EYES)] if score >= threshold else []

    return Detector("shy", 0.4, find)


@pytest.mark.parametrize(
    ("text", "judge"),
    [
        ("centerface", Judge("centerface")),
        ("blazeface@0.7", Judge("blazeface", 0.7)),
        ("mtcnn@0.4x5", Judge("mtcnn", 0.4, 5)),
    ],
)
def test_judges_are_read_and_told_alike(text: str, judge: Judge) -> None:
    assert parse_judge(text) == judge
    assert parse_judge(str(judge)) == judge


@pytest.mark.parametrize(
    "text", ["", "centerface@", "centerface@1.2", "centerface@0", "a@0.4x0", "a@0.4x11", "a@0.4.1", "A"]
)
def test_what_is_no_judge_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no judge: write a detector's name"):
        parse_judge(text)


def test_two_scores_take_one_look() -> None:
    calls: list[tuple[int, float]] = []
    low, high = leak_rates(shy(calls), [(BLANK, (FACE,))], (0.4, 0.7))
    assert (low.leaked, high.leaked) == (1, 0)
    assert calls == [(64, 0.4)]
    assert (low.judge, high.judge) == ("shy", "shy@0.7")


def test_enlarged_pictures_show_more_and_faces_keep_their_size() -> None:
    calls: list[tuple[int, float]] = []
    (leak,) = leak_rates(shy(calls), [(BLANK, (FACE,))], (0.7,), enlarged=2)
    assert calls == [(128, 0.7)]
    assert [(size.from_px, size.leaked) for size in leak.by_size if size.faces] == [(16, 1)]
    assert leak.as_json()["enlarged"] == 2


def test_examiner_asks_each_detector_as_seldom_as_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, float]] = []
    monkeypatch.setitem(openers._OPENERS, "shy", lambda: shy(calls))
    named = ["shy@0.7", "shy", "shy@0.7x2"]
    triple = Triple(BLANK, BLANK, np.zeros((64, 64), np.uint8), (FACE,))
    leaks = Examiner([triple], open_judges(named), None, regions=False).examine("it", [BLANK], None).leaks
    assert [leak.judge for leak in leaks] == named
    assert [leak.leaked for leak in leaks] == [0, 1, 1]
    assert calls == [(64, 0.4), (128, 0.7)]
    with pytest.raises(UserError, match="named twice"):
        open_judges(["shy", "shy@0.4"])


def test_shelf_names_the_keenest_judge() -> None:
    plain, *_ = leak_rates(shy([]), [(BLANK, (FACE,))], (0.7,))
    enlarged, *_ = leak_rates(shy([]), [(BLANK, (FACE,))], (0.7,), enlarged=5)
    keenest = worst_leak((plain, enlarged))
    assert keenest is not None
    assert keenest.judge == "shy@0.7x5"


def test_wilson_holds_near_zero() -> None:
    """Values of the formula worked out by hand for 0 of 10 (z^2 / (n + z^2)), and symmetric about a half."""
    square = 1.959964**2
    assert wilson(0, 10) == pytest.approx((0, square / (10 + square)))
    low, high = wilson(5, 10) or (0, 0)
    assert low + high == pytest.approx(1)
    assert wilson(10, 10) == pytest.approx((10 / (10 + square), 1))
    assert wilson(0, 0) is None
    assert interval_json(7, 255) == [0.0134, 0.0556]
