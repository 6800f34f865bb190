"""A bill of materials of what is installed here for edgeblur, as CycloneDX 1.5: names, versions, licences.

python bench/sbom.py >sbom.json
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import sys
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def installed(root: str = "edgeblur") -> dict[str, importlib.metadata.Distribution]:
    """Everything that `root` needs, extras included, as far as it is installed."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [root]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        needed = (_NAME.match(line) for line in found[name].requires or () if name == root or "extra ==" not in line)
        waiting += [match[0] for match in needed if match]
    return found


def _licence(distribution: importlib.metadata.Distribution) -> str | None:
    told = distribution.metadata
    classes = [line.split("::")[-1].strip() for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    first = (told.get("License") or "").strip().splitlines()[:1]
    return told.get("License-Expression") or (classes[0] if classes else first[0] if first else None)


def bill(root: str = "edgeblur") -> dict[str, Any]:
    """The bill as JSON; the same environment gives the same bytes."""
    components = []
    for name, distribution in sorted(installed(root).items()):
        licence = _licence(distribution)
        licences = {"licenses": [{"license": {"name": licence}}]} if licence else {}
        purl = f"pkg:pypi/{name}@{distribution.version}"
        components.append({"type": "library", "name": name, "version": distribution.version, "purl": purl, **licences})
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    json.dump(bill(), sys.stdout, indent=2)
    print()
