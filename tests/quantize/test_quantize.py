"""Quantization to int8: the graph, the account of what was lost, and the refusals."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeblur.cli import main
from edgeblur.distill.nets.keras_files import float_tflite, load_keras
from edgeblur.distill.nets.unet import build_unet, unet_spec
from edgeblur.distill.training.fit import FitOptions
from edgeblur.errors import UserError
from edgeblur.export.tflite.finder import finder_of
from edgeblur.export.tflite.graph import image_model, read_tflite, require_int8
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.models.choose import choose_tflite
from edgeblur.pictures.images import to_floats
from edgeblur.pictures.metrics import psnr_db
from edgeblur.quantize.convert import calibration_pictures, to_quantized
from edgeblur.quantize.diagnose import diagnose, short_name
from edgeblur.quantize.qat import quantize_aware
from edgeblur.quantize.quantize import QuantizeOptions
from edgeblur.store.dataset import Dataset
from edgeblur.store.notes import End, ModelInfo
from edgeblur.store.run_folder import Run, RunModel, open_run

FEW = QuantizeOptions(calibration=8, limit=4)


@pytest.fixture
def run(tiny_run: Run, tmp_path: Path) -> Run:
    """A run of this test's own."""
    shutil.copytree(tiny_run.folder, tmp_path / "run")
    return open_run(tmp_path / "run")


@pytest.fixture(scope="module")
def teacher_like(tiny_data: Dataset) -> bytes:
    """The int8 model of a net with the teacher's three levels."""
    net = build_unet(unet_spec(2, 3, height=32, width=32, batch_norm=True, dropout=True))
    return to_quantized(net, calibration_pictures(tiny_data, 4, 32, 32))


def ends_with(code: int, *arguments: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["quantize", "--int8", *map(str, arguments)])
    assert ended.value.code == code


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith("edgeblur: ")
    return said[0]


def test_the_graph_has_25_ops_and_none_about_shapes(teacher_like: bytes) -> None:
    graph = read_tflite(teacher_like)
    require_int8(graph)
    assert Counter(op.kind for op in graph.ops) == {
        "CONV_2D": 15, "MAX_POOL_2D": 3, "TRANSPOSE_CONV": 3, "CONCATENATION": 3, "LOGISTIC": 1,
    }  # fmt: skip
    assert image_model(graph).input.dtype == image_model(graph).output.dtype == "int8"


@pytest.mark.parametrize("io_type", ["int8", "uint8"])
def test_a_run_is_quantized(run: Run, io_type: str, capsys: pytest.CaptureFixture[str]) -> None:
    ends_with(0, run.folder, "--io", io_type, "--calibration", 8, "--json")
    (told,) = json.loads(capsys.readouterr().out)["models"]
    model = run.teacher.int8_tflite.read_bytes()
    ends = image_model(read_tflite(model))
    assert ends.input.dtype == ends.output.dtype == io_type
    account = run.teacher.account()
    assert account is not None
    assert account.as_json() == {key: value for key, value in told.items() if key not in ("name", "path")}
    assert account.calibration_pictures == 8
    assert account.test_pictures == 4
    assert account.size_bytes == len(model) < account.float_size_bytes
    assert account.input == End(io_type, ends.input.scale, ends.input.zero_point)
    assert account.quantized_against_float_psnr_db > 30
    lost = account.float_against_target_psnr_db - account.quantized_against_target_psnr_db
    assert account.loss_db == pytest.approx(lost, abs=2e-3)


def test_the_account_agrees_with_the_float_model(run: Run, tiny_data: Dataset) -> None:
    ends_with(0, run.folder, "--calibration", 8)
    triples = [tiny_data.load(sample, (32, 32)) for sample in tiny_data.split("test")]
    pictures, targets = (np.stack([to_floats(getattr(t, part)) for t in triples]) for part in ("picture", "blur"))
    outputs = load_keras(run.teacher.keras).predict(pictures, verbose=0)
    account = run.teacher.account()
    assert account is not None
    assert account.float_against_target_psnr_db == pytest.approx(psnr_db(outputs, targets), abs=0.01)


def test_layers_are_named_as_people_know_them(run: Run) -> None:
    ends_with(0, run.folder, "--calibration", 8)
    account = run.teacher.account()
    assert account is not None
    names = [layer.name for layer in account.layers]
    assert names == [
        "enc1a_relu", "enc1b_relu", "pool1", "enc2a_relu", "enc2b_relu", "pool2", "mida_relu", "midb_relu",
        "up2", "cat2", "dec2a_relu", "dec2b_relu", "up1", "cat1", "dec1a_relu", "dec1b_relu", "head", "output",
    ]  # fmt: skip
    assert len(account.worst_layers) == 3
    known = sorted(layer.snr_db for layer in account.layers if layer.snr_db is not None)
    worst = [layer.snr_db for layer in account.layers if layer.name in account.worst_layers]
    assert sorted(worst) == known[:3]


def test_a_ruined_layer_is_found(tiny_run: Run, tiny_data: Dataset) -> None:
    """Weights a thousand times the others, on a channel that is always 0: harmless in float, ruinous in int8."""
    net = load_keras(tiny_run.teacher.keras)
    _silence(net.get_layer("enc1b"), 0)
    pictures = calibration_pictures(tiny_data, 8, 32, 32)
    healthy = diagnose(float_tflite(net), to_quantized(net, pictures), pictures[:2])
    ruined = net.get_layer("dec1a")
    kernel, bias = ruined.get_weights()
    kernel[:, :, 2] = 1000.0  # inputs 0 and 1 come from up1, 2 and 3 from enc1b
    ruined.set_weights([kernel, bias])
    found = diagnose(float_tflite(net), to_quantized(net, pictures), pictures[:2])
    before, after = ({layer.name: layer.snr_db for layer in d.layers} for d in (healthy, found))
    assert np.allclose(found.float_outputs, healthy.float_outputs, atol=1e-6)
    assert before["dec1a_relu"] > 20
    assert after["dec1a_relu"] < 5
    assert "dec1a_relu" in [layer.name for layer in found.worst()]
    assert after["up1"] == before["up1"] > 20  # the layers before it are as good as ever


def _silence(layer: Any, channel: int) -> None:
    kernel, bias = layer.get_weights()
    kernel[..., channel], bias[channel] = 0, 0
    layer.set_weights([kernel, bias])


def test_short_names() -> None:
    assert short_name("unet/enc1a_relu/Relu;unet/enc1a/BiasAdd;unet/enc1a/Conv2D") == "enc1a_relu"
    assert short_name("unet/quant_up1/conv2d_transpose;other") == "up1"
    assert short_name("tensor_7") == "tensor_7"


def test_calibration_is_spread_over_the_train_split(tiny_data: Dataset) -> None:
    pictures = calibration_pictures(tiny_data, 4, 24, 16)
    assert [picture.shape for picture in pictures] == [(1, 24, 16, 3)] * 4
    assert len(calibration_pictures(tiny_data, 999, 24, 16)) == 16
    wanted = [tiny_data.load(s, (16, 24)).picture for s in tiny_data.split("train")[::4]]
    assert all(np.array_equal(p[0], to_floats(w)) for p, w in zip(pictures, wanted, strict=True))


def keras_file(path: Path, function: Callable[[Any], Any], shape: tuple[int | None, ...] = (16, 16, 3)) -> Path:
    """A net of one convolution (of three filters) and `function`."""
    import tf_keras

    picture = tf_keras.layers.Input(shape)
    tf_keras.Model(picture, function(tf_keras.layers.Conv2D(3, 3, padding="same")(picture))).save(path)
    return path


def sigmoid(x: Any) -> Any:
    import tensorflow as tf

    return tf.sigmoid(x)


def test_anybodys_keras_file(tmp_path: Path, tiny_data: Dataset) -> None:
    path = keras_file(tmp_path / "mine.keras", sigmoid)
    ends_with(0, path, "--data", tiny_data.root, "--calibration", 4)
    out = tmp_path / "mine.int8"
    assert {p.name for p in out.iterdir()} == {"float.tflite", "int8.tflite", "quantize.json"}
    require_int8(read_tflite((out / "int8.tflite").read_bytes()))
    ends_with(2, path, "--data", tiny_data.root)  # the place is occupied now
    ends_with(0, path, "--data", tiny_data.root, "--calibration", 4, "--force")


def test_a_net_that_puts_out_a_mask(tmp_path: Path, tiny_data: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    """A mask head without its picture output; and one whose mask is no grid of squares."""
    import tf_keras

    picture = tf_keras.layers.Input((16, 16, 3))
    for stride, code in ((4, 0), (3, 2)):
        mask = tf_keras.layers.Conv2D(1, 3, strides=stride, padding="same", activation="sigmoid")(picture)
        tf_keras.Model(picture, mask).save(path := tmp_path / f"mask{stride}.keras")
        ends_with(code, path, "--data", tiny_data.root, "--calibration", 4, "--output", "mask")
    assert "should take an RGB picture" in one_sentence(capsys)
    made = finder_of(tmp_path / "mask4.int8" / "int8.tflite")
    assert (made.cell_px, made.output.width) == (4, 4)
    assert (tmp_path / "mask4.int8" / "int8_mask.tflite").read_bytes() == made.data


def test_a_net_whose_layers_overflow_is_refused(
    tmp_path: Path, tiny_data: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its weights are numbers; the converter would leave its convolutions in float without a reason."""
    import tensorflow as tf

    path = keras_file(tmp_path / "mine.keras", lambda x: tf.sigmoid((x + 1) * 1e30 * 1e30))
    capsys.readouterr()
    ends_with(2, path, "--data", tiny_data.root, "--calibration", 2)
    assert "outputs infinite numbers or NaN, so it has no scale" in one_sentence(capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.keras"]


@pytest.mark.parametrize("op", ["asinh", "erf", "sin"], ids=["no op at all", "custom", "float only"])
def test_a_float_only_op_is_refused(
    tmp_path: Path, tiny_data: Dataset, capsys: pytest.CaptureFixture[str], op: str
) -> None:
    import tensorflow as tf

    path = keras_file(tmp_path / "mine.keras", getattr(tf.math, op))
    capsys.readouterr()
    ends_with(2, path, "--data", tiny_data.root, "--calibration", 2)
    said = one_sentence(capsys)
    assert "cannot run in int8" in said
    assert f"({op})" in said.lower()
    assert [p.name for p in tmp_path.iterdir()] == ["mine.keras"]


def test_a_missing_calibration_set_is_refused(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends_with(2, run.teacher.keras)
    assert "(--data)" in one_sentence(capsys)
    replace(run.settings(), dataset=tmp_path / "gone").write(run.folder / "run.json")
    ends_with(2, run.folder)
    assert "gone is not a data set" in one_sentence(capsys)
    assert not run.teacher.int8_tflite.exists()


def test_what_is_quantized_already_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    ends_with(2, run.teacher.float_tflite)
    assert "is a .tflite already" in one_sentence(capsys)
    run.teacher.int8_tflite.write_bytes(b"an older one")
    ends_with(2, run.folder)
    assert "--force" in one_sentence(capsys)
    assert run.teacher.int8_tflite.read_bytes() == b"an older one"


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((None, None, 3), "open input size"),
        ((16, 16, 1), "RGB picture"),
        ((16, 3), "one picture"),
    ],
)
def test_nets_of_other_shapes_are_refused(
    tmp_path: Path, tiny_data: Dataset, capsys: pytest.CaptureFixture[str], shape: tuple[int | None, ...], told: str
) -> None:
    import tf_keras

    path = tmp_path / "mine.keras"
    if len(shape) == 3:
        keras_file(path, sigmoid, shape)
    else:
        picture = tf_keras.layers.Input(shape)
        tf_keras.Model(picture, tf_keras.layers.Dense(3)(picture)).save(path)
    capsys.readouterr()
    ends_with(2, path, "--data", tiny_data.root)
    assert told in one_sentence(capsys)


def test_what_is_no_model_is_refused(tmp_path: Path, tiny_data: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.keras"
    ends_with(2, path)
    assert "does not exist" in one_sentence(capsys)
    path.write_bytes(b"PK no model")
    ends_with(2, path, "--data", tiny_data.root)
    assert "cannot be read as a tf_keras model" in one_sentence(capsys)
    ends_with(2, tmp_path)
    assert "not a run folder" in one_sentence(capsys)


def test_quantization_aware_training(run: Run) -> None:
    done = quantize_aware(run, run.teacher, FEW, FitOptions(epochs=1, batch=8, learning_rate=1e-4), force=False)
    assert done.name == "teacher-qat"
    aware = run.model("teacher-qat")
    require_int8(read_tflite(aware.int8_tflite.read_bytes()))
    info = aware.info()
    assert (info.parent, info.quantization_aware, info.parameters) == ("teacher", True, 1925)
    assert done.account.quantized_against_float_psnr_db > 25
    named = {layer.name for layer in done.account.layers}
    assert {"enc1a_relu", "up1", "dec1b_relu", "output"} <= named
    trained, before = (load_keras(model.keras).get_weights() for model in (aware, run.teacher))
    assert all(one.shape == two.shape for one, two in zip(trained, before, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(trained, before, strict=True))
    with pytest.raises(UserError, match="exists already"):
        quantize_aware(run, run.teacher, FEW, FitOptions(epochs=1), force=False)


def test_what_learnt_with_int8_simulated_keeps_its_int8(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    aware = RunModel(run.folder / "teacher-qat")
    shutil.copytree(run.teacher.folder, aware.folder)
    info = replace(run.teacher.info(), kind="student", parent="teacher", quantization_aware=True)
    info.write(aware.folder / "model.json")
    aware.int8_tflite.write_bytes(b"trained")
    run.add(aware.name)
    ends_with(0, run.folder, "--force", "--calibration", "4", "--limit", "2")
    assert aware.int8_tflite.read_bytes() == b"trained"
    capsys.readouterr()
    for target in ([run.folder, "--model", aware.name], [aware.folder]):
        ends_with(2, *target, "--force")
        assert "name its parent, teacher" in one_sentence(capsys)
    ends_with(2, run.folder, "--model", "nobody", "--qat")
    assert "no model 'nobody'" in one_sentence(capsys)
    ends_with(2, run.folder, "--qat", "--model", aware.name)
    assert "learnt with int8 simulated" in one_sentence(capsys)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--data", "somewhere"], "--data is for a bare .keras file"),
        (["--out", "somewhere"], "--out is for a bare .keras file"),
        (["--epochs", "3"], "--epochs is for --qat"),
    ],
)
def test_options_without_effect_are_refused(
    run: Run, more: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ends_with(2, run.folder, *more)
    assert told in one_sentence(capsys)


def test_a_name_beside_what_is_no_run_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    ends_with(2, run.teacher.keras, "--model", "teacher")
    assert "is a file: leave the model teacher out" in one_sentence(capsys)
    ends_with(2, run.teacher.folder, "--model", "w8")
    assert "is the folder of one model: leave the model w8 out" in one_sentence(capsys)
    with pytest.raises(UserError, match="is a file: leave the model w8 out"):
        choose_tflite(run.teacher.float_tflite, "w8")
    with pytest.raises(UserError, match="is the folder of one model"):
        choose_tflite(run.teacher.folder, "w8")
    assert choose_tflite(run.teacher.folder, "teacher") == choose_tflite(run.folder, "teacher")


def test_a_model_that_cannot_be_converted_leaves_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgeblur.distill.nets import keras_files

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = {path.name: path.read_bytes() for path in run.teacher.folder.iterdir()}
    net = load_keras(run.teacher.keras)
    monkeypatch.setattr(keras_files, "float_tflite", full)
    with pytest.raises(OSError, match="No space left"):
        keras_files.save_model(net, run.teacher, ModelInfo())
    assert {path.name: path.read_bytes() for path in run.teacher.folder.iterdir()} == before


def test_quantization_aware_training_needs_a_run(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    ends_with(2, run.teacher.keras, "--qat")
    assert "give the run" in one_sentence(capsys)
    info = json.loads((run.teacher.folder / "model.json").read_text())
    info["spec"]["batch_norm"] = True
    (run.teacher.folder / "model.json").write_text(json.dumps(info))
    ends_with(2, run.folder, "--qat")
    assert "without batch norm" in one_sentence(capsys)


def test_16_bits_lose_less(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Activations of 16 bits beside the int8 model, which stays as it is."""
    ends_with(0, run.folder, "--calibration", 8)
    before = run.teacher.int8_tflite.read_bytes()
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["quantize", "--int16x8", str(run.folder), "--model", "teacher", "--calibration", "8", "--json"])
    assert ended.value.code == 0
    (told,) = json.loads(capsys.readouterr().out)["models"]
    path = run.teacher.quantized("int16x8")
    assert told["path"] == str(path)
    assert (told["input"]["dtype"], told["input"]["zero_point"]) == ("int16", 0)
    account = run.teacher.account()
    assert account is not None
    assert told["quantized_against_float_psnr_db"] > account.quantized_against_float_psnr_db
    assert "quantized_against_float_psnr_db" in json.loads((run.teacher.folder / "quantize_int16x8.json").read_text())
    assert run.teacher.int8_tflite.read_bytes() == before
    engines = [open_engine(name, path) for name in ("litert-ref", "tflm", "stream")]
    raw = np.random.default_rng(0).integers(-(2**15), 2**15, (1, 32, 32, 3)).astype(np.int16)
    first, *others = (engine.run(raw) for engine in engines)
    assert all((other == first).all() for other in others)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--int8", "--int16x8"], "name one scheme: --int8, or --int16x8"),
        (["--int16x8", "--qat"], "--qat is for --int8"),
        (["--int16x8", "--io", "uint8"], "--io is for --int8"),
        (["--int16x8", "--output", "mask"], "--output is for --int8"),
    ],
)
def test_one_scheme_at_a_time(
    arguments: list[str], words: str, tiny_run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["quantize", *arguments, str(tiny_run.folder)])
    assert ended.value.code == 2
    assert words in one_sentence(capsys)
