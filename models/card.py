"""Model cards: people write the README.md of a folder; what was measured and the pictures stand between markers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeblur.errors import UserError
from edgeblur.files import with_part, write_text
from edgeblur.firmware_harness.privacy.intervals import wilson
from edgeblur.models.measures import FROM_PX, Json, counted, judge_of, of_file, read_measures, read_record
from edgeblur.models.pictures import BEGIN as PICTURES_BEGIN
from edgeblur.models.pictures import END as PICTURES_END
from edgeblur.models.pictures import pictures_part
from edgeblur.models.shelf import Entry, Shelved

CARD = "README.md"
BEGIN = "<!-- measured: begin (made by `edgeblur models card`, not by hand) -->"
END = "<!-- measured: end -->"

_TEMPLATE = Path(__file__).with_name("card.md.j2")

_TOLD_ELSEWHERE = ("name", "sha256", "precision", "parameters", "macs", "size_bytes", "compressed_bytes", "pictures")
_SETTINGS = ("threshold", "min_iou", "min_side_px", "from_px", "below_px")
"""Numbers that say how something was measured: they stand below the table if they are the same in every column."""

_FIRST = ("leak", "leaks")
_SHARES = ("rate", "share", "rank1", "chance", "same_person")
"""How the names of numbers end that are told in percent."""


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
        [label, *(_number(facts.get(key), unit) for facts in found)]
        for label, key, unit in (
            ("size", "size_bytes", " B"),
            ("parameters", "parameters", ""),
            ("MACs a picture", "macs", ""),
            ("RAM, streaming engine, without stack", "ram_bytes", " B"),
            ("flash for weights and tables", "constant_bytes", " B"),
        )
    ]
    heads = [f"`{e.name}`, {facts['precision']}" for e, facts in zip(entries, found, strict=True)]
    ends = " and ".join(sorted({f"{facts['width']}x{facts['height']}" for facts in found}))
    return _table([f"{ends} pixels", *heads], rows)


def _boards(shelved: Shelved) -> Iterator[str]:
    """One paragraph a model and board."""
    record = read_record(shelved)
    for entry in shelved.entries:
        facts = read_measures(entry).facts
        for told in of_file(record, facts["sha256"], "boards").values():
            same = "equal LiteRT's reference kernels" if not told["differing_bytes"] else "are not all LiteRT's"
            yield (
                f"`{told['command']}`:\n"
                f"{told['instructions']:,} instructions a picture; {told['ram_bytes']:,} B of RAM, "
                f"rows and reserved stack included, of which\n{told['stack_bytes']:,} B were used; "
                f"{told['flash_bytes']:,} B of flash. {told['bytes_compared']:,} output bytes {same}\n"
                f"({told['compiler']}, {told['emulator']}).\n"
            )


def _photos(shelved: Shelved) -> Iterator[str]:
    """One table a set of photos."""
    for name, told in read_record(shelved).get("photos", {}).items():
        columns = {row["name"]: row for row in told["yardsticks"]}
        for entry in shelved.entries:
            digest = read_measures(entry).facts["sha256"]
            columns.update((entry.name, row) for row in told["models"] if row.get("sha256") == digest)
        cells = {head: dict(_cells(row)) for head, row in columns.items()}
        labels = list(dict.fromkeys(label for column in cells.values() for label in column))
        rows = [[label, *(column.get(label, "-") for column in cells.values())] for label in labels]
        fixed = [row for row in rows if _says_nothing(row[1:])]
        yield f"Photos `{name}`: {told['data']}, at {told['width']}x{told['height']}, by `{told['command']}`:\n"
        yield _table(["", *columns], [row for row in rows if row not in fixed])
        notes = [_settings(columns), *(f"{row[0]}: {row[1]}" for row in fixed)]
        yield "; ".join(note for note in notes if note) + ".\n"


def _says_nothing(values: Sequence[str]) -> bool:
    """A number of the photos or of the method, not of what was measured: the same in every column."""
    return len(values) > 2 and len(set(values)) == 1 and " of " not in values[0]


def _cells(row: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """All numbers of a row by what they are called, in the row's order; measures that come later find their place."""
    if row.get("identical"):
        yield _label((*path, "psnr_db")), "identical"
    if "faces" in row and "leaked" in row:
        yield from _leak(row, path)
        return
    if "faces" in row and "found" in row:
        yield _label(path), _share(row["found"], row["faces"])
        return
    for key, value in sorted(row.items(), key=lambda item: item[0] not in _FIRST):
        if key in (*_TOLD_ELSEWHERE, *_SETTINGS) or isinstance(value, (bool, str)) or value is None:
            continue
        if isinstance(value, Mapping):
            yield from _cells(value, (*path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from _cells(item, (*path, key, _which(item, index))) if isinstance(item, Mapping) else ()
        else:
            yield _label((*path, key)), _value(key, value)


def _leak(leak: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Faces that were still found: all from 16 px on, then by size."""
    where = next((index for index, part in enumerate(path) if part in ("leak", "leaks")), len(path))
    label = _label((*path[:where], f"leak by {judge_of(leak)}"))
    if (found := counted(leak)) is not None:
        yield f"{label}, faces of {FROM_PX} px and more", _share(*found)
    plain = judge_of(leak) == leak.get("detector")  # the same at another threshold, or enlarged: one row is enough
    for size in leak.get("by_size", []) if plain else ():
        if size["faces"]:
            yield f"{label}, {_which(size, 0)}", _share(size["leaked"], size["faces"])


def _share(part: int, whole: int) -> str:
    low, high = wilson(part, whole) or (0, 1)
    return f"{part} of {whole} ({part / whole:.1%}, {100 * low:.1f}-{100 * high:.1f})"


def _which(item: Any, index: int) -> str:
    """What tells an item of a list from the others."""
    if not isinstance(item, Mapping):
        return str(index)
    if "from_px" in item:
        below = item.get("below_px")
        return f"{item['from_px']:g} to {below - 1:g} px" if below else f"{item['from_px']:g} px and more"
    return str(item.get("name") or item.get("detector") or index)


_WORDS = {
    "by_size": "rank-1",
    "changes": "",
    "face_free": "face-free photos",
    "face_free_changed": "face-free photos visibly changed",
    "face_free_changed_rate": "share of them",
    "fidelity": "",
    "image": "whole picture",
    "inside": "inside faces",
    "mae": "mean absolute error",
    "mean_change": "mean change outside faces",
    "outside": "outside faces",
    "over_blur": "over-blur",
    "parrot_rank1": "rank-1 in a gallery blurred alike",
    "psnr_db": "PSNR in dB",
    "rank1": "rank-1",
    "region_iou": "IoU of what was changed with the faces",
    "same_person": "taken for the same person",
    "ssim": "SSIM",
    "with_faces": "photos with faces",
}
"""What the keys of `edgeblur compare --json` are called in a card; others are called by their keys."""


def _label(path: tuple[str, ...]) -> str:
    words = [_WORDS.get(part, part.replace("_", " ")) for part in path]
    return ", ".join(word for word in words if word)


def _value(key: str, value: float) -> str:
    if key.endswith("_db"):
        return f"{value:.2f}"
    if key.endswith(_SHARES):
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _settings(columns: Mapping[str, Json]) -> str:
    """How the leaks were judged, if all columns say the same."""
    told = {_judged(row["leak"]) for row in columns.values() if isinstance(row.get("leak"), dict)}
    return told.pop() if len(told) == 1 else ""


def _judged(leak: Json) -> str:
    return (
        "Leak: a labelled face that the detector still finds at its place "
        f"(score >= {leak.get('threshold', 0):g}, IoU >= {leak.get('min_iou', 0):g})"
    )
