"""What the models that ship take once compiled: writes models/footprints.json, so that `edgeblur fit` compiles none.

make footprints
"""

from __future__ import annotations

from edgeblur.models.compile_shelf import record_footprints

if __name__ == "__main__":
    print(record_footprints())
