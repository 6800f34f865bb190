"""What mkdocs cannot know of itself: help texts, the notebook, and links to files that are no pages."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import click

DOCS = Path(__file__).parents[1]
_LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+|[^)#\s:]+\.(?:json|ipynb|py))(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by mkdocs for every page."""
    if "<!-- commands:" in markdown:
        markdown += commands()
    if "<!-- notebook:" in markdown:
        markdown += notebook(json.loads((DOCS / "the-whole-way.ipynb").read_text()))
    return _LINK.sub(lambda link: outside(link, Path(page.file.src_uri).parent), markdown)


def outside(link: re.Match[str], folder: Path) -> str:
    """A link to a file of the repository that is no page: its name, and where it lies."""
    target = (DOCS / folder / link[2]).resolve()
    if target.is_relative_to(DOCS) and target.suffix not in (".json", ".ipynb", ".py"):
        return link[0]
    place = target.relative_to(DOCS.parent).as_posix()
    return f"`{place}`" if link[1].strip("`") in place else f"{link[1]} (`{place}`)"


def commands() -> str:
    """Every command's help, as its terminal shows it."""
    from edgeblur.cli import cli

    parts = []
    for name, command in _walk(cli, "edgeblur"):
        context = click.Context(command, info_name=name, max_content_width=100, terminal_width=100)
        parts.append(f"\n## {name}\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return "".join(parts)


def _walk(command: click.Command, name: str) -> list[tuple[str, click.Command]]:
    found = [(name, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            inner = command.get_command(context, child)
            found += _walk(inner, f"{name} {child}") if inner else []
    return found


def notebook(cells: dict[str, Any]) -> str:
    """A notebook as Markdown, its pictures inside."""
    return "\n\n".join(_cell(cell) for cell in cells["cells"]).replace("# From photos to a board, in Python\n", "")


def _cell(cell: dict[str, Any]) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    return "\n\n".join([f"```python\n{source}\n```", *map(_output, cell["outputs"])])


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        base64.b64decode(data["image/png"], validate=True)
        return f"![what the cell shows](data:image/png;base64,{data['image/png']})"
    return f"```text\n{''.join(output.get('text', data.get('text/plain', [])))}\n```"
