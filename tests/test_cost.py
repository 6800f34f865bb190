"""The cost model: what it predicts is near what was counted, also of nets that it was not fitted to."""

from __future__ import annotations

import pytest
from fit_costs import HELD_OUT, counts
from int8_nets import Int8Net, unet

from edgeblur.errors import UserError
from edgeblur.export.stream.cost import PATH, frame_instructions, instructions, layer_instructions, prices
from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.stream.lower import lower
from edgeblur.export.stream.net import Net
from edgeblur.export.stream.ops import LOWERINGS
from edgeblur.export.stream.work import WORK, layers
from edgeblur.files import read_object

CORES = tuple(read_object(PATH)["cores"])
LIMIT = 0.10
"""How far a held-out frame may be off; docs/cost-model.md has the real figures."""


@pytest.fixture(scope="module")
def unet8() -> Net:
    net = Int8Net()
    return lower(net.graph(unet(net, 8)))


@pytest.mark.parametrize("optimize", OPTIMIZE)
@pytest.mark.parametrize("core", CORES)
def test_frame_of_a_held_out_net(unet8: Net, core: str, optimize: str) -> None:
    assert "unet8.tflite" in HELD_OUT
    counted = [f for f in counts().frames if (f.model, f.core, f.optimize) == ("unet8.tflite", core, optimize)]
    predicted = frame_instructions(unet8, core, optimize=optimize)
    assert abs(predicted / counted[0].instructions - 1) < LIMIT


@pytest.mark.parametrize("core", CORES)
def test_layers_are_predicted_one_by_one(unet8: Net, core: str) -> None:
    bench = counts().only(("unet8.tflite", next(f.board for f in counts().frames if f.core == core), "speed"))
    counted = {layer.number: layer.instructions for layer in bench.layers}
    for n, predicted in layer_instructions(unet8, core).items():
        assert abs(predicted / counted[n] - 1) < 0.25, unet8.nodes[n].name



def _one_of_each() -> Net:
    from code_samples import every_kernel

    return lower(every_kernel())


def test_every_operator_is_counted() -> None:
    assert LOWERINGS
    assert {node.operation.kernel for node in _one_of_each().nodes if node.operation} <= set(WORK)


def test_unknown_kernels_and_cores_are_refused(unet8: Net) -> None:
    layer = layers(unet8)[1]
    with pytest.raises(UserError, match="no kernel 'guess'"):
        instructions(layer, "guess")
    with pytest.raises(UserError, match="'xtensa-lx7'"):
        instructions(layer, core="xtensa-lx7")
    assert prices("xtensa-lx7") is None


def test_cores_that_run_the_same_code_cost_the_same(unet8: Net) -> None:
    assert frame_instructions(unet8, "cortex-m0") == frame_instructions(unet8, "cortex-m0plus")
