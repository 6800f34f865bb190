"""Execute a notebook in this Python, cell after cell, and write what came out into it: text, and pictures as PNG.

    python docs/make/run_notebook.py docs/the-whole-way.ipynb

Jupyter does the same; this needs no kernel and no package beside Pillow, so that the tests run it everywhere.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image


def main(path: Path) -> None:
    notebook = json.loads(path.read_text())
    with tempfile.TemporaryDirectory() as folder, working_in(Path(folder)):
        executed = execute(notebook)
    path.write_text(json.dumps(executed, indent=1) + "\n")


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def execute(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with its code cells run in order in one namespace; an error in a cell is raised."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    count, cells = 0, []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            outputs = run_cell("".join(cell["source"]), namespace, count)
            cell = {**cell, "execution_count": count, "outputs": outputs}
        cells.append(cell)
    return {**notebook, "cells": cells}


def run_cell(source: str, namespace: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """What a cell printed, and the value of its last line if that is an expression."""
    body = ast.parse(source).body
    last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None  # type: ignore[attr-defined]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), f"<cell {count}>", "exec"), namespace)
        value = eval(compile(last, f"<cell {count}>", "eval"), namespace) if last else None
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append(
            {"output_type": "stream", "name": "stdout", "text": printed.getvalue().splitlines(keepends=True)}
        )
    if value is not None:
        result = {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": shown(value)}
        outputs.append(result)
    return outputs


def shown(value: Any) -> dict[str, Any]:
    """A value as Jupyter shows it: a picture as PNG, anything else by its repr."""
    text = repr(value)
    if not isinstance(value, Image.Image):
        return {"text/plain": text.splitlines(keepends=True)}
    data = io.BytesIO()
    value.quantize(128).save(data, "PNG", optimize=True)  # a fifth of the size, and hardly another picture
    size = f"<a picture of {value.width}x{value.height} pixels>"
    return {"image/png": base64.b64encode(data.getvalue()).decode(), "text/plain": [size]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path, help="the .ipynb to execute and rewrite")
    main(parser.parse_args().notebook)
