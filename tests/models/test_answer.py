"""docs/a-or-b.md: its tables and pictures are what was measured, of the very models on the shelf."""

from __future__ import annotations

import answer
import answer_pictures
import numpy as np
from PIL import Image

from edgeblur.files import read_json
from edgeblur.firmware_harness.comparison.scenes import drawn_scenes, judge_scenes
from edgeblur.models.shelf import entries


def test_the_tables_are_what_was_measured() -> None:
    page = answer.PAGE.read_text()
    assert answer.renewed(page) == page, "run `make answer`"
    for row in answer.rows():
        assert f"| {row.name} |" in page


def test_every_int8_model_of_the_shelf_is_in_both_tables() -> None:
    page = answer.PAGE.read_text()
    for entry in entries():
        if entry.path.name == answer.INT8:
            assert page.count(f"| {answer.approach(entry.name)}: {entry.name} |") == 2, (
                f"{entry.name}: run `edgeblur models measure` and `make answer`"
            )


def test_the_sheet_shows_these_very_models() -> None:
    told = read_json(answer_pictures.RECORD)
    assert told["models"] == answer_pictures.files(), "run `.venv/bin/python docs/make/answer.py --pictures`"
    assert f"]({answer_pictures.PICTURE.name})" in answer.PAGE.read_text()
    assert answer_pictures.PICTURE.stat().st_size < answer_pictures.LIMIT_BYTES
    assert len(set(told["worst"].values())) == len(told["worst"]), "no scene twice"


def test_each_row_of_the_sheet_is_some_approach_at_its_worst() -> None:
    scenes = drawn_scenes(8, seed=7, size=64)
    judged = {
        "keeps": judge_scenes("keeps", scenes, lambda triple: triple.picture, []),
        "halves": judge_scenes("halves", scenes, lambda triple: triple.picture // 2 + triple.blur // 2, []),
        "wipes": judge_scenes("wipes", scenes, lambda triple: np.full_like(triple.picture, 128), []),
        "blurs": judge_scenes("blurs", scenes, lambda triple: triple.blur, []),
    }
    places = dict(answer_pictures.worst(judged))
    assert list(places)[:2] == ["keeps", "halves"]
    assert "blurs" not in places, "it did nothing wrong"
    assert len(set(places.values())) == len(places)
    assert judged["keeps"][places["keeps"]].exposure == max(one.exposure for one in judged["keeps"])
    place = answer_pictures.face_free(judged)
    assert place is not None
    assert not scenes[place].triple.faces
    assert isinstance(answer_pictures.sheet(judged), Image.Image)


def test_a_detector_and_nets_were_counted_on_every_core() -> None:
    """Pictures and frames, each byte equal to the reference's, and what the page shows is of these very models."""
    known = answer.answered()
    assert known is not None
    assert known.kept >= 0.97 * known.found
    for name in answer.COUNTED:
        for frame in (False, True) if name in answer.FRAMED else (False,):
            ran = answer.runs_of(name, frame=frame)
            assert set(ran) == set(answer.BOARDS), f"{name}: run `.venv/bin/python docs/make/answer.py --boards`"
            assert not any(each.differing_bytes for each in ran.values())
    assert "estimated" not in answer.tables()


def test_a_judge_that_is_not_the_blurrer_looks_at_the_detector() -> None:
    known = answer.answered()
    assert known is not None
    row = next(row for row in known.entries if row.name.removesuffix(".tflite") == answer.DETECTOR)
    assert {leak.detector for leak in row.protection.leaks} == set(answer.JUDGES)
    assert next(answer.cost_lines([])).count("instructions") == len(answer.BOARDS)
