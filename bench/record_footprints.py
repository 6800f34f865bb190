"""What the models that ship take once compiled: writes models/footprints.json, so that `edgeblur fit` compiles none.

make footprints
"""

from __future__ import annotations

import argparse

from edgeblur.models.compile_shelf import record_footprints

if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(record_footprints())
