"""README and docs: every edgeblur command that they show is run, word for word, in a folder as a reader would have it.

Before a command the place that it writes to is cleared: pages show alternatives that write to one place, and a reader
would choose. What takes a board, hours or our own source is named in `NOT_RUN`, and only parsed (test_docs.py).
"""

from __future__ import annotations

import itertools
import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from shown import SHOWN, arguments
from tools import require

from edgeblur.cli import main
from edgeblur.store.dataset import Dataset

HOURS = "trains at full size: hours"
MINUTES = "minutes; test_demo.py runs it on smaller pictures"
BOARD = "needs the board"
SHELF = "writes to the shelf of the source tree; test_shelf.py runs it on a copy"

NOT_RUN = {
    "train --data dataset --out run": HOURS,
    "train --data dataset --out run --family mask --width 16": HOURS,
    "train --data DATA --out RUN --family mask --width 32 --start mask16": HOURS,
    "distill run --family live": HOURS,
    "distill run --width 8 --prune 0.5": HOURS,
    "distill RUN --family mask --width 8 --no-alone --start mask8/model.keras --hard 0.2 --ema 0.998 --keep last":
        HOURS,
    "distill RUN --family centre --no-alone --start live": HOURS,
    "search --data DATASET --teacher mask8 --board pico-2 --ram 20000 --flash 128000 --ms 100 --trials 30": HOURS,
    "search --data DATASET --board pico-2 --study postgresql://USER@HOST/DATABASE --out search": HOURS,
    "distill RUN --from-study sqlite:///search/study.db --trial 12 --no-alone --epochs 60": HOURS,
    "demo": MINUTES,
    "demo --model live": MINUTES,
    "demo --model live --out shown": MINUTES,
    "validate live --data DATASET --privacy --reversibility": "trains a net: minutes; test_privacy.py runs 10 steps",
    "flash pico --board pico": BOARD,
    "run live --port /dev/ttyACM0 --photos photos/": BOARD,
    "run live --board pico --emulated --random 1": "npm brings rp2040js; test_pico_emulated.py runs it where it is",
    "models add RUN --model w8 --name unet8 --title 'U-Net, width 8'": SHELF,
    "models measure unet8 --data DATASET": SHELF,
    "models pictures unet8": SHELF,
}  # fmt: skip
"""Why a shown command is not run here."""

SAYS_NO = {
    "fit live teacher --board pico": "the teacher does not fit",
    "validate live --data DATASET --privacy --max-leak 0.03 --max-rank1 0.05 --min-outside 32": "the page says so",
}
"""Gates that fail, with exit code 1."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader would have: photos with labels, a clip, a data set, and a run of models that ship. To be copied."""
    from edgeblur.distill.data.make import MakeOptions, make_dataset
    from edgeblur.distill.data.sources import from_synthetic
    from edgeblur.models.take import take
    from edgeblur.store.run_folder import create_run

    place = tmp_path_factory.mktemp("reader")
    options = MakeOptions(size=128, shares=(0.4, 0.3, 0.3))
    data = make_dataset(from_synthetic(10, seed=7, size=128), place / "DATA", options)
    _photos(data, place)
    run = create_run(place / "run", place / "DATA")
    for name, called in (("mask16", "teacher"), ("unet8", "w8"), ("live", "live")):
        take(run, name, called=called)
    (place / "gates.toml").write_text("[boards.pico]\nmax_ram_bytes = 200_000\n")
    return place


def _photos(data: Dataset, place: Path) -> None:
    """Some of the data set's pictures as photos with a label file, and as a clip."""
    import av

    (place / "photos").mkdir()
    labels = []
    for number, sample in enumerate(data.samples[:5]):
        name = f"{number:02}.jpg"  # each split counts its own
        shutil.copy(sample.picture, place / "photos" / name)
        faces = [[face.box.x, face.box.y, face.box.w, face.box.h] for face in sample.faces]
        size = {"width": 128, "height": 128}
        labels.append(json.dumps({"file": name, **size, "faces": faces, "terms": "cc0"}))
    (place / "photos" / "annotations.jsonl").write_text("\n".join(labels) + "\n")
    with av.open(str(place / "clip.mp4"), "w") as clip:
        stream = clip.add_stream("libx264", rate=10)
        stream.width = stream.height = 128
        for sample in data.samples[:4]:
            frame = av.VideoFrame.from_ndarray(np.asarray(data.load(sample).picture), format="rgb24")
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode())


@pytest.fixture
def reader(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a copy, with everything also under the names that pages give it."""
    place = tmp_path / "reader"
    shutil.copytree(folder, place)
    for copy, original in {
        "dataset": "DATA", "DATASET": "DATA", "OTHER": "DATA", "RUN": "run", "demo/run": "run", "FOLDER": "photos",
    }.items():  # fmt: skip
        shutil.copytree(place / original, place / copy)
    shutil.copy(place / "photos" / "annotations.jsonl", place / "labels.jsonl")
    (place / "run" / "live" / "int8.tflite").unlink()  # for `quantize`; other commands find it after that
    (place / "run" / "live" / "quantize.json").unlink()
    monkeypatch.chdir(place)
    return place


def ours(page: str) -> list[list[str]]:
    """The commands of a page that are run."""
    found = [given for line in SHOWN[page] if (given := arguments(line)) is not None]
    return [given for given in found if shlex.join(given) not in NOT_RUN]


def clear_place(given: list[str]) -> None:
    """Remove what a command is about to write."""
    for option, value in itertools.pairwise(given):
        if option in ("--out", "--junit"):
            shutil.rmtree(value) if Path(value).is_dir() else Path(value).unlink(missing_ok=True)


@pytest.mark.parametrize("page", [page for page in SHOWN if ours(page)])
def test_what_a_page_shows_runs(page: str, reader: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require("arm-none-eabi-gcc", "qemu-system-arm")
    failed = []
    for given in ours(page):
        clear_place(given)
        with pytest.raises(SystemExit) as ended:
            main(given)
        told, line = capsys.readouterr(), shlex.join(given)
        if ended.value.code != (1 if line in SAYS_NO else 0):
            failed.append(f"edgeblur {line} ended with {ended.value.code}: {told.err[-400:]}")
    assert not failed, "\n".join(failed)


def test_what_is_not_run_is_shown_and_few() -> None:
    shown = {shlex.join(given) for page in SHOWN for line in SHOWN[page] if (given := arguments(line)) is not None}
    assert set(NOT_RUN) | set(SAYS_NO) <= shown, "forget what is no longer shown"
    assert len(NOT_RUN) < len(shown) / 3
