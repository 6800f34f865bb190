"""The shelf: models that come with edgeblur, what is said of them, and their names wherever a model is taken."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from int8_nets import Int8Net, unet
from light import run_light
from PIL import Image

from edgeblur.cli import main
from edgeblur.errors import EdgeblurError, UserError
from edgeblur.export.tflite.finder import finder_of
from edgeblur.export.tflite.graph import read_tflite
from edgeblur.export.tflm.arena import record_arena
from edgeblur.files import sha256, write_json
from edgeblur.firmware_harness.privacy.leaks import Leak, SizeLeak
from edgeblur.models import shelf as shelves
from edgeblur.models.arenas import NAME as ARENAS
from edgeblur.models.arenas import Arenas, known_arena
from edgeblur.models.card import BEGIN, CARD, END, measured_part, new_card, renewed, update_card
from edgeblur.models.facts import read_facts
from edgeblur.models.measure import MeasureOptions, measure
from edgeblur.models.measures import NAME, Measured, leak_from, read_measured, read_measures
from edgeblur.models.pictures import BEGIN as PICTURES_BEGIN
from edgeblur.models.pictures import END as PICTURES_END
from edgeblur.models.pictures import PICTURE, pictures_part, read_pictures
from edgeblur.models.put import PutOptions, put
from edgeblur.models.shelf import FOLDER, Entry, Shelved, default_entry, entries, find_entry, shelf
from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import create_run

ENTRIES = entries()
FOLDERS = shelf()


def edgeblur(*arguments: object) -> tuple[int, str]:
    """Exit code and standard output."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as end:
        main([*map(str, arguments)])
    return int(end.value.code or 0), out.getvalue()


def listed() -> list[dict[str, Any]]:
    code, told = edgeblur("models", "--json")
    assert code == 0
    return list(json.loads(told)["models"])


def name(thing: Entry | Shelved) -> str:
    return thing.name if isinstance(thing, Entry) else thing.folder.name


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random int8 U-Net of 32x32 pixels."""
    net = Int8Net()
    path = tmp_path_factory.mktemp("tiny") / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 2, 2, (32, 32))))
    return path


@pytest.fixture
def other(tmp_path: Path, tiny: Path) -> Shelved:
    """A folder of another shelf, which has the default of edgeblur's own and the model `tiny`."""
    place = tmp_path / "shelf"
    shutil.copytree(default_entry().shelved.folder, place / default_entry().shelved.folder.name)
    create_run(tmp_path / "run", tmp_path)
    run = tmp_path / "run" / "w2"
    write_json(run / "model.json", {"kind": "student", "parameters": 7, "seconds": 5, "spec": {"family": "unet"}})
    for file in ("int8.tflite", "float.tflite"):
        shutil.copy(tiny, run / file)
    return put(run, PutOptions("tiny"), folder=place)


def test_every_model_in_the_folder_is_on_the_shelf() -> None:
    assert {path.parent for path in FOLDER.rglob("*.tflite")} == {shelved.folder for shelved in FOLDERS}
    assert {entry.path for entry in ENTRIES} == set(FOLDER.rglob("*.tflite"))
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES) >= 4


def test_exactly_one_model_is_the_default() -> None:
    (model,) = (model for model in listed() if model["default"])
    assert model["precision"] == "int8"
    assert model["name"] == default_entry().name


@pytest.mark.parametrize("shelved", FOLDERS, ids=name)
def test_a_plain_name_is_int8_and_the_float_model_lies_beside_it(shelved: Shelved) -> None:
    plain, exact = shelved.entries
    assert (plain.name, exact.name) == (shelved.folder.name, f"{shelved.folder.name}-float")
    assert read_measures(plain).facts.precision == "int8"
    assert read_measures(exact).facts.precision in ("float16", "float32")
    assert all(path.stat().st_size < 10_000_000 for path in shelved.folder.iterdir())


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_what_a_model_tells_is_what_its_file_says(entry: Entry) -> None:
    facts = read_facts(entry.path)
    kept = {known.name: known.facts for known in read_measured(entry.shelved).files}
    advice = f"run `edgeblur models measure {entry.shelved.folder.name}` again"
    assert kept[entry.name] == facts, advice
    (told,) = (model for model in listed() if model["name"] == entry.name)
    assert (told["size_bytes"], told["macs"]) == (entry.path.stat().st_size, facts.macs)
    assert told.get("ram_bytes") == facts.ram_bytes
    assert ("ram_bytes" in told) == (facts.precision == "int8")


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_photos_and_boards_were_measured_with_these_very_files(entry: Entry) -> None:
    measures, advice = read_measures(entry), f"run `edgeblur models measure {entry.shelved.folder.name} --data DATA`"
    assert "test" in measures.photos, advice
    told = measures.as_json()
    assert 0 <= told["leak_rate"] <= 1
    assert told["psnr_outside_db"] > 10
    if "ram_bytes" in told:
        (board, *_) = measures.boards.values()
        assert board.ran.differing_bytes == 0, advice
        assert told["instructions"] == board.ran.instructions > told["macs"] / 4
        assert (board.ran.ram_bytes or 0) > told["ram_bytes"]


def test_arenas_are_those_of_these_very_files() -> None:
    pytest.importorskip("tflite_micro")
    smallest = min((entry for entry in ENTRIES if entry.path.name == shelves.INT8), key=lambda e: e.path.stat().st_size)
    digests = {sha256(entry.path.read_bytes()): entry for entry in ENTRIES}
    assert Arenas.read(shelves.FOLDER / ARENAS).arena_bytes.keys() <= digests.keys(), "run `edgeblur models measure`"
    assert all(known_arena(digest) for digest, entry in digests.items() if entry.path.name == shelves.INT8)
    data = smallest.path.read_bytes()
    assert known_arena(sha256(data)) == record_arena(data)
    unknown = {entry.path for digest, entry in digests.items() if known_arena(digest) is None}
    kinds = [{tensor.dtype for tensor in read_tflite(path).tensors} for path in unknown]
    assert all("float16" in each for each in kinds)  # which TensorFlow Lite Micro has no kernel for


@pytest.mark.parametrize("shelved", FOLDERS, ids=name)
def test_pictures_were_made_with_this_very_model(shelved: Shelved) -> None:
    told = read_pictures(shelved)
    assert told, f"run `edgeblur models pictures {name(shelved)}`"
    assert told.scenes >= 50
    assert (shelved.folder / PICTURE).stat().st_size < 250_000


@pytest.mark.parametrize("shelved", FOLDERS, ids=name)
def test_cards_have_one_form_and_say_what_was_measured(shelved: Shelved) -> None:
    card = shelved.folder / CARD
    text = card.read_text()
    assert renewed(card, measured_part(shelved), pictures_part(shelved)) == text, (
        f"run `edgeblur models card {name(shelved)}`"
    )
    form = new_card(shelved, net="", made="")
    headings = [line for line in form.splitlines() if line.startswith("#")]
    assert [line for line in text.splitlines() if line.startswith("#")] == headings
    assert headings[0] == f"# {shelved.title}"
    assert "/tmp" not in text
    assert "/work" not in text + (shelved.folder / NAME).read_text()


def test_the_list_is_for_people_too() -> None:
    (code, told), (_, again) = edgeblur("models"), edgeblur("models", "list")
    assert code == 0
    assert told == again
    assert f"{default_entry().name} (default)" in told
    assert all(entry.name in told for entry in ENTRIES)
    assert edgeblur("models", "list", "--json")[1] == edgeblur("models", "--json")[1]


def test_show_and_path() -> None:
    entry = default_entry()
    assert edgeblur("models", "show", entry.name) == (0, (entry.shelved.folder / CARD).read_text())
    shown = json.loads(edgeblur("models", "show", entry.name, "--json")[1])
    assert shown["photos"]["test"]["leak"]["by_size"]
    for known in ENTRIES:
        assert edgeblur("models", "path", known.name) == (0, f"{known.path}\n")
    assert edgeblur("models", "path") == (0, f"{entry.path}\n")
    assert Path(edgeblur("models", "path", entry.name, "--keras")[1].strip()) == entry.keras


def test_the_mask_part_of_a_model_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cut = ("models", "path", "live", "--output", "mask")
    assert edgeblur(*cut) == edgeblur(*cut) == (0, "live_mask.tflite\n")  # the same bytes may be there
    (before,) = (entry.path for entry in ENTRIES if entry.name == "live")
    assert (tmp_path / "live_mask.tflite").read_bytes() == finder_of(before).data
    capsys.readouterr()
    Path("other.tflite").write_bytes(b"mine")
    assert edgeblur(*cut, "--out", "other.tflite")[0] == 2
    assert "other.tflite exists already" in capsys.readouterr().err
    assert edgeblur("models", "path", "unet8", "--output", "mask")[0] == 2
    assert "unet8 has no mask" in capsys.readouterr().err
    assert Path("other.tflite").read_bytes() == b"mine"
    # what a command makes of the file is what it makes of the model
    asked = ("--frame", "320x240", "--hold", "live", "--board", "pico", "--json")
    whole, mask = (json.loads(edgeblur("fit", name, *asked)[1]) for name in ("live", "live_mask.tflite"))
    assert {**whole, "model": "live_mask.tflite"} == mask


def test_mask_parts_are_listed() -> None:
    found = {
        each["name"]: each for each in json.loads(edgeblur("models", "list", "--output", "mask", "--json")[1])["models"]
    }
    assert set(found) == {entry.name for entry in ENTRIES if entry.shelved.note.kind == "mask"}
    whole = {each["name"]: each for each in json.loads(edgeblur("models", "--json")[1])["models"]}
    for name, mask in found.items():
        assert mask["parameters"] <= whole[name]["parameters"]
        assert mask.get("ram_bytes", 0) <= whole[name].get("ram_bytes", 0)
    assert found["mask8"]["ram_bytes"] < 0.5 * whole["mask8"]["ram_bytes"]
    assert "mask8" in edgeblur("models", "list", "--output", "mask")[1]


@pytest.mark.parametrize(
    "command",
    [
        ("models", "show"),
        ("models", "path"),
        ("validate",),
        ("fit",),
        ("demo", "--out", "d", "--model"),
        ("compare", "--with"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = default_entry().name + "x"
    code, _ = edgeblur(*command, wrong)
    told = capsys.readouterr().err
    assert code == 2
    assert len(told.splitlines()) == 1
    assert default_entry().name in told.replace(wrong, "")
    assert not list(tmp_path.iterdir())


def test_names_are_taken_wherever_a_model_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = default_entry()
    code, told = edgeblur("validate", entry.name, "--random", 1, "--reference", f"{entry.name}-float", "--json")
    validated = json.loads(told)
    assert code == 0
    assert (validated["model"], validated["sha256"]) == (entry.name, sha256(entry.path.read_bytes()))
    code, told = edgeblur("fit", entry.name, "--board", "pico", "--json")
    assert (code, json.loads(told)["model"]) == (0, entry.name)
    code, told = edgeblur("firmware", entry.name, "--board", "pico", "--out", "pico", "--json")
    assert code == 0
    assert (tmp_path / "pico" / "README.md").is_file()
    assert edgeblur("blur", tmp_path, "--out", "b", "--with", "nothing")[0] == 2


def test_a_path_that_exists_wins(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny, default_entry().name)
    validated = json.loads(edgeblur("validate", default_entry().name, "--random", 1, "--json")[1])
    assert validated["sha256"] == sha256(tiny.read_bytes())
    exported = json.loads(edgeblur("export", "--out", "c", "--json")[1])  # the default stays what it is
    assert exported["sha256"] == sha256(default_entry().path.read_bytes())


@pytest.mark.parametrize(
    "command",
    [
        ("export", "--out", "c"), ("inspect",), ("fit",), ("fit", "--board", "pico"), ("validate", "--random", 1),
        ("check", "--gates", "gates.toml"), ("bench",), ("page", "--out", "p"), ("run", "--board", "mps2-an386"),
        ("firmware", "--board", "pico", "--out", "f"), ("demo", "--out", "d", "--model"),
        ("blur", "picture.png", "--out", "b.png", "--with"), ("compare", "--with"), ("validate", "--reference"),
        ("train", "--data", "data", "--start"), ("distill", "run", "--start"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("folder", [True, False])
def test_what_hides_a_name_of_the_shelf_is_told(
    command: tuple[str, ...], folder: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A folder that an export left there, say."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gates.toml").write_text("[boards.pico]\nmax_ram_bytes = 1\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    entry = default_entry()
    name = entry.name
    if not folder and "--start" in command:
        pytest.skip("a file is read as a net, whatever it is called")
    (tmp_path / name).mkdir() if folder else (tmp_path / name).write_text("hello")
    before = sorted(tmp_path.rglob("*"))
    code, _ = edgeblur(*command, name)
    told = capsys.readouterr().err
    assert code == 2
    assert len(told.splitlines()) == 1
    meant = entry.keras if "--start" in command else entry.path
    assert f"the {'folder' if folder else 'file'} {name} hides the shelf's model of that name" in told
    assert f"give {meant}, or run this where nothing is called {name}" in told
    assert sorted(tmp_path.rglob("*")) == before


def test_without_a_model_it_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = default_entry()
    Image.effect_noise((50, 40), 60).convert("RGB").save("photo.png")
    for out, more in (("default.png", ()), ("named.png", ("--with", entry.name))):
        code, told = edgeblur("blur", "photo.png", "--out", out, "--json", *more)
        assert (code, json.loads(told)["with"]) == (0, entry.name)
    assert np.array_equal(np.asarray(Image.open("default.png")), np.asarray(Image.open("named.png")))
    assert json.loads(edgeblur("fit", "--board", "pico", "--json")[1])["model"] == entry.name
    assert json.loads(edgeblur("export", "--engine", "stream", "--out", "c", "--json")[1])["model"] == entry.name


@pytest.mark.parametrize("command", [("export", "--out", "c"), ("fit",), ("blur", "photo.png", "--out", "b.png")])
def test_a_model_of_a_run_is_not_taken_for_the_default(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("photo.png")
    assert edgeblur(*command, "--model", "teacher")[0] == 2
    assert "give teacher itself" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_the_light_install_has_the_shelf(tmp_path: Path) -> None:
    Image.effect_noise((50, 40), 60).convert("RGB").save(tmp_path / "photo.png")
    out, err = run_light(
        tmp_path,
        ["models", "--json"],
        ["blur", "photo.png", "--out", "blurred.png"],
        ["validate", f"{default_entry().name}-float", "--random", "1"],
    )
    assert [line for line in err if " ended with " in line] == [
        f"{command} ended with 0" for command in ("models", "blur", "validate")
    ]
    assert Image.open(tmp_path / "blurred.png").size == (50, 40)
    assert len(json.JSONDecoder().raw_decode(out)[0]["models"]) == len(ENTRIES)


def test_a_folder_is_all_that_it_takes(other: Shelved) -> None:
    place = other.folder.parent
    assert [entry.name for entry in other.entries] == ["tiny", "tiny-float"]
    assert find_entry("tiny", place) == other.entries[0]
    assert default_entry(place).name == default_entry().name
    card = (other.folder / CARD).read_text()
    assert card.startswith("# tiny\n")
    assert "7 parameters" in card
    update_card(other)
    assert "| RAM, streaming engine" in (other.folder / CARD).read_text()


def test_notes_name_no_folders_of_the_machine_that_trained(other: Shelved, tmp_path: Path) -> None:
    model = tmp_path / "run" / "w2"
    info = json.loads((model / "model.json").read_text())
    write_json(model / "model.json", {**info, "teachers": ["/home/me/mask8/model.keras"]})
    history = {
        "options": {"start": "/home/me/mine.keras", "with_teachers": ["/home/me/mask8/model.keras"]},
        "epochs": [],
    }
    write_json(model / "history.json", history)
    folder = put(model, PutOptions("tiny"), folder=other.folder.parent, force=True).folder
    assert json.loads((folder / "model.json").read_text()) == {**info, "teachers": ["mask8/model.keras"]}
    told = json.loads((folder / "history.json").read_text())
    assert told == {"options": {"start": "mine.keras", "with_teachers": ["mask8/model.keras"]}, "epochs": []}


@pytest.mark.parametrize("shelved", FOLDERS, ids=name)
def test_a_shelfs_model_names_no_place_of_a_machine(shelved: Shelved) -> None:
    for path in shelved.folder.glob("*.json"):
        assert '"/' not in path.read_text(), path


def test_a_new_default_replaces_the_old_one(other: Shelved, tmp_path: Path) -> None:
    place = other.folder.parent
    put(tmp_path / "run" / "w2", PutOptions("tiny", title="A new one", default=True), folder=place, force=True)
    assert default_entry(place).name == "tiny"
    assert [shelved.note.default for shelved in shelf(place)].count(True) == 1
    write_json(
        place / default_entry().shelved.folder.name / shelves.NOTE, {"title": "", "kind": "mask", "default": True}
    )
    with pytest.raises(UserError, match="one default"):
        default_entry(place)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (PutOptions("tiny"), "tiny exists already: choose another place, or replace it"),
        (PutOptions("Tiny 2"), "no name for the shelf"),
        (PutOptions("tiny-float"), "no name for the shelf"),
        (PutOptions("none"), "means something else"),
        (PutOptions("new", title="a\nb"), "a title is one line of text"),
    ],
)
def test_what_cannot_be_put_there_is_refused(
    options: PutOptions, sentence: str, other: Shelved, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=sentence):
        put(tmp_path / "run" / "w2", options, folder=other.folder.parent)


def test_measures_come_from_edgeblurs_own_commands(other: Shelved, tiny_data: Dataset) -> None:
    wanted = MeasureOptions(tiny_data.root, "drawn", 3, (), ("--judge", "none"))
    place = measure(other, wanted)
    drawn = Measured.read(place).photos["drawn"]
    assert drawn.command == (
        "edgeblur compare --with tiny --with tiny-float --data DATA --detector none --limit 3 --judge none"
    )
    assert drawn.images == 3
    assert [row.name for row in drawn.yardsticks] == ["untouched", "target"]
    assert str(tiny_data.root) not in place.read_text()
    measures = read_measures(other.entries[0])
    outside = measures.photos["drawn"].entry.protection.fidelity.outside
    assert outside is not None
    assert outside.psnr_db > 0
    assert "leak_rate" not in measures.as_json()
    (other.folder / "int8.tflite").write_bytes(default_entry().path.read_bytes())
    assert not read_measures(other.entries[0]).photos, "measures of another file"


def test_every_measure_has_its_line_in_the_card(other: Shelved, tiny_data: Dataset) -> None:
    """Each number of a row of measures.json stands in the card, in percent, rounded or as it is."""
    measure(other, MeasureOptions(tiny_data.root, "drawn", 3, (), ("--judge", "none", "--privacy")))
    part = measured_part(other)
    row = read_measures(other.entries[0]).photos["drawn"].entry.protection
    missing = [number for number in numbers(row.as_json()) if not any(form in part for form in forms(number))]
    assert not missing


def numbers(data: Any) -> Iterator[float]:
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, (dict, list)):
            yield from numbers(value)
        elif key not in ("identical", "pictures", "min_side_px", "embedding", "below_px") and value is not None:
            yield value


def forms(number: float) -> tuple[str, ...]:
    return f" {number:.4f}", f" {number:.2f} ", f"{number:.1%}", f" {number:,} ", f": {number}", f" {number} px"


def test_what_people_wrote_in_a_card_stays(other: Shelved) -> None:
    card = other.folder / CARD
    form = f"# mine\n\nbefore\n{BEGIN}\n%s\n{END}\nbetween\n{PICTURES_BEGIN}\n%s\n{PICTURES_END}\nafter\n"
    card.write_text(form % ("old", "old too"))
    assert renewed(card, "new\n", "pictures\n") == form % ("new", "pictures")
    for text in ("# mine\n", f"# mine\n{BEGIN}\n{END}\n"):
        card.write_text(text)
        with pytest.raises(UserError, match="put them in"):
            update_card(other)
        assert card.read_text() == text


def test_leaks_count_from_16_pixels_on() -> None:
    sizes = (SizeLeak(8, 16, 10, 9), SizeLeak(16, 32, 4, 1), SizeLeak(32, None, 6, 0))
    assert leak_from(Leak("nobody", 0.4, 0.3, 8, sizes)) == 0.1
    assert leak_from(None) is None
    assert leak_from(Leak("nobody", 0.4, 0.3, 8, ())) is None


@pytest.mark.parametrize("note", [{}, {"title": "x", "kind": "other"}, {"title": "x", "kind": "mask", "default": 1}])
def test_a_damaged_note_is_told(note: dict[str, object], tmp_path: Path) -> None:
    write_json(tmp_path / "a" / shelves.NOTE, note)
    with pytest.raises(EdgeblurError, match=r"shelf\.json is damaged: (title|kind|default) .*should be"):
        shelf(tmp_path)


def test_a_demo_of_a_trained_model(tiny: Path, tiny_data: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    code, told = edgeblur("demo", "--model", tiny, "--data", tiny_data.root, "--out", out)
    lines = told.splitlines()
    assert (code, len(lines)) == (0, 5)
    assert lines[0].startswith("pictures: 4 blurred in ")
    assert f"{tiny.stat().st_size:,} bytes" in lines[1]
    assert len(list((out / "blurred").iterdir())) == 4
    assert (out / "firmware_stream" / "face_blur.c").is_file()
    assert lines[4] == f"contact sheet: {out / 'compare.png'}"
    assert (out / "compare.png").is_file()
    assert edgeblur("demo", "--model", tiny, "--data", tiny_data.root, "--out", out)[0] == 2
