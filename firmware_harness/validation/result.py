"""What a validation found out, and the gates it may fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.costs.code_size import StreamCost
from edgeblur.export.stream.differences import differences
from edgeblur.export.tflite.cost import Cost, LayerCost
from edgeblur.export.tflite.graph import Graph, ImageModel
from edgeblur.export.tflite.outputs import end_as_json, outputs_as_json, several_outputs
from edgeblur.export.tflm.arena import Arena
from edgeblur.firmware_harness.engines.latency import Latency
from edgeblur.firmware_harness.privacy.gates import PrivacyGates
from edgeblur.firmware_harness.privacy.protection import Privacy, PrivacyOptions
from edgeblur.pictures.metrics import Fidelity


@dataclass(frozen=True)
class Reference:
    """What fidelity is measured against.

    Attributes:
        kind: `model` (named by the user), `teacher` (the run's float teacher) or `target` (the data set's pictures
            with blurred faces).
        path: of the model's file; None for `target`. It is run by `litert`.
    """

    kind: str
    path: Path | None = None

    @property
    def description(self) -> str:
        """The same for people."""
        return f"{self.kind} {self.path}" if self.path else "the data set's pictures with blurred faces"

    def as_json(self) -> dict[str, str]:
        """`kind`, and `path` and `engine` of a model."""
        return {"kind": self.kind} | ({"path": str(self.path), "engine": "litert"} if self.path else {})


@dataclass(frozen=True)
class Comparison:
    """The raw outputs of another engine beside those of the first.

    Attributes:
        engine: the other one.
        bytes_compared: over all pictures.
        differing_bytes: of those.
        largest_step: largest difference of two numbers, in quantization steps; None for float outputs.
        latency: of the other engine.
    """

    engine: str
    bytes_compared: int
    differing_bytes: int
    largest_step: int | None
    latency: Latency

    def as_json(self) -> dict[str, Any]:
        """The fields by name, without what is unknown."""
        step = {} if self.largest_step is None else {"largest_step": self.largest_step}
        return {
            "engine": self.engine,
            "bytes_compared": self.bytes_compared,
            "differing_bytes": self.differing_bytes,
            **step,
            "latency_ms": self.latency.as_json(),
        }


@dataclass(frozen=True)
class Validation:
    """What `edgeblur validate` found out about a model.

    Attributes:
        name: of the model.
        path: of its file.
        model: its graph, input and output.
        engine: the first engine: outputs, fidelity and latency are its own.
        host: what the latencies were measured on.
        source: the kind of pictures it ran on: `photos`, `data` or `random`.
        description: the same for people, with the place.
        skipped: a sentence for each picture that could not be read.
        images: how many pictures ran.
        cost: MACs and parameters, layer by layer.
        arena: what TensorFlow Lite Micro needs, or why that is unknown.
        latency: of the first engine.
        reference: what fidelity is measured against; None if there was nothing.
        fidelity: of the first engine's outputs; None without a reference.
        comparisons: one for each further engine.
        stream: what the streaming engine takes on a board, if it is among the engines.
        privacy: what the first engine's outputs protect and spoil, if that was asked.
    """

    name: str
    path: Path
    model: ImageModel
    engine: str
    host: str
    source: str
    description: str
    skipped: tuple[str, ...]
    images: int
    cost: Cost
    arena: Arena
    latency: Latency
    reference: Reference | None
    fidelity: Fidelity | None
    comparisons: tuple[Comparison, ...]
    stream: StreamCost | None = None
    privacy: Privacy | None = None

    @property
    def bytes_compared(self) -> int:
        """Output bytes of the first engine that were compared, each other engine counting anew."""
        return sum(c.bytes_compared for c in self.comparisons)

    @property
    def differing_bytes(self) -> int:
        """How many of those differed."""
        return sum(c.differing_bytes for c in self.comparisons)

    def as_json(self) -> dict[str, Any]:
        """Everything by name; what is unknown is absent."""
        graph = self.model.graph
        outputs = several_outputs(graph)
        result: dict[str, Any] = {
            "model": self.name,
            "path": str(self.path),
            "sha256": graph.sha256,
            "precision": precision(graph),
            "input": end_as_json(self.model.input),
            **(outputs_as_json(outputs) or {"output": end_as_json(self.model.output)}),
            "engine": self.engine,
            "host": self.host,
            "images": self.images,
            "source": {"kind": self.source, "told": self.description, "skipped": list(self.skipped)},
            "size_bytes": graph.size_bytes,
            "arena_bytes": self.arena.bytes,
            "arena_unknown": self.arena.why_not,
            "macs": self.cost.macs,
            "parameters": self.cost.parameters,
            "latency_ms": self.latency.as_json(),
            "threads": 1,
            "reference": self.reference.as_json() if self.reference else None,
            "fidelity": self.fidelity.as_json() if self.fidelity else None,
        }
        if self.comparisons:
            result["bytes_compared"] = self.bytes_compared
            result["differing_bytes"] = self.differing_bytes
            result["comparisons"] = [c.as_json() for c in self.comparisons]
        result["layers"] = [_layer_json(layer) for layer in self.cost.layers]
        result |= self.stream.as_json() if self.stream else {}
        result["privacy"] = self.privacy.as_json() if self.privacy else None
        return {name: value for name, value in result.items() if value is not None}


def _layer_json(layer: LayerCost) -> dict[str, Any]:
    macs = {} if layer.macs is None else {"macs": layer.macs}
    shape = {"name": layer.name, "op": layer.kind, "shape": list(layer.shape)}
    return {**shape, **macs, "parameters": layer.parameters}


def precision(graph: Graph) -> str:
    """What a model computes in: `int8`, `int16`, `float32`, `hybrid` (float with int8 weights) or `mixed`.

    Floats at the very ends, before QUANTIZE and behind DEQUANTIZE, do not count.
    """
    ends = {"QUANTIZE", "DEQUANTIZE"}
    ops = [op for op in graph.ops if op.kind not in ends]
    tensors = [graph.tensors[i] for op in ops for i in (*op.inputs, *op.outputs) if i >= 0]
    moving = {t.dtype for t in tensors if t.data is None and (t.scales or "float" in t.dtype)}
    floats = {dtype for dtype in moving if "float" in dtype}
    if floats and floats != moving:
        return "mixed"
    if floats:
        return "hybrid" if any(t.data is not None and t.scales for t in tensors) else floats.pop()
    return "int16" if "int16" in moving else "int8"


@dataclass(frozen=True)
class Gates:
    """What a validation must fulfil.

    Attributes:
        exact: the output bytes of all engines must be equal.
        min_psnr_db: PSNR over the image must not be lower; None asks nothing.
        privacy: what its privacy measures must fulfil.
    """

    exact: bool = False
    min_psnr_db: float | None = None
    privacy: PrivacyGates = field(default_factory=PrivacyGates)

    def check_answerable(
        self, engines: tuple[str, ...], reference: Reference | None, privacy: PrivacyOptions | None = None
    ) -> None:
        """Refuse, before anything runs, what a validation with these engines and this reference cannot answer.

        Raises:
            UserError: `exact` with one engine, `min_psnr_db` with nothing to measure against, or a privacy gate
                whose measure was not asked.
        """
        self.privacy.check_answerable(privacy)
        if self.exact and len(engines) < 2:
            raise UserError(
                "exact compares engines: name two or more, such as litert-ref,tflm", options=("exact", "engine")
            )
        if self.min_psnr_db is not None and reference is None:
            raise UserError(
                "a minimum PSNR needs something to measure against: a reference model or a data set",
                options=("min_psnr", "reference", "data"),
            )

    def check(self, validation: Validation) -> None:
        """Fail where a validation falls short.

        Raises:
            RunError: output bytes differ, PSNR is too low, or a privacy measure falls short.
        """
        if validation.privacy:
            self.privacy.check(validation.privacy)
        if self.exact and validation.differing_bytes:
            first = validation.engine
            sentences = [
                f"{c.differing_bytes} of {c.bytes_compared} output bytes differ between {first} and {c.engine}"
                for c in validation.comparisons
                if c.differing_bytes
            ]
            engines = {each.engine for each in validation.comparisons} | {first}
            meant = differences(validation.model.graph) if "stream" in engines else ()
            why = f": {'; '.join(meant)}" if meant else ""
            raise RunError(f"{'; '.join(sentences)}, and none may{why}", options=("exact",))
        if self.min_psnr_db is None or validation.fidelity is None:
            return
        psnr_db = validation.fidelity.image.psnr_db
        if psnr_db < self.min_psnr_db:
            raise RunError(
                f"PSNR over the image is {psnr_db:.2f} dB, and the minimum is {self.min_psnr_db:g}",
                options=("min_psnr",),
            )
