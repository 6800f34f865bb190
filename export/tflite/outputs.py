"""A model's outputs as people and programs choose among them: number, name, size, quantization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeblur.errors import Unsupported
from edgeblur.export.tflite.graph import Graph, ImageEnd, image_model
from edgeblur.export.tflite.inside import without_ends


@dataclass(frozen=True)
class Output:
    """One of several outputs.

    Attributes:
        number: its place among them, from 0.
        name: as the file calls it.
        end: its size, type, scale and zero point, as the engines give it.
    """

    number: int
    name: str
    end: ImageEnd

    def __str__(self) -> str:
        size = f"{self.end.height}x{self.end.width}x{self.end.channels}"
        steps = "" if self.end.scale is None else f", scale {self.end.scale:.6g}, zero point {self.end.zero_point}"
        return f"output {self.number}, {self.name}: {size} {self.end.dtype}{steps}"

    def as_json(self) -> dict[str, Any]:
        """Everything by name; a scale that there is not is absent."""
        return {"name": self.name, **end_as_json(self.end)}


def end_as_json(end: ImageEnd) -> dict[str, Any]:
    """Where a picture goes in or comes out, by name; a scale that there is not is absent."""
    steps = {} if end.scale is None else {"scale": end.scale, "zero_point": end.zero_point}
    return {"height": end.height, "width": end.width, "channels": end.channels, "dtype": end.dtype, **steps}


def several_outputs(graph: Graph) -> tuple[Output, ...]:
    """The outputs of a model that has more than one; none of a model with one, or that edgeblur does not run."""
    try:
        ends = image_model(without_ends(graph), several=True).outputs
    except Unsupported:
        return ()
    named = zip(graph.output_names, ends, strict=True)
    return tuple(Output(n, name, end) for n, (name, end) in enumerate(named)) if len(ends) > 1 else ()


def outputs_as_json(outputs: tuple[Output, ...]) -> dict[str, Any]:
    """`outputs` if there are several, else nothing."""
    return {"outputs": [output.as_json() for output in outputs]} if outputs else {}
