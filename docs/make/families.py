"""The table of docs/families.md: trunks of a mask head, all trained alike. `make families DATA=...` runs it.

    families.py DATA [--epochs 5] [--work build/families] [--limit 224]
    families.py --recount
    families.py --npu ethos-u55-128

Each family learns from the masks of DATA alone, from random weights, for the same number of epochs. Then it is clamped
and measured on validation photos in float, quantized, and run on an emulated Cortex-M4. A training that was killed goes
on where it stood. Writes docs/families.json and the part of docs/families.md between its markers.

With --recount only what kernels decide is counted anew (a minute): MACs, RAM, flash and instructions of each family
with random weights, which change instructions by less than 1 %.

With --npu it asks Vela where each family's ops run, and those of two nets of the shelf that paint the picture: without
photos or training, of random weights, as places do not depend on them.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeblur.files import with_part, write_bytes, write_json, write_text
from edgeblur.models.measure import said_by
from edgeblur.progress import say

DOCS = Path(__file__).parents[1]
PAGE, MEASURED = DOCS / "families.md", DOCS / "families.json"
BEGIN = "<!-- tables: begin (made by `make families`, not by hand) -->"
END = "<!-- tables: end -->"
CLAMPS = ("0.1:0.3", "0.3:0.5")
BOARD = "mps2-an386"

PAINTERS = ("unet8", "gate8")
"""Of the shelf: a U-Net that paints the picture, and one that learns where to blur."""

Told = dict[str, Any]


def specs() -> dict[str, Any]:
    """The families, by what they do otherwise than `mask8`."""
    from edgeblur.distill.nets.mask_head import mask_spec

    today = mask_spec(8)
    return {
        "today's (`mask8`)": today,
        "one conv a level": replace(today, down=1, bottom=1, fine=1),
        "narrower top: 4 filters at half size": replace(today, top=4),
        "separable convs, twice the width": replace(today, base=16, separable=True),
    }


def measure(data: Path, work: Path, epochs: int, limit: int | None) -> Told:
    """Train, clamp, quantize and run every family."""
    from edgeblur.distill.nets.families import AUGMENTATIONS
    from edgeblur.distill.nets.keras_files import require_tensorflow
    from edgeblur.distill.teacher import TrainOptions, train
    from edgeblur.distill.training.fit import FitOptions

    require_tensorflow()
    fit = FitOptions(epochs, 32, 3e-3, epochs, 0.8, augmentation=AUGMENTATIONS["mask"])
    rows = []
    for number, (name, spec) in enumerate(specs().items(), start=1):
        run = work / f"family{number}"
        say(f"{name}: {run}")
        fitted = train(data, run, TrainOptions(spec, fit), resume=run.exists())
        least = [] if limit is None else ["--limit", str(limit)]
        model = [str(run), "--model", "teacher"]
        curve = said_by(["clamp", *model, "--clamps", ",".join(CLAMPS), *least])
        said_by(["clamp", *model, "--set", CLAMPS[0]])
        said_by(["quantize", "--int8", *model, "--limit", "8"])
        points = [
            {"leaks": [leak["leaked"] for leak in point["leaks"]], "psnr_db": point["fidelity"]["outside"]["psnr_db"]}
            for point in curve["points"]
        ]
        faces = curve["points"][0]["leaks"][0]["faces"]
        rows.append(
            {
                "name": name, "parameters": json.loads((run / "teacher/model.json").read_text())["parameters"],
                "iou": fitted.best["val_iou"], "faces": faces, "points": points,
                **taken(model),
            }
        )  # fmt: skip
    return {"epochs": epochs, "images": curve["images"], "board": BOARD, "detectors": curve["detectors"], "rows": rows}


def untrained(work: Path) -> dict[str, Path]:
    """Every family as an int8 net of random weights."""
    import numpy as np

    from edgeblur.distill.nets.mask_head import build_mask_head, set_clamp
    from edgeblur.quantize.convert import to_quantized

    random, made = np.random.default_rng(0), {}
    pictures = [random.random((1, 128, 128, 3)).astype(np.float32) for _ in range(4)]
    for number, (name, spec) in enumerate(specs().items(), start=1):
        net = build_mask_head(spec)
        set_clamp(net, 0.0, 0.9)  # so that random weights find something, and the blend has a scale
        made[name] = work / f"family{number}.tflite"
        write_bytes(made[name], to_quantized(net, pictures))
    return made


def recounted(rows: list[Told], work: Path) -> list[Told]:
    """The rows with what today's kernels take."""
    models = untrained(work)
    return [{**row, **taken([str(models[row["name"]])])} for row in rows]


def taken(model: list[str]) -> Told:
    """What a model takes on the board."""
    ran = said_by(["run", *model, "--board", BOARD, "--random", "1", "--optimize", "speed"])
    return {key: ran[key] for key in ("macs", "ram_bytes", "flash_bytes", "instructions", "differing_bytes")}


def placed(npu: str, work: Path) -> list[Told]:
    """Where Vela puts the ops of every family, and of `PAINTERS`."""
    from edgeblur.firmware_harness.fit.npu import fit_npu
    from edgeblur.models.choose import Chosen, choose_tflite

    chosen = [Chosen(path, None, None, name) for name, path in untrained(work).items()]
    chosen += [replace(choose_tflite(Path(name)), shelf_name=name) for name in PAINTERS]
    found = [fit_npu(one, npu) for one in chosen]
    return [
        {
            "name": fit.model, "npu": npu, "npu_ops": fit.npu_ops, "cpu_ops": [each.op for each in fit.cpu_ops],
            "sram_bytes": fit.sram_bytes, "vela": fit.vela,
        }
        for fit in found
    ]  # fmt: skip


def tables() -> str:
    """The part of the page between its markers, from docs/families.json."""
    told = json.loads(MEASURED.read_text())
    return "\n".join([*table(told), *npu_table(told.get("npu", []))]) + "\n"


def npu_table(rows: list[Told]) -> Iterator[str]:
    """Which families lie wholly on an NPU."""
    if not rows:
        return
    yield ""
    yield f"On an {rows[0]['npu']}, by {rows[0]['vela']}; a family whose ops all run there is marked:"
    yield ""
    yield "| | wholly | ops on the NPU | on the CPU | SRAM |"
    yield "| --- | :---: | ---: | --- | ---: |"
    for row in rows:
        counts = [f"{n} {op}" for op, n in Counter(row["cpu_ops"]).items()]
        mark = "" if counts else "**yes**"
        yield f"| {row['name']} | {mark} | {row['npu_ops']} | {', '.join(counts) or '-'} | {row['sram_bytes']:,} B |"


def table(told: Told) -> Iterator[str]:
    photos, faces = told["images"], told["rows"][0]["faces"]
    yield f"{told['epochs']} epochs each; {photos} validation photos, {faces} faces of 16 pixels and more."
    yield ""
    found = [f"clamp {clamp}: found by {', '.join(told['detectors'])}; dB outside" for clamp in CLAMPS]
    yield "| | parameters | mask IoU | " + " | ".join(found) + " | MMAC | RAM | flash | instructions |"
    yield "| --- |" + " ---: |" * (6 + len(CLAMPS))
    for row in told["rows"]:
        points = (f"{', '.join(map(str, p['leaks']))}; {p['psnr_db']:.1f}" for p in row["points"])
        found = f"| {row['name']} | {row['parameters']:,} | {row['iou']:.3f} | {' | '.join(points)} |"
        memory = f"{row['ram_bytes']:,} B | {row['flash_bytes']:,} B"
        yield f"{found} {row['macs'] / 1e6:.1f} | {memory} | {row['instructions'] / 1e6:.1f} M |"


def renewed(page: str) -> str:
    """The page with its tables made anew."""
    return with_part(page, BEGIN, END, tables(), PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="without it, the page alone is written anew")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path("build/families"))
    parser.add_argument("--recount", action="store_true", help="count kernels anew; nothing is trained")
    parser.add_argument("--npu", help="ask Vela about this one; nothing is trained")
    parser.add_argument("--limit", type=int, default=224, help="validation photos at most")
    options = parser.parse_args()
    told = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    if options.data:
        told |= measure(options.data, options.work, options.epochs, options.limit)
    if options.recount:
        told["rows"] = recounted(told["rows"], options.work)
    if options.npu:
        told |= {"npu": placed(options.npu, options.work)}
    write_json(MEASURED, told)
    write_text(PAGE, renewed(PAGE.read_text()))


if __name__ == "__main__":
    main()
