"""Privacy measures as tables for people."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Column, Table
from rich.text import Text

from edgeblur.firmware_harness.privacy.filmed import MOST_TIMES, SPEEDS, Filmed
from edgeblur.firmware_harness.privacy.intervals import wilson
from edgeblur.firmware_harness.privacy.leaks import Leak
from edgeblur.firmware_harness.privacy.protection import Privacy, Protection
from edgeblur.firmware_harness.privacy.reversibility import Reversal
from edgeblur.pictures.metrics import Part
from edgeblur.progress import out


def share(rate: float | None) -> str:
    """A rate as per cent, `-` if unknown."""
    return "-" if rate is None else f"{rate:.1%}"


def sure_share(part: int, whole: int) -> str:
    """A share as per cent with its 95 % interval, `-` of nothing: `2.7% (1.3-5.6)`."""
    found = wilson(part, whole)
    return "-" if found is None else f"{part / whole:.1%} ({100 * found[0]:.1f}-{100 * found[1]:.1f})"


def decibel(part: Part | None) -> str:
    """PSNR of a part of pictures, `-` if there is no such part."""
    if part is None:
        return "-"
    return f"{part.psnr_db:.2f}" if part.mse else "identical"


def _cells(row: Protection) -> list[str]:
    identity, changes = row.identity, row.changes
    return [
        *(sure_share(leak.leaked, leak.faces) for leak in row.leaks),
        *([share(identity.rank1), share(identity.parrot_rank1), f"{identity.cosine:.3f}"] if identity else []),
        decibel(row.fidelity.inside),
        decibel(row.fidelity.outside),
        sure_share(row.over_blur.face_free_changed, row.over_blur.face_free),
        "-" if changes is None else f"{changes.false_blurs_a_picture:.3f}",
        "-" if changes is None or changes.region_iou is None else f"{changes.region_iou:.3f}",
    ]


def protection_table(title: str, rows: Mapping[str, Protection]) -> Table:
    """One row for each thing that was examined by the same detectors on the same photos."""
    first = next(iter(rows.values()))
    headings = [f"leak, {leak.judge}" for leak in first.leaks]
    headings += ["rank-1", "parrot", "cosine"] if first.identity else []
    headings += ["dB in", "dB out", "changed", "false blurs", "IoU"]
    table = Table(
        "what", *(Column(heading, justify="right") for heading in headings),
        title=Text(title), title_justify="left", box=None, pad_edge=False,
    )  # fmt: skip
    for name, row in rows.items():
        table.add_row(Text(name), *_cells(row))
    return table


def privacy_table(privacy: Privacy) -> Table:
    """The model beside the untouched photos and the target."""
    title = f"Privacy: {privacy.images} pictures ({privacy.face_free} without a face), {privacy.description}"
    return protection_table(title, privacy.rows)


def size_table(privacy: Privacy) -> Table | None:
    """Found faces by their size; None without a face or without a measure that looks for them."""
    row = privacy.model
    bins = row.leaks[0].by_size if row.leaks else row.identity.by_size if row.identity else ()
    if not bins:
        return None
    sizes = (f"{b.from_px:g}-{b.below_px - 1:g} px" if b.below_px else f"{b.from_px:g} px and more" for b in bins)
    table = Table("still found, of all", *(Column(s, justify="right") for s in sizes), box=None, pad_edge=False)
    for name, protection in privacy.rows.items():
        for leak in protection.leaks:
            table.add_row(f"{name}, {leak.judge}", *(f"{s.leaked} of {s.faces}" for s in leak.by_size))
        if protection.identity:
            cells = (f"{s.found} of {s.faces}" for s in protection.identity.by_size)
            table.add_row(f"{name}, rank-1", *cells)
    return table


def filmed_table(filmed: Filmed) -> Table:
    """Faces that sequences leave open, by kind and speed: this way to hold frames beside `buffer`."""
    columns = list(dict.fromkeys((each.kind, each.speed) for each in filmed.counts))
    headings = (Column(f"{kind} {speed:g}", justify="right") for kind, speed in columns)
    title = Text(f"Still found in {filmed.sequences} sequences of {filmed.photos} photos, by face widths a frame")
    table = Table("held, judge", *headings, title=title, title_justify="left", box=None, pad_edge=False)
    for hold in dict.fromkeys(("buffer", filmed.hold)):
        for judge in filmed.judges:
            own = {(e.kind, e.speed): e for e in filmed.counts if (e.hold, e.judge) == (hold, judge)}
            table.add_row(f"{hold}, {judge}", *(f"{own[c].leaked} of {own[c].faces}" for c in columns))
    return table


def filmed_notes(filmed: Filmed) -> list[str]:
    """For each judge a sentence: faces a frame that this way to hold frames leaves open, beside `buffer`."""
    notes = []
    for judge in filmed.judges if filmed.hold != "buffer" else ():
        (own, faces), (other, others) = (filmed.total(hold, judge) for hold in (filmed.hold, "buffer"))
        times = f", {filmed.ratios[judge]:.2f} times as many" if judge in filmed.ratios else ""
        verdict = "at most" if filmed.keeps(judge) else "more than"
        notes.append(
            f"{filmed.hold} on sequences of up to {max(SPEEDS):g} face widths a frame, {judge}: {own} of {faces} "
            f"faces, buffer {other} of {others}{times}: {verdict} {MOST_TIMES:g} times"
        )
    return notes


def _leak_note(leaks: tuple[Leak, ...], min_side_px: float) -> str:
    thresholds = " or ".join(f"{threshold:g}" for threshold in sorted({leak.threshold for leak in leaks}))
    return (
        f"leak: faces of {min_side_px:g} px and more still found at their place, score >= {thresholds}, "
        f"IoU >= {leaks[0].min_iou:g}. In brackets: 95 % intervals (Wilson)."
    )


def _reversal_note(reversal: Reversal) -> str:
    known = reversal.identity
    looked_up = f"; rank-1 {share(known.rank1)}, cosine {known.cosine:.3f} afterwards" if known else ""
    return (
        f"reversibility: a net of {reversal.parameters:,} parameters, {reversal.steps} steps on {reversal.pictures} "
        f"pictures, seed {reversal.seed}, brings faces from {reversal.blurred_db:.2f} to {reversal.restored_db:.2f} dB "
        f"({reversal.gain_db:+.2f}){looked_up}."
    )


def privacy_notes(privacy: Privacy) -> list[str]:
    """Sentences below the tables: thresholds, gallery, chance, attack."""
    notes = [_leak_note(privacy.model.leaks, privacy.min_side_px)] if privacy.model.leaks else []
    known = privacy.model.identity
    if known:
        notes.append(
            f"rank-1: {known.embedding}, gallery of {known.gallery} clear faces, chance {known.chance:.1%}; parrot: "
            f"gallery blurred alike; cosine before and after, of different faces {known.others_cosine:.3f}. The "
            "untouched photos are a second shot."
        )
    notes.append("dB in, dB out: against the target; IoU: changed region and mask; false blurs a picture.")
    return notes + ([_reversal_note(privacy.model.reversal)] if privacy.model.reversal else [])


def print_privacy(privacy: Privacy) -> None:
    """Both tables and their notes, on standard output."""
    out.print("", privacy_table(privacy), sep="\n")
    by_size = size_table(privacy)
    if by_size:
        out.print("", by_size, sep="\n")
    if privacy.filmed:
        out.print("", filmed_table(privacy.filmed), sep="\n")
    for note in (*privacy_notes(privacy), *(filmed_notes(privacy.filmed) if privacy.filmed else ())):
        out.print(note, soft_wrap=True)
