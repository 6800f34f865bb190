"""Run a .tflite on this host and say what it needs and how faithful it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeblur.errors import UserError
from edgeblur.export.stream.costs.code_size import stream_cost
from edgeblur.export.stream.costs.prices import DEFAULT_CORE
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.graph import ImageModel, image_model
from edgeblur.export.tflite.pixels import Raw, from_raw, to_raw
from edgeblur.export.tflm.arena import record_arena
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.files import behind_links
from edgeblur.firmware_harness.engines.engines import Engine, engine_as_on_a_board, open_engine
from edgeblur.firmware_harness.engines.host_c import NAME, compile_for_host
from edgeblur.firmware_harness.engines.inputs import (
    RANDOM_PICTURES,
    Inputs,
    Probe,
    data_inputs,
    photo_inputs,
    random_inputs,
)
from edgeblur.firmware_harness.engines.latency import host_name, measure_latency
from edgeblur.firmware_harness.engines.trial import try_engines
from edgeblur.firmware_harness.privacy.protection import PrivacyOptions
from edgeblur.firmware_harness.validation.privacy import LabelledPhotos, judge_privacy
from edgeblur.firmware_harness.validation.result import Comparison, Gates, Reference, Validation
from edgeblur.models.choose import Chosen
from edgeblur.models.read import read_inside, read_model
from edgeblur.pictures.metrics import Fidelity, Picture, fidelity, mean_fidelity
from edgeblur.progress import track


def _choose_inputs(
    chosen: Chosen, model: ImageModel, photos: Path | None, data: Path | None, random: int | None, limit: int | None
) -> Inputs:
    if sum(choice is not None for choice in (photos, data, random)) > 1:
        raise UserError(
            "a validation takes photos, a data set or random pictures: only one of them",
            options=("photos", "data", "random"),
        )
    if photos is not None:
        return photo_inputs(photos, model, limit)
    if data is not None:
        return data_inputs(data, model, limit)
    if random is not None or chosen.run is None:
        return random_inputs(random or min(RANDOM_PICTURES, limit or RANDOM_PICTURES), model)
    dataset = chosen.run.dataset
    if not dataset.is_dir():
        raise UserError(
            f"the run's data set {dataset} is gone: name another, or take photos or random pictures",
            options=("data", "photos", "random"),
        )
    return data_inputs(dataset, model, limit)


def _shape(model: ImageModel) -> str:
    """Sizes at both ends, as people write them."""
    return " to ".join(f"{end.width}x{end.height}x{end.channels}" for end in (model.input, model.output))


def _choose_reference(chosen: Chosen, model: ImageModel, kind: str, path: Path | None) -> Reference | None:
    """What to measure fidelity against: the user's model, else the run's teacher, else the data set's targets."""
    if path is not None and model.others:
        raise UserError(
            f"{chosen.name} has {len(model.outputs)} outputs, and a reference is for one: choose it",
            options=("reference", "output"),
        )
    if path is not None:
        return Reference("model", path)
    if chosen.run is not None and not model.others:
        teacher = chosen.run.teacher.float_tflite
        is_other = teacher.exists() and behind_links(teacher) != behind_links(chosen.path)
        if is_other and _shape(image_model(read_model(teacher))) == _shape(model):
            return Reference("teacher", teacher)
    one_picture = model.output.channels == 3 and not model.others
    return Reference("target") if kind == "data" and one_picture else None


def _reference_output(reference: Reference | None, model: ImageModel) -> Callable[[Probe], Picture | None]:
    """How to come by the picture that an output should equal.

    Raises:
        UserError: the reference model takes or gives pictures of another size.
    """
    if reference is None or reference.path is None:
        return lambda probe: probe.target if reference else None
    engine = open_engine("litert", reference.path)
    if _shape(engine.model) != _shape(model):
        raise UserError(
            f"the reference {reference.path} turns {_shape(engine.model)}, but this model {_shape(model)}: "
            "name a reference of the same shape",
            options=("reference",),
        )
    return lambda probe: engine.infer(probe.picture)


@dataclass(frozen=True)
class _Difference:
    """One picture's raw outputs from two engines: sizes in bytes, the largest step between two numbers."""

    compared: int
    differing: int
    step: int


def _difference(first: Sequence[Raw], other: Sequence[Raw]) -> _Difference:
    """Compare all outputs, byte by byte, and number by number."""
    differing = sum(int((_bytes(a) != _bytes(b)).sum()) for a, b in zip(first, other, strict=True))
    integers = [
        (a.astype(np.int64), b.astype(np.int64)) for a, b in zip(first, other, strict=True) if a.dtype.kind != "f"
    ]
    step = max((int(np.abs(a - b).max()) for a, b in integers), default=0)
    return _Difference(sum(raw.nbytes for raw in first), differing, step)


def _bytes(raw: Raw) -> NDArray[np.uint8]:
    return np.frombuffer(raw.tobytes(), np.uint8)


def _compare(engine: Engine, differences: Sequence[_Difference]) -> Comparison:
    return Comparison(
        engine=engine.name,
        bytes_compared=sum(d.compared for d in differences),
        differing_bytes=sum(d.differing for d in differences),
        largest_step=max(d.step for d in differences) if any(end.scale for end in engine.model.outputs) else None,
        latency=measure_latency(engine),
    )


@dataclass(frozen=True)
class _Ran:
    """One picture through all engines: the first one's fidelity, the others' differences from it."""

    fidelity: Fidelity | None
    differences: tuple[_Difference, ...]


def _run(engines: Sequence[Engine], probe: Probe, wanted: Picture | None) -> _Ran:
    model = engines[0].model
    raw = to_raw(probe.picture, model.input)
    first, *others = (engine.run_all(raw) for engine in engines)
    near = None if wanted is None else fidelity(from_raw(first[0], model.output), wanted, probe.mask)
    return _Ran(near, tuple(_difference(first, other) for other in others))


def validate(
    chosen: Chosen,
    *,
    photos: Path | None = None,
    data: Path | None = None,
    random: int | None = None,
    engines: tuple[str, ...] | None = None,
    limit: int | None = None,
    reference: Path | None = None,
    gates: Gates | None = None,
    stream: StreamOptions | None = None,
    privacy: PrivacyOptions | None = None,
    labels: Path | None = None,
    frames: FrameOptions | None = None,
) -> Validation:
    """Run a model on this host: size, arena, MACs, latency, fidelity, and whether engines agree.

    Pictures come from one of `photos`, `data` and `random`; from the test split of the run's data set without any of
    them; from `random` outside a run.

    Args:
        chosen: the model, and its run if it has one.
        photos: a folder (or one picture); photos of another size are resized to the model's input.
        data: a data set, whose test split is taken.
        random: so many seeded random pictures.
        engines: names of engines; the raw output bytes of each further one are compared with the first one's. By
            default `litert`, or `litert-ref` where that alone says what a board gives.
        limit: at most so many pictures, evenly spread.
        reference: a .tflite that fidelity is measured against; by default the run's float teacher, else the data
            set's blurred pictures, else there is no fidelity.
        gates: what the caller will ask of the result; refused at once if it could not be answered.
        stream: aim and budgets of the streaming engine; by default, as `export` has it.
        privacy: measure also what the first engine's outputs protect and spoil, on `data`, the run's data set, or
            `photos` with `labels`.
        labels: the label file of `photos`, for privacy.
        frames: privacy is measured on frames of a camera's size, veiled; their pixels are `rgb888`.

    Raises:
        UserError: a wrong model, engine, reference, or nothing to run it on.
        RunError: an engine gave up.
    """
    model = image_model(read_inside(chosen.path).graph, several=True)
    engines = engines or (engine_as_on_a_board(model.graph),)
    inputs = _choose_inputs(chosen, model, photos, data, random, limit)
    measured_against = _choose_reference(chosen, model, inputs.kind, reference)
    (gates or Gates()).check_answerable(engines, measured_against, privacy)
    wanted = _reference_output(measured_against, model)
    stream = replace(stream or StreamOptions(), core=DEFAULT_CORE)
    compiled = None
    if "stream" in engines:
        compiled = compile_for_host(model, stream)
    try_engines([name for name in engines if name != "stream"], read_inside(chosen.path).data, chosen.name)
    opened = [
        open_engine(name, chosen.path, compiled=compiled if name == "stream" else None, several=True)
        for name in engines
    ]
    judged = None
    if privacy:
        judged = judge_privacy(chosen, opened[0], privacy, LabelledPhotos(photos, labels, data, limit), frames)
    ran = [_run(opened, p, wanted(p)) for p in track(inputs.probes, "validate", inputs.planned)]
    return Validation(
        name=chosen.name,
        path=chosen.path,
        model=model,
        engine=opened[0].name,
        host=host_name(),
        source=inputs.kind,
        description=inputs.description,
        skipped=tuple(inputs.skipped),
        images=len(ran),
        cost=cost(model.graph),
        arena=record_arena(chosen.path.read_bytes()),
        latency=measure_latency(opened[0]),
        reference=measured_against,
        fidelity=mean_fidelity([r.fidelity for r in ran if r.fidelity]) if measured_against else None,
        comparisons=tuple(_compare(engine, [r.differences[i] for r in ran]) for i, engine in enumerate(opened[1:])),
        stream=stream_cost(compiled, NAME, stream.optimize) if compiled else None,
        privacy=judged,
    )
