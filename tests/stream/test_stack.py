"""The stack of generated C, as the compiler counts it, beside what a board reserves and `fit` tells."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from int8_nets import Int8Net
from stream_c import write_net
from tools import require

from edgeblur.export.stream.compile import Compiled
from edgeblur.export.stream.planning.layout import extra_stack_bytes, most_pointers
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.tflite.options import MulOptions, Pool2DOptions
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.shell.room import ram_needed, with_stack

KERNELS_AND_CALLS = 600  # bytes: 392 were painted at most on boards


def whole_picture_pool(rows: int) -> bytes:
    net = Int8Net(0)
    x = net.picture(rows, 2, 3)
    given = net.plane((1, 1, 1, 3), net.tensors[x].scales[0], net.tensors[x].zero_points[0])
    options = Pool2DOptions("VALID", rows, 2, rows, 2, "NONE")
    return net.tflite(net.op("AVERAGE_POOL_2D", (x,), given, options, 2))


def squeeze_and_excite(rows: int) -> bytes:
    net = Int8Net(0)
    a = net.conv(net.picture(rows, 4, 3), 4)
    pooled = net.plane((1, 1, 1, 4), net.tensors[a].scales[0], net.tensors[a].zero_points[0])
    p = net.op("AVERAGE_POOL_2D", (a,), pooled, Pool2DOptions("VALID", rows, 4, rows, 4, "NONE"), 2)
    gate = net.conv(p, 4, (1, 1), scale=1 / 256)
    product = net.op("MUL", (a, gate), net.plane(net.shape(a), 0.01, -128), MulOptions("NONE"), 2)
    return net.tflite(net.conv(product, 3, scale=0.01))


def compiled_to(folder: Path, data: bytes) -> Compiled:
    return write_net(read_tflite(data), "net", folder)


def deepest_frame(folder: Path) -> int:
    """Bytes of the function with most of them, as gcc for a Cortex-M4 counts (`-fstack-usage`)."""
    require("arm-none-eabi-gcc")
    flags = ["-std=c99", "-Os", "-mcpu=cortex-m4", "-mthumb", "-fstack-usage"]
    subprocess.run(["arm-none-eabi-gcc", *flags, "-c", "net.c", "-o", "net.o"], cwd=folder, check=True)
    return max(int(line.split("\t")[1]) for line in (folder / "net.su").read_text().splitlines())


@pytest.mark.parametrize("rows", [4, 480])
@pytest.mark.parametrize("make", [whole_picture_pool, squeeze_and_excite])
def test_what_is_reserved_holds_the_row_pointers(make: object, rows: int, tmp_path: Path) -> None:
    assert callable(make)
    compiled = compiled_to(tmp_path, make(rows))
    board = find_board("mps2-an386")
    roomy = with_stack(board, compiled)
    assert deepest_frame(tmp_path) + KERNELS_AND_CALLS <= roomy.stack_bytes
    assert roomy.stack_bytes - board.stack_bytes == extra_stack_bytes(compiled.net)
    assert ram_needed(compiled, roomy) - ram_needed(compiled, board) == extra_stack_bytes(compiled.net)


def test_only_windows_of_many_rows_take_more(tmp_path: Path) -> None:
    tall, small = (compiled_to(tmp_path, whole_picture_pool(rows)).net for rows in (480, 60))
    assert (most_pointers(tall), extra_stack_bytes(tall)) == (480, 4 * 416)
    assert (most_pointers(small), extra_stack_bytes(small)) == (60, 0)
