"""`edgeblur inspect`: what is in a file, and what the streaming engine does with each op."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner, Result
from int8_nets import Int8Net

from edgeblur.cli import cli
from edgeblur.export.tflite.options import ReshapeOptions
from edgeblur.firmware_harness.engines.inspected import Inspected


def int32(net: Int8Net, *numbers: int) -> int:
    return net.constant(np.array(numbers, np.int32))


def odd_file(folder: Path) -> Path:
    """Float ends, a table, a pixel shuffle, an op that no kernel has, and two outputs."""
    net, path = Int8Net(), folder / "odd.tflite"
    picture = net.picture(4, 6)
    net.inputs = [net.tensor((1, 4, 6, 3))]
    net.op("QUANTIZE", net.inputs, picture)
    y = net.conv(picture, 12, activation="NONE", zero_point=-7)
    z = net.op("ABS", (y,), net.plane(net.shape(y), 0.05, -128))
    z = net.op("RESHAPE", (z, int32(net, 1, 4, 6, 2, 2, 3)), net.plane((1, 4, 6, 2, 2, 3), 0.05, -128),
               ReshapeOptions((1, 4, 6, 2, 2, 3)))  # fmt: skip
    z = net.op("TRANSPOSE", (z, int32(net, 0, 1, 3, 2, 4, 5)), net.plane((1, 4, 2, 6, 2, 3), 0.05, -128))
    z = net.op("RESHAPE", (z, int32(net, 1, 8, 12, 3)), net.plane((1, 8, 12, 3), 0.05, -128),
               ReshapeOptions((1, 8, 12, 3)))  # fmt: skip
    top = net.ops_of(
        "TOPK_V2",
        (y, net.constant(np.int32(2))),
        [net.plane((1, 4, 6, 2), 0.05, -7), net.tensor((1, 4, 6, 2), "int32")],
    )
    path.write_bytes(net.tflite(z, top[0]))
    return path


def inspect(*words: str) -> Result:
    return CliRunner().invoke(cli, ["inspect", *words])


def test_each_op_has_its_fate(tmp_path: Path) -> None:
    told = json.loads(inspect(str(odd_file(tmp_path)), "--json").output)
    fates = {f"{op['op']} {op['kind']}": op["stream"]["what"] for op in told["ops"]}
    assert fates == {
        "0 QUANTIZE": "vanishes", "1 CONV_2D": "kernel", "2 ABS": "table", "3 RESHAPE": "vanishes",
        "4 TRANSPOSE": "vanishes", "5 RESHAPE": "kernel", "6 TOPK_V2": "refused",
    }  # fmt: skip
    assert told["ops"][5]["stream"]["told"] == "recognised as DEPTH_TO_SPACE"
    assert told["macs"] == 4 * 6 * 12 * 27
    assert [output["tensor"].split()[0] for output in told["outputs"]] == ["1x8x12x3", "1x4x6x2"]
    assert told["engines"]["litert-ref"] == {"runs": True}
    assert "sort on the board" in told["ops"][6]["stream"]["told"]
    assert Inspected.from_json(told).as_json() == told


def test_the_picture_is_one_page_and_the_table_names_every_op(tmp_path: Path) -> None:
    path, page = odd_file(tmp_path), tmp_path / "odd.svg"
    result = inspect(str(path), "--svg", str(page))
    assert result.exit_code == 0
    assert all(kind in result.output for kind in ("QUANTIZE", "TOPK_V2", "kernel of CONV_2D", "table of 256"))
    boxes = [node for node in ET.parse(page).iter() if "box" in node.get("class", "").split()]
    assert len(boxes) == 7
    assert str(inspect(str(path), "--svg", str(page)).exception).startswith(str(page))


def test_a_damaged_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = odd_file(tmp_path)
    path.write_bytes(path.read_bytes()[:300])
    assert "no whole .tflite" in str(inspect(str(path)).exception)


@pytest.mark.parametrize("name", ["mask4", "unet8"])
def test_own_models_stream_throughout(name: str) -> None:
    told = json.loads(inspect(name, "--json").output)
    assert told["engines"]["stream"] == {"runs": True}
    assert {op["stream"]["what"] for op in told["ops"]} <= {"kernel", "vanishes"}
