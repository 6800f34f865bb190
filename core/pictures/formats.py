"""Which picture files are read and written: all that Pillow knows by itself, and what to say of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

# Read by other programs (Ghostscript, Windows) or by none at all: a file must not choose what runs here by its content.
_NOT_READ = frozenset({"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"})
_WRITTEN = frozenset({"AVIF", "BMP", "DDS", "DIB", "GIF", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "QOI", "SGI",
                      "TGA", "TIFF", "WEBP"})  # fmt: skip
_ELSEWHERE = ".png"
"""What a blurred picture's name gets where its own format cannot be written, or not at its size and in its colours."""
_KINDS_NAMED = 6

Image.init()
READ_FORMATS = tuple(name for name in Image.OPEN if name not in _NOT_READ)
"""Pillow's names of the formats that are read; what a file holds decides, not its suffix."""

_ENDS = {end: name for end, name in Image.registered_extensions().items() if name in (*READ_FORMATS, "MPO")}
SUFFIXES = frozenset(_ENDS)
"""Suffixes in lower case, by which pictures are found in a folder."""


def written_format(path: Path) -> str | None:
    """Pillow's name of the format that a suffix stands for, None where Pillow writes none such in full colour."""
    name = _ENDS.get(path.suffix.lower())
    return name if name in _WRITTEN and name in Image.SAVE else None


def writable(path: Path) -> Path:
    """The name under which a picture like that can be written: `a.ico` as `a.ico.png`."""
    return path if written_format(path) else path.with_name(path.name + _ELSEWHERE)


def left_out(paths: Iterable[Path], folder: Path, also: frozenset[str] = frozenset()) -> str | None:
    """What a search for pictures below a folder passed over, counted by reason; None if that was nothing.

    Args:
        paths: all that the folder holds.
        folder: its name.
        also: suffixes of other files that were looked for.
    """
    kinds = Counter(filter(None, (_reason(path, SUFFIXES | also) for path in paths)))
    if not kinds:
        return None
    ranked = kinds.most_common()
    named = ranked if len(ranked) <= _KINDS_NAMED else ranked[: _KINDS_NAMED - 1]
    counts = [f"{kind} ({count})" for kind, count in named]
    if len(named) < len(ranked):
        counts.append(f"others ({kinds.total() - sum(count for _, count in named)})")
    read = "pictures or videos" if also else "pictures"
    return f"{folder} holds files that are hidden or not read as {read}: {', '.join(counts)}"


def _reason(path: Path, suffixes: frozenset[str]) -> str | None:
    if path.is_dir():
        return None
    if path.name.startswith("."):
        return "hidden"
    if not path.is_file():
        return "broken link" if path.is_symlink() else "device or pipe"
    suffix = path.suffix.lower()
    return None if suffix in suffixes else ascii(suffix)[1:-1] if suffix else "without a suffix"
