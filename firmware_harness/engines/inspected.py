"""What `edgeblur inspect --json` says of a .tflite, as records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeblur.records import Record


@dataclass(frozen=True)
class InspectedFate(Record):
    """What the streaming engine does with an op: `what` in a word, and `told` in half a sentence."""

    what: str
    told: str


@dataclass(frozen=True)
class InspectedOp(Record):
    """One op.

    Attributes:
        op: its number in the file.
        kind: such as `CONV_2D`.
        version: of the op in TensorFlow Lite.
        name: the layer's.
        inputs: the tensors it reads that are computed, a line each.
        output: the first tensor it writes.
        macs: multiply-accumulates; None if unknown.
        parameters: numbers in its constants.
        stream: what the streaming engine does with it.
    """

    op: int
    kind: str
    version: int
    name: str
    inputs: tuple[str, ...]
    output: str
    macs: int | None
    parameters: int
    stream: InspectedFate


@dataclass(frozen=True)
class InspectedOutput(Record):
    """An output: its name, and its shape, type and quantization in a line."""

    name: str
    tensor: str


@dataclass(frozen=True)
class InspectedEngine(Record):
    """Whether an engine runs the file, and if not, why."""

    runs: bool
    why_not: str | None = None


@dataclass(frozen=True)
class Inspected(Record):
    """A file.

    Attributes:
        path: of it.
        sha256: of its bytes.
        size_bytes: of it.
        made_by: what the file says of its converter; empty if it says nothing.
        inputs: shape, type and quantization, a line each.
        outputs: one by one.
        macs: multiply-accumulates of all ops; None if those of an op are unknown.
        parameters: of all ops.
        engines: by name.
        ops: one by one.
    """

    path: Path
    sha256: str
    size_bytes: int
    made_by: str
    inputs: tuple[str, ...]
    outputs: tuple[InspectedOutput, ...]
    macs: int | None
    parameters: int
    engines: Mapping[str, InspectedEngine]
    ops: tuple[InspectedOp, ...]
