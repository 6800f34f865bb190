"""Approach A beside approach B: detectors, teacher and students on the same photos, in one table and one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from edgeblur.errors import UserError
from edgeblur.export.tflite.cost import cost
from edgeblur.export.tflite.detector import detector_heads
from edgeblur.export.tflite.finder import finder_of
from edgeblur.export.tflite.graph import Graph, ImageEnd, blurring_model, read_tflite
from edgeblur.export.tflm.arena import measure_arena
from edgeblur.files import as_json, compressed_bytes, write_together
from edgeblur.firmware_harness.blurring.blurrers import detector_blurrer
from edgeblur.firmware_harness.blurring.veils import open_approach
from edgeblur.firmware_harness.comparison.contact_sheet import Column, contact_sheet, png
from edgeblur.firmware_harness.comparison.table import COMPARISON, SHEET, Comparison, Entry
from edgeblur.firmware_harness.engines.engines import engine_as_on_a_board, open_engine
from edgeblur.firmware_harness.engines.latency import host_name, measure_call, measure_latency
from edgeblur.firmware_harness.privacy.photos import dataset_style
from edgeblur.firmware_harness.privacy.protection import MIN_SIDE_PX, Examiner, PrivacyOptions, open_examiner
from edgeblur.models.choose import choose_tflite
from edgeblur.models.read import read_model
from edgeblur.pictures.blur import BlurStyle
from edgeblur.pictures.images import Pixels
from edgeblur.progress import say, track
from edgeblur.store.dataset import Triple, evenly, open_dataset
from edgeblur.store.run_folder import TEACHER, Run

_SHEET_ROWS = 8
_SMALLEST_PX = 8  # faces that leak rates count, in bins; the embedding is asked about larger ones only


@dataclass(frozen=True)
class Compared:
    """The table, and the sheet of pictures."""

    table: Comparison
    sheet: Image.Image


@dataclass(frozen=True)
class _Net:
    """A .tflite to compare, how tables call it, and whether it came on top of a run's."""

    name: str
    path: Path
    extra: bool = False


def _nets(run: Run | None, extra: Sequence[Path]) -> list[_Net]:
    """Every .tflite of a run, float before int8, then the others: called by their paths where names are not enough."""
    nets = [
        _Net(model.name, path)
        for model in (run.some_models() if run else [])
        for path in (model.float_tflite, model.int8_tflite)
        if path.exists()
    ]
    nets += [_Net(chosen.name, chosen.path, extra=True) for chosen in map(choose_tflite, extra)]
    alike = Counter((net.name, net.path.name) for net in nets)
    return [
        replace(net, name=str(net.path)) if net.extra and alike[net.name, net.path.name] > 1 else net for net in nets
    ]


def compare(
    run: Run | None,
    *,
    data: Path | None = None,
    detectors: Sequence[str] = ("centerface",),
    extra: Sequence[Path] = (),
    limit: int = 200,
    judges: Sequence[str] = ("centerface",),
    privacy: bool = False,
) -> Compared:
    """Run detectors and nets over the test split of a data set, all at the nets' input size.

    Args:
        run: its teacher and students, float and int8.
        data: the data set; the run's own by default.
        detectors: approach A, by name.
        extra: further .tflite files.
        limit: pictures, spread evenly over the test split.
        judges: detectors that say which faces leak, the first one leading; none leaves leak rates out.
        privacy: look faces up by their embedding as well, and measure where pictures were changed.

    Raises:
        UserError: a run without a model, no data set, an empty test split, a detector that is not installed.
    """
    root = data or (run.dataset if run else None)
    if root is None:
        raise UserError("compare needs photos with labels: name a run, or a data set", options=("data",))
    dataset = open_dataset(root)
    samples = evenly(dataset.split("test"), limit)
    if not samples:
        raise UserError(f"{root} has no test split to compare on: make it again with a share for test")
    nets = _nets(run, extra)
    size = _common_size(nets) or (dataset.size, dataset.size)
    triples = [dataset.load(sample, size) for sample in track(samples, "reading photos")]
    style = dataset_style(dataset)
    asked = PrivacyOptions(tuple(judges), identity=privacy, min_side_px=_SMALLEST_PX)
    bench = _Bench(triples, open_examiner(triples, asked, gallery_px=MIN_SIDE_PX, regions=privacy))
    untouched, target = bench.examiner.yardsticks(style)
    entries = [Entry("untouched", untouched), Entry("target", target)]
    columns = [Column("original", [t.picture for t in triples]), Column("target", [t.blur for t in triples])]
    for name in detectors:
        entry, outputs = bench.detector(name, style)
        entries.append(entry)
        columns.append(Column(f"A: {name}", outputs))
    for net in nets:
        entry, outputs = bench.net(net)
        entries.append(entry)
        columns.append(Column(f"{net.name} {entry.precision}", outputs))
    rows = _telling_rows(triples)
    sheet = contact_sheet([Column(c.title, [c.pictures[i] for i in rows]) for c in columns if _on_sheet(c.title)])
    return Compared(
        Comparison(str(root), len(samples), *size, host=host_name(), entries=tuple(entries), judges=tuple(judges)),
        sheet,
    )


def _common_size(nets: Sequence[_Net]) -> tuple[int, int] | None:
    """Width and height that all nets take.

    Raises:
        UserError: they differ, or one gives something else than a picture of its input's size.
    """
    inputs = [(net.name, _input(read_model(net.path))) for net in nets]
    if len({(end.width, end.height) for _, end in inputs}) > 1:
        sizes = ", ".join(f"{name} {end.width}x{end.height}" for name, end in inputs)
        raise UserError(f"the nets take pictures of different sizes ({sizes}): compare those of one size at a time")
    return next(((end.width, end.height) for _, end in inputs), None)


def _input(graph: Graph) -> ImageEnd:
    """What a net takes: a detector, or one that gives a picture."""
    return finder_of(graph).input if detector_heads(graph) else blurring_model(graph).input


def _on_sheet(title: str) -> bool:
    """The nets trained only to be compared with, and the teacher's int8, stay off the picture."""
    return "-alone" not in title and title != f"{TEACHER} int8"


def _telling_rows(triples: Sequence[Triple]) -> list[int]:
    """A few photos for the sheet, from the one with the largest face to the one with the smallest, and one without."""
    with_faces = sorted((i for i, t in enumerate(triples) if t.faces), key=lambda i: -_largest_face(triples[i]))
    without = [i for i, t in enumerate(triples) if not t.faces][:1]
    return evenly(with_faces, _SHEET_ROWS - len(without)) + without


def _largest_face(triple: Triple) -> float:
    return max(face.box.side for face in triple.faces)


@dataclass(frozen=True)
class _Bench:
    """The photos, and who judges what was made of them."""

    triples: Sequence[Triple]
    examiner: Examiner

    def detector(self, name: str, style: BlurStyle) -> tuple[Entry, list[Pixels]]:
        blurrer = detector_blurrer(name, style)
        pictures = [Image.fromarray(t.picture) for t in self.triples]
        outputs = [np.asarray(blurrer.blur(p)) for p in track(pictures, f"A: {name}")]
        latency = measure_call(lambda: blurrer.blur(pictures[0]))
        found = self.examiner.examine(name, outputs, lambda p, f: np.asarray(blurrer.blur(Image.fromarray(p))))
        return Entry(f"detector:{name}", found, "A", latency=latency), outputs

    def net(self, net: _Net) -> tuple[Entry, list[Pixels]]:
        name, data = net.name, net.path.read_bytes()
        graph = read_tflite(data, name=name)
        engine = engine_as_on_a_board(graph)
        approach, blur = open_approach(graph, net.path, engine)
        integer = graph.tensors[graph.inputs[0]].dtype != "float32"
        precision = "int8" if integer else "float32"
        outputs = [blur(t.picture) for t in track(self.triples, f"{approach}: {name} {precision}")]
        spent, found = cost(graph), self.examiner.examine(name, outputs, lambda p, f: blur(p))
        entry = Entry(
            name, found, approach, precision,
            latency=measure_latency(open_engine("litert", net.path, several=True)), parameters=spent.parameters,
            macs=spent.macs,
            size_bytes=len(data), compressed_bytes=compressed_bytes(data),
            arena_bytes=measure_arena(data) if integer else None, extra=net.extra,
        )  # fmt: skip
        say(f"{name} {precision}: {found.fidelity.image.psnr_db:.2f} dB against the target")
        return entry, outputs


def write_comparison(found: Compared, folder: Path) -> None:
    """Write compare.json and compare.png, replacing those of an earlier comparison."""
    write_together({folder / SHEET: png(found.sheet), folder / COMPARISON: as_json(found.table.as_json())})
