"""compare.json: approach A beside approach B on the same photos, a row for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgeblur.firmware_harness.engines.latency import Latency
from edgeblur.firmware_harness.privacy.leaks import Leak
from edgeblur.firmware_harness.privacy.protection import Protection
from edgeblur.records import Record

COMPARISON = "compare.json"
SHEET = "compare.png"


@dataclass(frozen=True)
class Entry(Record):
    """One row of the comparison.

    Attributes:
        name: `untouched`, `target`, `detector:centerface`, `teacher`, `w8`, ...
        protection: fidelity to the target, the photo blurred by its labels; leaks, one for each judge; over-blur; and
            where it was asked, identity and changed regions.
        approach: `A` (detector), `B` (net), or empty for the two yardsticks.
        precision: `float32` or `int8` for a net, else empty.
        latency: on this host, one picture; None for yardsticks.
        parameters: of a net.
        macs: of a net, one picture.
        size_bytes: of a net's .tflite.
        compressed_bytes: the same after DEFLATE.
        arena_bytes: what TensorFlow Lite Micro needs for an int8 net, recorded.
        extra: whether a net was named beside the run's own.
    """

    KEYS: ClassVar = ("name", "approach", "precision", "leak", "protection")
    NAMES: ClassVar = {"latency": "latency_ms"}
    FLAT: ClassVar = ("protection",)
    SPARSE: ClassVar = ("approach", "precision", "extra")
    ALONE: ClassVar = ("leak", "leaks")

    name: str
    protection: Protection
    approach: str = ""
    precision: str = ""
    latency: Latency | None = None
    parameters: int | None = None
    macs: int | None = None
    size_bytes: int | None = None
    compressed_bytes: int | None = None
    arena_bytes: int | None = None
    extra: bool = False

    @property
    def title(self) -> str:
        """Name and precision."""
        return f"{self.name} {self.precision}".strip()

    @property
    def leak(self) -> Leak | None:
        """Faces that the first judge still finds; None without a judge."""
        return next(iter(self.protection.leaks), None)

    @property
    def leak_rate(self) -> float | None:
        """Share of the faces that the first judge still finds; None without a judge or a face."""
        return self.leak.rate if self.leak else None


@dataclass(frozen=True)
class Comparison(Record):
    """The whole table, and where it was measured.

    Attributes:
        data: where the data set lies.
        images: pictures of its test split.
        width, height: of the pictures, in pixels.
        host: that latencies were measured on.
        judges: detectors that say which faces leak, the first one leading.
        entries: the yardsticks, then detectors, then nets.
    """

    KEYS: ClassVar = ("data", "split", "images", "width", "height", "host", "judge", "judges")
    SPARSE: ClassVar = ("judges",)
    ALONE: ClassVar = ("judge", "judges")
    REMEDY: ClassVar = "delete it, and compare again"

    data: str
    images: int
    width: int
    height: int
    host: str
    entries: tuple[Entry, ...]
    judges: tuple[str, ...] = ()
    split: str = "test"

    @property
    def judge(self) -> str | None:
        """The leading judge, None if there is none."""
        return next(iter(self.judges), None)
