"""What joins generated C for two cores with firmware that starts the second one."""

from __future__ import annotations

from collections.abc import Sequence

from edgeblur.firmware_harness.shell.model import fill_in, firmware_files

HOOKS = "cores_hooks.c"
"""The second core's stack, and the functions that generated C calls."""


def cores_hooks(names: Sequence[str], stack_bytes: int) -> str:
    """The text of `HOOKS`.

    Args:
        names: prefixes of the generated C.
        stack_bytes: for the second core.
    """
    return fill_in(firmware_files() / f"{HOOKS}.j2", names=names, stack_bytes=stack_bytes)
