"""A Keras file says how its net is built, and may say it in Python code: what it names is looked at before it is built.

tf_keras refuses a lambda in its newer format only, and builds whatever class or function of any importable module a
file names. We build layers, initializers and the like of tf_keras itself, and TensorFlow's functions on tensors.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeblur.errors import UserError

_LARGEST_BYTES = 64 << 20
"""Of the text that describes a net; the largest Keras application has 0.5 MB."""
_FUNCTION_SPACES = ("math.", "nn.", "image.resize", "linalg.", "__operators__.", "keras.activations.")
_FUNCTIONS = frozenset({
    "abs", "add", "cast", "clip_by_value", "concat", "divide", "exp", "expand_dims", "gather", "identity", "maximum",
    "minimum", "multiply", "negative", "ones_like", "pad", "pow", "reshape", "reverse", "round", "sigmoid", "sign",
    "slice", "split", "sqrt", "square", "squeeze", "stack", "strided_slice", "subtract", "tanh", "tile", "transpose",
    "unstack", "where", "zeros_like",
})  # fmt: skip
_CONTAINERS = frozenset({"Functional", "Model", "Sequential", "SlicingOpLambda", "TFOpLambda", "TensorShape", "Policy",
                         "__numpy__", "__tensor__", "__tuple__", "__ellipsis__"})  # fmt: skip


def refuse_code(path: Path) -> None:
    """Refuse a Keras file that would run code of its own when it is read.

    Raises:
        UserError: it holds a Lambda layer, or a class or function that is not tf_keras's own; or it is a folder (a
            SavedModel, which is a program), or no Keras file at all.
    """
    known = _known_classes()
    for name, module, function in _named(_description(path)):
        if name == "Lambda":
            raise UserError(
                f"{path} holds a Lambda layer: that is Python code, which would run here. Put a layer of tf_keras in "
                "its place (Rescaling, Resizing, Activation, ...) and save it again"
            )
        own = module in (None, "builtins") or str(module).split(".")[0] in ("keras", "tf_keras")
        if name not in known or not own:
            if (version := _version(path)).startswith("3."):
                raise UserError(
                    f"{path} was saved by Keras {version}, and models of tf_keras (Keras 2) are read here: build and "
                    "save it with tf_keras, or make an int8 .tflite of it with TensorFlow's converter: `fit`, `export` "
                    "and `run` take that as it is"
                )
            raise UserError(
                f"{path} holds {name[:60]} of {str(module or 'another module')[:60]}, which is not tf_keras's own and "
                "would run its code here: build the net of tf_keras's layers"
            )
        if function is not None and not _is_arithmetic(function):
            raise UserError(
                f"{path} calls {function[:60]}, which does more than arithmetic on tensors: build the net of "
                "tf_keras's layers"
            )


def _is_arithmetic(function: str) -> bool:
    return function in _FUNCTIONS or function.startswith(_FUNCTION_SPACES)


def _known_classes() -> frozenset[str]:
    import tf_keras as K

    spaces = (K.layers, K.initializers, K.regularizers, K.constraints, K.mixed_precision)
    public = {name for space in spaces for name in dir(space) if not name.startswith("_")}
    return frozenset((public | _CONTAINERS) - {"Lambda"})


def _named(data: Any) -> Iterator[tuple[str, str | None, str | None]]:
    """Every class that a description names, with its module, and the function that a layer of TensorFlow calls."""
    waiting = [data]
    while waiting:  # not recursive: how deep it goes is the file's choice
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
            if "class_name" in item:
                yield _names_of(item)
        elif isinstance(item, list):
            waiting.extend(item)


def _names_of(item: dict[str, Any]) -> tuple[str, str | None, str | None]:
    name, config = str(item["class_name"]), item.get("config")
    if name == "function":  # of a name, such as an activation
        return f"the function {config}", item.get("module"), None
    calls = name in ("TFOpLambda", "SlicingOpLambda")
    return name, item.get("module"), str(config.get("function")) if calls and isinstance(config, dict) else None


def _description(path: Path) -> Any:
    """The JSON that describes a net, found where tf_keras will read it.

    Raises:
        UserError: there is none.
    """
    import h5py

    try:
        if path.suffix == ".keras" and zipfile.is_zipfile(path):
            net = json.loads(_member(path, "config.json"))
            if isinstance(net, dict):
                net.pop("compile_config", None)  # a loss of one's own is common, and `load_keras` does not read it
            return net
        if path.is_file() and h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return json.loads(file.attrs["model_config"])
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile, NotImplementedError) as error:
        raise UserError(f"{path} cannot be read as a tf_keras model ({error!r:.120}): "
                        "save the whole model with tf_keras, not its weights alone") from error  # fmt: skip
    raise UserError(f"{path} cannot be read as a tf_keras model: save it with tf_keras as .keras or .h5 (a SavedModel "
                    "folder is a program, and not read here)")  # fmt: skip


def _version(path: Path) -> str:
    """Of the Keras that saved a file, as the file says; empty if it does not."""
    import h5py

    try:
        if zipfile.is_zipfile(path):
            return str(json.loads(_member(path, "metadata.json"))["keras_version"])[:20]
        with h5py.File(path, "r") as file:
            return str(file.attrs["keras_version"])[:20]
    except (OSError, KeyError, TypeError, ValueError, RecursionError, zipfile.BadZipFile, NotImplementedError):
        return ""


def _member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(name).file_size > _LARGEST_BYTES:
            raise ValueError(f"{name} is larger than {_LARGEST_BYTES >> 20} MiB")
        return archive.read(name)
