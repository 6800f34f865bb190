"""Keras files of strangers: what would run code is refused before it is built, by every command that reads a net."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeblur.cli import main
from edgeblur.distill.nets.keras_files import load_keras
from edgeblur.distill.nets.unet import build_unet, unet_spec
from edgeblur.distill.training.fit import BEST_WEIGHTS, load_best
from edgeblur.errors import UserError
from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import Run


def leaves_a_mark(mark: Path) -> Any:
    """A net with a lambda that makes a file when it runs."""
    import tf_keras as K

    picture = K.Input((32, 32, 3))
    code = f"lambda x: (open({str(mark)!r}, 'w').close(), x)[1]"
    return K.Model(picture, K.layers.Lambda(eval(code))(picture))


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


@pytest.mark.filterwarnings("ignore")  # of HDF5 as a format of the past
@pytest.mark.parametrize("name", ["net.h5", "net.keras", "net.hdf5"])
@pytest.mark.parametrize(
    "line",
    [
        "quantize --int8 {net} --data {data}",
        "train --data {data} --out {new} --start {net} --size 32 --width 2 --levels 2 --epochs 1",
    ],
)
def test_a_lambda_does_not_run(
    name: str, line: str, tmp_path: Path, mark: Path, tiny_data: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    net = tmp_path / name
    leaves_a_mark(mark).save(net)
    mark.unlink(missing_ok=True)
    with pytest.raises(SystemExit) as ended:
        main(line.format(net=net, data=tiny_data.root, new=tmp_path / "new").split())
    assert ended.value.code == 2
    assert "Lambda layer" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {name}


@pytest.mark.filterwarnings("ignore")  # of HDF5 as a format of the past, and of the lambda
@pytest.mark.parametrize("name", ["net.h5", "net.keras"])
def test_a_loss_of_ones_own_is_left_unread(name: str, tmp_path: Path) -> None:
    net = build_unet(unet_spec(1, 1, height=8, width=8))
    net.compile(loss=lambda wanted, found: found - wanted)
    net.save(tmp_path / name)
    assert np.array_equal(load_keras(tmp_path / name).get_weights()[0], net.get_weights()[0])


@pytest.mark.parametrize("name", ["net.h5", "net.keras"])
@pytest.mark.filterwarnings("ignore")  # of HDF5 as a format of the past
def test_a_net_of_keras_3_is_called_one(name: str, tmp_path: Path) -> None:
    import keras

    picture = keras.Input((8, 8, 3))
    left, right = (keras.layers.Conv2D(3, 1)(picture) for _ in range(2))
    keras.Model(picture, keras.layers.Add()([left, right])).save(tmp_path / name)
    with pytest.raises(UserError, match=r"was saved by Keras 3\.[^ ]+, and models of tf_keras"):
        load_keras(tmp_path / name)


def rewritten(source: Path, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A .keras file with another description of its net."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.namelist():
            data = old.read(member)
            if member == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            new.writestr(member, data)
    return path


def another_class(config: dict[str, Any]) -> None:
    config["config"]["layers"][1].update(module="subprocess", class_name="Popen", registered_name="Popen")


def a_method_of_a_module(config: dict[str, Any]) -> None:
    config["config"]["layers"][1].update(module="keras.src.saving.saving_lib", class_name="os.system")


def a_function(config: dict[str, Any]) -> None:
    chosen = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    config["config"]["layers"][1]["config"]["activation"] = chosen


def writes_files(config: dict[str, Any]) -> None:
    layer = config["config"]["layers"][1]
    layer.update(module="keras.layers", class_name="TFOpLambda", config={"name": "op", "function": "io.write_file"})


def deep_lambda(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["layer"] = {"class_name": "Lambda", "config": {}}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (another_class, "Popen of subprocess"),
        (a_method_of_a_module, "os.system"),
        (a_function, "the function system"),
        (writes_files, "io.write_file"),
        (deep_lambda, "Lambda layer"),
    ],
)
def test_other_ways_to_code_are_refused(
    change: Callable[[dict[str, Any]], None], told: str, tiny_run: Run, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=told):
        load_keras(rewritten(tiny_run.teacher.keras, tmp_path / "net.keras", change))


def test_weights_alone_and_programs_are_refused(tmp_path: Path) -> None:
    net = build_unet(unet_spec(1, 1, height=8, width=8))
    net.save_weights(tmp_path / "weights.h5")
    net.save(tmp_path / "saved", save_format="tf")
    with pytest.raises(UserError, match="not its weights alone"):
        load_keras(tmp_path / "weights.h5")
    with pytest.raises(UserError, match="SavedModel"):
        load_keras(tmp_path / "saved")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["net.keras", "net.h5"])
def test_layers_and_arithmetic_of_tf_keras_are_read(name: str, tmp_path: Path) -> None:
    import tensorflow as tf
    import tf_keras as K

    picture = K.Input((8, 8, 3))
    x = K.layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2")(picture)
    x = K.layers.TimeDistributed(K.layers.Activation("tanh"))(x)
    x = tf.clip_by_value(tf.nn.relu6(x[:, :, :, :3]) * 2.0 - picture, 0.0, 1.0)
    K.Model(picture, x).save(tmp_path / name)
    assert load_keras(tmp_path / name).output_shape == (None, 8, 8, 3)


def test_weights_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    net = build_unet(unet_spec(1, 1, height=8, width=8))
    weights = net.get_weights()
    weights[0][...] = np.nan
    net.set_weights(weights)
    net.save(tmp_path / "net.keras")
    with pytest.raises(UserError, match=r"weights that are no numbers \(.*kernel"):
        load_keras(tmp_path / "net.keras")


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut", b"junk"])
def test_damaged_best_weights_are_a_sentence(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / BEST_WEIGHTS).write_bytes(damage)
    with pytest.raises(UserError, match="is damaged or of another net"):
        load_best(build_unet(unet_spec(1, 1, height=8, width=8)), tmp_path)


def test_best_weights_of_another_net_are_a_sentence(tmp_path: Path) -> None:
    np.savez(tmp_path / BEST_WEIGHTS, np.zeros(3))
    with pytest.raises(UserError, match="is damaged or of another net"):
        load_best(build_unet(unet_spec(1, 1, height=8, width=8)), tmp_path)
