"""`edgeblur fit --npu`: what Vela places on an Ethos-U, asked for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from int8_nets import Int8Net, unet

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.firmware_harness.fit.npu import fit_npu
from edgeblur.models.choose import choose_tflite


def result_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, dict[str, object]]:
    with pytest.raises(SystemExit) as ended:
        main(["fit", *arguments, "--json"])
    return ended.value.code, json.loads(capsys.readouterr().out)


def test_the_mask_heads_large_pool_and_resizes_stay_on_the_processor(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ethosu")
    code, result = result_of(capsys, "mask8", "--npu", "ethos-u55-128")
    assert (code, result["whole"], result["npu"]) == (0, False, "ethos-u55-128")
    cpu = result["cpu_ops"]
    assert isinstance(cpu, list)
    assert sorted(each["op"] for each in cpu) == ["AVERAGE_POOL_2D", "RESIZE_BILINEAR", "RESIZE_BILINEAR"]
    beside = result["beside"]
    assert isinstance(beside, dict)
    assert (beside["board"], beside["verdict"]) == ("mps3-an547", "fits")
    assert isinstance(result["sram_bytes"], int)
    assert result["sram_bytes"] > beside["ram_bytes"]  # Vela keeps whole planes
    assert str(result["vela"]).startswith("ethos-u-vela 5.")


def test_a_unet_lies_wholly_on_the_npu(tmp_path: Path) -> None:
    pytest.importorskip("ethosu")
    net = Int8Net(seed=3)
    path = tmp_path / "unet.tflite"
    path.write_bytes(net.tflite(unet(net, 4, 2, (16, 16))))
    found = fit_npu(choose_tflite(path), "ethos-u55-128")
    assert found.cpu_ops == ()
    assert found.npu_ops > 10
    assert found.estimated_ms > 0


def test_what_cannot_be_asked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = choose_tflite(Path("mask4"))
    with pytest.raises(UserError, match="no NPU is called 'ethos-u55-7': choose ethos-u55-32, ethos-u55-64"):
        fit_npu(model, "ethos-u55-7")
    with pytest.raises(SystemExit) as ended:
        main(["fit", "mask4", "--npu", "ethos-u55-128", "--board", "pico"])
    assert ended.value.code == 2
    assert "--board is not for an NPU" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(UserError, match="vela was not found"):
        fit_npu(model, "ethos-u55-128")
