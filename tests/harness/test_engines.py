"""The four engines on real models: the same bytes where that is promised, one sentence where they cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from int8_nets import Int8Net
from tiny_models import ENGINES_HERE, HAS_TFLITE_RUNTIME, float_tflite, function_tflite, int8_tflite, tiny_unet

from edgeblur.cli import main
from edgeblur.errors import RunError, UserError
from edgeblur.export.tflite.graph import ImageEnd, Tensor
from edgeblur.export.tflite.options import ResizeBilinearOptions
from edgeblur.export.tflite.pixels import from_raw, to_raw, value_range
from edgeblur.export.tflm.write import export_model
from edgeblur.firmware_harness.engines.engines import engine_as_on_a_board, engine_names, open_engine
from edgeblur.store.dataset import Dataset

SHAPES = {"int8": (32, 32), "uint8": (48, 24)}


@pytest.fixture(scope="module")
def quantized(tiny_int8: Path) -> dict[str, bytes]:
    return {"int8": tiny_int8.read_bytes(), "uint8": int8_tflite(tiny_unet(*SHAPES["uint8"]), "uint8")}


@pytest.fixture(scope="module")
def no_micro_op() -> bytes:
    import tensorflow as tf

    return function_tflite(tf.nn.local_response_normalization, (1, 16, 16, 3))


def random_raw(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max + 1, shape).astype(dtype)


def random_picture(height: int, width: int) -> np.ndarray:
    return random_raw((height, width, 3), "uint8")


def end(dtype: str, scale: float | None, zero_point: int | None) -> ImageEnd:
    tensor = Tensor(0, "x", (1, 8, 8, 3), (1, 8, 8, 3), dtype, (), (), 0, None)
    return ImageEnd(tensor, 8, 8, 3, dtype, scale, zero_point)


@pytest.mark.parametrize("dtype", SHAPES)
def test_the_reference_engines_agree_byte_for_byte(quantized: dict[str, bytes], dtype: str) -> None:
    litert, micro = (open_engine(name, quantized[dtype]) for name in ("litert-ref", "tflm"))
    for seed in range(3):
        raw = random_raw((1, *SHAPES[dtype], 3), dtype, seed)
        output = litert.run(raw)
        assert output.dtype == np.dtype(dtype)
        assert output.tobytes() == micro.run(raw).tobytes()
        assert len(np.unique(output)) > 60, "an output that hardly varies proves little"


@pytest.mark.parametrize("name", ENGINES_HERE)
def test_engines_blur_alike(quantized: dict[str, bytes], tiny_float: Path, name: str) -> None:
    picture = random_picture(32, 32)
    expected = open_engine("litert-ref", tiny_float).infer(picture)
    assert open_engine(name, tiny_float).infer(picture) == pytest.approx(expected, abs=1e-4)
    got = open_engine(name, quantized["int8"]).blur(picture)
    assert got.shape == (32, 32, 3)
    assert got.dtype == np.uint8
    assert np.abs(got / 255 - expected).mean() < 0.03


@pytest.mark.parametrize("name", ENGINES_HERE)
def test_engines_keep_no_memory_of_the_last_picture(tiny_int8: Path, name: str) -> None:
    engine = open_engine(name, tiny_int8)
    raw = random_raw((1, 32, 32, 3), "int8")
    first = engine.run(raw)
    kept = first.copy()
    engine.run(random_raw((1, 32, 32, 3), "int8", 1))
    assert (first == kept).all(), "the output must not be a view that the next run overwrites"
    assert (engine.run(raw) == kept).all()


def test_int8_input_is_the_picture_minus_128() -> None:
    picture = random_picture(8, 8)
    assert (to_raw(picture, end("int8", 1 / 255, -128))[0] == picture.astype(int) - 128).all()
    assert (to_raw(picture, end("uint8", 1 / 255, 0))[0] == picture).all()
    assert to_raw(picture, end("float32", None, None)).max() <= 1


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "expected"),
    [
        ("float32", None, None, (0, 1)),
        ("int8", 1 / 255, -128, (0, 1)),
        ("int8", 1.4 / 255, -100, (0, 1)),  # a linear last layer overshoots
        ("uint8", 1.0, 0, (0, 255)),
        ("int8", 1 / 127.5, -1, (-1, 1)),
        ("uint8", 1 / 128, 128, (-1, 1)),
    ],
)
def test_value_range(dtype: str, scale: float | None, zero_point: int | None, expected: tuple[int, int]) -> None:
    which = end(dtype, scale, zero_point)
    assert value_range(which) == expected
    picture = random_picture(8, 8)
    assert from_raw(to_raw(picture, which), which) == pytest.approx(picture / 255, abs=0.006)


def test_wrong_shape_or_type_never_reaches_the_interpreter(tiny_int8: Path) -> None:
    engine = open_engine("tflm", tiny_int8)
    with pytest.raises(ValueError, match="got float32"):
        engine.run(np.zeros((1, 32, 32, 3), np.float32))
    with pytest.raises(ValueError, match="got int8"):
        engine.run(np.zeros((1, 16, 32, 3), np.int8))
    with pytest.raises(ValueError, match="32x32x3"):
        engine.blur(random_picture(16, 32))


@pytest.mark.parametrize("name", ENGINES_HERE)
@pytest.mark.parametrize("kept", [0, 3, 20, 3000, 6000])
def test_a_truncated_file_is_a_sentence(tiny_int8: Path, tmp_path: Path, name: str, kept: int) -> None:
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(tiny_int8.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"cut\.tflite"):
        open_engine(name, cut)


def test_an_op_that_an_engine_lacks_is_named(no_micro_op: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        UserError, match="tflm cannot run this model: it has no op LOCAL_RESPONSE_NORMALIZATION; litert-ref runs it"
    ):
        open_engine("tflm", no_micro_op)
    assert open_engine("litert", no_micro_op).blur(random_picture(16, 16)).any()
    assert capfd.readouterr().err == "", "what C++ prints stays away from the terminal"


@pytest.mark.parametrize("name", ENGINES_HERE)
def test_a_custom_op_is_named(name: str) -> None:
    import tensorflow as tf

    model = function_tflite(lambda x: tf.transpose(tf.linalg.qr(x)[1], (0, 1, 3, 2)), (1, 8, 8, 3), custom_ops=True)
    with pytest.raises(UserError, match="it has no op Qr; convert it with"):
        open_engine(name, model)


@pytest.mark.parametrize("weight", [np.nan, np.inf, 3e38])
def test_numbers_that_are_none_are_told(
    weight: float, tiny_int8: Path, tiny_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = tiny_unet()
    first, *others = net.get_weights()
    first.flat[0] = weight
    net.set_weights([first, *others])
    (path := tmp_path / "astray.tflite").write_bytes(float_tflite(net))
    with pytest.raises(RunError, match="astray outputs infinite numbers or NaN: its weights are damaged"):
        open_engine("litert", path).blur(random_picture(32, 32))
    for line in (
        ["validate", path, "--random", "2"], ["validate", tiny_int8, "--random", "1", "--reference", path],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main([str(part) for part in line])
        assert ended.value.code == 1
        assert "outputs infinite numbers or NaN" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["compare", "--data", str(tiny_data.root), "--with", str(path), "--judge", "none", "--detector", "none"])
    assert "edgeblur: astray outputs infinite numbers or NaN" in capsys.readouterr().err
    told = export_model(path, tmp_path / "c").remarks
    assert any("has infinite numbers or NaN" in remark for remark in told) == np.isnan(
        weight
    )  # TensorFlow writes inf as the largest float


def test_engine_names() -> None:
    assert engine_names("litert-ref, tflm") == ("litert-ref", "tflm")
    with pytest.raises(UserError, match="unknown engine 'onnx': choose among litert, litert-ref, tflite-runtime, tflm"):
        engine_names("litert,onnx")
    with pytest.raises(UserError, match="twice"):
        engine_names("tflm,tflm")
    with pytest.raises(UserError, match="unknown engine ''"):
        open_engine("", b"")


@pytest.mark.parametrize(("name", "package"), [("tflm", "tflite_micro"), ("tflite-runtime", "tflite_runtime")])
@pytest.mark.skipif(not HAS_TFLITE_RUNTIME, reason="tflite-runtime has no release for this Python")
def test_a_missing_package_is_named(tiny_int8: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"{package}.interpreter", raising=False)  # loaded by an earlier test
    with pytest.raises(UserError, match=r"edgeblur\[engines\]"):
        open_engine(name, tiny_int8)


@pytest.mark.skipif(not HAS_TFLITE_RUNTIME, reason="tflite-runtime has no release for this Python")
def test_numpy_2_beside_tflite_runtime_is_told(tiny_int8: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "__version__", "2.1.0")
    with pytest.raises(UserError, match="does not work beside numpy 2"):
        open_engine("tflite-runtime", tiny_int8)


@pytest.mark.parametrize(
    ("size", "engine", "steps"), [(64, "litert", 1), (96, "litert-ref", 5), (160, "litert-ref", 5)]
)
def test_fidelity_is_measured_on_what_a_board_gives(size: int, engine: str, steps: int) -> None:
    """Of bilinear enlargement by 3 or 5 the reference drifts, and with it every board; the default kernels do not."""
    net = Int8Net()
    source, options = net.picture(32, 32), ResizeBilinearOptions(False, True)
    shape = net.constant(np.array([size, size], np.int32))
    x = net.op("RESIZE_BILINEAR", (source, shape), net.like(source, size, size, 3), options, 3)
    data = net.tflite(x)
    assert engine_as_on_a_board(net.graph(x)) == engine
    raw = random_raw((1, 32, 32, 3), "int8")
    outputs = [open_engine(name, data).run(raw).astype(int) for name in ("litert", "litert-ref")]
    off = np.abs(outputs[0] - outputs[1]).max()
    assert off <= steps if engine == "litert" else off > steps
