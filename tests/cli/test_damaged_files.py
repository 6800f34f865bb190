"""Files that edgeblur wrote and that were damaged since: one sentence with file and key, and exit code 2."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeblur.cli import main
from edgeblur.distill.nets.clamp import Clamp
from edgeblur.errors import UserError
from edgeblur.firmware_harness.boards.records import Kept, Ran, Records
from edgeblur.firmware_harness.comparison.clamp_curve import ClampCurve, ClampPoint
from edgeblur.firmware_harness.comparison.table import Comparison, Entry
from edgeblur.firmware_harness.engines.latency import Latency
from edgeblur.firmware_harness.privacy.leaks import Leak, OverBlur, SizeLeak
from edgeblur.firmware_harness.privacy.protection import Protection
from edgeblur.firmware_harness.projects.projects import Marker
from edgeblur.models.arenas import Arenas
from edgeblur.models.footprints import Footprints
from edgeblur.models.measures import Measured
from edgeblur.models.pictures import Pictures
from edgeblur.models.shelf import FOLDER, Note
from edgeblur.pictures.blur import BlurStyle
from edgeblur.pictures.faces import Box, Face
from edgeblur.pictures.metrics import Fidelity, Part
from edgeblur.records import Record
from edgeblur.store.dataset import Described, Manifest
from edgeblur.store.notes import Account, History, ModelInfo
from edgeblur.store.run_folder import Settings

FACE = Face.from_box(Box(4, 4, 8, 10))
LEAK = Leak("centerface", 0.4, 0.3, 8, (SizeLeak(8, 16, 3, 1), SizeLeak(16, None, 4, 0)))
PROTECTION = Protection(Fidelity(Part(0.1, 0.01, 0.8), Part(0.0, 0.0, None)), OverBlur(2, 0.1, 1, 1), (LEAK,))
ROW = Entry("w2", PROTECTION, "B", "int8", Latency(1.5, 1.25, 2.0, 7), 7, 8, 9, 10, 11)
RAN = Ran("mps2-an386", 1, 48, 0, core="cortex-m4f", optimize="size", instructions=7, ram_bytes=1)
MASK8 = FOLDER / "mask8"

KINDS: dict[str, tuple[type[Record], dict[str, Any]]] = {
    "manifest.json": (Manifest, Manifest(
        32, (Described("00001.jpg", (FACE,), "a", "a", None, "cc0", "test"),), 0, BlurStyle(), "0").as_json()),
    "run.json": (Settings, Settings(Path("data"), ("teacher",), {"epochs": 3}, "a remark", "0").as_json()),
    "compare.json": (Comparison, Comparison("data", 2, 32, 32, "a host", (ROW,), ("centerface",)).as_json()),
    "clamp.json": (ClampCurve, ClampCurve(
        "mask2", "data", 2, 32, 32, ("centerface",), Clamp(0.1, 0.3),
        (ClampPoint(Clamp(0.1, 0.3), PROTECTION),)).as_json()),
    "boards.json": (Records, Records((Kept("w2", RAN, "0a"),), "0").as_json()),
    "edgeblur.json": (Marker, Marker("0", "pico-sdk", "pico", "w2", "0a", "make", {"a.c": "0b"}).as_json()),
    **{path.name: (kind, json.loads(path.read_text())) for kind, path in (
        (ModelInfo, MASK8 / "model.json"), (History, MASK8 / "history.json"), (Account, MASK8 / "quantize.json"),
        (Note, MASK8 / "shelf.json"), (Measured, MASK8 / "measures.json"), (Pictures, MASK8 / "pictures.json"),
        (Arenas, FOLDER / "arenas.json"), (Footprints, FOLDER / "footprints.json"))},
}  # fmt: skip
ANY = {"training", "options", "spec"}
"""What is kept to be compared, or read by the net's family: any JSON object is let through."""


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value, of lists the first item alone."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data[:1]):
        yield (*path, key)
        if isinstance(value, (dict, list)) and key not in ANY:
            yield from places(value, (*path, key))


def with_value(data: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    changed = copy.deepcopy(data)
    target = changed
    for key in path[:-1]:
        target = target[key]
    change(target, path[-1])
    return changed


def sentence(kind: type[Record], path: Path, text: str) -> str | None:
    """What reading such a file says; None if it is read."""
    path.write_text(text)
    said = ""
    try:
        kind.read(path)
    except UserError as error:
        said = str(error)
    assert not said or (str(path) in said and "\n" not in said)
    return said or None


@pytest.mark.parametrize("name", KINDS)
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    kind, data = KINDS[name]
    assert sentence(kind, tmp_path / name, json.dumps(data)) is None
    once = kind.read(tmp_path / name)
    once.write(tmp_path / name)
    assert kind.read(tmp_path / name).as_json() == once.as_json()


@pytest.mark.parametrize("name", KINDS)
def test_a_value_of_another_type_is_named(name: str, tmp_path: Path) -> None:
    kind, data = KINDS[name]
    derived: list[tuple[Any, ...]] = []
    for path in places(data):
        if any(path[: len(other)] == other for other in derived):
            continue
        wrong: Any = "wrong" if not isinstance(path_value(data, path), str) else ["wrong"]

        def put(target: Any, key: Any, value: Any = wrong) -> None:
            target[key] = value

        said = sentence(kind, tmp_path / name, json.dumps(with_value(data, path, put)))
        if said is None:
            derived.append(path)
        else:
            assert str(path[-1]) in said, path
            assert "wrong" in said, path
    known = {"faces", "leaked", "rate", "interval", "judge", "leak", "counts", "false_blurs_a_picture", "rank1",
             "face_free_changed_rate", "face_free_changed_interval", "identical"}  # fmt: skip
    assert {path[-1] for path in derived} <= known, "these are computed anew, not read"


def path_value(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


@pytest.mark.parametrize("name", KINDS)
def test_a_key_that_is_missing_or_unknown_is_named(name: str, tmp_path: Path) -> None:
    kind, data = KINDS[name]
    refused = 0
    for path in places(data):
        if isinstance(path[-1], int):
            continue
        said = sentence(kind, tmp_path / name, json.dumps(with_value(data, path, lambda target, key: target.pop(key))))
        assert said is None or f"{path[-1]} is missing" in said, path
        refused += said is not None
    optional = kind in (ModelInfo, Measured)  # all is left out that is not known
    assert refused or optional
    said = sentence(kind, tmp_path / name, json.dumps({**data, "surprise": 1}))
    assert said is not None
    assert "surprise is not known" in said


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "3", '"text"', "null", "{" * 100_000, f'{{"a": {"9" * 5000}}}', "half"]
)
def test_what_is_no_such_json_is_told(name: str, damage: str, tmp_path: Path) -> None:
    kind, data = KINDS[name]
    whole = json.dumps(data)
    assert sentence(kind, tmp_path / name, whole[: len(whole) // 2] if damage == "half" else damage) is not None


@pytest.mark.parametrize("name", ["../teacher", "/etc", "..", "", "a/b", "a\nb", "\x1b[31m"])
def test_models_of_a_run_are_folders_in_it(name: str, tmp_path: Path) -> None:
    data = {**KINDS["run.json"][1], "models": ["teacher", name]}
    said = sentence(Settings, tmp_path / "run.json", json.dumps(data))
    assert said is not None
    assert "names of folders in the run" in said


@pytest.mark.parametrize("numbers", [(0, 1), (-5, 2), (2, 1), (1, 1)])
def test_epochs_count_upwards(numbers: tuple[int, int], tmp_path: Path) -> None:
    data = KINDS["history.json"][1]
    epochs = [{**data["epochs"][0], "epoch": number} for number in numbers]
    said = sentence(History, tmp_path / "history.json", json.dumps({**data, "epochs": epochs}))
    assert said is not None
    assert "count upwards from 1" in said


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    for name, (kind, _) in KINDS.items():
        (tmp_path / name).write_bytes(b"\xff\xfe\x00")
        with pytest.raises(UserError, match="cannot be read"):
            kind.read(tmp_path / name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set, a run and a project, as far as commands read their JSON."""
    for name in ("data", "run/teacher", "project"):
        (tmp_path / name).mkdir(parents=True)
    for name, place in (
        ("manifest.json", "data"), ("run.json", "run"), ("model.json", "run/teacher"),
        ("compare.json", "run"), ("edgeblur.json", "project"),
    ):  # fmt: skip
        (tmp_path / place / name).write_text(json.dumps(KINDS[name][1]))
    Settings(tmp_path / "data", ("teacher",)).write(tmp_path / "run" / "run.json")
    (tmp_path / "run" / "teacher" / "model.keras").touch()
    shutil.copy(MASK8 / "int8.tflite", tmp_path / "run" / "teacher")
    (tmp_path / "run" / "compare.png").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data/manifest.json", "compare --data data --judge none --detector none"),
        ("run/run.json", "report run --judge none"),
        ("run/run.json", "fit run --board pico"),
        ("run/teacher/model.json", "report run --judge none"),
        ("run/compare.json", "report run --judge none"),
        ("project/edgeblur.json", "flash project"),
    ],
)
@pytest.mark.parametrize("damage", ["{}", "[]", "{", "half"])
def test_commands_say_so_in_one_sentence(
    name: str, words: str, damage: str, folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(folder)
    whole = Path(name).read_text()
    optional = damage == "{}" and name.endswith("model.json")  # nothing is known of it: no damage
    Path(name).write_text(whole[: len(whole) // 2] if damage == "half" else damage)
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert optional or Path(name).name in said
    assert len(said.splitlines()) == 1
    assert "Traceback" not in said
