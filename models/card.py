"""Model cards: people write the README.md of a folder; what was measured and the pictures stand between markers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from edgeblur.errors import UserError
from edgeblur.files import with_part, write_text
from edgeblur.firmware_harness.privacy.changes import Changes
from edgeblur.firmware_harness.privacy.identity import Identity, SizeRank
from edgeblur.firmware_harness.privacy.intervals import wilson
from edgeblur.firmware_harness.privacy.leaks import Leak, OverBlur, SizeLeak
from edgeblur.firmware_harness.privacy.protection import Protection
from edgeblur.firmware_harness.privacy.reversibility import Reversal
from edgeblur.models.measures import FROM_PX, counted, read_measured, read_measures
from edgeblur.models.pictures import BEGIN as PICTURES_BEGIN
from edgeblur.models.pictures import END as PICTURES_END
from edgeblur.models.pictures import pictures_part
from edgeblur.models.shelf import Entry, Shelved
from edgeblur.pictures.metrics import Part

CARD = "README.md"
BEGIN = "<!-- measured: begin (made by `edgeblur models card`, not by hand) -->"
END = "<!-- measured: end -->"

_TEMPLATE = Path(__file__).with_name("card.md.j2")


def update_card(shelved: Shelved) -> Path:
    """Write what was measured and the pictures into a folder's card anew; the rest stays as people wrote it.

    Returns:
        The card.

    Raises:
        UserError: there is no card, or it lacks a pair of markers.
    """
    path = shelved.folder / CARD
    write_text(path, renewed(path, measured_part(shelved), pictures_part(shelved)))
    return path


def renewed(path: Path, measured: str, pictures: str) -> str:
    """A card's text with other parts between its markers.

    Raises:
        UserError: there is no card, or it lacks a pair of markers.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: write the model's card, or let `edgeblur models add` start one")
    text = path.read_text()
    for begin, end, part in ((BEGIN, END, measured), (PICTURES_BEGIN, PICTURES_END, pictures)):
        text = with_part(text, begin, end, part, path)
    return text


def new_card(shelved: Shelved, *, net: str, made: str) -> str:
    """A card to be filled in by people.

    Args:
        net: what is known of its shape.
        made: what is known of its training.
    """
    import jinja2

    template = jinja2.Template(_TEMPLATE.read_text(), keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    title, name = shelved.title, shelved.folder.name
    measured, pictures = (BEGIN, END), (PICTURES_BEGIN, PICTURES_END)
    text: str = template.render(title=title, name=name, net=net, made=made, measured=measured, pictures=pictures)
    return text


def measured_part(shelved: Shelved) -> str:
    """What lies between the first markers, from measures.json and the files themselves."""
    parts = [_files(shelved.entries), *_boards(shelved), *_photos(shelved)]
    return "\n".join(parts)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:,}{unit}"


def _files(entries: Sequence[Entry]) -> str:
    found = [read_measures(entry).facts for entry in entries]
    rows = [
        ["size", *(_number(facts.size_bytes, " B") for facts in found)],
        ["parameters", *(_number(facts.parameters) for facts in found)],
        ["MACs a picture", *(_number(facts.macs) for facts in found)],
        ["RAM, streaming engine, without stack", *(_number(facts.ram_bytes, " B") for facts in found)],
        ["flash for weights and tables", *(_number(facts.constant_bytes, " B") for facts in found)],
    ]
    heads = [f"`{e.name}`, {facts.precision}" for e, facts in zip(entries, found, strict=True)]
    ends = " and ".join(sorted({f"{facts.width}x{facts.height}" for facts in found}))
    return _table([f"{ends} pixels", *heads], rows)


def _boards(shelved: Shelved) -> Iterator[str]:
    """One paragraph a model and board."""
    for entry in shelved.entries:
        for on_board in read_measures(entry).boards.values():
            ran = on_board.ran
            same = "equal LiteRT's reference kernels" if not ran.differing_bytes else "are not all LiteRT's"
            yield (
                f"`{on_board.command}`:\n"
                f"{_number(ran.instructions)} instructions a picture; {_number(ran.ram_bytes)} B of RAM, "
                f"rows and reserved stack included, of which\n{_number(ran.stack_bytes)} B were used; "
                f"{_number(ran.flash_bytes)} B of flash. {ran.bytes_compared:,} output bytes {same}\n"
                f"({ran.compiler}, {ran.emulator}).\n"
            )


def _photos(shelved: Shelved) -> Iterator[str]:
    """One table a set of photos."""
    for name, photos in read_measured(shelved).photos.items():
        columns = {row.name: row.protection for row in photos.yardsticks}
        for entry in shelved.entries:
            if name in (known := read_measures(entry).photos):
                columns[entry.name] = known[name].entry.protection
        cells = {head: dict(_cells(column)) for head, column in columns.items()}
        labels = list(dict.fromkeys(label for column in cells.values() for label in column))
        rows = [[label, *(column.get(label, "-") for column in cells.values())] for label in labels]
        fixed = [row for row in rows if _says_nothing(row[1:])]
        yield f"Photos `{name}`: {photos.data}, at {photos.width}x{photos.height}, by `{photos.command}`:\n"
        yield _table(["", *columns], [row for row in rows if row not in fixed])
        notes = [_settings(columns.values()), *(f"{row[0]}: {row[1]}" for row in fixed)]
        yield "; ".join(note for note in notes if note) + ".\n"


def _says_nothing(values: Sequence[str]) -> bool:
    """A number of the photos or of the method, not of what was measured: the same in every column."""
    return len(values) > 2 and len(set(values)) == 1 and " of " not in values[0]


def _cells(found: Protection) -> Iterator[tuple[str, str]]:
    """All numbers of a column, by what they are called."""
    for leak in found.leaks:
        yield from _leak(leak)
    parts = {"whole picture": found.fidelity.image, "inside faces": found.fidelity.inside}
    for where, part in {**parts, "outside faces": found.fidelity.outside}.items():
        yield from _part(where, part) if part else ()
    yield from _over_blur(found.over_blur)
    yield from _changes(found.changes) if found.changes else ()
    yield from _identity(found.identity, "identity") if found.identity else ()
    yield from _reversal(found.reversal) if found.reversal else ()


def _leak(leak: Leak) -> Iterator[tuple[str, str]]:
    """Faces that were still found: all from 16 px on, then by size."""
    label = f"leak by {leak.judge}"
    if (found := counted(leak)) is not None:
        yield f"{label}, faces of {FROM_PX} px and more", _share(*found)
    plain = leak.judge == leak.detector  # the same at another threshold, or enlarged: one row is enough
    for size in leak.by_size if plain else ():
        if size.faces:
            yield f"{label}, {_size(size)}", _share(size.leaked, size.faces)


def _part(where: str, part: Part) -> Iterator[tuple[str, str]]:
    yield f"{where}, mean absolute error", f"{part.mae:.4f}"
    yield f"{where}, PSNR in dB", f"{part.psnr_db:.2f}" if part.mse else "identical"
    if part.ssim is not None:
        yield f"{where}, SSIM", f"{part.ssim:.4f}"


def _over_blur(found: OverBlur) -> Iterator[tuple[str, str]]:
    if found.mean_change is not None:
        yield "over-blur, mean change outside faces", f"{found.mean_change:.4f}"
    yield "over-blur, face-free photos", f"{found.face_free:,}"
    yield "over-blur, face-free photos visibly changed", f"{found.face_free_changed:,}"
    if found.face_free_changed_rate is not None:
        yield "over-blur, share of them", f"{found.face_free_changed_rate:.1%}"


def _changes(found: Changes) -> Iterator[tuple[str, str]]:
    yield "photos with faces", f"{found.with_faces:,}"
    if found.region_iou is not None:
        yield "IoU of what was changed with the faces", f"{found.region_iou:.4f}"
    yield "false blurs", f"{found.false_blurs:,}"
    yield "false blurs a picture", f"{found.false_blurs_a_picture:.4f}"
    yield "definition, window px", f"{found.definition.window_px}"
    yield "definition, change of 255", f"{found.definition.change_of_255}"
    yield "definition, false blur px", f"{found.definition.false_blur_px}"


def _identity(found: Identity, label: str) -> Iterator[tuple[str, str]]:
    yield f"{label}, gallery", f"{found.gallery:,}"
    yield f"{label}, chance", f"{found.chance:.1%}"
    yield f"{label}, rank-1", f"{found.rank1:.1%}"
    if found.parrot_rank1 is not None:
        yield f"{label}, rank-1 in a gallery blurred alike", f"{found.parrot_rank1:.1%}"
    yield f"{label}, cosine", f"{found.cosine:.4f}"
    yield f"{label}, distance", f"{found.distance:.4f}"
    yield f"{label}, taken for the same person", f"{found.same_person:.1%}"
    yield f"{label}, same person below", f"{found.same_person_below:.4f}"
    yield f"{label}, others cosine", f"{found.others_cosine:.4f}"
    yield f"{label}, others distance", f"{found.others_distance:.4f}"
    for size in found.by_size:
        if size.faces:
            yield f"{label}, rank-1, {_size(size)}", _share(size.found, size.faces)


def _reversal(found: Reversal) -> Iterator[tuple[str, str]]:
    yield "reversibility, steps", f"{found.steps:,}"
    yield "reversibility, PSNR inside faces before, in dB", f"{found.blurred_db:.2f}"
    yield "reversibility, PSNR inside faces after, in dB", f"{found.restored_db:.2f}"
    yield from _identity(found.identity, "reversibility, identity") if found.identity else ()


def _share(part: int, whole: int) -> str:
    low, high = wilson(part, whole) or (0, 1)
    return f"{part} of {whole} ({part / whole:.1%}, {100 * low:.1f}-{100 * high:.1f})"


def _size(size: SizeLeak | SizeRank) -> str:
    return f"{size.from_px:g} to {size.below_px - 1:g} px" if size.below_px else f"{size.from_px:g} px and more"


def _settings(columns: Iterable[Protection]) -> str:
    """How the leaks were judged, if all columns say the same."""
    found = {(leak.threshold, leak.min_iou) for column in columns for leak in column.leaks}
    if len(found) != 1:
        return ""
    ((threshold, min_iou),) = found
    return (
        f"Leak: a labelled face that the detector still finds at its place (score >= {threshold:g}, IoU >= {min_iou:g})"
    )
