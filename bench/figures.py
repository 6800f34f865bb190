"""Sums of all that was ever tried, in a JSON file beside the scripts that add to it, and the table made of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def read_sums(path: Path) -> dict[str, Any]:
    """The sums by what was tried; none before the first."""
    sums: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return sums


def parsed(parser: argparse.ArgumentParser, path: Path, table: Callable[[Path], str]) -> argparse.Namespace:
    """The options, `--figures` (`path` by default) among them; with `--table` it prints the table, and ends."""
    parser.add_argument("--figures", type=Path, default=path)
    parser.add_argument("--table", action="store_true", help="print the table of docs/reliability.md, and end")
    options = parser.parse_args()
    if options.table:
        print(table(options.figures), end="")
        sys.exit(0)
    return options
