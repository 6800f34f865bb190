"""The numbers that a model puts into a kernel's struct, held against the C types that its members have."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from importlib import resources

from edgeblur.errors import UserError
from edgeblur.export.stream.net.net import Field

_STRUCT = re.compile(r"^struct (\w+) \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_NUMBER = re.compile(r"(u?)int(8|16|32)_t ([^*]+)")


def check_members(layer: str, label: str, kernel: str, fields: Mapping[str, Field]) -> None:
    """Refuse a layer of which a number does not fit the member of its kernel's struct that holds it.

    C would cut it without a word, and read outside its rows.

    Args:
        layer, label: its name and its kind, for people.
        kernel: whose struct.
        fields: member by member, `part.member` for one of a struct inside.

    Raises:
        UserError: one does not fit.
    """
    ranges = member_ranges()[kernel]
    for member, value in fields.items():
        if isinstance(value, int) and value not in (allowed := ranges[member]):
            raise UserError(
                f"{label} at {layer} cannot be streamed: its {member.replace('_', ' ')} is {value:,}, and the engine "
                f"takes {allowed.start:,} to {allowed.stop - 1:,}: make kernel, dilation or channels smaller"
            )


@functools.cache
def member_ranges() -> dict[str, dict[str, range]]:
    """For each struct of the kernels, the numbers that each of its integer members holds."""
    folder = resources.files("edgeblur.export.stream") / "kernels"
    texts = [file.read_text() for file in folder.iterdir() if file.name.endswith((".c", ".h"))]
    bodies = {name: _COMMENT.sub("", body) for text in texts for name, body in _STRUCT.findall(text)}
    return {name: dict(_members(body, bodies)) for name, body in bodies.items()}


def _members(body: str, bodies: Mapping[str, str]) -> Iterator[tuple[str, range]]:
    for declaration in filter(None, map(str.strip, body.split(";"))):
        if number := _NUMBER.fullmatch(declaration):
            half = 2 ** (int(number[2]) - 1)
            allowed = range(2 * half) if number[1] else range(-half, half)
            yield from ((name.strip(), allowed) for name in number[3].split(","))
        elif (inside := re.fullmatch(r"struct (\w+) (\w+)", declaration)) and inside[1] in bodies:
            for name, allowed in _members(bodies[inside[1]], bodies):
                yield f"{inside[2]}.{name}", allowed
