"""The list of models, for people and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.table import Column, Table

from edgeblur.export.tflite.finder import MASK
from edgeblur.models.facts import mask_facts
from edgeblur.models.measures import FROM_PX, Facts, Headline, Measures, read_measures
from edgeblur.models.shelf import Entry, entries


@dataclass(frozen=True)
class Listed:
    """A model of the shelf with what is known of it."""

    entry: Entry
    measures: Measures

    def as_json(self, *, measures: bool = False) -> dict[str, Any]:
        """Plain values; what is unknown is absent.

        Args:
            measures: with everything that was measured, board by board and set by set.
        """
        shelved = self.entry.shelved
        known = self.measures if measures else Measures(self.measures.facts)
        return {
            "name": self.entry.name,
            "title": shelved.title,
            "kind": shelved.note.kind,
            "default": self.entry.default,
            "path": str(self.entry.path),
            **known.as_json(),
            **self.measures.headline.as_json(),
        }


def listed(entry: Entry) -> Listed:
    """A model with what is known of it."""
    return Listed(entry, read_measures(entry))


def listing() -> list[Listed]:
    """All models of the shelf.

    Raises:
        UserError: a shelf.json or a measures.json is damaged.
    """
    return [listed(entry) for entry in entries()]


@dataclass(frozen=True)
class ListedMask:
    """The mask part of a model of the shelf alone."""

    entry: Entry
    facts: Facts

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is unknown is absent."""
        return {"name": self.entry.name, "output": MASK, **self.facts.as_json()}


def masks() -> list[ListedMask]:
    """The mask parts of all mask nets of the shelf."""
    found = [(entry, mask_facts(entry.path)) for entry in entries()]
    return [ListedMask(entry, facts) for entry, facts in found if facts is not None]


def masks_table(found: list[ListedMask]) -> Table:
    """One row a mask net."""
    table = Table(
        Column("name", no_wrap=True), "precision", *(Column(head, justify="right") for head in _HEADINGS[:3]),
        caption="The mask part alone, which finds faces for frames of any size: `edgeblur models path NAME --output "
        "mask` cuts it out, with the same weights. RAM: bytes of the streaming engine, without stack.",
        caption_justify="left",
    )  # fmt: skip
    for mask in found:
        facts = mask.facts
        table.add_row(
            mask.entry.name,
            facts.precision,
            _cell(facts.size_bytes, "{:,}"),
            _cell(facts.ram_bytes, "{:,}"),
            _cell(facts.macs, "{:,.1f}", 10**6),
        )
    return table


_HEADINGS = ("bytes", "RAM", "MMAC", "M instr.", "leak", "rank-1", "dB out", "changed")


def models_table(found: list[Listed]) -> Table:
    """One row a model."""
    table = Table(
        Column("name", no_wrap=True), "kind", "precision", *(Column(head, justify="right") for head in _HEADINGS),
        caption=_caption(found), caption_justify="left",
    )  # fmt: skip
    for model in found:
        entry, facts = model.entry, model.measures.facts
        name = f"{entry.name} (default)" if entry.default else entry.name
        table.add_row(name, entry.shelved.note.kind, facts.precision, *_numbers(facts, model.measures.headline))
    return table


def _numbers(facts: Facts, known: Headline) -> list[str]:
    return [
        _cell(facts.size_bytes, "{:,}"),
        _cell(facts.ram_bytes, "{:,}"),
        _cell(facts.macs, "{:,.1f}", 10**6),
        _cell(known.instructions, "{:,.1f}", 10**6),
        _cell(known.leak_rate, "{:.1%}"),
        _cell(known.rank1, "{:.1%}"),
        _cell(known.psnr_outside_db, "{:.2f}"),
        _cell(known.face_free_changed_rate, "{:.1%}"),
    ]


def _cell(value: float | None, form: str, unit: int = 1) -> str:
    return "-" if value is None else form.format(value if unit == 1 else value / unit)


def _caption(found: list[Listed]) -> str:
    boards = sorted({board for model in found if (board := model.measures.headline.board)})
    counted = f"M instr.: millions of instructions a picture on {', '.join(boards)}, emulated. " if boards else ""
    return (
        f"RAM: bytes of the streaming engine, without stack. {counted}leak: share of faces of {FROM_PX} px and more "
        "that the keenest detector still finds; rank-1: share of faces that an embedding still finds among the clear "
        "ones; dB out: fidelity outside faces; changed: face-free photos visibly changed; all on the test photos of "
        "each model's card (`edgeblur models show NAME`)."
    )
