"""Four interpreters and the streaming engine behind one adapter: a .tflite in, pictures through it.

`litert`          ai-edge-litert with its default, optimised kernels on one thread: the fastest on a host
`litert-ref`      ai-edge-litert with reference kernels: what "bit-exact" is measured against
`tflite-runtime`  the same interpreter under its old name (last release 2.14)
`tflm`            TensorFlow Lite Micro's wheel: the kernels of a microcontroller; equals litert-ref byte for byte
                  but for what `export.tflm.differences` names
`stream`          edgeblur's own row-streaming C, compiled by this host's compiler; equals litert-ref byte for byte

A new engine is one function and its line in `_OPENERS`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeblur.errors import RunError, UserError, missing_package
from edgeblur.export.stream.compile import Compiled
from edgeblur.export.tflite.graph import Graph, ImageModel, Op, image_model
from edgeblur.export.tflite.inside import look_inside
from edgeblur.export.tflite.kernels import odd_op
from edgeblur.export.tflite.options import CustomOptions, ResizeBilinearOptions
from edgeblur.export.tflite.pixels import Raw, from_raw, to_raw
from edgeblur.firmware_harness.engines.host_c import compile_for_host, compiler_path, open_stream
from edgeblur.firmware_harness.engines.trial import try_engines
from edgeblur.models.read import read_inside
from edgeblur.pictures.images import Floats, Pixels, to_bytes

Invoke = Callable[[Raw], tuple[Raw, ...]]
"""A picture in; all outputs, in the order of the model's."""


@dataclass(frozen=True)
class Engine:
    """A model ready to run in one of the four interpreters."""

    name: str
    model: ImageModel
    invoke: Invoke

    def run(self, raw: Raw) -> Raw:
        """One inference on the model's own numbers; of several outputs, the first.

        Args:
            raw: `[1, height, width, channels]` of the input's type.

        Returns:
            `[1, height, width, channels]` of the output's type.

        Raises:
            ValueError, RunError: as `run_all`.
        """
        return self.run_all(raw)[0]

    def run_all(self, raw: Raw) -> tuple[Raw, ...]:
        """One inference on the model's own numbers, all outputs.

        Args:
            raw: `[1, height, width, channels]` of the input's type.

        Returns:
            Each output in its own shape and type, in the order of `model.outputs`.

        Raises:
            ValueError: another shape or type.
            RunError: the interpreter gave up, or an output in floats is infinite or NaN.
        """
        tensor = self.model.input.tensor
        if raw.shape != tensor.shape or raw.dtype != tensor.dtype:
            raise ValueError(f"the model takes {tensor.dtype} {tensor.shape}, got {raw.dtype} {raw.shape}")
        try:
            found = self.invoke(raw)
        except (RuntimeError, ValueError) as error:
            raise RunError(f"{self.name} failed while running {self.model.graph.name}: {_condense(error)}") from error
        if any(output.dtype.kind == "f" and not np.isfinite(output).all() for output in found):
            raise RunError(
                f"{self.model.graph.name} outputs infinite numbers or NaN: its weights are damaged, or its training "
                "went astray; make the file anew"
            )
        return found

    def infer(self, picture: Pixels) -> Floats:
        """A picture `[height, width, 3]` of the model's size through the model, as floats 0 to 1."""
        return from_raw(self.run(to_raw(picture, self.model.input)), self.model.output)

    def blur(self, picture: Pixels) -> Pixels:
        """A picture `[height, width, 3]` of the model's size through the model, as bytes."""
        return to_bytes(self.infer(picture))


def _tflite(interpreter: Any) -> Invoke:
    """The interface that ai-edge-litert and tflite-runtime share."""
    interpreter.allocate_tensors()
    input_index = interpreter.get_input_details()[0]["index"]
    output_indices = [details["index"] for details in interpreter.get_output_details()]

    def invoke(raw: Raw) -> tuple[Raw, ...]:
        interpreter.set_tensor(input_index, raw)
        interpreter.invoke()
        return tuple(interpreter.get_tensor(index) for index in output_indices)

    return invoke


def _litert(data: bytes, model: ImageModel) -> Invoke:
    from ai_edge_litert.interpreter import Interpreter

    return _tflite(Interpreter(model_content=data, num_threads=1))


def _litert_ref(data: bytes, model: ImageModel) -> Invoke:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.BUILTIN_REF
    return _tflite(Interpreter(model_content=data, num_threads=1, experimental_op_resolver_type=kernels))


@contextlib.contextmanager
def _own_symbols_first() -> Iterator[None]:
    """Load libraries so that they call their own functions, not TensorFlow's of the same name.

    With a newer TensorFlow in the process, tflite-runtime 2.14 otherwise fails with "vector::reserve".
    """
    flags = sys.getdlopenflags()
    if "tensorflow" in sys.modules and hasattr(os, "RTLD_DEEPBIND"):
        sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
    try:
        yield
    finally:
        sys.setdlopenflags(flags)


def _tflite_runtime(data: bytes, model: ImageModel) -> Invoke:
    if sys.version_info >= (3, 12):
        raise UserError("tflite-runtime has no release for Python 3.12 or newer: litert is the same interpreter")
    try:
        with _own_symbols_first():
            from tflite_runtime.interpreter import Interpreter
    except ImportError as error:
        raise missing_package("tflite-runtime", "engines", error) from error
    if int(np.__version__.split(".")[0]) >= 2:  # 2.14 was built against numpy 1 and crashes with another
        raise UserError(
            f"tflite-runtime does not work beside numpy {np.__version__}: install 'numpy<2', or take litert"
        )
    return _tflite(Interpreter(model_content=data, num_threads=1))


def _tflm(data: bytes, model: ImageModel) -> Invoke:
    try:
        from tflite_micro import runtime
    except ImportError as error:
        raise missing_package("tflite-micro", "engines", error) from error
    interpreter = _tflm_interpreter(runtime, data, model)

    def invoke(raw: Raw) -> tuple[Raw, ...]:
        interpreter.set_input(raw, 0)
        interpreter.invoke()
        return tuple(np.array(interpreter.get_output(i)) for i in range(len(model.outputs)))

    return invoke


def _tflm_interpreter(runtime: Any, data: bytes, model: ImageModel) -> Any:
    """Open with an arena that is surely large enough; memory that is not touched costs the host nothing."""
    activations = sum(4 * t.elements for t in model.graph.tensors if t.data is None)
    for arena_bytes in (2**20 + activations, 2**24 + 4 * activations):
        try:
            return runtime.Interpreter.from_bytes(data, arena_size=arena_bytes)
        except RuntimeError as error:
            failure = error
    raise failure


def _stream(data: bytes, model: ImageModel) -> Invoke:
    return open_stream(compile_for_host(model), model)


_OPENERS: dict[str, Callable[[bytes, ImageModel], Invoke]] = {
    "litert": _litert,
    "litert-ref": _litert_ref,
    "tflite-runtime": _tflite_runtime,
    "tflm": _tflm,
    "stream": _stream,
}

ENGINES = tuple(_OPENERS)

_PACKAGES = {
    "litert": "ai_edge_litert", "litert-ref": "ai_edge_litert", "tflite-runtime": "tflite_runtime",
    "tflm": "tflite_micro",
}  # fmt: skip


def available_engines() -> tuple[str, ...]:
    """The engines whose package, or compiler, is installed."""
    return tuple(
        name
        for name in ENGINES
        if (compiler_path() if name == "stream" else importlib.util.find_spec(_PACKAGES[name])) is not None
    )


def engine_as_on_a_board(graph: Graph) -> str:
    """The fastest engine that gives a board's bytes to a step: `litert`, or for some nets `litert-ref`.

    They have bilinear enlargement by 3 or 5, of which the reference's places drift (docs/operators.md), and with them
    every board's.
    """
    return "litert-ref" if any(_drifts(graph, op) for op in graph.ops) else "litert"


def _drifts(graph: Graph, op: Op) -> bool:
    if not isinstance(op.options, ResizeBilinearOptions):
        return False
    source, output = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    axes = zip(source.shape[1:3], output.shape[1:3], strict=True)
    corners = [int(op.options.align_corners and size > 1) for size in output.shape[1:3]]
    rounded = [1024 * (old - c) % (new - c) != 0 for (old, new), c in zip(axes, corners, strict=True)]
    return source.dtype in ("int8", "uint8") and any(rounded)  # the step of an axis, in 1/1024 of a pixel


def engine_names(text: str) -> tuple[str, ...]:
    """Engines from a list with commas, as on the command line.

    Raises:
        UserError: one is unknown or named twice.
    """
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in _OPENERS:
            raise UserError(f"unknown engine {name!r}: choose among {', '.join(ENGINES)}")
    if len(set(names)) < len(names):
        raise UserError(f"an engine is named twice in {text!r}: each one runs once")
    return names


@contextlib.contextmanager
def _stderr_caught() -> Iterator[Callable[[], str]]:
    """Catch what C++ code writes to file descriptor 2; yields a function that reads what came so far."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught:
        saved = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield lambda: os.pread(caught.fileno(), 2**16, 0).decode("utf-8", "replace")
        finally:
            os.dup2(saved, 2)
            os.close(saved)


_MISSING_OP = re.compile(r"op for builtin opcode '(?P<op>\w+)'(?: version '(?P<version>\d+))?")
_REMARK = re.compile(r"INFO|WARNING|[IW]\d{4} ")


def _custom_ops(model: ImageModel) -> list[str]:
    """Names of ops that are not TensorFlow Lite's own; those of TensorFlow itself begin with Flex."""
    return [op.options.code for op in model.graph.ops if isinstance(op.options, CustomOptions)]


def _condense(error: Exception, printed: str = "", custom_ops: Sequence[str] = ()) -> str:
    """The cause in half a sentence, from an interpreter's exception and from what it wrote to standard error."""
    text = f"{printed}\n{error}"  # TensorFlow Lite Micro prints the cause and raises "failed"; the others raise it
    if custom_ops and re.search("custom|flex|select tensorflow", text, re.IGNORECASE):
        return f"it has no op {custom_ops[0]}"
    if found := _MISSING_OP.search(text):
        version = f" in version {found['version']}" if found["version"] else ""
        return f"it has no op {found['op']}{version}"
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _REMARK.match(line)]
    return re.sub(r"^\S+\.(?:cc|h):\d+ ", "", lines[0]).rstrip(".") if lines else type(error).__name__


def open_engine(
    name: str, source: Path | bytes, *, compiled: Compiled | None = None, several: bool = False, apart: bool = False
) -> Engine:
    """Load a model into an interpreter, or compile it for the streaming engine.

    Args:
        name: one of `ENGINES`.
        source: a .tflite file or its bytes.
        compiled: what `compile_for_host` made of it, for `stream`; by default it is compiled here, for speed.
        several: whether the model may have several outputs.
        apart: this process may die of the model. Else one with scales that interpreters die of is tried in another.

    Raises:
        RunError: the interpreter dies of it.
        UserError: no such engine, its package is not installed, the file is no whole .tflite, the model does not
            take one picture and give one, or the engine lacks an op of it.
    """
    if name not in _OPENERS:
        raise UserError(f"unknown engine {name!r}: choose among {', '.join(ENGINES)}")
    # Interpreters may crash on a damaged file; this does not.
    inside = look_inside(source) if isinstance(source, bytes) else read_inside(source)
    model, data = image_model(inside.graph, several=several), inside.data
    label = "this model" if isinstance(source, bytes) else source
    if name != "stream" and not apart and odd_op(inside.graph) is not None:
        try_engines([name], data, str(label))
    with _stderr_caught() as printed:
        try:
            return Engine(name, model, open_stream(compiled, model) if compiled else _OPENERS[name](data, model))
        except (RuntimeError, ValueError) as error:
            cause, reason = error, _condense(error, printed(), _custom_ops(model))
    raise UserError(f"{name} cannot run {label}: {reason}; {_advice(name, model, data)}") from cause


def _advice(name: str, model: ImageModel, data: bytes) -> str:
    """What to do about a model that an engine does not take: another one that was tried and does."""
    if _custom_ops(model):
        return "convert it with TensorFlow Lite's own ops only"
    for other in ("litert-ref", "tflm", "litert"):
        if other != name and other in available_engines() and _runs(other, model, data):
            return f"{other} runs it" + (", with kernels that round otherwise" if other == "litert" else "")
    return "no other interpreter here runs it: convert it with ops that have an int8 kernel"


def _runs(name: str, model: ImageModel, data: bytes) -> bool:
    with _stderr_caught():
        try:
            _OPENERS[name](data, model)
        except (RuntimeError, ValueError, UserError):
            return False
    return True
