"""Where labelled photos come from."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeblur.cli import main
from edgeblur.detectors.detector import Detector, Finding
from edgeblur.distill.data import tfds_faces
from edgeblur.distill.data.labels import source_group
from edgeblur.distill.data.sources import (
    Source,
    from_detector,
    from_labels,
    from_tfds,
    open_photos,
    open_source,
    parse_source,
    with_scenes,
)
from edgeblur.errors import UserError
from edgeblur.pictures.blur import blur_faces
from edgeblur.pictures.faces import Box, Ellipse

PHOTOS = Path(__file__).parents[3] / "shared" / "data"
real_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"needs the labelled photos in {PHOTOS}")


def write_photos(folder: Path, lines: list[Any], size: tuple[int, int] = (64, 48)) -> Path:
    """Grey pictures named by the lines, and the label file; a line that is text is written as it is."""
    folder.mkdir(exist_ok=True)
    for line in lines:
        if isinstance(line, dict) and isinstance(line.get("file"), str):
            Image.new("RGB", size, "grey").save(folder / Path(line["file"]).name)
    labels = folder / "annotations.jsonl"
    labels.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return labels


def test_labels_are_read(tmp_path: Path) -> None:
    full = {
        "file": "a.png",
        "width": 64,
        "height": 48,
        "faces": [[4, 6, 20, 30], [40, 8, 10, 12]],
        "ellipses": [[14, 21, 18, 28, 12.5], None],
        "split": "validation",
        "source": "Someone/Site@0123456789:img/A.jpg",
        "licence": "CC BY 4.0",
        "terms": "cc-by",
        "dataset": "someone",
    }
    labels = write_photos(tmp_path / "p", [full, {"file": "b.png", "faces": []}])
    photos = from_labels(tmp_path / "p", labels, skipped := [])
    first, second = photos
    assert photos.total == 2
    assert skipped == []
    assert [face.box for face in first.faces] == [Box(4, 6, 20, 30), Box(40, 8, 10, 12)]
    assert [face.ellipse for face in first.faces] == [Ellipse(14, 21, 18, 28, 12.5), Ellipse(45, 14, 10, 12, 0)]
    assert (first.split, first.licence, first.terms, first.maker) == ("val", "CC BY 4.0", "cc-by", "someone")
    assert (first.source, first.group) == ("Someone/Site@0123456789:img/A.jpg", "someone:img/a.jpg")
    assert (second.source, second.group, second.faces, second.split) == ("p/b.png", "p/b.png", (), None)


def test_boxes_follow_the_real_size(tmp_path: Path) -> None:
    line = {"file": "a.png", "width": 128, "height": 96, "faces": [[8, 12, 40, 60]]}
    labels = write_photos(tmp_path, [line | {"ellipses": [[28, 42, 30, 50, 20]]}])
    (photo,) = from_labels(tmp_path, labels, [])
    assert photo.faces[0].box == Box(4, 6, 20, 30)
    assert photo.faces[0].ellipse == Ellipse(14, 21, 15, 25, 20)


@pytest.mark.parametrize("option", ["--terms", "--labels"])
def test_what_is_for_photos_is_refused_for_other_sources(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["data", "make", "--source", "synthetic:4", option, "cc0", "--out", str(tmp_path / "data")])
    assert ended.value.code == 2
    assert f"{option} is for photo folders: synthetic:4 has its own faces" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "data").exists()


GOOD = {"file": "a.png", "faces": [[1, 2, 3, 4]]}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"file": "b.png", "faces"', "should be one JSON object per picture"),
        ("[1, 2]", "should be a JSON object"),
        ({"file": "b.png"}, "'faces' is missing"),
        ({"faces": []}, "'file' is missing"),
        ({"file": 7, "faces": []}, "file should be the name of a picture, got 7"),
        ({"file": "../b.png", "faces": []}, "should lie below the photo folder"),
        ({"file": "b.png", "faces": [[1, 2, 3]]}, r"a box should be \[x, y, w, h\], got \[1, 2, 3\]"),
        ({"file": "b.png", "faces": [[1, 2, "x", 4]]}, "should be numbers"),
        ({"file": "b.png", "faces": [[1, 2, 0, 4]]}, "positive sides"),
        ('{"file": "b.png", "faces": [[1, 2, NaN, 4]]}', "should be numbers"),
        ({"file": "b.png", "faces": "none"}, "faces should be a list"),
        ({"file": "b.png", "faces": [[1, 2, 3, 4]], "ellipses": [[1, 2], [3, 4]]}, "1 faces but 2 ellipses"),
        ({"file": "b.png", "faces": [[1, 2, 3, 4]], "ellipses": [[1, 2]]}, "an ellipse should be"),
        ({"file": "b.png", "faces": [[1, 2, 3, 4]], "ellipses": [0]}, "an ellipse should be"),
        ({"file": "b.png", "faces": [[1, 2, 3, 4]], "ellipses": [[]]}, "an ellipse should be"),
        ({"file": "b.png", "faces": [[1, 2, 3, 4]], "ellipses": "none"}, "ellipses should be a list"),
        ({"file": "b.png", "faces": [], "ellipses": False}, "ellipses should be a list"),
        ({"file": "b.png", "faces": [[64, 2, 3, 4]], "width": 64, "height": 48}, "lies outside the picture of 64x48"),
        ({"file": "b.png", "faces": [], "width": 0, "height": 48}, "should be positive, got 0x48"),
        ({"file": "b.png", "faces": [], "width": 64}, "'height' is missing"),
        ({"file": "b.png", "faces": [], "split": "holdout"}, "split should be train, val or test, got 'holdout'"),
        ({"file": "b.png", "faces": [], "split": ["train"]}, r"split should be train, val or test, got \['train'\]"),
        ({"file": "b.png", "faces": [], "terms": 3}, "terms should be text"),
        (GOOD, r"a\.png has a line already"),
        ('{"file": "b.png", "faces": [[1, 2, 3, 4]], "faces": []}', "'faces' stands twice in one object"),
    ],
)
def test_damaged_lines_are_named(tmp_path: Path, line: Any, reason: str) -> None:
    labels = write_photos(tmp_path, [GOOD, "", line])
    with pytest.raises(UserError, match=rf"annotations\.jsonl, line 3: .*{reason}") as error:
        from_labels(tmp_path, labels, [])
    assert "\n" not in str(error.value)


NUMBERS = {
    "infinite width": '"faces": [], "width": 1e999, "height": 200',
    "no width": '"faces": [], "width": NaN, "height": 200',
    "a width as text": '"faces": [], "width": "200", "height": "200"',
    "half a pixel": '"faces": [[0, 0, 5, 5]], "width": 0.5, "height": 0.5',
    "401 digits": f'"faces": [[0, 0, 1{"0" * 400}, 5]]',
    "5,001 digits": f'"faces": [[0, 0, 1{"0" * 5000}, 5]]',
    "an ellipse of 401 digits": f'"faces": [[0, 0, 9, 9]], "ellipses": [[5, 5, 1{"0" * 400}, 5, 0]]',
    "turned by 1e300": '"faces": [[0, 0, 9, 9]], "ellipses": [[5, 5, 9, 9, 1e300]]',
    "nested": f'"faces": {"[" * 100_000}{"]" * 100_000}',
    "a face of 1e-200": '"faces": [[10, 10, 1e-200, 1e-200]]',
    "a thin ellipse": '"faces": [[10, 10, 9, 9]], "ellipses": [[10, 10, 9, 1e-9, 0]]',
    "an ellipse far from its face": '"faces": [[10, 10, 20, 20]], "ellipses": [[1e6, 20, 20, 20, 0]]',
    "an ellipse beside its face": '"faces": [[10, 10, 20, 20]], "ellipses": [[40, 20, 20, 20, 0]]',
    "an ellipse of a pixel on its face": '"faces": [[10, 10, 20, 20]], "ellipses": [[20, 20, 1, 1, 0]]',
    "a face of 1e308": '"faces": [[0, 0, 1e308, 1e308]]',
    "a face of 2e9": '"faces": [[-1e9, -1e9, 2e9, 2e9]]',
    "half a character": '"faces": [], "source": "\\ud800x"',
    "an end of text": '"faces": [], "licence": "a\\u0000"',
    "true": '"faces": [[true, true, true, true]]',
    "numbers as text": '"faces": [["10", "10", "20", "20"]]',
}


@pytest.mark.parametrize("numbers", NUMBERS.values(), ids=NUMBERS)
def test_numbers_that_no_picture_has_are_refused_by_line(numbers: str, tmp_path: Path) -> None:
    labels = write_photos(tmp_path, [{"file": "a.png", "faces": []}, f'{{"file": "b.png", {numbers}}}'])
    with pytest.raises(UserError, match=r"line 2: .* (should|is)"):
        from_labels(tmp_path, labels, [])


@pytest.mark.parametrize("name", ["\\ud800.jpg", "a\\u0000.jpg"])
def test_names_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    labels = write_photos(tmp_path, [{"file": "a.png", "faces": []}, f'{{"file": "{name}", "faces": []}}'])
    with pytest.raises(UserError, match="line 2: file should be the name of a picture"):
        from_labels(tmp_path, labels, [])


@pytest.mark.parametrize("file", [".", "a" * 5000 + ".jpg"])
def test_names_of_what_is_no_file_are_passed_over(file: str, tmp_path: Path) -> None:
    labels = write_photos(tmp_path, [{"file": "a.png", "faces": []}])
    labels.write_text(labels.read_text() + "\n" + json.dumps({"file": file, "faces": []}))
    assert len(list(from_labels(tmp_path, labels, skipped := []))) == 1
    assert len(skipped) == 1


@pytest.mark.parametrize("reach", [1e3, 1e5, 1e6])
def test_a_face_at_the_bounds_is_blurred_all_over(reach: float, tmp_path: Path) -> None:
    """The largest label that is allowed covers the picture, and no pixel of it stays clear."""
    labels = write_photos(tmp_path, [{"file": "a.png", "faces": [[-reach / 2, -reach / 2, reach, reach]]}])
    (photo,) = from_labels(tmp_path, labels, [])
    stripes = Image.fromarray(np.tile(np.uint8([[[0] * 3, [255] * 3]]), (48, 32, 1)))
    blurred, mask = blur_faces(stripes, photo.faces)
    assert mask.min() == 255
    assert np.ptp(np.asarray(blurred)) < 20


def test_label_files_that_are_none(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, [GOOD])
    with pytest.raises(UserError, match="does not exist"):
        from_labels(tmp_path, tmp_path / "labels.jsonl", [])
    with pytest.raises(UserError, match="cannot be read as text"):
        from_labels(tmp_path, tmp_path / "a.png", [])
    with pytest.raises(UserError, match="does not exist"):
        from_labels(tmp_path / "photos", labels, [])
    labels.write_text("\n")
    with pytest.raises(UserError, match="has no line"):
        from_labels(tmp_path, labels, [])


def test_unusable_pictures_are_skipped_and_told(tmp_path: Path) -> None:
    lines = [
        {"file": "a.png", "faces": [[1, 2, 30, 40]]},
        {"file": "broken.png", "faces": []},
        {"file": "gone.png", "faces": []},
        {"file": "turned.png", "faces": [], "width": 48, "height": 64},
        {"file": "outside.png", "faces": [[70, 2, 3, 4]]},
    ]
    labels = write_photos(tmp_path, lines)
    (tmp_path / "broken.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "gone.png").unlink()
    Image.new("RGB", (9, 9)).save(tmp_path / "unlabelled.png")
    photos = list(from_labels(tmp_path, labels, skipped := []))
    assert [photo.source for photo in photos] == [f"{tmp_path.name}/a.png"]
    assert len(skipped) == 5
    for sentence, reason in zip(
        skipped,
        [
            "1 of the pictures in",
            "broken.png",
            "gone.png does not exist",
            "64x48 pixels, but its label says",
            "outside",
        ],
        strict=True,
    ):
        assert reason in sentence


def test_not_one_usable_picture(tmp_path: Path) -> None:
    labels = write_photos(tmp_path, [GOOD, {"file": "b.png", "faces": []}])
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text("no picture")
    with pytest.raises(UserError, match=r"none of the 2 labelled pictures could be used; the first: .*a\.png"):
        list(from_labels(tmp_path, labels, []))


def test_terms_choose_pictures(tmp_path: Path) -> None:
    lines = [{"file": f"{i}.png", "faces": [], "terms": t} for i, t in enumerate(["cc0", "research-only", None, "cc0"])]
    labels = write_photos(tmp_path, lines)
    photos = from_labels(tmp_path, labels, [], frozenset({"cc0"}))
    assert photos.total == 2
    assert [photo.terms for photo in photos] == ["cc0", "cc0"]
    with pytest.raises(UserError, match="no picture under the terms cc-by: it has cc0, none stated, research-only"):
        from_labels(tmp_path, labels, [], frozenset({"cc-by"}))


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("a/b@0123456:img/X.jpg", "a/b@89abcdef01:img/X.jpg", True),  # another commit
        ("a/2018@0123456:img/X.jpg", "a/2019@0123456:img/x.jpg", True),  # republished by the same owner
        ("a/b@0123456:img/X.jpg", "c/b@0123456:img/X.jpg", False),
        ("a/b@0123456:img/1.jpg", "a/b@0123456:img/2.jpg", False),
        ("p/X.jpg", "p/x.jpg", False),
    ],
)
def test_groups_hold_one_photo_together(one: str, other: str, together: bool) -> None:
    assert (source_group(one) == source_group(other)) is together


@real_photos
def test_real_labels_are_whole() -> None:
    groups: dict[str, list[str]] = {}
    for folder, total in (("faces", 4488), ("negatives", 1764)):
        labels = PHOTOS / folder / "annotations.jsonl"
        photos = from_labels(PHOTOS / folder, labels, skipped := [], limit=60)
        assert len(list(photos)) == 60
        assert skipped == []
        assert from_labels(PHOTOS / folder, labels, []).total == total
        for line in map(json.loads, labels.read_text().splitlines()):
            groups.setdefault(source_group(line["source"]), []).append(line["file"])
    assert 5100 < len(groups) < 6252  # many pictures are crops of one photo
    assert max(map(len, groups.values())) < 30


def find_everything(picture: Image.Image, threshold: float) -> list[Finding]:
    return [Finding(Box(0, 0, picture.width, picture.height), 1.0, ((0.0, 0.0), (9.0, 0.0)))]


def test_detector_labels_photos(tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    write_photos(folder, [{"file": f"{i}.png"} for i in range(4)])
    (folder / "sub").mkdir()
    (folder / "0.png").rename(folder / "sub" / "0.png")
    (folder / "2.png").write_text("no picture")
    photos = from_detector(folder, Detector("all", 0.5, find_everything), skipped := [])
    assert photos.total == 4
    assert [(p.source, p.group, len(p.faces)) for p in photos] == [
        ("holiday/1.png", "holiday/1.png", 1),
        ("holiday/3.png", "holiday/3.png", 1),
        ("holiday/sub/0.png", "holiday/sub/0.png", 1),
    ]
    left_out, broken = skipped
    assert "hidden or not read as pictures" in left_out
    assert "2.png should be a picture" in broken


def test_several_folders_share_a_limit(tmp_path: Path) -> None:
    folders = [tmp_path / "many", tmp_path / "few", tmp_path / "one"]
    labels = [
        write_photos(folder, [{"file": f"{i}.png", "faces": []} for i in range(count)])
        for folder, count in zip(folders, (16, 8, 1), strict=True)
    ]
    photos = open_photos(folders, labels, skipped=[], limit=6)
    sources = [photo.source for photo in photos]
    assert photos.total == len(sources) == 6
    assert [source.split("/")[0] for source in sources] == ["many"] * 4 + ["few"] * 2
    assert sources[:4] == ["many/0.png", "many/4.png", "many/8.png", "many/12.png"]
    assert len(list(open_photos(folders, labels, skipped=[]))) == 25
    with pytest.raises(UserError, match="got 1 for 3"):
        open_photos(folders, labels[:1], skipped=[])
    with pytest.raises(UserError, match="chosen by terms that a label file states"):
        open_photos(folders, skipped=[], terms=frozenset({"cc0"}))
    with pytest.raises(UserError, match="no face detector 'x'"):
        open_photos(folders, skipped=[], detector="x")


def test_sources_are_parsed() -> None:
    assert parse_source("synthetic:600") == Source("synthetic", count=600)
    assert parse_source("tfds:celeb_a") == Source("tfds", name="celeb_a")
    for text in ("synthetic", "synthetic:", "synthetic:0", "synthetic:-3", "synthetic:x", "tfds:mnist", "", "photos"):
        with pytest.raises(UserError, match=r"choose synthetic:600 .* or tfds:wider_face or tfds:celeb_a"):
            parse_source(text)


def test_scenes_are_a_source() -> None:
    photos = open_source(parse_source("synthetic:5"), seed=3, size=64, limit=2)
    first, second = photos
    assert photos.total == 2
    assert first.picture.size == (64, 64)
    assert first.group != second.group
    again = next(iter(open_source(parse_source("synthetic:5"), seed=3, size=64)))
    assert dataclasses.replace(first, picture=None) == dataclasses.replace(again, picture=None)
    assert first.picture.tobytes() == again.picture.tobytes()


def test_ellipse_from_landmarks() -> None:
    """A drawn face of eyes 40 apart and 40 above the mouth; turned by 30 degrees, its ellipse turns with it."""
    ellipse = tfds_faces.ellipse_from_landmarks((80, 100), (120, 100), (100, 140))
    assert (ellipse.cx, ellipse.degrees) == (100, 0)
    assert ellipse.cy == pytest.approx(112.8)
    assert (ellipse.w, ellipse.h) == pytest.approx((86, 116))
    assert tfds_faces.box_around(ellipse) == Box(57, pytest.approx(54.8), pytest.approx(86), pytest.approx(116))

    cos, sin = np.cos(np.pi / 6), np.sin(np.pi / 6)
    turned = [(x * cos - y * sin, x * sin + y * cos) for x, y in ((80, 100), (120, 100), (100, 140))]
    other = tfds_faces.ellipse_from_landmarks(*turned)
    assert (other.w, other.h, other.degrees) == pytest.approx((86, 116, 30))
    assert (other.cx, other.cy) == pytest.approx((100 * cos - 112.8 * sin, 100 * sin + 112.8 * cos))
    box = tfds_faces.box_around(other)
    assert box.w == pytest.approx(np.hypot(86 * cos, 116 * sin))


def write_wider_archives(folder: Path) -> dict[str, Path]:
    """The four archives of WIDER FACE as unpacked folders, with four photos, in its own annotation format."""
    annotations = {
        "train": "a/1.jpg\n2\n10 20 30 40 0 0 0 0 0 0 \n50 5 8 9 2 0 0 1 0 0 \nb/2.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n",
        "val": "c/3.jpg\n1\n90 70 20 20 0 0 0 0 0 0 \n",
        "test": "d/4.jpg\n",  # its labels are not public
    }
    for split, text in annotations.items():
        for name in (line for line in text.splitlines() if line.endswith(".jpg")):
            path = folder / split / f"WIDER_{split}" / "images" / name
            path.parent.mkdir(parents=True)
            Image.new("RGB", (100, 80), "grey").save(path)
        lists = folder / "annot" / "wider_face_split"
        lists.mkdir(parents=True, exist_ok=True)
        (lists / f"wider_face_{split}_{'filelist' if split == 'test' else 'bbx_gt'}.txt").write_text(text)
    return {f"wider_{name}": folder / name for name in ("train", "val", "test", "annot")}


def test_wider_face_is_read_when_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tensorflow-datasets' own code prepares four photos, as if they had been downloaded; then we read them."""
    tfds = pytest.importorskip("tensorflow_datasets")
    archives = write_wider_archives(tmp_path / "downloads")
    with monkeypatch.context() as patch:
        patch.setattr(tfds.download.DownloadManager, "download_and_extract", lambda self, urls: archives)
        tfds.builder("wider_face", data_dir=str(tmp_path)).download_and_prepare()

    monkeypatch.setattr(tfds_faces, "_HOST", "")  # prepared: no network may be asked for
    photos = from_tfds("wider_face", data_dir=tmp_path)
    by_source = {photo.source: photo for photo in photos}
    assert photos.total == 3
    assert len(by_source) == 3  # a face without its label would pass for background
    one, two, three = (by_source[f"tfds:wider_face/{name}.jpg"] for name in ("a/1", "b/2", "c/3"))
    (face,) = one.faces  # the other is marked invalid
    assert [face.box.x, face.box.y, face.box.w, face.box.h] == pytest.approx([10, 20, 30, 40], abs=1e-3)
    assert (one.split, one.picture.size, one.terms) == ("train", (100, 80), "research-only")
    assert two.faces == ()
    (cut,) = three.faces
    assert [cut.box.w, cut.box.h] == pytest.approx([10, 10], abs=1e-3)
    assert three.split == "val"
    assert [photo.split for photo in from_tfds("wider_face", 2, data_dir=tmp_path)] == ["train", "train"]


def test_celeb_a_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Data that tensorflow-datasets makes up: random pictures and landmarks in the real format."""
    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr(tfds_faces, "_refuse_without_network", lambda name, prepared: None)
    with tfds.testing.mock_data(num_examples=8, max_value=150):
        photos = list(from_tfds("celeb_a", 10, data_dir=tmp_path))
    assert [photo.split for photo in photos] == ["train"] * 7 + ["val"] * 2 + ["test"]
    assert all(photo.picture.size == (178, 218) and len(photo.faces) == 1 for photo in photos)
    assert all(photo.group.startswith("tfds:celeb_a/person ") for photo in photos)
    assert len({photo.source for photo in photos}) == 10


def test_without_network_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setattr(tfds_faces, "_HOST", "nowhere.invalid")
    monkeypatch.setattr("urllib.request.getproxies", dict)
    with pytest.raises(UserError, match=r"wider_face is not prepared in .* nowhere\.invalid cannot be reached; use"):
        from_tfds("wider_face", data_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_failed_download_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tfds = pytest.importorskip("tensorflow_datasets")

    def fail(self: Any, urls: Any) -> None:
        raise tfds.download.DownloadError("HTTP 403")

    monkeypatch.setattr(tfds_faces, "_refuse_without_network", lambda name, prepared: None)
    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", fail)
    with pytest.raises(UserError, match="the download failed: HTTP 403; use a machine with a network"):
        from_tfds("wider_face", data_dir=tmp_path)


def test_unknown_and_missing_tfds(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="choose wider_face or celeb_a"):
        from_tfds("mnist")
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match=r"edgeblur\[tfds\]"):
        from_tfds("celeb_a")


def test_drawn_scenes_are_mixed_in_to_train_on(tmp_path: Path) -> None:
    lines = [{"file": f"{name}.png", "faces": [], "split": name, "source": name} for name in ("train", "val", "test")]
    labels = write_photos(tmp_path / "p", lines)
    photos = with_scenes(open_photos([tmp_path / "p"], [labels], skipped=[]), 2, seed=3, size=32)
    assert photos.total == 5
    splits = [(photo.source.split(":")[0], photo.split) for photo in photos]
    assert [split for _, split in splits] == ["train", "val", "test", "train", "train"]
    assert len({source for source, _ in splits[:3]}) == 3
