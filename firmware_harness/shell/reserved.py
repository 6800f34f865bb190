"""RAM that our firmware takes beside a model, known before anything is built."""

from __future__ import annotations

PORT_RAM_BYTES = 12
"""What the transport keeps: the handles of three files."""

BEGUN_BYTES = 4
"""What the loop over frames keeps: whether it has begun."""

CORES_RAM_BYTES = 24
"""What firmware for two cores keeps at most: a job, whether the second one has started, and before its stack up to 12
bytes that alignment leaves."""


def second_core_bytes(cores: int, stack_bytes: int) -> int:
    """RAM that a second core takes beside its scratch: its stack, and the words through which it is asked."""
    return stack_bytes + CORES_RAM_BYTES if cores > 1 else 0
