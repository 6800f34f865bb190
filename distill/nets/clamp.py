"""The clamp of a net that finds masks: from which mask value it blurs. It has no part in learning: it is set later."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgeblur.distill.nets.centres import centre_clamp, has_centres, set_centre_clamp
from edgeblur.distill.nets.keras_files import float_tflite, load_keras
from edgeblur.distill.nets.mask_head import has_mask, set_clamp
from edgeblur.distill.nets.unet import gate_clamp, has_gate, set_gate
from edgeblur.errors import UserError
from edgeblur.files import as_json, telling_disk_errors, write_together
from edgeblur.records import Record
from edgeblur.store.notes import MODEL, SCHEMES
from edgeblur.store.run_folder import RunModel


@dataclass(frozen=True, order=True)
class Clamp:
    """Between which values of the mask alpha climbs from 0 to 1.

    Attributes:
        threshold: mask value from which a cell begins to be blurred, 0 to 1.
        full: mask value from which it is blurred fully, above `threshold` and at most 1.
    """

    threshold: float
    full: float

    def __str__(self) -> str:
        """`0.2:0.4`, as people type it."""
        return f"{self.threshold:g}:{self.full:g}"


def parse_clamp(text: str) -> Clamp:
    """Read `LOW:FULL`.

    Raises:
        UserError: it is something else, or no ascent within 0 to 1.
    """
    try:
        low, full = map(float, text.split(":"))
    except ValueError:
        low = full = 0.0
    if not 0 <= low < full <= 1:  # nan fails too
        raise UserError(f"{text!r} is no clamp: write LOW:FULL with 0 <= LOW < FULL <= 1, such as 0.2:0.4")
    return Clamp(low, full)


def parse_clamps(text: str) -> tuple[Clamp, ...]:
    """Read clamps between commas, the lowest first, each once.

    Raises:
        UserError: one of them is none.
    """
    return tuple(sorted({parse_clamp(part) for part in text.split(",")}))


def load_clamped(model: RunModel, *, centres: bool = False) -> Any:
    """Load a run's mask head, or its U-Net with a gate, as a tf_keras model; a centre net too if `centres`.

    Raises:
        UserError: it cannot be read, or is another net.
    """
    net = load_keras(model.keras)
    if not (has_mask(net) or has_gate(net) or (centres and has_centres(net))):
        raise UserError(
            f"{model.name} is no mask head and has no gate, so it has no clamp: name a model that has one, or "
            "make one with `edgeblur distill RUN --family mask`",
            options=("model",),
        )
    return net


def clamp_of(net: Any) -> Clamp:
    """The clamp that a net has now: the inverse of `clamp_net`, as exactly as float32 weights hold it."""
    if has_centres(net):
        return Clamp(*centre_clamp(net))
    if not has_mask(net):
        return Clamp(*gate_clamp(net))
    kernel, bias = net.get_layer("steepen").get_weights()
    slope = float(kernel.item())
    threshold = -float(bias.item()) / slope
    rise = float(net.get_layer("clamp").max_value) / slope
    return Clamp(round(max(0.0, threshold), 5), round(threshold + rise, 5))


def clamp_net(net: Any, clamp: Clamp) -> None:
    """Change the clamp in a net's weights.

    Raises:
        UserError: a centre net, whose clamp lies between 0 and 1.
    """
    if has_centres(net):
        if not 0 < clamp.threshold < clamp.full < 1:
            raise UserError(f"the clamp of a centre net lies between 0 and 1, not {clamp}")
        set_centre_clamp(net, clamp.threshold, clamp.full)
        return
    (set_clamp if has_mask(net) else set_gate)(net, clamp.threshold, clamp.full)


@dataclass(frozen=True)
class Reset(Record):
    """What setting a clamp changed.

    Attributes:
        name: of the model.
        before: its clamp until then.
        clamp: its clamp now.
        removed: file names of the int8 form and its account, which were of the net before.
    """

    name: str
    before: Clamp
    clamp: Clamp
    removed: tuple[str, ...]


def reset_clamp(model: RunModel, clamp: Clamp) -> Reset:
    """Give a run's model another clamp: model.keras, float.tflite and model.json are written anew, all or none.

    An int8.tflite of the folder does not belong to the net any more and goes, with quantize.json and masks that were
    cut. What model.json calls
    `best` stays what training saw.

    Raises:
        UserError: no mask head and no gate, or its model.json names no clamp.
        RunError: the net could not be converted, or the disk is full.
    """
    net, info = load_clamped(model, centres=True), model.info()
    if info.spec is None or not {"threshold", "full"} <= info.spec.keys():
        raise UserError(f"{model.folder}/{MODEL} names no clamp in its spec: this model was not trained by edgeblur")
    before = clamp_of(net)
    clamp_net(net, clamp)
    files = {
        model.float_tflite: float_tflite(net),
        model.folder / MODEL: as_json(replace(info, spec={**info.spec, **asdict(clamp)}).as_json()),
        model.keras: _keras_file(net),
    }
    write_together(files)
    quantized = (path for s in SCHEMES for path in (model.quantized(s), model.quantized_account(s)))
    outdated = [path for path in (*quantized, *model.masks) if path.exists()]
    for path in outdated:  # not before: if writing fails, they belong to the net that is still there
        with telling_disk_errors(path):
            path.unlink()
    return Reset(model.name, before, clamp, tuple(path.name for path in outdated))


def _keras_file(net: Any) -> bytes:
    """The bytes of a .keras file; tf_keras writes to paths only."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        with telling_disk_errors(path):
            net.save(path)
        return path.read_bytes()
