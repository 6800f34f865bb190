"""Numbers beyond the C types of kernels' structs: refused by layer and member, never cut."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from int8_nets import Int8Net
from stream_c import compiler

from edgeblur.errors import RunError, UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.members import member_ranges
from edgeblur.export.stream.planning import plan as planning
from edgeblur.export.stream.planning.plan import plan
from edgeblur.export.stream.planning.schedule import Rows, Schedule, Step, schedule
from edgeblur.export.stream.report.show_plan import plan_svg
from edgeblur.export.stream.write import export_stream
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.tflm.write import export_model
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.engines.host_c import check_compiles
from edgeblur.firmware_harness.projects.projects import ProjectOptions, write_firmware
from edgeblur.firmware_harness.shell import model as shell_model


def tall_kernel() -> bytes:
    net = Int8Net(0)
    x = net.conv(net.picture(300, 1, 3), 128, (1, 1))
    return net.tflite(net.conv(x, 1, (257, 1), padding="VALID"))


def many_channels() -> bytes:
    net = Int8Net(0)
    return net.tflite(net.conv(net.conv(net.picture(4, 1, 1), 11_000, (1, 1)), 1, (3, 1)))


def many_columns() -> bytes:
    net = Int8Net(0)
    return net.tflite(net.conv(net.up_conv(net.picture(2, 1, 1), 16_400, (2, 2)), 1, (1, 1)))


def far_dilation() -> bytes:
    net = Int8Net(0)
    return net.tflite(net.conv(net.picture(4, 1, 1), 1, (1, 1), dilation=(1, 40_000)))


@pytest.mark.parametrize(
    ("make", "member"),
    [
        (tall_kernel, "column bytes is 32,896"),
        (many_channels, "column bytes is 33,000"),
        (many_columns, "out channels is 32,800"),
        (far_dilation, "dilation is 40,000"),
    ],
)
def test_a_number_beyond_its_type_is_refused(make: Callable[[], bytes], member: str) -> None:
    graph = read_tflite(make())
    with pytest.raises(UserError, match=rf"cannot be streamed: its {member}, and the engine takes -32,768 to 32,767"):
        compile_stream(graph, Provenance("net.tflite", "net", graph))


def test_every_member_that_is_a_number_has_its_range() -> None:
    ranges = member_ranges()
    assert ranges["conv_2d"]["column_bytes"] == range(-(2**15), 2**15)
    assert ranges["conv_2d"]["least"] == range(-(2**31), 2**31)
    assert ranges["add"]["in.first_pixel"] == range(-(2**15), 2**15)
    assert "weights" not in ranges["conv_2d"]


def test_a_net_without_macs_has_a_plan_and_its_picture() -> None:
    net = Int8Net(0)
    graph = net.graph(net.max_pool(net.picture(8, 8, 3)))
    compiled = compile_stream(graph, Provenance("net.tflite", "net", graph))
    assert compiled.net.macs == 0
    assert "<svg" in plan_svg(compiled)


@pytest.mark.parametrize("scale", [1e-9, 1e-13, 1e-39])
def test_an_activation_beyond_32_bits_of_steps_is_refused_as_litert_does(scale: float) -> None:
    net = Int8Net(0)
    graph = net.graph(net.conv(net.picture(4, 4, 3), 3, scale=scale, activation="RELU6"))
    with pytest.raises(UserError, match=r"bound of 6 leaves 32 bits|positive scale|scale 0"):
        compile_stream(graph, Provenance("net.tflite", "net", graph))


def test_two_ops_that_write_one_tensor_are_refused() -> None:
    net = Int8Net(0)
    picture = net.picture(8, 8, 3)
    y = net.max_pool(picture)
    net.op("MAX_POOL_2D", (picture,), y, net.ops[-1].options, 2)
    with pytest.raises(UserError, match="two ops write tensor"):
        read_tflite(net.tflite(y))


def test_thousands_of_rows_alive_at_once_are_planned() -> None:
    """Pairs of them would be 200 million; sizes differ, and some die early."""
    count = 20_000
    rows = tuple(Rows(0, y, 8 + 4 * (y % 5), y, 2 * count if y % 7 else y + 50) for y in range(count))
    found = plan(Schedule(tuple(Step(0, y, 1) for y in range(2 * count + 1)), rows))
    assert found.arena_bytes <= 1.1 * Schedule((Step(0, 0, 1),) * (2 * count + 1), rows).live_bytes + 8 * count
    by_start = sorted((found.addresses[0, row.row], row) for row in rows if row.death == 2 * count)
    ends = [start + row.size_bytes for start, row in by_start]
    assert all(end <= start for end, (start, _) in zip(ends, by_start[1:], strict=False))


def test_both_ways_of_planning_keep_rows_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Int8Net(0)
    order = schedule(lower(net.graph(net.conv(net.conv(net.picture(16, 12), 8), 3))))
    for most in (0, 10**9):
        monkeypatch.setattr(planning, "MOST_PAIRS", most)
        found = plan(order)
        for a, b in itertools.combinations(order.rows, 2):
            if a.birth <= b.death and b.birth <= a.death:
                one, other = found.addresses[a.node, a.row], found.addresses[b.node, b.row]
                assert one + a.size_bytes <= other or other + b.size_bytes <= one


def small_net(folder: Path) -> Path:
    net = Int8Net(0)
    (folder / "net.tflite").write_bytes(net.tflite(net.conv(net.picture(4, 4, 3), 3)))
    return folder / "net.tflite"


@pytest.mark.parametrize("export", [export_stream, export_model])
def test_c_that_does_not_compile_is_not_written(export: Callable[..., object], tmp_path: Path) -> None:
    compiler("cc")
    net = small_net(tmp_path)
    assert export(net, tmp_path / "good", check=check_compiles)

    def spoiled(source: Path) -> None:
        source.write_text(source.read_text() + "int9_t spoiled;\n")
        check_compiles(source)

    with pytest.raises(RunError, match=r"does not compile with .*, and was not written: .*int9_t"):
        export(net, tmp_path / "bad", check=spoiled)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good", "net.tflite"]


def test_a_project_whose_c_does_not_compile_is_not_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiler("cc")
    net = small_net(tmp_path)
    made = shell_model._stream

    def spoiled(compiled: Compiled) -> shell_model.Engine:
        engine = made(compiled)
        (name, source), *rest = engine.generated
        return dataclasses.replace(engine, generated=((name, source + "int9_t spoiled;\n"), *rest))

    monkeypatch.setattr(shell_model, "_stream", spoiled)
    with pytest.raises(RunError, match=r"does not compile with .*, and was not written: .*int9_t"):
        write_firmware(net, find_board("pico"), tmp_path / "project", ProjectOptions())
    assert [path.name for path in tmp_path.iterdir()] == ["net.tflite"]


def test_a_compiler_that_takes_nothing_counts_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cc").write_text("#!/bin/sh\necho 'stdint.h: No such file' >&2\nexit 1\n")
    (tmp_path / "cc").chmod(0o755)
    monkeypatch.setenv("CC", str(tmp_path / "cc"))
    assert export_stream(small_net(tmp_path), tmp_path / "out", check=check_compiles).files


def test_a_compiler_need_not_read_millions_of_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real, seen = compiler("cc"), tmp_path / "seen"
    (tmp_path / "cc").write_text(f'#!/bin/sh\nfor f; do :; done\ncat "${{f%/*}}"/*.h >{seen}\nexec {real} "$@"\n')
    (tmp_path / "cc").chmod(0o755)
    monkeypatch.setenv("CC", str(tmp_path / "cc"))
    numbers, get = ",".join(["-123"] * 1_000_000), "int a_get(int i)"
    (tmp_path / "a_weights.h").write_text(f"static const int8_t weights[1000000] = {{\n{numbers}\n}};\n")
    (tmp_path / "a.c").write_text(
        f'#include <stdint.h>\n#include "a_weights.h"\n{get};\n{get} {{ return weights[i]; }}\n'
    )
    check_compiles(tmp_path / "a.c")
    assert 0 < seen.stat().st_size < 1000
