"""The command lines that README and docs show, in the order in which they show them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def lines_of(page: Path) -> list[str]:
    """Every command in a `sh` block of a page; what `$(...)` holds comes before the line that takes its output."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            inner = re.findall(r"\$\((.*?)\)", line)
            for text in (*inner, re.sub(r"\$\(.*?\)", "FILE", line)):
                if words := shlex.split(text, comments=True):
                    found.append(shlex.join(words))
    return found


SHOWN = {page.relative_to(ROOT).as_posix(): lines_of(page) for page in PAGES}
"""By page."""


def arguments(line: str) -> list[str] | None:
    """What a command line gives to edgeblur, without variables before it; None for another program."""
    words = shlex.split(line)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words[1:] if words and words[0] == "edgeblur" else None
