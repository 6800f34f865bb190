"""`edgeblur blur` with a mask net: faces are found at the net's size and veiled at the picture's own."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from detector_nets import tiny_detector
from PIL import Image
from veil_c import fixed_finder

from edgeblur.cli import main
from edgeblur.distill.data.synthetic import draw_scene
from edgeblur.errors import UserError
from edgeblur.export.tflite.input_size import with_input_size
from edgeblur.export.veil import reference
from edgeblur.export.veil.compile import FrameOptions, plan_frames
from edgeblur.export.veil.plan import HOLDS
from edgeblur.firmware_harness.blurring.blurrers import open_blurrer
from edgeblur.firmware_harness.blurring.files import blur_picture
from edgeblur.firmware_harness.blurring.veils import has_veil, open_veil
from edgeblur.models.read import read_model
from edgeblur.models.shelf import require_entry
from edgeblur.pictures.images import Pixels, load_picture
from edgeblur.quantize.detector import detector_tflite, make_detector
from edgeblur.store.dataset import Dataset


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """A drawn scene of 357x240 pixels with a face that live finds, and much that is none."""
    for seed in range(40):
        picture = draw_scene(seed, 240)[0]
        wide = Image.new("RGB", (357, 240), (90, 120, 70))
        wide.paste(picture, (100, 0))
        found = changed(np.asarray(open_blurrer("live").blur(wide)), np.asarray(wide))
        if 0.02 < found.mean() < 0.5:
            return wide
    raise AssertionError("live finds none of 40 drawn faces")


def changed(a: Pixels, b: Pixels) -> np.ndarray:
    return (a != b).any(axis=-1)


def blur(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main(["blur", *map(str, arguments)])
    return int(end.value.code or 0)


def test_every_pixel_outside_the_veil_is_the_pictures_own(
    scene: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.save(tmp_path / "in.png")
    assert blur(tmp_path / "in.png", "--out", tmp_path / "out.webp", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    before, after = np.asarray(scene), np.asarray(load_picture(tmp_path / "out.webp"))
    veiled = changed(after, before)
    assert (result["pictures"], result["frames"]) == (1, 1)
    assert result["veiled_share"] == pytest.approx(veiled.mean(), abs=1e-5)
    assert 0.02 < veiled.mean() < 0.5
    assert result["seconds"] > 0
    look = open_veil(read_model(require_entry("live").path)).look(before)
    assert not veiled[reference.alpha(look.levels, look.plan) == 0].any()


@pytest.mark.parametrize("style", ["pixelate", "black"])
def test_styles_cover_the_same_pixels(scene: Image.Image, style: str) -> None:
    before = np.asarray(scene)
    covered = np.asarray(open_blurrer("live", style=style).blur(scene))
    soft = np.asarray(open_blurrer("live").blur(scene))
    assert changed(covered, before).mean() == pytest.approx(changed(soft, before).mean(), abs=0.01)
    full = (covered == 0).all(axis=-1)
    assert full.any() == (style == "black")


def test_grey_stays_grey_and_transparency_stays(scene: Image.Image) -> None:
    blurrer = open_blurrer("live")
    grey, share = blur_picture(scene.convert("L"), blurrer)
    assert (grey.mode, grey.size) == ("L", scene.size)
    same = np.asarray(grey) == np.asarray(scene.convert("L"))
    assert share == pytest.approx(1 - same.mean(), abs=1e-9)
    clear = scene.convert("RGBA")
    ramp = Image.fromarray(np.tile(np.linspace(30, 255, scene.width).astype(np.uint8), (scene.height, 1)))
    clear.putalpha(ramp)
    result, share = blur_picture(clear, blurrer)
    assert result.mode == "RGBA"
    assert (np.asarray(result)[..., 3] == np.asarray(ramp)).all()
    assert 0.02 < share < 0.6


def test_a_face_that_transparency_hides_is_veiled_too(scene: Image.Image, tmp_path: Path) -> None:
    hidden = scene.convert("RGBA")
    hidden.putalpha(0)
    hidden.save(tmp_path / "in.png")
    assert blur(tmp_path / "in.png", "--out", tmp_path / "out.png") == 0
    with Image.open(tmp_path / "out.png") as opened:
        colours = np.asarray(opened)[..., :3]
    expected = np.asarray(open_blurrer("live").blur(scene))
    found = changed(expected, np.asarray(scene))
    assert (colours[found] == expected[found]).all()


def test_thumbnails_and_places_are_dropped(scene: Image.Image, tmp_path: Path) -> None:
    small = io.BytesIO()
    scene.resize((160, 107)).save(small, "JPEG")
    exif = Image.Exif()
    exif[0x010E] = "a clear face is in the thumbnail"
    scene.save(tmp_path / "in.jpg", exif=exif.tobytes() + small.getvalue(), comment=b"where it was")
    assert blur(tmp_path / "in.jpg", "--out", tmp_path / "out.jpg") == 0
    data = (tmp_path / "out.jpg").read_bytes()
    assert b"thumbnail" in (tmp_path / "in.jpg").read_bytes()
    assert data.count(b"\xff\xd8\xff") == 1
    assert b"Exif" not in data
    assert b"thumbnail" not in data
    assert b"where it was" not in data


def test_stripes_change_no_byte(scene: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, veiler = np.asarray(scene), open_veil(read_model(require_entry("live").path))
    whole = veiler.blur(picture)
    monkeypatch.setattr(reference, "_SHRUNK_TOGETHER", 7)
    monkeypatch.setattr(reference, "_VEILED_TOGETHER", 9)
    assert (veiler.blur(picture) == whole).all()


def test_what_has_no_mask_has_no_veil() -> None:
    assert not has_veil(read_model(require_entry("unet8").path))
    with pytest.raises(UserError, match="unet8 has no mask"):
        open_blurrer("unet8", fit="veil")
    with pytest.raises(UserError, match="unet8 blurs in its own way, so it cannot blacken"):
        open_blurrer("unet8", style="black")
    assert "enlarged again" in open_blurrer("unet8").how


def test_faces_are_looked_for_in_a_larger_picture(
    scene: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.save(tmp_path / "in.png")
    assert blur(tmp_path / "in.png", "--out", tmp_path / "out.png", "--input", "256x256", "--json") == 0
    assert "256x256" in json.loads(capsys.readouterr().out)["how"]
    graph, picture = read_model(require_entry("live").path), np.asarray(scene)
    own, large = open_veil(graph).look(picture), open_veil(graph, net=(256, 256)).look(picture)
    assert (own.plan.x.net, own.plan.y.net) == (128, 96)  # 357x240 pixels, in whole eights of cells
    assert (large.plan.x.net, large.plan.y.net) == (256, 176)
    assert large.levels.any()
    before, after = np.asarray(scene), np.asarray(load_picture(tmp_path / "out.png"))
    assert 0 < changed(before, after).mean() < 0.7
    assert blur(tmp_path / "in.png", "--out", tmp_path / "u.png", "--with", "unet8", "--input", "256x256") == 2
    assert "another size is for models with a mask" in " ".join(capsys.readouterr().err.split())


def test_a_finder_that_cannot_be_rewritten_looks_at_tiles() -> None:
    graph = fixed_finder().graph
    with pytest.raises(UserError, match="RESHAPE"):
        with_input_size(graph, 64, 48)
    for hold in HOLDS:  # without --input its frames are shrunk to its own size
        assert plan_frames(graph, FrameOptions(64, 48, hold=hold))[1].facts.as_json()["net"] == "32x32"
    tiles = plan_frames(graph, FrameOptions(64, 48, net=(64, 48)))[1]
    facts = tiles.facts.as_json()
    assert (facts["net"], facts["tiles"]) == ("64x48", 6)
    for hold in ("live", "rows"):
        with pytest.raises(UserError, match=f"pictures of 32x32 only.*in tiles.*held '{hold}' is gone.*in a buffer"):
            plan_frames(graph, FrameOptions(64, 48, hold=hold, net=(64, 48)))
        assert plan_frames(graph, FrameOptions(64, 48, hold=hold, net=(32, 24)))[1].tiles is None
    picture = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    whole, tiled = open_veil(graph), open_veil(graph, net=(64, 48))
    look = tiled.look(picture)
    assert (look.plan.x.net, look.plan.y.net, look.levels.shape) == (64, 48, (12, 16))
    tiles = [(top, left) for top in (0, 16) for left in (0, 16, 32)]
    expected = np.zeros((12, 16), np.uint8)
    for top, left in tiles:
        own = whole.look(np.ascontiguousarray(picture[top : top + 32, left : left + 32])).levels
        inside = expected[top // 4 : top // 4 + 8, left // 4 : left // 4 + 8]
        np.maximum(inside, own, out=inside)
    assert (look.levels == expected).all()
    assert len(np.unique(expected)) > 2
    same = open_veil(graph, net=(32, 32)).look(np.ascontiguousarray(picture[:32, :32]))
    assert (same.levels == whole.look(np.ascontiguousarray(picture[:32, :32])).levels).all()


def test_privacy_of_a_detector_is_that_of_its_veiled_boxes(
    tiny_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`validate --privacy` takes all outputs of a detector together, for pictures of its size and for frames."""
    noise = [np.random.default_rng(i).random((1, 32, 32, 3), np.float32) for i in range(6)]
    path = tmp_path / "tiny.tflite"
    path.write_bytes(detector_tflite(make_detector(noise, tiny_detector(score=-2.5))))
    asked = ["--data", str(tiny_data.root), "--privacy", "--detector", "none", "--no-identity", "--limit", "3"]
    for more in ([], ["--frame", "64x48", "--hold", "buffer"]):
        with pytest.raises(SystemExit) as ended:
            main(["validate", str(path), *asked, *more, "--json"])
        assert ended.value.code == 0
        assert json.loads(capsys.readouterr().out)["privacy"]["images"] == 3
