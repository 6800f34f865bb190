"""RAM that our firmware takes beside a model, known before anything is built."""

from __future__ import annotations

PORT_RAM_BYTES = 12
"""What the transport keeps: the handles of three files."""

BEGUN_BYTES = 4
"""What the loop over frames keeps: whether it has begun."""
