"""The export stage: reading .tflite, counting costs, C arrays read back from compiled code, TensorFlow Lite Micro."""

from __future__ import annotations

import ctypes
import dataclasses
import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import float_tflite, tiny_unet

from edgeblur.cli import main
from edgeblur.distill.nets.keras_files import converter_of
from edgeblur.errors import UserError
from edgeblur.export.c_array import Provenance, c_array
from edgeblur.export.identifier import check_identifier, default_identifier
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.graph import Graph, blurring_model, image_model, read_tflite, require_int8
from edgeblur.export.tflite.options import Conv2DOptions, CustomOptions, Pool2DOptions, TransposeConvOptions
from edgeblur.export.tflm.arena import Arena, measure_arena, record_arena
from edgeblur.export.tflm.ops import c_float, missing_kernels, resolver_methods, tflm_header
from edgeblur.export.tflm.write import export_model
from edgeblur.files import sha256
from edgeblur.store.run_folder import create_run


def compiler(name: str, *, optional: bool = False) -> str:
    """The path of a compiler; without it the test is skipped, except that CI must have the needed ones."""
    path = shutil.which(name)
    if path is None:
        missing = pytest.fail if os.environ.get("CI") and not optional else pytest.skip
        missing(f"{name} is not installed")
    return path


def change(graph: Graph, index: int, **values: Any) -> Graph:
    """The graph with some attributes of one tensor replaced."""
    tensors = list(graph.tensors)
    tensors[index] = dataclasses.replace(tensors[index], **values)
    return dataclasses.replace(graph, tensors=tuple(tensors))


def convert(function: Callable[[Any], Any], *, custom: bool = False) -> bytes:
    """A one-op float model of a TensorFlow function, on pictures of 8x8x3."""
    import tensorflow as tf

    concrete = tf.function(function).get_concrete_function(tf.TensorSpec((1, 8, 8, 3), tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], tf.Module())
    converter.allow_custom_ops = custom
    return bytes(converter.convert())


# Reading


def test_reads_the_unet(tiny_int8: Path) -> None:
    graph = read_tflite(tiny_int8)
    data = tiny_int8.read_bytes()
    assert (graph.name, graph.size_bytes, graph.sha256) == ("tiny_int8", len(data), sha256(data))
    conv, pool, up, merge, out = "CONV_2D", "MAX_POOL_2D", "TRANSPOSE_CONV", "CONCATENATION", "LOGISTIC"
    assert [op.kind for op in graph.ops] == [conv, conv, pool, conv, conv, up, merge, conv, conv, conv, out]
    assert graph.ops[0].options == Conv2DOptions("SAME", 1, 1, 1, 1, "RELU")
    assert graph.ops[2].options == Pool2DOptions("VALID", 2, 2, 2, 2, "NONE")
    assert graph.ops[5].options == TransposeConvOptions("SAME", 2, 2, "NONE")
    weights = graph.tensors[graph.ops[0].inputs[1]]
    assert weights.shape == (2, 3, 3, 3)
    assert weights.array().shape == (2, 3, 3, 3)
    assert len(weights.scales) == len(weights.zero_points) == 2
    assert (weights.dtype, weights.quantized_dimension) == ("int8", 0)
    assert graph.producers[graph.outputs[0]] is graph.ops[-1]


def test_reads_what_the_interpreter_reads(tiny_int8: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(tiny_int8))
    interpreter.allocate_tensors()
    graph = read_tflite(tiny_int8)
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    for tensor in graph.tensors:
        theirs = details[tensor.index]
        assert (tensor.name, tensor.shape, np.dtype(tensor.dtype)) == (
            theirs["name"], tuple(theirs["shape"]), np.dtype(theirs["dtype"])
        )  # fmt: skip
        assert tensor.scales == tuple(theirs["quantization_parameters"]["scales"].tolist())
        assert tensor.zero_points == tuple(theirs["quantization_parameters"]["zero_points"].tolist())
        if tensor.data is not None:
            np.testing.assert_array_equal(tensor.array(), interpreter.get_tensor(tensor.index))


def test_image_ends(tiny_int8: Path, tiny_float: Path) -> None:
    model = image_model(read_tflite(tiny_int8))
    assert (model.input.height, model.input.width, model.input.channels, model.input.dtype) == (32, 32, 3, "int8")
    assert model.input.scale == pytest.approx(1 / 255, rel=1e-3)
    assert (model.output.scale, model.output.zero_point) == (1 / 256, -128)
    assert image_model(read_tflite(tiny_float)).input.scale is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"shape": (1, 3072), "signature": (1, 3072)}, "1x3072: one picture is"),
        ({"shape": (2, 32, 32, 3), "signature": (2, 32, 32, 3)}, "one picture is 1 x height"),
        ({"shape": (1, 1, 1, 3), "signature": (1, -1, -1, 3)}, "1x\\?x\\?x3: give its height and width"),
        ({"dtype": "uint16"}, "type uint16: it should be int8, uint8, int16 or float32"),
        ({"scales": (), "zero_points": ()}, "has no scale"),
        ({"scales": (float("nan"),)}, "has no scale"),
    ],
)
def test_refuses_what_is_no_picture(tiny_int8: Path, values: dict[str, Any], words: str) -> None:
    graph = read_tflite(tiny_int8)
    with pytest.raises(UserError, match=words):
        image_model(change(graph, graph.inputs[0], **values))


def test_only_photos_need_one_or_three_channels(tiny_int8: Path) -> None:
    graph = read_tflite(tiny_int8)
    four = change(graph, graph.inputs[0], shape=(1, 32, 32, 4), signature=(1, 32, 32, 4))
    assert image_model(four).input.channels == 4
    with pytest.raises(UserError, match="4 channels: a photo has 1"):
        blurring_model(four)


def test_refuses_two_inputs(tiny_int8: Path) -> None:
    graph = read_tflite(tiny_int8)
    with pytest.raises(UserError, match="has 2 inputs"):
        image_model(dataclasses.replace(graph, inputs=graph.inputs * 2))


def test_require_int8(tiny_int8: Path, tiny_float: Path) -> None:
    require_int8(read_tflite(tiny_int8))
    with pytest.raises(UserError, match=r"tiny_float is not fully int8: it takes float32 tensor 'serving.*quantize"):
        require_int8(read_tflite(tiny_float))
    graph = read_tflite(tiny_int8)
    with pytest.raises(UserError, match=r"op 2 \(MAX_POOL_2D\) writes float32 tensor"):
        require_int8(change(graph, graph.ops[2].outputs[0], dtype="float32"))


def test_refuses_every_cut(tiny_int8: Path, tiny_float: Path) -> None:
    for path in (tiny_int8, tiny_float):
        data = path.read_bytes()
        for length in range(len(data)):
            with pytest.raises(UserError, match="is no whole"):
                read_tflite(data[:length])


def test_cut_of_buffers_behind_the_tables() -> None:
    converter = converter_of(tiny_unet(16, 16))
    converter._experimental_use_buffer_offset = True  # the layout of models beyond 2 GB
    data = bytes(converter.convert())
    whole = read_tflite(data)
    assert cost(whole).parameters == cost(read_tflite(float_tflite(tiny_unet(16, 16)))).parameters
    read = refused = 0
    for length in range(0, len(data), 7):
        try:
            assert read_tflite(data[:length]).tensors == whole.tensors, length  # only padding was cut
            read += 1
        except UserError:
            refused += 1
    assert refused > 100 * read


def test_damage_is_told_or_harmless(tiny_int8: Path) -> None:
    """Whatever bytes are changed, there is a sentence or a graph that every reader of graphs survives."""
    data, dice = tiny_int8.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(600):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 3, 30))):
            damaged[dice.randrange(8, len(data))] = dice.randrange(256)
        try:
            graph = read_tflite(bytes(damaged))
            cost(graph)
            tflm_header(Provenance("x.tflite", "x", graph), Arena(None, "not asked"))
            image_model(graph)
            require_int8(graph)
        except UserError:
            refused += 1
    assert refused > 200


@pytest.mark.parametrize(
    "data", [b"", b"TFL3", b"\x89PNG\r\n\x1a\n" * 9, b"\x1c\0\0\0TFL3", b"\xff\xff\xff\xffTFL3" * 9]
)
def test_refuses_garbage(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "garbage.tflite"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"garbage\.tflite is no whole \.tflite file"):
        read_tflite(path)


def test_a_model_is_called_what_the_caller_says(tiny_int8: Path) -> None:
    assert read_tflite(tiny_int8).name == tiny_int8.stem
    assert read_tflite(tiny_int8, name="w8/int8.tflite").name == "w8/int8"
    assert read_tflite(tiny_int8.read_bytes()).name == "model"


def test_the_written_files_say_what_the_caller_calls_the_model(tmp_path: Path, tiny_int8: Path) -> None:
    export_model(tiny_int8, tmp_path / "out", name="student", title="mask8")
    assert "Model: mask8, " in (tmp_path / "out" / "student.h").read_text()
    assert tiny_int8.name not in (tmp_path / "out" / "README.txt").read_text()


def test_refuses_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_tflite(tmp_path / "nothing.tflite")
    with pytest.raises(UserError, match="is a folder"):
        read_tflite(tmp_path)


# Costs


@pytest.mark.parametrize(("base", "parameters", "mmac"), [(32, 1_925_667, 2_306), (4, 30_375, 38)])
def test_costs_of_the_unet(base: int, parameters: int, mmac: int) -> None:
    from edgeblur.distill.nets.unet import build_unet, unet_spec

    model = build_unet(unet_spec(base))
    dice = np.random.default_rng(0)
    for layer in model.layers:  # trained biases are not zero; zero ones the converter merges or drops
        if weights := layer.get_weights():
            layer.set_weights([weights[0], dice.normal(0, 0.1, weights[1].shape)])
    total = cost(read_tflite(float_tflite(model)))
    assert total.parameters == model.count_params() == parameters
    assert total.macs is not None
    assert round(total.macs / 1e6) == mmac
    keras = {layer.name: layer.count_params() for layer in model.layers if layer.count_params()}
    assert {layer.name: layer.parameters for layer in total.layers if layer.parameters} == keras


def test_costs_by_hand(tiny_int8: Path) -> None:
    layers = cost(read_tflite(tiny_int8)).layers
    assert [layer.macs for layer in layers] == [
        32 * 32 * 2 * 27, 32 * 32 * 2 * 18, 0, 16 * 16 * 4 * 18, 16 * 16 * 4 * 36, 16 * 16 * 4 * 2 * 4, 0,
        32 * 32 * 2 * 36, 32 * 32 * 2 * 18, 32 * 32 * 3 * 2, 0,
    ]  # fmt: skip
    assert layers[0].parameters == 2 * 27 + 2
    assert layers[-1].shape == (1, 32, 32, 3)


def test_depthwise_and_dense_costs() -> None:
    import tensorflow as tf

    kernel, dense = np.ones((3, 3, 3, 2), np.float32), np.ones((6, 5), np.float32)
    data = convert(lambda x: tf.nn.depthwise_conv2d(x, kernel, [1, 2, 2, 1], "SAME"))
    assert [layer.macs for layer in cost(read_tflite(data)).layers] == [4 * 4 * 6 * 9]
    data = convert(lambda x: tf.linalg.matmul(tf.reshape(x, (32, 6)), dense))
    total = cost(read_tflite(data))
    assert (total.macs, total.parameters) == (32 * 6 * 5, 30)


def test_unknown_macs_are_absent() -> None:
    import tensorflow as tf

    graph = read_tflite(convert(lambda x: tf.raw_ops.Betainc(a=x, b=x, x=x), custom=True))
    assert isinstance(graph.ops[0].options, CustomOptions)
    assert cost(graph).macs is None
    assert missing_kernels(graph) == ["Betainc"]


# Names


@pytest.mark.parametrize(
    "name",
    ["", "1st", "a-b", "a b", "über", "_x", "a__b", "a_t", "int", "class", "main", "string", "exp", "x" * 49, "a\n"],
)
def test_refuses_identifier(name: str) -> None:
    with pytest.raises(UserError):
        check_identifier(name)


@pytest.mark.parametrize(
    ("label", "name"),
    [("w8_int8", "w8_int8"), ("my-student v2", "my_student_v2"), ("8bit", "model_8bit"), ("", "model"), ("üß", "model"),
     ("__x__", "x"), ("double", "double_model"), ("a-t", "a_t_model"), ("y" * 99, "y" * 48)],
)  # fmt: skip
def test_default_identifier(label: str, name: str) -> None:
    assert default_identifier(label) == check_identifier(name)


# C


@pytest.mark.parametrize(
    ("tool", "flags"),
    [
        ("gcc", ["-std=c99"]),
        ("gcc", ["-std=c11"]),
        ("gcc", ["-std=gnu17"]),
        ("g++", ["-std=c++11", "-x", "c++"]),
        ("g++", ["-std=c++20", "-x", "c++"]),
        ("clang", ["-std=c99"]),
        ("arm-none-eabi-gcc", ["-std=c99"]),
    ],
)
def test_array_compiles_and_reads_back(tmp_path: Path, tiny_int8: Path, tool: str, flags: list[str]) -> None:
    compile_with = compiler(tool, optional=tool not in ("gcc", "g++"))
    export_model(tiny_int8, tmp_path / "out", name="student")
    strict = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
    source, data = tmp_path / "out" / "student.c", tiny_int8.read_bytes()
    if tool.startswith("arm"):
        subprocess.run([compile_with, *flags, *strict, "-c", str(source), "-o", str(tmp_path / "x.o")], check=True)
        return
    library = tmp_path / "student.so"
    subprocess.run([compile_with, *flags, *strict, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    array = (ctypes.c_ubyte * len(data)).in_dll(ctypes.CDLL(str(library)), "student")
    assert bytes(array) == data
    assert ctypes.addressof(array) % 16 == 0


def test_array_is_constant_and_as_long_as_its_header_says(tmp_path: Path, tiny_int8: Path) -> None:
    export_model(tiny_int8, tmp_path / "out", name="student")
    out, size = tmp_path / "out", tiny_int8.stat().st_size
    user = '#include "student.h"\n#include "student.h"\nextern int ok[sizeof student == STUDENT_SIZE ? 1 : -1];\n'
    (out / "user.c").write_text(user)
    subprocess.run([compiler("gcc"), "-std=c99", "-Werror", "-fsyntax-only", str(out / "user.c")], check=True)
    subprocess.run([compiler("gcc"), "-c", "student.c", "-o", "student.o"], cwd=out, check=True)
    listing = subprocess.run([compiler("nm"), "-S", "student.o"], cwd=out, capture_output=True, text=True, check=True)
    _, length, section, name = listing.stdout.split()
    assert (int(length, 16), section, name) == (size, "R", "student")  # R: read-only, it stays in flash


def test_comment_cannot_be_broken_out_of(tmp_path: Path, tiny_int8: Path) -> None:
    path = tmp_path / "*evil??' \\ ü.tflite"
    path.write_bytes(tiny_int8.read_bytes())
    result = export_model(path, tmp_path / "out")
    source = tmp_path / "out" / f"{result.name}.c"
    assert result.name == "evil"
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    subprocess.run([compiler("gcc"), *strict, str(source)], check=True)


def test_provenance(tiny_int8: Path) -> None:
    graph = read_tflite(tiny_int8)
    header = c_array(tiny_int8.read_bytes(), Provenance("tiny_int8.tflite", "student", graph)).header
    assert f"SHA-256: {graph.sha256}" in header
    assert "Output: 1x32x32x3 int8, scale 0.00390625, zero point -128" in header


# TensorFlow Lite Micro

STUB = """
#pragma once
typedef int TfLiteStatus;
enum { kTfLiteOk = 0, kTfLiteError = 1 };
namespace tflite {
template <unsigned int size> struct MicroMutableOpResolver {
  unsigned int count = 0;
  TfLiteStatus Add() { return ++count > size ? kTfLiteError : kTfLiteOk; }
  TfLiteStatus AddConcatenation() { return Add(); }
  TfLiteStatus AddConv2D() { return Add(); }
  TfLiteStatus AddLogistic() { return Add(); }
  TfLiteStatus AddMaxPool2D() { return Add(); }
  TfLiteStatus AddTransposeConv() { return Add(); }
  static constexpr unsigned int kSize = size;
};
}
"""

USER = """
#include "student_tflm.h"
#include <cstdio>
using namespace student_tflm;
alignas(16) static unsigned char arena[kArenaBytes];
int main() {
  OpResolver resolver;
  if (RegisterOps(resolver) != kTfLiteOk || resolver.count != OpResolver::kSize) return 1;
  static_assert(sizeof(InputType) == 1 && kInputElements == kInputHeight * kInputWidth * kInputChannels, "input");
  std::printf("%zu %u %.17g %d %.17g %d", sizeof arena, resolver.count, static_cast<double>(kInputScale),
              kInputZeroPoint, static_cast<double>(kOutputScale), kOutputZeroPoint);
}
"""


def test_resolver_header_compiles_and_registers(tmp_path: Path, tiny_int8: Path) -> None:
    pytest.importorskip("tflite_micro")
    stub = tmp_path / "stub" / "tensorflow/lite/micro/micro_mutable_op_resolver.h"
    stub.parent.mkdir(parents=True)
    stub.write_text(STUB)
    result = export_model(tiny_int8, tmp_path / "out", name="student")
    (tmp_path / "user.cc").write_text(USER)
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Werror", "-I", str(tmp_path / "stub"), "-I", str(tmp_path / "out")]
    subprocess.run([compiler("g++"), *flags, "user.cc", "-o", "user"], cwd=tmp_path, check=True)
    said = subprocess.run([tmp_path / "user"], capture_output=True, text=True, check=True).stdout.split()
    model = image_model(read_tflite(tiny_int8))
    ends = [model.input.scale, model.input.zero_point, model.output.scale, model.output.zero_point]
    assert [float(word) for word in said] == [result.arena.bytes, 5, *ends]


def test_arena_is_what_the_interpreter_needs(tiny_int8: Path) -> None:
    runtime = pytest.importorskip("tflite_micro").runtime
    data = tiny_int8.read_bytes()
    arena = measure_arena(data)
    assert arena is not None
    assert arena > 2 * 32 * 32 * 3
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=arena)
    interpreter.set_input(np.zeros((1, 32, 32, 3), np.int8), 0)
    interpreter.invoke()
    with pytest.raises(RuntimeError):
        runtime.Interpreter.from_bytes(data, arena_size=arena - 16)


def test_op_without_a_kernel_stops_the_build(tmp_path: Path) -> None:
    import tensorflow as tf

    path = tmp_path / "tile.tflite"
    path.write_bytes(convert(lambda x: tf.tile(x, [1, 2, 1, 1])))
    result = export_model(path, tmp_path / "out")
    assert '#error "TensorFlow Lite Micro has no kernel for TILE' in (tmp_path / "out" / "tile_tflm.h").read_text()
    assert result.arena.bytes is None
    assert any("no kernel for TILE" in remark for remark in result.remarks)


def test_without_the_package_the_arena_is_left_out(
    tmp_path: Path, tiny_int8: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "tflite_micro" else find(name))
    assert measure_arena(tiny_int8.read_bytes()) is None
    with pytest.raises(SystemExit) as stopped:
        main(["export", str(tiny_int8), "--out", str(tmp_path / "out"), "--json"])
    printed = capsys.readouterr()
    assert stopped.value.code == 0
    assert "arena_bytes" not in json.loads(printed.out)
    assert "pip install 'edgeblur[engines]'" in printed.err
    header = (tmp_path / "out" / "tiny_int8_tflm.h").read_text()
    assert "constexpr std::size_t kArenaBytes" not in header
    assert "The arena is not known" in header


def test_arena_of_garbage_is_a_reason() -> None:
    pytest.importorskip("tflite_micro")
    arena = record_arena(b"garbage")
    assert arena.bytes is None
    assert arena.why_not is not None


@pytest.mark.parametrize("value", [1.0, 1 / 255, 1e-20, 3.4e38, 0.1, 123456789.0])
def test_c_float_keeps_32_bits(value: float) -> None:
    text = c_float(float(np.float32(value)))
    assert re.fullmatch(r"\d+(\.\d+)?(e[+-]\d+)?f", text)
    assert "." in text or "e" in text
    assert np.float32(text[:-1]) == np.float32(value)


def test_resolver_methods(tiny_int8: Path) -> None:
    assert resolver_methods(read_tflite(tiny_int8)) == [
        "AddConcatenation", "AddConv2D", "AddLogistic", "AddMaxPool2D", "AddTransposeConv"
    ]  # fmt: skip


# Folders and the command


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_exports_are_byte_identical(tmp_path: Path, tiny_int8: Path) -> None:
    first = export_model(tiny_int8, tmp_path / "a", name="student")
    export_model(tiny_int8, tmp_path / "elsewhere" / "b", name="student")
    assert folder_bytes(tmp_path / "a") == folder_bytes(tmp_path / "elsewhere" / "b")
    assert set(first.files) == set(folder_bytes(tmp_path / "a"))
    assert (tmp_path / "a" / "student.tflite").read_bytes() == tiny_int8.read_bytes()


def test_refuses_and_forces(tmp_path: Path, tiny_int8: Path, tiny_float: Path) -> None:
    out = tmp_path / "out"
    export_model(tiny_int8, out, name="first")
    with pytest.raises(UserError, match="exists already"):
        export_model(tiny_float, out, name="second")
    export_model(tiny_float, out, name="second", force=True)
    assert "first.c" not in folder_bytes(out)
    (out / "main.c").write_text("int main(void) { return 0; }\n")
    with pytest.raises(UserError, match=r"main\.c, which edgeblur did not write"):
        export_model(tiny_int8, out, name="third", force=True)
    assert (out / "main.c").exists()
    with pytest.raises(UserError, match="is a file"):
        export_model(tiny_int8, out / "main.c", force=True)


def test_a_failure_leaves_nothing(tmp_path: Path, tiny_int8: Path) -> None:
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(tiny_int8.read_bytes()[:-1])
    for path, name in ((cut, None), (tiny_int8, "int")):
        with pytest.raises(UserError):
            export_model(path, tmp_path / "out", name=name)
    assert [path.name for path in tmp_path.iterdir()] == ["cut.tflite"]


def run_command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["export", *map(str, arguments)])
    return int(stopped.value.code or 0)


def test_command_on_a_run(tmp_path: Path, tiny_int8: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(tmp_path / "run", tmp_path / "data")
    model = run.add("w2")
    model.folder.mkdir()
    (model.folder / "model.json").write_text('{"kind": "student"}')
    model.keras.touch()
    model.int8_tflite.write_bytes(tiny_int8.read_bytes())
    assert run_command(run.folder, "--out", tmp_path / "out", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["model"], printed["name"]) == ("w2", "w2_int8")
    assert printed["size_bytes"] == tiny_int8.stat().st_size
    assert printed["sha256"] == sha256(tiny_int8.read_bytes())
    assert (printed["macs"], printed["parameters"]) == (
        272_384,
        471,
    )  # 473 in Keras: the converter drops the transposed conv's zero biases
    assert all(Path(file).is_file() for file in printed["files"])


def test_command_tells_float_and_prints(
    tmp_path: Path, tiny_float: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    assert run_command(tiny_float, "--out", tmp_path / "out") == 0
    printed = capsys.readouterr()
    assert "float" in printed.err
    assert "471" in printed.out


@pytest.mark.parametrize(
    ("file", "arguments", "words"),
    [
        ("model.keras", [], "quantize --int8"),
        ("missing.tflite", [], "does not exist"),
        ("text.tflite", [], "is no whole .tflite file"),
        ("good.tflite", ["--name", "no-name"], "is no C identifier"),
        ("good.tflite", ["--name", ""], "--name is empty"),
    ],
)
def test_command_refuses(
    tmp_path: Path, tiny_int8: Path, capsys: pytest.CaptureFixture[str], file: str, arguments: list[str], words: str
) -> None:
    (tmp_path / "good.tflite").write_bytes(tiny_int8.read_bytes())
    (tmp_path / "model.keras").write_bytes(b"PK")
    (tmp_path / "text.tflite").write_text("no model")
    assert run_command(tmp_path / file, "--out", tmp_path / "out", *arguments) == 2
    printed = capsys.readouterr().err
    assert words in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_export_imports_no_tensorflow() -> None:
    code = "import edgeblur.commands.export, edgeblur.export.tflm.write, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
