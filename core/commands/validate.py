"""`edgeblur validate`."""

from __future__ import annotations

import json
from pathlib import Path

import click

import edgeblur
from edgeblur.commands.options import (
    Finite,
    ModelFile,
    flash_option,
    force_option,
    frames_asked_for,
    inner,
    json_option,
    judged_frame_options,
    model_option,
    optimize_option,
    output_option,
    privacy_options,
    ram_option,
    refuse_given,
    resized,
    size_option,
)
from edgeblur.errors import UserError
from edgeblur.files import refuse_place, write_json
from edgeblur.models.choose import choose_tflite
from edgeblur.progress import out as stdout
from edgeblur.progress import say

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("run_or_model", type=_PATH)
@model_option
@click.option("--photos", type=_PATH, help="A folder of photos, resized to the model's input.")
@click.option("--data", type=_PATH, help="A data set: its test split, with masks. [default: the run's]")
@click.option(
    "--random", type=click.IntRange(1), help="Number of random pictures (seeded). [default outside a run: 10]"
)
@click.option("--engine",
              help="litert, litert-ref, tflite-runtime, tflm, stream; several with commas are compared. [default: "
              "litert; litert-ref for a net of which litert's bytes differ from a board's by more than a step]",
              )  # fmt: skip
@click.option("--limit", type=click.IntRange(1), help="Maximum number of pictures, evenly spread.")
@click.option("--reference", type=ModelFile(),
              help="A .tflite to measure fidelity against. [default: the run's teacher, or the data set]")  # fmt: skip
@click.option("--exact", is_flag=True, help="Fail (exit code 1) if output bytes of the engines differ.")
@click.option(
    "--min-psnr", "min_psnr_db", type=Finite(), help="Fail (exit code 1) if the PSNR over the image is lower, in dB."
)
@click.option("--privacy", is_flag=True, help="Also measure leaks, identity and over-blur; needs labelled photos.")
@judged_frame_options
@privacy_options
@optimize_option
@ram_option
@flash_option
@size_option
@output_option
@click.option("--out", type=_PATH, help="Also write the JSON to this file.")
@force_option
@json_option
def command(
    run_or_model: Path, model_name: str | None, photos: Path | None, data: Path | None, random: int | None,
    engine: str | None, limit: int | None, reference: Path | None, exact: bool, min_psnr_db: float | None,
    privacy: bool, frame: tuple[int, int] | None, hold: str | None, net_size: tuple[int, int] | None,
    margin: int | None, share: int | None, memory: int | None, clamp: str | None,
    labels: Path | None, detectors: tuple[str, ...], identity: bool, min_face_px: float,
    reversibility: bool, steps: int, seed: int, max_leak: float | None, max_rank1: float | None,
    max_parrot: float | None, max_changed: float | None, min_outside_db: float | None,
    optimize: str, ram_bytes: int | None, flash_bytes: int | None, size: tuple[int, int] | None,
    output: str | None, out: Path | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Run RUN_OR_MODEL on this host and say what it needs and how faithful it is.

    Any .tflite that takes a picture and gives a picture will do, also one that edgeblur did not make. docs/privacy.md
    explains what --privacy measures.
    """
    from edgeblur.firmware_harness.engines.engines import engine_names
    from edgeblur.firmware_harness.privacy.gates import PrivacyGates
    from edgeblur.firmware_harness.privacy.protection import PrivacyOptions
    from edgeblur.firmware_harness.privacy.reversibility import AttackOptions
    from edgeblur.firmware_harness.privacy.tables import print_privacy
    from edgeblur.firmware_harness.validation.result import Gates
    from edgeblur.firmware_harness.validation.tables import layer_table, summary_table

    limits = PrivacyGates(max_leak, max_rank1, max_parrot, max_changed, min_outside_db)
    engines, gates = engine_names(engine) if engine else None, Gates(exact, min_psnr_db, limits)
    attack = AttackOptions(steps=steps, seed=seed) if reversibility else None
    judged = tuple(name for name in detectors if name != "none")
    asked = PrivacyOptions(judged, identity, min_face_px, attack) if privacy else None
    frames = frames_asked_for(frame, None, hold, net_size, margin, share, memory, clamp)
    if frames is not None and not privacy:
        raise UserError("--frame is for the privacy measures: add --privacy")
    if not privacy and (labels or reversibility):
        raise UserError("--labels and --reversibility belong to the privacy measures: add --privacy")
    stream = edgeblur.StreamOptions(optimize, ram_bytes, flash_bytes)
    if "stream" not in (engines or ()) and stream != edgeblur.StreamOptions():
        raise UserError("--ram, --flash and --optimize are for the streaming engine: add stream to --engine")
    if not privacy:
        own = ("detectors", "identity", "min_face_px", "steps", "seed")
        refuse_given(*own, because="is for the privacy measures: add --privacy")
    if out and out.is_dir():
        raise UserError(f"{out} is a folder: name a file for the JSON as --out")
    if out:
        refuse_place(out, force=force)
    chosen = inner(choose_tflite(run_or_model, model_name), size, output)
    result = edgeblur.validate_model(
        (resized(chosen, net_size) if frames is None else chosen).path,
        photos=photos, data=data, random=random, engines=engines, limit=limit, reference=reference,
        gates=gates, stream=stream, privacy=asked, labels=labels, frames=frames,
    )  # fmt: skip
    for remark in (*result.skipped, *(result.privacy.skipped if result.privacy else ())):
        say(f"skipped: {remark}")
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=2, allow_nan=False))
    else:
        stdout.print(summary_table(result), "", layer_table(result), sep="\n")
        if result.privacy:
            print_privacy(result.privacy)
    if out:
        write_json(out, result.as_json())
    gates.check(result)
