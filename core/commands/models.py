"""`edgeblur models`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edgeblur.commands.options import force_option, json_option, refuse_given
from edgeblur.errors import UserError
from edgeblur.progress import out as stdout
from edgeblur.progress import say
from edgeblur.tables import fitted

_PATH = click.Path(path_type=Path)


@click.group(invoke_without_command=True, short_help="Trained models that come with edgeblur.")
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Trained models that come with edgeblur; their names are accepted wherever a model is.

    Without a command, list them.
    """
    if context.invoked_subcommand is None:
        _list(as_json, None)


@command.command("list", short_help="Size, RAM, work, and what they protect and spoil.")
@click.option("--output", type=click.Choice(["mask"]), help="List only the mask parts of mask nets.")
@json_option
def list_command(output: str | None, as_json: bool) -> None:
    """List all models: size, RAM, work, and what they protect and spoil."""
    _list(as_json, output)


def _list(as_json: bool, output: str | None) -> None:
    from edgeblur.models.listing import listing, masks, masks_table, models_table

    if output is not None:
        cut = masks()
        if as_json:
            click.echo(json.dumps({"models": [mask.as_json() for mask in cut]}, indent=2))
        else:
            stdout.print(fitted(masks_table(cut), stdout))
        return
    found = listing()
    if as_json:
        click.echo(json.dumps({"models": [model.as_json() for model in found]}, indent=2))
    else:
        stdout.print(fitted(models_table(found), stdout))


@command.command(short_help="The card of a model, or all that was measured of it.")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the card of the model NAME; with --json, all that was measured of it."""
    from edgeblur.models.listing import listed
    from edgeblur.models.shelf import require_entry

    entry = require_entry(name)
    if as_json:
        click.echo(json.dumps(listed(entry).as_json(measures=True), indent=2))
    else:
        click.echo((entry.shelved.folder / "README.md").read_text(), nl=False)


@command.command(short_help="Where a model's file lies, for scripts.")
@click.argument("name", required=False)
@click.option("--keras", is_flag=True, help="The trained net that it was made from, to continue training.")
@click.option("--output", type=click.Choice(["mask"]),
              help="Cut the mask part of a mask net, without its picture output, into a .tflite of its own: the same "
              "weights. Its path is printed.")  # fmt: skip
@click.option("--out", type=_PATH, help="File for --output. [default: NAME_mask.tflite in the current folder]")
@force_option
def path(name: str | None, keras: bool, output: str | None, out: Path | None, force: bool) -> None:
    """Print the path of the model NAME, and nothing else; without NAME, that of the default model."""
    from edgeblur.models.shelf import default_entry, require_entry

    entry = require_entry(name) if name else default_entry()
    if output is None:
        refuse_given("out", "force", because="is for a file that is cut out of a model: add --output mask")
        click.echo(entry.keras if keras else entry.path)
        return
    if keras:
        raise UserError("--keras names the whole net that was trained: leave --keras or --output mask out")
    from edgeblur.export.tflite.finder import write_finder
    from edgeblur.models.read import read_model

    click.echo(write_finder(read_model(entry.path), out or Path(f"{entry.name}_mask.tflite"), force=force))


@command.command(short_help="Put a quantized model of a run on the shelf.")
@click.argument("source", metavar="RUN_OR_FOLDER", type=_PATH)
@click.option("--model", "model_name", help="Which model of a run; its newest student by default.")
@click.option("--name", required=True, help="Its name: letters and digits.")
@click.option("--title", help="Title, in one line.")
@click.option("--default", "default", is_flag=True, help="Make its int8 the default model.")
@click.option("--float16", is_flag=True, help="Store the float model's weights in 16 bits: half the size.")
@click.option("--force", is_flag=True, help="Replace the model of this name; its card is kept.")
def add(
    source: Path, model_name: str | None, name: str, title: str | None, default: bool, float16: bool, force: bool
) -> None:  # fmt: skip
    """Put a quantized model of a run on the shelf, with a card to fill in."""
    from edgeblur.models.put import PutOptions, put

    shelved = put(source, PutOptions(name, model_name, title, default, float16), force=force)
    stdout.print(f"{shelved.folder}: {', '.join(entry.name for entry in shelved.entries)}", soft_wrap=True)
    say(f"next: `edgeblur models measure {name} --data DATASET`, and fill in {shelved.folder / 'README.md'}")


@command.command(short_help="Measure a model: its file, on photos, on a board.")
@click.argument("name")
@click.option("--data", type=_PATH, help="Data set whose test split is used. [default: measure nothing on photos]")
@click.option("--photos", default="test", show_default=True, help="Name of this set of photos in the card.")
@click.option("--limit", type=click.IntRange(1), help="Maximum number of photos. [default: all]")
@click.option("--board", "boards", multiple=True, default=("mps2-an386",), show_default=True,
              help="Emulated board to count instructions on; repeatable; `none` for none.")  # fmt: skip
@click.argument("compare_options", nargs=-1, type=click.UNPROCESSED)
def measure(
    name: str, data: Path | None, photos: str, limit: int | None, boards: tuple[str, ...],
    compare_options: tuple[str, ...],
) -> None:  # fmt: skip
    """Measure the int8 and the float model of NAME, and write both into measures.json and the card.

    Photos are measured by `edgeblur compare` with two judges and --privacy; further options of it may follow
    after `--`. Figures that are not measured this time are kept.
    """
    from edgeblur.models.card import update_card
    from edgeblur.models.measure import COMPARE, MeasureOptions, measure
    from edgeblur.models.shelf import require_shelved

    shelved = require_shelved(name)
    places = tuple(board for board in boards if board != "none")
    written = measure(shelved, MeasureOptions(data, photos, limit, places, compare_options or COMPARE))
    stdout.print(f"{written}\n{update_card(shelved)}", markup=False, soft_wrap=True)


@command.command(short_help="Draw scenes, and show in the card what a model makes of them.")
@click.argument("name")
@click.option(
    "--scenes", default=60, show_default=True, type=click.IntRange(1), help="Number of scenes to draw and judge."
)
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0), help="Random seed for the scenes.")
def pictures(name: str, scenes: int, seed: int) -> None:
    """Show in the card of NAME what its int8 model does well and badly, on drawn scenes.

    The best and the worst scenes go onto a sheet, pictures.jpg, and the counts over all of them into pictures.json.
    """
    from edgeblur.models.card import update_card
    from edgeblur.models.draw import PictureOptions, make_pictures
    from edgeblur.models.shelf import require_shelved

    shelved = require_shelved(name)
    written = make_pictures(shelved, PictureOptions(scenes, seed))
    stdout.print(f"{written}\n{update_card(shelved)}", markup=False, soft_wrap=True)


@command.command(short_help="Write the measured part and the pictures of cards anew.")
@click.argument("names", nargs=-1)
def card(names: tuple[str, ...]) -> None:
    """Rewrite the measured part and the pictures of cards, by default of all models; what people wrote is kept."""
    from edgeblur.models.card import update_card
    from edgeblur.models.shelf import require_shelved, shelf

    for shelved in [require_shelved(name) for name in names] or shelf():
        stdout.print(update_card(shelved), markup=False, soft_wrap=True)
