"""A model with one or two fields changed, for fuzz.py: bits and bytes hardly ever leave all the rest of it whole."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

_WHOLE = (-(2**31), -2, -1, 0, 1, 2, 3, 7, 8, 9, 126, 127, 128, 255, 256, 32_767, 65_535, 2**21, 2**31 - 1)
_REAL = (float("nan"), float("inf"), -1.0, 0.0, 1e-45, 1e-38, 1e-12, 1.0, 3e38)


def with_odd_fields(data: bytes, draw: random.Random) -> bytes:
    """A model whose tables hold odd sizes, scales, types, kinds, indices or options."""
    while True:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        for _ in range(draw.choice((1, 1, 1, 2))):
            table, name, value = draw.choice(list(_fields(model)))
            setattr(table, name, _changed(value, draw))
        builder = Builder(1024)
        try:
            builder.Finish(model.Pack(builder), b"TFL3")
        except Exception:  # what no file can hold: a negative number in a field without a sign, ...
            continue
        return bytes(builder.Output())


def _fields(table: Any) -> Iterator[tuple[Any, str, Any]]:
    for name, value in vars(table).items():
        yield table, name, value
        for part in value if isinstance(value, list) else [value]:
            if hasattr(part, "Pack"):
                yield from _fields(part)


def _changed(value: Any, draw: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draw.choice(_WHOLE)
    if isinstance(value, float):
        return draw.choice(_REAL)
    if isinstance(value, np.ndarray) and value.size:
        odd = draw.choice(_REAL if value.dtype.kind == "f" else _WHOLE)
        at = draw.randrange(value.size)
        match draw.randrange(4):
            case 0:
                return value[:-1]
            case 1:
                return np.append(value, value[:1])
            case _:
                with np.errstate(all="ignore"):
                    return np.concatenate([value[:at], np.array([odd]).astype(value.dtype), value[at + 1 :]])
    return value[::-1] if isinstance(value, list) and value else None
