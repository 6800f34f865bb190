"""Is a .tflite whole? The walk that FlatBuffers' C++ verifier does, which its Python binding lacks.

The binding reads a damaged file as garbage, and an interpreter may crash on it. Here every offset is followed once and
must stay inside the file, so that a file cut anywhere is noticed before anything else touches it.

Source: https://flatbuffers.dev/internals/ and TensorFlow Lite's schema.fbs (slot numbers count its fields from 0).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_MOST_TABLES = 200_000
"""Far beyond any net for a microcontroller; a damaged file may claim billions."""


class DamagedError(ValueError):
    """The file is no whole .tflite; the text says what is wrong, in half a sentence."""


@dataclass(frozen=True)
class Scalar:
    """A number inside the table, `size` bytes."""

    size: int


@dataclass(frozen=True)
class Vector:
    """A vector of numbers of `size` bytes each; `text` ones end in a NUL after their last byte."""

    size: int
    text: bool = False


@dataclass(frozen=True)
class Table:
    """A table, or with `many` a vector of them."""

    name: str
    many: bool = False


_BYTE, _INT, _LONG = Scalar(1), Scalar(4), Scalar(8)
_BYTES, _INTS, _LONGS, _TEXT = Vector(1), Vector(4), Vector(8), Vector(1, text=True)

_SCHEMA: dict[str, dict[int, Scalar | Vector | Table]] = {
    "Model": {
        0: _INT,
        1: Table("OperatorCode", many=True),
        2: Table("SubGraph", many=True),
        3: _TEXT,
        4: Table("Buffer", many=True),
        5: _INTS,
        6: Table("Metadata", many=True),
        7: Table("SignatureDef", many=True),
    },
    "OperatorCode": {0: _BYTE, 1: _TEXT, 2: _INT, 3: _INT},
    "SubGraph": {0: Table("Tensor", many=True), 1: _INTS, 2: _INTS, 3: Table("Operator", many=True), 4: _TEXT},
    "Tensor": {
        0: _INTS,
        1: _BYTE,
        2: _INT,
        3: _TEXT,
        4: Table("QuantizationParameters"),
        5: _BYTE,
        6: Table("Opaque"),
        7: _INTS,
    },
    "QuantizationParameters": {0: _INTS, 1: _INTS, 2: _INTS, 3: _LONGS, 4: _BYTE, 5: Table("Opaque"), 6: _INT},
    "Operator": {
        0: _INT,
        1: _INTS,
        2: _INTS,
        3: _BYTE,
        4: Table("Opaque"),
        5: _BYTES,
        6: _BYTE,
        7: _BYTES,
        8: _INTS,
        9: _LONG,
        10: _LONG,
        11: _BYTE,
        12: Table("Opaque"),
    },
    "Buffer": {0: _BYTES, 1: _LONG, 2: _LONG},
    "Metadata": {0: _TEXT, 1: _INT},
    "SignatureDef": {0: Table("TensorMap", many=True), 1: Table("TensorMap", many=True), 2: _TEXT, 4: _INT},
    "TensorMap": {0: _TEXT, 1: _INT},
    "Opaque": {},  # an op's options, one of a hundred tables: only its frame is checked
}


class _Walk:
    """One pass over a file; positions are byte offsets from its start."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.tables = 0

    def need(self, position: int, size: int) -> None:
        if position < 0 or position + size > len(self.data):
            raise DamagedError(f"it ends at byte {len(self.data)}, but what it holds reaches to {position + size}")

    def unsigned(self, position: int, size: int = 4) -> int:
        self.need(position, size)
        return int.from_bytes(self.data[position : position + size], "little")

    def vector(self, position: int, kind: Vector) -> None:
        length = self.unsigned(position)
        self.need(position + 4, length * kind.size + kind.text)
        if kind.text and self.data[position + 4 + length]:
            raise DamagedError(f"the text at byte {position} does not end where it should")

    def field(self, position: int, kind: Scalar | Vector | Table) -> None:
        if isinstance(kind, Scalar):
            return
        target = position + self.unsigned(position)
        if isinstance(kind, Vector):
            self.vector(target, kind)
        elif kind.many:
            self.vector(target, Vector(4))
            for entry in range(target + 4, target + 4 + 4 * self.unsigned(target), 4):
                self.table(entry + self.unsigned(entry), kind.name)
        else:
            self.table(target, kind.name)

    def table(self, position: int, name: str) -> None:
        self.tables += 1
        if self.tables > _MOST_TABLES:
            raise DamagedError(f"it claims more than {_MOST_TABLES} tables")
        self.need(position, 4)
        vtable = position - int(struct.unpack_from("<i", self.data, position)[0])
        vtable_size, table_size = self.unsigned(vtable, 2), self.unsigned(vtable + 2, 2)
        if vtable_size < 4 or vtable_size % 2 or table_size < 4:
            raise DamagedError(f"the table at byte {position} has no valid layout")
        self.need(vtable, vtable_size)
        self.need(position, table_size)
        for slot, kind in _SCHEMA[name].items():
            entry = 4 + 2 * slot
            offset = self.unsigned(vtable + entry, 2) if entry < vtable_size else 0
            if not offset:
                continue  # left out: the field has its default
            if offset + (kind.size if isinstance(kind, Scalar) else 4) > table_size:
                raise DamagedError(f"the table at byte {position} has a field outside itself")
            self.field(position + offset, kind)
        if name == "Buffer":
            self.outside(position, vtable, vtable_size)

    def outside(self, position: int, vtable: int, vtable_size: int) -> None:
        """Data that a buffer keeps behind the tables: in slot 1 where it starts, in slot 2 how long it is."""
        slots = [self.unsigned(vtable + entry, 2) if entry < vtable_size else 0 for entry in (6, 8)]
        if all(slots):
            start, size = (self.unsigned(position + slot, 8) for slot in slots)
            self.need(start, size if start > 1 else 0)  # 0 and 1 mean: none (schema.fbs)


def _what_it_is(data: bytes) -> str:
    """What else was given: most often a Keras model, which is a zip or HDF5."""
    if data[:4] == b"PK\x03\x04" or data[:4] == b"\x89HDF":
        return ", but that of a zip or HDF5, as Keras models do: `edgeblur quantize --int8` makes a .tflite of those"
    return "" if data else "; it is empty"


def verify_tflite(data: bytes) -> None:
    """Check that `data` is a whole .tflite file.

    Raises:
        DamagedError: it lacks the mark TFL3, is cut short, or points outside itself.
    """
    if data[4:8] != b"TFL3":
        raise DamagedError(f"it does not carry the mark TFL3 of a .tflite{_what_it_is(data)}")
    walk = _Walk(data)
    walk.table(walk.unsigned(0), "Model")
