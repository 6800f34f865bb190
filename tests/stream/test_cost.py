"""The cost model: what it predicts is near what was counted, also of nets that it was not fitted to."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from code_samples import every_kernel, every_kernel_int16
from cost_probes import tried
from fit_costs import HELD_OUT, Count, as_counted, counts, fitted
from int8_nets import Int8Net, unet
from int16_nets import Int16Net

from edgeblur.cli import cli
from edgeblur.errors import UserError
from edgeblur.export.stream.costs.choose import WINOGRAD
from edgeblur.export.stream.costs.cost import (
    frame_cost,
    frame_instructions,
    frame_work,
    instructions,
    layer_instructions,
)
from edgeblur.export.stream.costs.prices import DEFAULT_CORE, PATH, prices
from edgeblur.export.stream.costs.work import PRICED_AS, is_counted, layer_work, layers
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net.net import Net, Plane
from edgeblur.export.stream.ops import LOWERINGS
from edgeblur.export.stream.ops.conv_2d import Conv2D
from edgeblur.export.tflite.graph import Graph, read_tflite
from edgeblur.firmware_harness.emulation.bench import Bench, Frame

WINOGRAD_CORES = {"cortex-m4f", "cortex-m7", "cortex-m33"}
"""With DSP instructions and without vectors: there it takes fewer instructions than direct kernels."""

CORES = tuple(json.loads(PATH.read_text())["cores"])
LIMIT = 0.10
"""How far a held-out frame may be off; docs/cost-model.md has the real figures."""

STALE = "costs.json is not what the counts give: run `make costs`"


@pytest.fixture(scope="module")
def bench() -> Bench:
    return counts()


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Net]:
    folder, net = tmp_path_factory.mktemp("held_out"), Int8Net()
    nets = {"unet8.tflite": lower(net.graph(unet(net, 8)))}
    for name, data in tried().items():
        path = folder / f"{name}.tflite"
        path.write_bytes(data)
        nets[path.name] = lower(read_tflite(path))
    return nets


def predicted_layers(bench: Bench, frame: Frame, net: Net) -> dict[int, float]:
    """Each layer with the kernel that made it when it was counted."""
    found = layers(as_counted(bench, frame, net))
    return {n: instructions(layer, core=frame.core, optimize=frame.optimize) for n, layer in found.items()}


@pytest.mark.parametrize("model", HELD_OUT)
@pytest.mark.parametrize("optimize", OPTIMIZE)
@pytest.mark.parametrize("core", CORES)
def test_frames_that_were_not_fitted_to(
    bench: Bench, held_out: dict[str, Net], core: str, optimize: str, model: str
) -> None:
    (counted,) = (
        frame for frame in bench.frames if (frame.model, frame.core, frame.optimize) == (model, core, optimize)
    )
    net, known = held_out[model], prices(core, optimize)
    assert known is not None
    predicted = sum(predicted_layers(bench, counted, net).values()) + known.of(frame_work(net))
    error = predicted / counted.instructions - 1
    assert abs(error) < LIMIT
    assert error == pytest.approx(known.held_out[model], abs=1e-3), STALE


@pytest.mark.parametrize("core", CORES)
def test_layers_one_by_one(bench: Bench, held_out: dict[str, Net], core: str) -> None:
    counted = [frame for frame in bench.frames if (frame.model, frame.core) == ("unet8.tflite", core)]
    for frame in counted:
        real = {layer.number: layer.instructions for layer in bench.only(frame.key).layers}
        predicted = predicted_layers(bench, frame, held_out["unet8.tflite"])
        assert predicted.keys() == real.keys()
        assert all(abs(predicted[n] / real[n] - 1) < 0.15 for n in real)


@pytest.mark.parametrize("graph", [every_kernel(), every_kernel_int16()], ids=["8 bits", "16 bits"])
def test_every_kernel_has_prices_on_every_core(graph: Graph) -> None:
    net = lower(graph)
    found = layers(net).values()
    assert len({layer.operation.kernel for layer in found}) > 12
    assert all(map(is_counted, found))
    for core in CORES:
        for optimize in OPTIMIZE:
            known = prices(core, optimize)
            assert known is not None
            priced = {unit.split(".")[0] for unit in known.units}
            assert {PRICED_AS.get(layer.operation.kernel, layer.operation.kernel) for layer in found} <= priced
            assert (WINOGRAD in priced) == (optimize == "speed" and core in WINOGRAD_CORES)
            assert all(cost > 0 for cost in layer_instructions(net, core, optimize=optimize).values())


def test_every_operator_is_among_the_kernels() -> None:
    counted = {layer.operation.kernel for layer in layers(lower(every_kernel())).values()}
    shared = {
        "lookup",
        "conv_2d",
        "grouped_conv_2d",
        "extremes",
        "reduce_extreme",
        "reduce_sum",
    }  # by several operators
    assert counted - shared <= {kind.lower() for kind in LOWERINGS}


def test_units_count_the_loops_of_the_kernel() -> None:
    net = Int8Net()
    graph = net.graph(net.conv(net.conv(net.picture(5, 7), 4), 3))
    work = layer_work(layers(lower(graph))[2])
    assert work["conv_2d.rows"] == 5
    assert work["conv_2d.blocks"] == 5 * 4 * 2  # pairs of 7 pixels, pairs of 3 channels
    assert work["conv_2d.words"] == 5 * 4 * 2 * 9  # 9 pixels of 4 channels
    assert work["conv_2d.elements"] == 5 * 7 * 3
    assert work["conv_2d.columns"] == 5 * 10  # under 8 pixels, gathered once


def test_sums_beyond_32_bits_are_other_work() -> None:
    narrow, wide = (Int16Net() for _ in range(2))
    nets = {
        "narrow": narrow.graph(narrow.conv(narrow.picture(4, 6), 5)),
        "wide": wide.graph(wide.conv(wide.picture(4, 6), 5, gain=5000)),
    }
    units = {name: layer_work(layers(lower(graph))[1]) for name, graph in nets.items()}
    assert units["narrow"]["conv_2d_int16.words"] == 4 * 3 * 3 * 9  # pairs of pixels and of channels, words
    assert units["wide"]["conv_2d_int16.wide_products"] == 4 * 6 * 5 * 36
    assert units["wide"].keys().isdisjoint({"conv_2d_int16.words", "conv_2d_int16.elements"})


def test_unknown_kernels_and_cores_are_refused(held_out: dict[str, Net]) -> None:
    layer = layers(held_out["unet8.tflite"])[1]
    with pytest.raises(UserError, match="no kernel 'guess'"):
        instructions(layer, "guess")
    with pytest.raises(UserError, match="'xtensa-lx7'"):
        instructions(layer, core="xtensa-lx7")
    assert prices("xtensa-lx7") is None


class Unpriced(Conv2D):
    kernel = "fancy"


class Uncounted(Conv2D):
    def work(self, inputs: Sequence[Plane], output: Plane, *, helium: bool = False) -> None:  # type: ignore[override]
        return None


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [(Unpriced, "'fancy' was not counted on cortex-m7"), (Uncounted, "no instructions were counted for .* 'conv_2d'")],
)
def test_a_kernel_without_prices_is_unknown_and_not_free(
    held_out: dict[str, Net], kind: type[Conv2D], sentence: str
) -> None:
    nodes = list(held_out["unet6.tflite"].nodes)
    conv = nodes[1].operation
    assert isinstance(conv, Conv2D)
    nodes[1] = dataclasses.replace(nodes[1], operation=kind(conv.weights, conv.options, conv.bias, conv.requantization))
    net = Net("net", tuple(nodes))
    with pytest.raises(UserError, match=sentence):
        instructions(layers(net)[1], core="cortex-m7")
    assert frame_cost(net, "cortex-m7") is None


def test_cores_that_run_the_same_code_cost_the_same(held_out: dict[str, Net]) -> None:
    net = held_out["unet8.tflite"]
    assert frame_instructions(net, "cortex-m0") == frame_instructions(net, "cortex-m0plus")


def test_cycles_are_estimated_where_rules_are_known(held_out: dict[str, Net]) -> None:
    net = held_out["unet6.tflite"]
    costs = {core: frame_cost(net, core) for core in CORES}
    for core, cost in costs.items():
        assert cost is not None
        assert cost.instructions == round(frame_instructions(net, core))
        assert (cost.cycles is None) == (core in ("cortex-m55", "rv32imac"))
    m4, m7 = costs["cortex-m4f"], costs["cortex-m7"]
    assert m4 is not None
    assert m7 is not None
    assert m4.cycles is not None
    assert m7.cycles is not None
    assert m7.cycles < m4.cycles  # two instructions a cycle at best
    assert 1.25 < m4.cycles / m4.instructions < 1.6


def test_fit_tells_instructions_and_time_as_far_as_they_are_known(tmp_path: Path) -> None:
    path = tmp_path / "unet6.tflite"
    path.write_bytes(tried()["unet6"])
    net = lower(read_tflite(path))
    told = {}
    for board in ("nucleo-f411re", "esp32-c3", "esp32-s3"):
        result = CliRunner().invoke(cli, ["fit", str(path), "--board", board, "--json"])
        assert result.exit_code == 0, result.output
        told[board] = json.loads(result.stdout)
    cost = frame_cost(net, "cortex-m4f", optimize="size")
    assert cost is not None
    assert cost.cycles is not None
    assert told["nucleo-f411re"]["predicted_instructions"] == cost.instructions
    assert told["nucleo-f411re"]["estimated_ms"] == pytest.approx(cost.cycles / 100e6 * 1e3, abs=1e-3)
    assert "estimated_ms" not in told["esp32-c3"]
    assert told["esp32-c3"]["predicted_instructions"] == round(frame_instructions(net, "rv32imac", optimize="size"))
    assert "predicted_instructions" not in told["esp32-s3"]


def test_fitting_finds_the_prices_that_made_the_counts() -> None:
    works = [{"a.x": 3.0, "a.y": 1.0, "a.z": 2.0}, {"a.x": 1.0, "a.y": 5.0}, {"a.y": 2.0, "a.z": 7.0}, {"a.x": 4.0}]
    true = {"a.x": 2.5, "a.y": 17.0}  # z costs nothing
    found = [Count(work, sum(true.get(unit, 0) * amount for unit, amount in work.items())) for work in works]
    assert fitted(found) == pytest.approx(true)


def test_export_tells_the_predicted_instructions(tmp_path: Path) -> None:
    path = tmp_path / "unet6.tflite"
    path.write_bytes(tried()["unet6"])
    net = lower(read_tflite(path))
    for arguments, core in (((), DEFAULT_CORE), (("--board", "pico"), "cortex-m0plus")):
        arguments = ("export", str(path), "--engine", "stream", "--out", str(tmp_path / core), "--json", *arguments)
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, result.output
        plan = json.loads(result.stdout)["plan"]
        assert plan["predicted_core"] == core
        assert plan["predicted_instructions"] == round(frame_instructions(net, core, optimize="size"))
        predicted = [plane["predicted_instructions"] for plane in plan["planes"][1:]]
        assert predicted == [round(cost) for cost in layer_instructions(net, core, optimize="size").values()]
