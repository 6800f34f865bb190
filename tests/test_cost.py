"""The cost model: what it predicts is near what was counted, also of nets that it was not fitted to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from code_samples import every_kernel
from cost_probes import tried
from fit_costs import HELD_OUT, Count, counts, fitted
from int8_nets import Int8Net, unet

from edgeblur.cli import cli
from edgeblur.errors import UserError
from edgeblur.export.stream.cost import (
    DEFAULT_CORE,
    PATH,
    frame_instructions,
    instructions,
    layer_instructions,
    prices,
)
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net import Net
from edgeblur.export.stream.ops import LOWERINGS
from edgeblur.export.stream.work import PRICED_AS, WORK, layer_work, layers
from edgeblur.export.tflite import read_tflite
from edgeblur.files import read_object
from edgeblur.firmware_harness.bench import Bench

CORES = tuple(read_object(PATH)["cores"])
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


@pytest.mark.parametrize("model", HELD_OUT)
@pytest.mark.parametrize("optimize", OPTIMIZE)
@pytest.mark.parametrize("core", CORES)
def test_frames_that_were_not_fitted_to(
    bench: Bench, held_out: dict[str, Net], core: str, optimize: str, model: str
) -> None:
    (counted,) = (
        frame for frame in bench.frames if (frame.model, frame.core, frame.optimize) == (model, core, optimize)
    )
    error = frame_instructions(held_out[model], core, optimize=optimize) / counted.instructions - 1
    assert abs(error) < LIMIT
    known = prices(core, optimize)
    assert known is not None
    assert error == pytest.approx(known.held_out[model], abs=1e-3), STALE


@pytest.mark.parametrize("core", CORES)
def test_layers_one_by_one(bench: Bench, held_out: dict[str, Net], core: str) -> None:
    counted = [frame for frame in bench.frames if (frame.model, frame.core) == ("unet8.tflite", core)]
    for frame in counted:
        real = {layer.number: layer.instructions for layer in bench.only(frame.key).layers}
        predicted = layer_instructions(held_out["unet8.tflite"], core, optimize=frame.optimize)
        assert predicted.keys() == real.keys()
        assert all(abs(predicted[n] / real[n] - 1) < 0.2 for n in real)


def test_every_kernel_has_prices_on_every_core() -> None:
    net = lower(every_kernel())
    assert {node.operation.kernel for node in net.nodes if node.operation} == set(WORK)
    for core in CORES:
        for optimize in OPTIMIZE:
            known = prices(core, optimize)
            assert known is not None
            assert {PRICED_AS.get(kernel, kernel) for kernel in WORK} <= {unit.split(".")[0] for unit in known.units}
            assert all(cost > 0 for cost in layer_instructions(net, core, optimize=optimize).values())


def test_every_operator_is_among_the_kernels() -> None:
    kernels = {kind.lower() for kind in LOWERINGS}
    assert set(WORK) - {"lookup", "conv_2d"} <= kernels


def test_units_count_the_loops_of_the_kernel() -> None:
    net = Int8Net()
    graph = net.graph(net.conv(net.conv(net.picture(5, 7), 4), 3))
    work = layer_work(layers(lower(graph))[2])
    assert work["conv_2d.rows"] == 5
    assert work["conv_2d.blocks"] == 5 * 4 * 2  # pairs of 7 pixels, pairs of 3 channels
    assert work["conv_2d.words"] == 5 * 4 * 2 * 9  # 9 pixels of 4 channels
    assert work["conv_2d.elements"] == 5 * 7 * 3
    assert work["conv_2d.columns"] == 5 * 10  # under 8 pixels, gathered once


def test_unknown_kernels_and_cores_are_refused(held_out: dict[str, Net]) -> None:
    layer = layers(held_out["unet8.tflite"])[1]
    with pytest.raises(UserError, match="no kernel 'guess'"):
        instructions(layer, "guess")
    with pytest.raises(UserError, match="'xtensa-lx7'"):
        instructions(layer, core="xtensa-lx7")
    assert prices("xtensa-lx7") is None


def test_cores_that_run_the_same_code_cost_the_same(held_out: dict[str, Net]) -> None:
    net = held_out["unet8.tflite"]
    assert frame_instructions(net, "cortex-m0") == frame_instructions(net, "cortex-m0plus")


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
