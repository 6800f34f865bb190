"""The streaming engine's RAM: what a plan needs, budgets met by making rows twice, and the plan as people see it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pytest
from int8_nets import Int8Net, picture_bytes, unet
from random_nets import random_net
from rich.console import Console

from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance
from edgeblur.export.stream.compile import Compiled, compile_stream
from edgeblur.export.stream.emit import emit
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.stream.planning.budget import Planned, plan_within
from edgeblur.export.stream.planning.layout import ram_bytes
from edgeblur.export.stream.planning.plan import plan
from edgeblur.export.stream.planning.recompute import repeat, repetitions
from edgeblur.export.stream.planning.schedule import schedule
from edgeblur.export.stream.report.plan_summary import remarks
from edgeblur.export.stream.report.show_plan import plan_svg, plan_table, summarize
from edgeblur.export.tflite.graph import image_model
from edgeblur.export.tflite.inside import without_ends
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.host_c import compile_for_host

SVG = "{http://www.w3.org/2000/svg}"


def compiled(net: Int8Net, output: int, budget_bytes: int | None = None) -> Compiled:
    return compile_for_host(image_model(net.graph(output)), StreamOptions(ram_bytes=budget_bytes))


def tight(net: Int8Net) -> Compiled:
    """A small U-Net that has to make rows twice, to save a byte or more."""
    output = unet(net, 4, 2, (32, 24))
    return compiled(net, output, compiled(net, output).files.ram_bytes - 1)


def planned(width: int, budget_bytes: int | None = None, size: tuple[int, int] = (128, 128)) -> Planned:
    net = Int8Net()
    return plan_within(lower(net.graph(unet(net, width, size=size))), budget_bytes)


def needed(result: Planned) -> int:
    return ram_bytes(result.net, result.schedule, result.plan)


def differing_bytes(net: Int8Net, output: int, result: Compiled) -> int:
    data, picture = net.tflite(output), picture_bytes(net)
    expected = open_engine("litert-ref", data).run(picture)
    assert np.unique(expected).size > 8  # else nothing would be compared
    return int((open_engine("stream", data, compiled=result).run(picture) != expected).sum())


def overlaps(plan: Planned | Compiled) -> int:
    """Pairs of rows that share a step and a byte, found the slow way: byte by byte, step by step."""
    owner = np.full(plan.plan.arena_bytes, -1)
    deaths: dict[int, list[int]] = {}
    births = {row.birth: i for i, row in enumerate(plan.schedule.rows)}
    found = 0
    for step in range(len(plan.schedule.steps)):
        if (i := births.get(step)) is not None:
            row = plan.schedule.rows[i]
            at = plan.plan.addresses[row.node, row.row]
            found += int((owner[at : at + row.size_bytes] != -1).sum())
            owner[at : at + row.size_bytes] = i
            deaths.setdefault(row.death, []).append(i)
        for dead in deaths.pop(step, ()):
            owner[owner == dead] = -1
    return found


def two_late_readers(net: Int8Net) -> int:
    """A plane that one layer reads at once, another later, and a third last of all."""

    def bend(x: int) -> int:
        """Down, through wide windows, and up again: a layer that reads the result is late."""
        return net.up_conv(net.conv(net.conv(net.max_pool(x), 4, (7, 3), gain=2), 4, (7, 3), gain=2), 3, gain=2)

    skip = net.conv(net.picture(48, 12), 16)
    middle = net.conv(net.join(bend(skip), skip), 4, (1, 1), gain=2)
    return net.conv(net.join(bend(middle), skip), 3, (1, 1), activation="NONE", zero_point=0)


def branched_skip(net: Int8Net) -> int:
    """A skip that is made from two branches, one of them through a strided layer and back."""
    picture = net.picture(40, 12)
    plain, coarse = net.conv(picture, 6), net.up_conv(net.conv(picture, 4, stride=(2, 2)), 5)
    skip = net.conv(net.join(plain, coarse), 12, gain=2)
    deep = net.conv(net.conv(net.max_pool(skip), 6, (9, 3), gain=2), 6, (9, 3), gain=2)
    return net.conv(net.join(net.up_conv(deep, 4), skip), 3, activation="NONE", zero_point=0)


def joined_twice(net: Int8Net) -> int:
    """The output itself is the late reader, and takes the plane twice."""
    skip = x = net.conv(net.picture(30, 12), 12)
    for _ in range(6):
        x = net.conv(x, 2, gain=2)
    return net.join(x, skip, skip)


NETS: list[Callable[[Int8Net], int]] = [
    lambda net: unet(net, 4, 2, (32, 24)),
    lambda net: unet(net, 4, 2, (32, 24), skip_first=True),
    two_late_readers,
    branched_skip,
    joined_twice,
]


@pytest.mark.parametrize("build", NETS, ids=["unet", "unet, skip first", "two late", "branched", "joined twice"])
def test_budgets_down_to_the_least_are_met_and_change_no_byte(build):
    net = Int8Net()
    output = build(net)
    result = compiled(net, output)
    macs, spent = result.net.macs, []
    while True:
        assert overlaps(result) == 0
        assert ram_bytes(result.net, result.schedule, result.plan) == result.files.ram_bytes
        assert differing_bytes(net, output, result) == 0
        assert result.net.macs == macs + result.net.macs_recomputed
        spent.append(result.net.macs_recomputed)
        budget_bytes = result.files.ram_bytes - 1
        try:
            result = compiled(net, output, budget_bytes)
        except UserError:
            break
        assert result.files.ram_bytes <= budget_bytes
        assert result.recomputation is not None
        assert result.recomputation.ram_bytes_after == result.files.ram_bytes
        assert result.recomputation.macs_added == result.net.macs_recomputed
    assert len(spent) > 1
    assert spent == sorted(spent)


def test_any_repetition_in_random_nets_changes_no_byte():
    random, compared = np.random.default_rng(0), 0
    for net in (net for net in map(random_net, range(200)) if len(net.outputs) == 1):
        now = lower(net.graph)
        for _ in range(3):  # whether it saves memory or not
            if ways := list(repetitions(now, schedule(now))):
                now, _ = repeat(now, ways[int(random.integers(len(ways)))])
        if now.macs_recomputed:
            order = schedule(now)
            places = plan(order)
            files = emit(
                now,
                order,
                places,
                image_model(without_ends(net.graph)),
                Provenance("", "model", net.graph),
                optimize="size",
            )
            result = Compiled(now, order, places, files)
            assert overlaps(result) == 0
            picture = net.pictures(1)[0]
            expected = open_engine("litert-ref", net.tflite).run(picture)
            assert (open_engine("stream", net.tflite, compiled=result).run(picture) == expected).all(), str(net)
            compared += 1
    assert compared >= 5


@pytest.mark.parametrize(("width", "most_bytes"), [(4, 58_000), (8, 114_000), (16, 226_000), (32, 450_000)])
def test_a_unet_needs_an_eighth_of_what_other_engines_take(width, most_bytes):
    plan = planned(width)
    assert needed(plan) <= most_bytes
    assert plan.net.macs_recomputed == 0
    assert plan.schedule.live_bytes <= plan.plan.arena_bytes <= 1.01 * plan.schedule.live_bytes


@pytest.mark.parametrize("size", [(96, 96), (240, 320)])
def test_plans_stay_close_to_the_bound_at_other_sizes(size):
    plan = planned(8, size=size)
    assert overlaps(plan) == 0
    assert plan.plan.arena_bytes <= 1.01 * plan.schedule.live_bytes


def test_width_8_fits_90_000_bytes_for_a_tenth_more_work():
    net = Int8Net()
    output = unet(net, 8)
    result = compiled(net, output, 90_000)
    assert result.files.ram_bytes <= 90_000
    assert result.recomputation is not None
    assert result.recomputation.macs_share < 0.10  # the skip once more: two of its layers
    assert [(len(r.layers), r.sources) for r in result.recomputation.repeated] == [(2, ("picture",))]
    assert differing_bytes(net, output, result) == 0


def test_a_budget_that_holds_anyway_changes_nothing():
    net = Int8Net()
    output = unet(net, 4, 2, (32, 24))
    free = compiled(net, output)
    assert compiled(net, output, free.files.ram_bytes).files == free.files


def test_regenerating_within_a_budget_gives_the_same_files():
    assert tight(Int8Net()).files == tight(Int8Net()).files


def test_an_impossible_budget_is_told_with_what_is_missing_and_what_would_fit():
    with pytest.raises(UserError) as refusal:
        planned(8, 25_000, (64, 64))
    told = str(refusal.value)
    numbers = re.search(
        r"net needs ([\d,]+) bytes of RAM even with \d+% more MACs, ([\d,]+) more than the 25,000 that it may take; "
        r"a student of width 4 instead of 8 would need about ([\d,]+), estimated by scaling the channels of all layers",
        told,
    )
    assert numbers, told
    least, missing, estimate = (int(number.replace(",", "")) for number in numbers.groups())
    assert least - missing == 25_000
    assert needed(planned(8, least, (64, 64))) <= least  # what it names as the least is within reach
    student = needed(planned(4, round(estimate * 1.02), (64, 64)))  # and so is the student
    assert 0.95 * estimate < student


def test_a_budget_for_which_no_student_is_narrow_enough_says_so():
    with pytest.raises(UserError, match="no narrower student would fit either: train one for smaller pictures"):
        planned(4, 1_000, (64, 64))


def test_a_net_without_anything_to_repeat_says_what_it_needs():
    net = Int8Net()
    graph = net.graph(net.conv(net.conv(net.picture(8, 8), 8), 3))
    with pytest.raises(UserError, match=r"^net needs [\d,]+ bytes of RAM, [\d,]+ more than the 100 that it may take"):
        plan_within(lower(graph), 100)


def test_rows_are_made_as_late_as_possible_and_in_order():
    net = Int8Net()
    order = schedule(lower(net.graph(net.conv(net.conv(net.picture(4, 4), 2), 3))))
    assert [(step.node, step.row) for step in order.steps] == [
        (0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0), (0, 3), (1, 2), (2, 1), (1, 3), (2, 2), (2, 3),
    ]  # fmt: skip
    assert [order.most_rows(node) for node in range(3)] == [3, 3, 0]


# The plan as people see it


@pytest.fixture(scope="module")
def within_budget() -> Compiled:
    return tight(Int8Net())


def test_the_summary_agrees_with_the_plan(within_budget):
    summary = summarize(within_budget)
    assert sum(plane.worst_bytes for plane in summary.planes) == summary.live_bytes == within_budget.schedule.live_bytes
    assert sum(plane.worst_share for plane in summary.planes) == pytest.approx(1)
    assert summary.arena_bytes + summary.scratch_bytes + summary.counter_bytes == summary.state_bytes
    assert summary.state_bytes + summary.row_bytes == summary.ram_bytes == within_budget.files.ram_bytes
    assert sum(plane.ring_bytes for plane in summary.planes) == summary.ring_bytes > summary.live_bytes
    assert sum(plane.macs for plane in summary.planes) == summary.macs
    twice = [plane for plane in summary.planes if plane.recomputes]
    assert sum(plane.macs for plane in twice) == summary.macs_recomputed > 0
    assert {f"{plane.recomputes} again" for plane in twice} == {plane.name for plane in twice}


def test_the_summary_is_json_without_nulls(within_budget):
    text = json.dumps(summarize(within_budget).as_json(), allow_nan=False)
    assert "null" not in text
    told = json.loads(text)
    assert told["recomputation"]["macs_added"] == told["macs_recomputed"]
    assert len(told["planes"]) == len(within_budget.net.nodes)


def test_the_table_names_all_planes_and_sums(within_budget):
    summary = summarize(within_budget)
    console = Console(width=200)
    with console.capture() as captured:
        console.print(plan_table(summary, console))
    told = captured.get()
    lines = told.splitlines()
    for plane in summary.planes:
        cells = next(line.split() for line in lines if line.startswith(f"{plane.name} "))
        assert f"{plane.row_bytes:,}" in cells
    assert re.search(rf"RAM +{summary.ram_bytes:,} B", told)
    assert all(remark in " ".join(told.split()) for remark in remarks(summary))


def test_the_remarks_name_the_greediest_plane_and_what_was_made_twice(within_budget):
    summary = summarize(within_budget)
    where, twice = remarks(summary)
    greediest = max(summary.planes, key=lambda plane: plane.worst_bytes)
    assert f"{greediest.worst_share:.0%} is {greediest.name} ({greediest.worst_rows} rows of " in where
    assert f"{summary.macs_recomputed:,} MACs more" in twice
    assert "is made again for" in twice


def test_the_picture_shows_what_the_plan_says(within_budget):
    summary, text = summarize(within_budget), plan_svg(within_budget)
    root = ET.fromstring(text)
    legend = root.findall(f".//{SVG}g[@id='legend']/{SVG}g")
    assert sum(int(entry.get("data-bytes", "")) for entry in legend) == summary.live_bytes
    names = [entry.findtext(f"{SVG}text") for entry in legend]
    assert names[-1] == summary.largest[0].name
    assert len(names) == len(set(names))
    boxes = [path.get("d", "").count("M") for path in root.findall(f".//{SVG}g[@id='places']/{SVG}g/{SVG}path")]
    assert sum(boxes) == len(within_budget.schedule.rows)
    titles = [element.text for element in root.iter(f"{SVG}text")]
    assert f"{summary.name}: {summary.ram_bytes:,} B of RAM" in titles
    assert any(f"worst moment: {summary.live_bytes:,} B" in (title or "") for title in titles)
    assert plan_svg(within_budget) == text


def test_the_top_of_the_stack_is_the_worst_moment(within_budget):
    root = ET.fromstring(plan_svg(within_budget))
    (whole, *_), base = root.findall(f".//{SVG}g[@id='stack']/{SVG}g/{SVG}path"), 412
    heights = [float(y) for y in re.findall(r"V([\d.]+)", whole.get("d", ""))]
    ticks = {
        int((label.text or "").replace(",", "")): float(line.get("d", "").split()[1].split("H")[0])
        for line, label in zip(
            root.findall(f".//{SVG}g[@id='stack']/{SVG}path[@class='grid']"),
            root.findall(f".//{SVG}g[@id='stack']/{SVG}text"),
            strict=True,
        )
    }
    most = max(ticks)
    scale = most / (base - ticks[most])
    assert (base - min(heights)) * scale == pytest.approx(within_budget.schedule.live_bytes, rel=0.01)


def test_the_picture_is_self_contained_whatever_the_names():
    net = Int8Net()
    graph = net.graph(net.conv(net.picture(9, 7), 4), name="<script>&\"'\x07]]> a very long name, longer than the page")
    text = plan_svg(compile_stream(graph, Provenance("net.tflite", "net", graph)))
    root = ET.fromstring(text)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "style", "defs", "pattern", "path", "rect", "text", "title", "g",
    }  # fmt: skip
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert "prefers-color-scheme: dark" in text
