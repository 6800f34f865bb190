"""Pictures and videos in, blurred ones out: one, or all of a folder under the same names."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeblur.errors import UserError
from edgeblur.files import behind_links, refuse_unwritable
from edgeblur.firmware_harness.blurring.blurrers import Blurrer
from edgeblur.firmware_harness.blurring.files import BlurredFile, blur_picture_file
from edgeblur.firmware_harness.blurring.video import SUFFIXES, Memory, blur_video, is_video
from edgeblur.pictures.formats import writable, written_format
from edgeblur.pictures.images import find_pictures
from edgeblur.progress import track


@dataclass(frozen=True)
class Blurred:
    """What blurring a file or a folder came to.

    Attributes:
        blurrer: what blurred: a model or a detector.
        how: it met the pictures' sizes.
        files: that were written.
        skipped: a sentence for each file that was left out.
    """

    blurrer: str
    how: str
    files: tuple[BlurredFile, ...]
    skipped: tuple[str, ...]

    @property
    def paths(self) -> list[Path]:
        """The files that were written."""
        return [file.path for file in self.files]

    def as_json(self) -> dict[str, Any]:
        """For `--json`: counts, seconds, the share of pixels that were veiled, and the files."""
        frames = sum(file.frames for file in self.files)
        return {
            "with": self.blurrer,
            "how": self.how,
            "pictures": sum(not is_video(path) for path in self.paths),
            "frames": frames,
            "veiled_share": round(sum(file.veiled_share * file.frames for file in self.files) / max(frames, 1), 6),
            "seconds": round(sum(file.seconds for file in self.files), 3),
            "written": [str(path) for path in self.paths],
            "skipped": list(self.skipped),
        }

    @property
    def counted(self) -> str:
        """How many, for people: files, or where there are videos their frames."""
        frames, seconds = sum(file.frames for file in self.files), sum(file.seconds for file in self.files)
        if frames == len(self.files):
            return str(frames)
        return f"{frames} frames ({frames / max(seconds, 1e-9):.1f} a second)"


def blur_files(
    source: Path,
    out: Path,
    blurrer: Blurrer,
    *,
    memory: Memory | None = None,
    resume: bool = False,
    force: bool = False,
    skipped: list[str],
) -> Iterator[BlurredFile]:
    """Blur a picture or video into a file, or a folder's into a folder under the same names; yields what was written.

    A picture whose format is only read (`a.ico`) is written as `a.ico.png`. One that cannot be read, blurred or written
    in its format is noted in `skipped`, as is all else that the folder holds, and never stops the rest.

    Args:
        source: a file, or a folder that is searched with everything below it.
        out: of the same kind.
        blurrer: of any kind.
        memory: of videos; None for its defaults.
        resume: leave out what is there already; since a file is there whole or not at all, that goes on with what was
            stopped.
        force: replace what is there already.
        skipped: gets a sentence about all that was left out.

    Raises:
        UserError: nothing to read, a result that is there already (without `force` or `resume`), or `out` would be the
            source; and, at the end, that not one file could be blurred.
    """
    targets = _targets(source, out, find_pictures(source, skipped, also=SUFFIXES))
    _refuse_taken(targets, resume=resume, force=force)
    if targets:
        refuse_unwritable(out if source.is_file() else out / "a picture")
    there = {path for path, target in targets.items() if resume and target.exists()}
    if there:
        skipped.append(f"{len(there)} of {len(targets)} files, as their blurred copies are there already")
    first: UserError | None = None
    any_written = bool(there)
    left = [path for path in targets if path not in there]
    pictures, videos = ([path for path in left if is_video(path) == kind] for kind in (False, True))
    for path in itertools.chain(track(pictures, "blurring") if pictures else (), videos):  # a video has its own bar
        try:
            done = _blur(path, targets[path], blurrer, memory, skipped)
        except UserError as error:
            skipped.append(str(error))
            first = first or error
            continue
        any_written = True
        yield done
    if first and not any_written:
        many = UserError(f"none of the {len(targets)} files could be blurred; the first: {first}")
        raise first if source.is_file() else many


def _blur(path: Path, target: Path, blurrer: Blurrer, memory: Memory | None, skipped: list[str]) -> BlurredFile:
    if is_video(path):
        return blur_video(path, target, blurrer, memory=memory, force=True, skipped=skipped)
    return blur_picture_file(path, target, blurrer, skipped)


def _targets(source: Path, out: Path, found: list[Path]) -> dict[Path, Path]:
    """Where each file's blurred copy goes."""
    if source.is_file():
        if not is_video(source) and written_format(out) is None:
            raise UserError(f"{out} should name a picture file (.jpg, .png, ...), as {source} is one picture")
        return {source: out}
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file, but {source} is a folder: name a folder to write its pictures into")
    places = {path: out / path.relative_to(source) for path in found}
    return {path: place if is_video(path) else writable(place) for path, place in places.items()}


def _refuse_taken(targets: dict[Path, Path], *, resume: bool, force: bool) -> None:
    """Refuse to blur a file into itself, or over another one that nobody said may go."""
    for path, target in targets.items():
        if behind_links(target) == behind_links(path):
            kind = "video" if is_video(path) else "picture"
            raise UserError(f"{target} is the {kind} itself: write the blurred one elsewhere")
        if target.exists() and not (force or resume):
            raise UserError(
                f"{target} exists already: choose another place, go on with what is not there, or replace it",
                options=("resume", "force"),
            )
