"""Progress bars and remarks, on standard error, so that standard output stays for results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")

console = Console(stderr=True, highlight=False, markup=False, emoji=False)  # file names are no markup
out = Console(highlight=False, markup=False, emoji=False)
if not out.is_terminal:
    out.width = 140  # a pipe has no width; 80 columns would break our tables


def bar() -> Progress:
    """A progress bar in the house's form; it vanishes when done and is silent where nobody looks."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


_SILENCE_S = 30
"""Of work that no terminal shows: a line so often, so that a log shows whether a long one still runs."""


def track(items: Iterable[T], what: str, total: int | None = None, *, unit: str | None = None) -> Iterator[T]:
    """Go through `items` under a progress bar called `what`; with a `unit` it says how many a second there are."""
    with bar() as progress:
        count = len(items) if total is None and isinstance(items, Sized) else total
        task = progress.add_task(what, total=count, note="")
        begun = reported = time.monotonic()
        for number, item in enumerate(items, start=1):
            yield item
            rate = f"{number / max(time.monotonic() - begun, 1e-6):.1f} {unit} a second" if unit else ""
            progress.update(task, advance=1, note=rate)
            if progress.disable and time.monotonic() - reported > _SILENCE_S:
                reported = time.monotonic()
                say(f"{what}: {number}{f' of {count}' if count else ''}{', ' if rate else ''}{rate}")


def say(text: str) -> None:
    """A remark for the person at the terminal."""
    console.print(text, markup=False, soft_wrap=True)
