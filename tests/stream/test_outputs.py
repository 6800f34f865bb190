"""Several outputs in one pass: each row goes out as soon as it is made, and none differs from LiteRT's reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from int8_nets import Int8Net, picture_bytes
from numpy.typing import NDArray
from stream_c import SANITIZERS, build, compiler, run, write_net

from edgeblur.cli import cli
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.planning.schedule import schedule
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.tflite.inside import look_inside
from edgeblur.export.tflite.options import ArgMaxOptions
from edgeblur.export.tflite.outputs import several_outputs
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.engines.engines import open_engine


def detector() -> tuple[Int8Net, tuple[int, ...]]:
    """Scores and boxes at two sizes, as detectors have them: no plane that goes out is read."""
    net = Int8Net(3)
    fine = net.max_pool(net.conv(net.picture(24, 20), 8))
    coarse = net.max_pool(net.conv(fine, 8))
    scores = [net.logistic(net.conv(plane, 2, (1, 1), activation="NONE", zero_point=0)) for plane in (fine, coarse)]
    boxes = [net.conv(plane, 4, (1, 1), activation="NONE", scale=0.1, zero_point=3) for plane in (fine, coarse)]
    return net, (scores[0], boxes[0], scores[1], boxes[1])


def entangled() -> tuple[Int8Net, tuple[int, ...]]:
    """What goes out is read as well, goes out twice, is part of another output, and is numbers of four bytes."""
    net = Int8Net(4)
    first = net.conv(net.picture(9, 7), 4)
    low = net.conv(net.max_pool(first), 4)
    up = net.up_conv(low, 3)
    joined = net.join(first, net.conv(first, 2))
    best = net.tensor(net.shape(first)[:3], "int32")
    net.op("ARG_MAX", (first, net.constant(np.array([3], np.int32))), best, ArgMaxOptions("INT32"))
    return net, (up, first, joined, low, first, best, best)


MADE = {"detector": detector, "entangled": entangled}


def reference(data: bytes, pictures: list[NDArray[Any]]) -> bytes:
    engine = open_engine("litert-ref", data, several=True)
    return b"".join(raw.tobytes() for picture in pictures for raw in engine.run_all(picture))


@pytest.mark.parametrize("name", MADE)
def test_all_outputs_equal_the_reference_whatever_the_order_of_calls(name: str, tmp_path: Path) -> None:
    net, outputs = MADE[name]()
    data = net.tflite(*outputs)
    write_net(look_inside(data).graph, name, tmp_path)
    program = build(tmp_path, [name], ["-O1", *SANITIZERS])
    pictures = [picture_bytes(net, seed) for seed in range(10)]
    assert run(program, "mixed", pictures, len(pictures)) == reference(data, pictures)


def test_rows_go_out_as_soon_as_the_picture_allows() -> None:
    """Coarse rows wait for more of the picture than fine ones; none waits for another output's end."""
    net, outputs = detector()
    lowered = lower(read_tflite(net.tflite(*outputs)))
    scores, boxes, coarse_scores, _ = lowered.outputs
    taken, came = 0, list[tuple[int, int]]()
    for step in schedule(lowered).steps:
        taken += step.node == 0
        if step.node in lowered.outputs:
            came.append((step.node, taken))
    assert [at for node, at in came if node == scores][:3] == [3, 5, 7]
    assert [at for node, at in came if node == boxes][:3] == [3, 5, 7]
    assert [at for node, at in came if node == coarse_scores][:2] == [7, 11]


def test_one_pass_takes_less_ram_than_all_its_outputs_apart() -> None:
    net, outputs = detector()
    live = [schedule(lower(read_tflite(net.tflite(*some)))).live_bytes for some in (outputs, *((o,) for o in outputs))]
    assert live[0] < sum(live[1:])
    assert live[0] >= max(live[1:])


def command(*words: str) -> Any:
    result = CliRunner().invoke(cli, list(words))
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_commands_list_and_compare_all_outputs(tmp_path: Path) -> None:
    net, outputs = detector()
    path = tmp_path / "detector.tflite"
    path.write_bytes(net.tflite(*outputs))
    sizes = [(12, 10, 2), (12, 10, 4), (6, 5, 2), (6, 5, 4)]
    exact = ("--engine", "stream,litert-ref", "--exact", "--random", "2")
    validated = command("validate", str(path), *exact, "--json")
    assert validated["bytes_compared"] == 2 * sum(h * w * c for h, w, c in sizes)
    out = ("--engine", "stream", "--out", str(tmp_path / "c"))
    for told in (validated, command("fit", str(path), "--board", "pico", "--json"),
                 command("export", str(path), *out, "--json")):  # fmt: skip
        assert [(o["height"], o["width"], o["channels"]) for o in told["outputs"]] == sizes
        assert told["outputs"][1]["zero_point"] == 3
    header = (tmp_path / "c" / "detector.h").read_text()
    assert "#define DETECTOR_OUTPUTS 4" in header
    assert "#define DETECTOR_OUTPUT_ROW_BYTES 40" in header
    assert "scale 0.100000001 and zero point 3" in header


def test_an_emulated_board_gives_all_outputs(tmp_path: Path) -> None:
    board = find_board("mps2-an386")
    assert board.emulator is not None
    compiler(board.core.toolchain.compiler)
    compiler(board.emulator.program)
    net, outputs = entangled()
    path = tmp_path / "entangled.tflite"
    path.write_bytes(net.tflite(*outputs))
    ran = command("run", str(path), "--board", board.name, "--random", "2", "--json")
    expected = sum(len(raw) for raw in [reference(path.read_bytes(), [picture_bytes(net, seed) for seed in range(2)])])
    assert (ran["bytes_compared"], ran["differing_bytes"]) == (expected, 0)


def test_outputs_are_named_as_the_file_names_them() -> None:
    """Also where a converter put DEQUANTIZE behind them, which the engine leaves out."""
    net, outputs = detector()
    given = [net.op("DEQUANTIZE", (o,), net.tensor(net.shape(o)), None, 2) for o in outputs]
    inner = look_inside(net.tflite(*given)).graph
    assert [output.name for output in several_outputs(inner)] == [f"t{i}" for i in given]
    assert [output.end.tensor.index for output in several_outputs(inner)] == list(outputs)
