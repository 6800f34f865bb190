"""`export --engine stream` and `validate --engine stream` from the outside, and the U-Nets they are made for."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from int8_nets import Int8Net, picture_bytes, unet

from edgeblur.cli import cli
from edgeblur.export.stream.options import StreamOptions
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.host_c import compile_for_host

PICTURES = int(os.environ.get("EDGEBLUR_PICTURES", "2"))
"""How many pictures the U-Nets run on; with 100 it takes a quarter of an hour."""

MOST_RAM_BYTES = {4: 58_000, 8: 114_000, 16: 226_000, 32: 450_000}
"""At 128x128, by width: an eighth of what TensorFlow Lite Micro's reference kernels need."""


def edgeblur(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, [str(a) for a in arguments])
    if result.exit_code != code and result.exception and not isinstance(result.exception, SystemExit):
        assert code, result.exception
    return result


def unet_tflite(width: int, size: tuple[int, int] = (128, 128), levels: int = 3) -> bytes:
    net = Int8Net(seed=width)
    return net.tflite(unet(net, width, levels, size))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stream") / "small.tflite"
    path.write_bytes(unet_tflite(4, (32, 40), levels=2))
    return path


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_the_same_command_writes_the_same_bytes(small: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert edgeblur("export", small, "--engine", "stream", "--out", tmp_path / folder).exit_code == 0
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert set(digests(tmp_path / "one")) == {"small.h", "small.c", "small_weights.h", "plan.svg", "README.txt"}
    header = (tmp_path / "one" / "small.h").read_text()
    assert "--engine stream --optimize size" in header
    assert hashlib.sha256(small.read_bytes()).hexdigest() in header


def test_a_header_promises_what_the_compiler_sees(small: Path, tmp_path: Path) -> None:
    told = json.loads(edgeblur("export", small, "--engine", "stream", "--out", tmp_path / "c", "--json").output)
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "small.h"\n'
        "int main(void)\n{\n"
        '    printf("%zu %d %d", sizeof(small_state), SMALL_RAM_BYTES, SMALL_CONSTANT_BYTES);\n    return 0;\n}\n'
    )
    program = tmp_path / "main"
    subprocess.run(["cc", "-I", tmp_path / "c", tmp_path / "main.c", "-o", program], check=True)
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    assert [told["state_bytes"], told["ram_bytes"], told["constant_bytes"]] == list(map(int, printed))
    assert told["ram_bytes"] == told["state_bytes"] + 2 * 40 * 3
    assert told["flash_bytes"] == told["constant_bytes"] + told["code_bytes"]
    assert told["macs_recomputed"] == 0


def test_export_replaces_only_its_own(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "c"
    assert edgeblur("export", small, "--engine", "stream", "--out", out).exit_code == 0
    again = edgeblur("export", small, "--out", out, code=2)
    assert again.exit_code != 0
    assert edgeblur("export", small, "--out", out, "--force").exit_code == 0  # the other engine's files take its place
    assert (out / "small_tflm.h").exists()
    assert not (out / "small_weights.h").exists()


@pytest.mark.parametrize("option", [("--ram", 1000), ("--optimize", "speed")])
def test_options_of_the_streaming_engine_need_it(small: Path, tmp_path: Path, option: tuple[str, object]) -> None:
    for command in (("export", small, "--out", tmp_path / "c"), ("validate", small)):
        assert "are for the streaming engine: add" in str(edgeblur(*command, *option, code=2).exception)
    assert not (tmp_path / "c").exists()


def test_a_float_model_is_told_to_quantize(tiny_float: Path, tmp_path: Path) -> None:
    result = edgeblur("export", tiny_float, "--engine", "stream", "--out", tmp_path / "c", code=2)
    assert "quantize it with `edgeblur quantize --int8`" in str(result.exception)
    assert not (tmp_path / "c").exists()


def test_validate_tells_ram_flash_and_equal_bytes(small: Path) -> None:
    arguments = ("validate", small, "--engine", "stream,litert-ref", "--random", 3, "--exact", "--json")
    told = json.loads(edgeblur(*arguments).output)
    assert told["bytes_compared"] == 3 * 32 * 40 * 3
    assert told["differing_bytes"] == 0
    assert told["ram_bytes"] < told["arena_bytes"] / 3
    assert told["flash_bytes"] > told["constant_bytes"] > 0
    assert told["macs"] > 0 == told["macs_recomputed"]


def differing_bytes(data: bytes, *, ram_bytes: int | None = None, pictures: int = PICTURES) -> int:
    model = open_engine("litert-ref", data).model
    compiled = compile_for_host(model, StreamOptions("speed", ram_bytes=ram_bytes))
    reference, stream = open_engine("litert-ref", data), open_engine("stream", data, compiled=compiled)
    net = Int8Net()
    net.picture(model.input.height, model.input.width)
    raws = [picture_bytes(net, seed) for seed in range(pictures)]
    outputs = [(reference.run(raw), stream.run(raw)) for raw in raws]
    assert all(np.unique(first).size > 16 for first, _ in outputs)  # a net that says nothing would prove nothing
    return sum(int((first != second).sum()) for first, second in outputs)


@pytest.mark.parametrize("width", [4, 8, 16, 32])
def test_a_unet_takes_an_eighth_of_the_arena_and_gives_the_same_bytes(width: int) -> None:
    data = unet_tflite(width)
    compiled = compile_for_host(open_engine("litert-ref", data).model)
    assert compiled.files.ram_bytes <= MOST_RAM_BYTES[width]
    assert compiled.schedule.live_bytes <= compiled.plan.arena_bytes <= 1.01 * compiled.schedule.live_bytes
    assert differing_bytes(data, pictures=PICTURES if width < 32 else -(-PICTURES // 2)) == 0


@pytest.mark.parametrize("size", [(96, 96), (120, 160), (224, 224), (240, 320)])
def test_a_unet_of_any_size_gives_the_same_bytes(size: tuple[int, int]) -> None:
    assert differing_bytes(unet_tflite(4, size), pictures=-(-PICTURES // 2)) == 0


def test_width_8_fits_90_kilobytes_by_computing_the_first_skip_again() -> None:
    data = unet_tflite(8)
    compiled = compile_for_host(open_engine("litert-ref", data).model, StreamOptions("speed", ram_bytes=90_000))
    plain = compile_for_host(open_engine("litert-ref", data).model)
    assert compiled.files.ram_bytes <= 90_000 < plain.files.ram_bytes
    assert 0 < compiled.net.macs_recomputed <= 0.15 * plain.net.macs
    assert compiled.net.macs == plain.net.macs + compiled.net.macs_recomputed
    assert differing_bytes(data, ram_bytes=90_000) == 0
