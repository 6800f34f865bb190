"""The nets that a search chooses among, as numbers that Optuna suggests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from edgeblur.distill.nets.mask_head import MaskSpec

Choice = int | bool


class Suggesting(Protocol):
    """The part of an Optuna trial that this file asks."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """One of the choices."""


CHOICES: Mapping[str, tuple[Choice, ...]] = {
    "size": (96, 112, 128),
    "half": (0, 4, 6, 8),
    "quarter": (8, 12, 16, 20, 24),
    "eighth": (16, 20, 24, 28, 32, 40),
    "sixteenth": (24, 32, 40, 44, 48, 64),
    "convs_quarter": (1, 2),
    "convs_eighth": (1, 2, 3),
    "convs_sixteenth": (1, 2, 3),
    "wide_stem": (False, True),
    "fine": (1, 2),
    "finest": (1, 2),
    "separable": (False, True),
}
"""Side of the input; filters and 3x3 convs by level; a first kernel of 5 in the place of 3 (of 6 in the place of 4
where it goes straight to 1/4 size); and the rest as `MaskSpec` has it."""


_MOVES = {"size": 0.4, "quarter": 0.4, "eighth": 0.4, "sixteenth": 0.4, "convs_eighth": 0.2, "convs_sixteenth": 0.2}
_SELDOM = 0.05
"""How often a choice is another one in a relative: seldom where little of the weights would be of use."""


def suggest_spec(trial: Suggesting) -> MaskSpec:
    """The net of a trial; every number is asked for in every trial, so that a sampler sees one space."""
    chosen = {name: trial.suggest_categorical(name, choices) for name, choices in CHOICES.items()}
    return spec_of(chosen)


def spec_of(chosen: Mapping[str, Choice]) -> MaskSpec:
    """The net that these choices stand for."""
    narrow, wide = (3, 5) if chosen["half"] else (4, 6)
    size = int(chosen["size"])
    return MaskSpec(
        size, size,
        widths=tuple(int(chosen[level]) for level in ("half", "quarter", "eighth", "sixteenth")),
        depths=tuple(int(chosen[f"convs_{level}"]) for level in ("quarter", "eighth", "sixteenth")),
        stem=wide if chosen["wide_stem"] else narrow,
        fine=int(chosen["fine"]),
        finest=int(chosen["finest"]),
        separable=bool(chosen["separable"]),
    )  # fmt: skip


def choices_of(spec: MaskSpec) -> dict[str, Choice]:
    """The choices that come nearest to a net: the inverse of `spec_of` where it is in the space."""
    half, quarter, eighth, sixteenth = spec.filters
    wanted: dict[str, Choice] = {
        "size": spec.width, "half": half, "quarter": quarter, "eighth": eighth, "sixteenth": sixteenth,
        "convs_quarter": spec.convs[0], "convs_eighth": spec.convs[1], "convs_sixteenth": spec.convs[2],
        "wide_stem": spec.stem > (3 if half else 4), "fine": spec.fine, "finest": spec.finest,
        "separable": spec.separable,
    }  # fmt: skip
    return {name: min(choices, key=lambda one: abs(one - wanted[name])) for name, choices in CHOICES.items()}


def relative(chosen: Mapping[str, Choice], rng: np.random.Generator) -> dict[str, Choice]:
    """Choices near some others: some of them one or two places down, which is what pruning does, or one up."""
    moved = {}
    for name, choices in CHOICES.items():
        place = choices.index(chosen[name])
        if rng.random() < _MOVES.get(name, _SELDOM):
            place = min(max(place + int(rng.choice((-2, -1, 1))), 0), len(choices) - 1)
        moved[name] = choices[place]
    return moved


def described(spec: MaskSpec, start: str = "none") -> str:
    """A net in a few words: `128 px, 4-16-24-40, convs 1-2-3 up 1, mask from 1/8, starts as mask8`."""
    widths, depths = ("-".join(map(str, numbers)) for numbers in (spec.filters, spec.convs))
    parts = [f"{spec.width} px", widths, f"convs {depths} up {spec.fine}", f"mask from 1/{2 << spec.finest}"]
    if spec.stem not in (3, 4):
        parts.append(f"stem {spec.stem}")
    parts += ["separable"] if spec.separable else []
    return ", ".join([*parts, *([f"starts as {start}"] if start != "none" else [])])
