"""What the streaming compiler is asked for: its checks, and refusals that code can tell apart."""

from __future__ import annotations

import dataclasses

import pytest
from int8_nets import Int8Net

from edgeblur.errors import DoesNotFit, Unsupported, UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import compile_stream
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.graph import Graph
from edgeblur.firmware_harness.boards.boards import find_board, options_for


def small_graph() -> Graph:
    net = Int8Net()
    return net.graph(net.conv(net.picture(8, 8, 3), 4))


def compile_small(graph: Graph, options: StreamOptions | None = None) -> int:
    return compile_stream(graph, Provenance("net.tflite", "model", graph), options).files.ram_bytes


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"optimize": "fast"}, "unknown aim 'fast': choose among size, balanced, speed"),
        ({"ram_bytes": 0}, "a RAM budget is 1 bytes or more, got 0"),
        ({"flash_bytes": -1}, "a flash budget is 0 bytes or more, got -1"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(options: dict[str, str | int], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        dataclasses.replace(StreamOptions(), **options)  # type: ignore[arg-type]


def test_comments_say_which_options_lead_here() -> None:
    assert StreamOptions().arguments == " --engine stream --optimize size"
    assert StreamOptions("size", 90_000, 5, "cortex-m4f").arguments == " --engine stream --optimize size --ram 90000"
    asked = StreamOptions("speed", flash_bytes=200_000, core="cortex-m7")
    assert asked.arguments == " --engine stream --optimize speed --flash 200000 (kernels for cortex-m7)"


def test_a_board_fills_in_what_is_open() -> None:
    board = find_board("nucleo-f411re")
    suited = options_for(board, StreamOptions("speed", ram_bytes=9))
    assert (suited.optimize, suited.ram_bytes, suited.core) == ("speed", 9, board.core.name)
    assert board.flash is not None
    assert 0 < (suited.flash_bytes or 0) < board.flash.size_bytes
    assert options_for(board, StreamOptions(flash_bytes=7)).flash_bytes == 7


def test_too_little_ram_and_a_strange_model_are_refused_each_in_its_way() -> None:
    graph = small_graph()
    needed = compile_small(graph)
    assert compile_small(graph, StreamOptions(ram_bytes=needed)) == needed
    with pytest.raises(DoesNotFit, match="bytes of RAM"):
        compile_small(graph, StreamOptions(ram_bytes=50))
    with pytest.raises(Unsupported, match="one picture in"):
        compile_small(dataclasses.replace(graph, inputs=()))
    strange = dataclasses.replace(graph.ops[-1], kind="SOFTMAX")
    with pytest.raises(Unsupported, match="op 0 "):
        compile_small(dataclasses.replace(graph, ops=(*graph.ops[:-1], strange)))
