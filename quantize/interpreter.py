"""LiteRT with every tensor kept, for looking inside a net while it runs."""

from __future__ import annotations

import warnings
from typing import Any


def keeping_interpreter(model: bytes, *, threads: int) -> Any:
    """An interpreter, ready to run, whose every tensor can be read after a run.

    Args:
        model: a .tflite.
        threads: that compute.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks that keeping every tensor takes memory: that is what we want
        interpreter = Interpreter(
            model_content=model,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            num_threads=threads,
        )
    interpreter.allocate_tensors()
    return interpreter
