"""Making data sets and reading them back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeblur.distill.data.make import MakeOptions, assign_splits, make_dataset
from edgeblur.distill.data.sources import LabelledPhoto
from edgeblur.errors import UserError
from edgeblur.pictures.blur import BlurStyle, blur_faces
from edgeblur.pictures.faces import Box, Face
from edgeblur.pictures.images import load_picture
from edgeblur.store.dataset import SPLITS, Counts, Dataset, open_dataset

OPTIONS = MakeOptions(size=32)


def photo(
    number: int, *, group: str | None = None, size: tuple[int, int] = (40, 40), faces: tuple[Face, ...] = (),
    split: str | None = None,
) -> LabelledPhoto:  # fmt: skip
    pixels = np.random.default_rng(number).integers(0, 256, (size[1], size[0], 3), np.uint8)
    name = f"photo-{number}"
    return LabelledPhoto(name, group or name, Image.fromarray(pixels), faces, split, "drawn", "cc0")


def some(count: int, per_group: int = 1) -> Iterator[LabelledPhoto]:
    return (photo(i, group=f"group-{i // per_group}") for i in range(count))


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_layout_of_the_thesis(tmp_path: Path) -> None:
    data = make_dataset(some(20), tmp_path / "data", OPTIONS)
    folders = {f"{split}{suffix}" for split in SPLITS for suffix in ("", "_blur", "_mask")}
    assert {path.name for path in data.root.iterdir()} == folders | {"manifest.json"}
    for split, count in (("train", 14), ("val", 4), ("test", 2)):
        names = [f"{number:05d}.jpg" for number in range(1, count + 1)]
        assert [sample.name for sample in data.split(split)] == names
        for suffix in ("", "_blur", "_mask"):
            assert sorted(path.name for path in (data.root / f"{split}{suffix}").iterdir()) == names
    assert data.manifest.counts == Counts(train=14, val=4, test=2)
    assert {s.source for s in data.samples} == {f"photo-{i}" for i in range(20)}
    assert data.manifest.samples[0].licence == "drawn"
    assert left_over(tmp_path) == ["data"]


def test_pictures_are_those_of_the_source_and_their_blur(tmp_path: Path) -> None:
    face = Face.from_box(Box(10, 8, 12, 15))
    photos = [photo(i, size=(32, 32), faces=(face,)) for i in range(3)]
    data = make_dataset(photos, tmp_path / "data", OPTIONS)
    for sample in data.samples:
        triple = data.load(sample)
        original = photos[int(sample.source.removeprefix("photo-"))].picture
        blurred, mask = blur_faces(original, [face])
        for stored, wanted in ((triple.picture, original), (triple.blur, blurred), (triple.mask, mask)):
            difference = np.abs(stored.astype(int) - np.asarray(wanted).astype(int))
            assert difference.mean() < 8  # what a JPEG of noise loses
        assert triple.faces == (face,)
        assert (data.root / "train").is_dir()
        with Image.open(sample.picture) as stored_file:
            assert stored_file.size == (32, 32)


@pytest.mark.parametrize("per_group", [1, 3, 7])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_group_is_in_two_splits_and_the_shares_are_met(per_group: int, seed: int) -> None:
    groups = [f"g{i // per_group}" for i in range(210)]
    assigned = assign_splits(groups, (0.7, 0.2, 0.1), seed)
    assert set(assigned) == set(groups)  # a dict: one split a group
    counts = Counter(assigned[group] for group in groups)
    for split, share in zip(SPLITS, (0.7, 0.2, 0.1), strict=True):
        assert counts[split] == pytest.approx(210 * share, abs=per_group)


def test_the_manifest_keeps_groups_together(tmp_path: Path) -> None:
    data = make_dataset(some(24, per_group=4), tmp_path / "data", OPTIONS)
    splits: dict[str, set[str]] = {}
    for entry in data.manifest.samples:
        splits.setdefault(str(entry.group), set()).add(entry.split)
    assert len(splits) == 6
    assert all(len(found) == 1 for found in splits.values())
    assert all(data.split(split) for split in SPLITS)


def test_one_huge_group_leaves_no_split_empty() -> None:
    groups = ["huge"] * 90 + ["a", "b"]
    assert sorted(assign_splits(groups, (0.7, 0.2, 0.1), 0).values()) == ["test", "train", "val"]


def test_a_seed_decides(tmp_path: Path) -> None:
    def sources(name: str, seed: int) -> list[str]:
        data = make_dataset(some(12), tmp_path / name, MakeOptions(size=32, seed=seed))
        return [f"{sample.split} {sample.source}" for sample in data.samples]

    first = sources("one", 5)
    assert sources("two", 5) == first
    assert sources("three", 6) != first
    one, two = (sorted((tmp_path / name).rglob("*.jpg")) for name in ("one", "two"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_labels_may_bring_their_own_splits(tmp_path: Path) -> None:
    own = ["test", "train", "val", "train", "train"]
    photos = [photo(i, split=split) for i, split in enumerate(own)]
    data = make_dataset(photos, tmp_path / "data", MakeOptions(size=32, keep_splits=True))
    assert {s.source: s.split for s in data.samples} == {f"photo-{i}": split for i, split in enumerate(own)}
    with pytest.raises(UserError, match="photo-0 has none"):
        make_dataset(some(3), tmp_path / "other", MakeOptions(size=32, keep_splits=True))


def of_makers(*makers: str | None, split: str | None = None) -> list[LabelledPhoto]:
    return [replace(photo(i, split=split), maker=maker) for i, maker in enumerate(makers)]


@pytest.mark.parametrize("split", [None, "train", "test"])
def test_makers_that_are_held_out_are_for_validation_alone(tmp_path: Path, split: str | None) -> None:
    photos = of_makers(*["ours", "theirs"] * 20, split=split)
    options = replace(OPTIONS, keep_splits=split is not None, hold_out=frozenset({"theirs"}))
    data = make_dataset(photos, tmp_path / "data", options)
    makers = {name: Counter(s.maker for s in data.manifest.samples if s.split == name) for name in SPLITS}
    assert makers["val"]["theirs"] == 20
    assert makers["train"]["theirs"] == makers["test"]["theirs"] == 0
    assert sum(makers[name]["ours"] for name in SPLITS) == 20
    assert split is None or makers[split]["ours"] == 20
    assert data.manifest.hold_out == ("theirs",)


def test_copies_of_a_photo_go_with_the_maker_that_is_held_out(tmp_path: Path) -> None:
    first, *rest = of_makers("theirs", "ours", "ours", "ours", "ours", split="train")
    copy = replace(photo(9, group=first.group, split="train"), maker="ours")
    data = make_dataset(
        [copy, first, *rest], tmp_path / "data", replace(OPTIONS, keep_splits=True, hold_out=frozenset({"theirs"}))
    )
    assert {s.source for s in data.split("val")} == {copy.source, first.source}


def test_makers_to_hold_out_are_known_and_not_all(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nobody, of whom no photo came; the labels name ours, theirs"):
        make_dataset(
            of_makers("ours", "theirs", None), tmp_path / "a", replace(OPTIONS, hold_out=frozenset({"nobody"}))
        )
    with pytest.raises(UserError, match="nothing is left to train on"):
        make_dataset(of_makers("ours"), tmp_path / "b", replace(OPTIONS, hold_out=frozenset({"ours"})))
    assert left_over(tmp_path) == []


def test_own_splits_cannot_tear_a_group_apart(tmp_path: Path) -> None:
    photos = [photo(0, group="same", split="train"), photo(1, group="same", split="test"), photo(2, split="val")]
    data = make_dataset(photos, tmp_path / "data", MakeOptions(size=32, keep_splits=True))
    assert [s.split for s in data.samples if s.source != "photo-2"] == ["train", "train"]


@pytest.mark.parametrize("size", [(120, 40), (40, 120)], ids=["wide", "tall"])
@pytest.mark.parametrize("place", [0.0, 0.5, 1.0], ids=["start", "middle", "end"])
def test_the_square_is_cut_where_the_face_is(tmp_path: Path, size: tuple[int, int], place: float) -> None:
    free = place * (max(size) - 16)
    face = Face.from_box(Box(free, 12, 16, 16) if size[0] > size[1] else Box(12, free, 16, 16))
    photos = [photo(i, size=size, faces=(face,)) for i in range(3)]
    data = make_dataset(photos, tmp_path / "data", OPTIONS)
    for sample in data.samples:
        (kept,) = sample.faces
        assert kept.box.w == pytest.approx(16 * 32 / 40, abs=0.1)
        assert min(kept.box.x, kept.box.y) >= -0.1
        assert max(kept.box.x + kept.box.w, kept.box.y + kept.box.h) <= 32.1


def test_a_face_that_is_cut_away_is_no_label_but_is_blurred(tmp_path: Path) -> None:
    large, cut = Face.from_box(Box(2, 5, 30, 30)), Face.from_box(Box(36, 10, 20, 20))
    photos = [photo(i, size=(80, 40), faces=(large, cut)) for i in range(3)]
    data = make_dataset(photos, tmp_path / "data", OPTIONS)
    for sample in data.samples:
        labelled = {round(face.box.w) for face in sample.faces}
        inside = [f for f in sample.faces if f.box.x + f.box.w / 2 < 32]
        assert labelled
        assert len(inside) == len(sample.faces)


def test_a_face_that_shrinks_to_nothing_is_blurred_counted_and_no_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = LabelledPhoto("a", "a", Image.new("RGB", (4000, 4000)), (Face.from_box(Box(100, 100, 1, 2)),))
    others = [LabelledPhoto(n, n, Image.new("RGB", (64, 64)), (Face.from_box(Box(9, 9, 9, 9)),)) for n in "bcd"]
    data = make_dataset([photo, *others], tmp_path / "data", MakeOptions(size=64, shares=(0.5, 0.25, 0.25)))
    assert sorted(len(sample.faces) for sample in data.samples) == [0, 1, 1, 1]
    assert "1 face was blurred, but left out of the labels: smaller than a tenth of a pixel" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ['{"size": 1e999, "samples": []}', '{"size": 0, "samples": []}', "[" * 100_000,
                                    '{"size": 1' + "0" * 5000 + "}", '{"size": 64, "samples": [[]]}'])  # fmt: skip
def test_a_manifest_of_odd_numbers_is_damaged(damage: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(damage)
    with pytest.raises(UserError, match=r"damaged|cannot be read"):
        open_dataset(tmp_path)


def test_too_few_sources(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least 3 source pictures, got 2"):
        make_dataset(some(8, per_group=4), tmp_path / "data", OPTIONS)
    with pytest.raises(UserError, match="no photo came in"):
        make_dataset([], tmp_path / "data", OPTIONS)
    assert left_over(tmp_path) == []


def test_shares_of_zero_leave_a_split_empty(tmp_path: Path) -> None:
    data = make_dataset(some(4), tmp_path / "data", MakeOptions(size=32, shares=(1.0, 0.0, 0.0)))
    assert len(data.split("train")) == 4
    assert (data.root / "val_mask").is_dir()


def test_an_occupied_place_is_refused_unless_forced(tmp_path: Path) -> None:
    make_dataset(some(4), tmp_path / "data", OPTIONS)
    with pytest.raises(UserError, match="exists already"):
        make_dataset(some(5), tmp_path / "data", OPTIONS)
    assert len(open_dataset(tmp_path / "data").samples) == 4
    assert len(make_dataset(some(5), tmp_path / "data", OPTIONS, force=True).samples) == 5
    assert left_over(tmp_path) == ["data"]
    (tmp_path / "data" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds notes\.txt, which edgeblur did not write"):
        make_dataset(some(4), tmp_path / "data", OPTIONS, force=True)
    assert (tmp_path / "data" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("error", [RuntimeError("broken photo"), KeyboardInterrupt()])
def test_nothing_half_written_stays(tmp_path: Path, error: BaseException) -> None:
    def breaking() -> Iterator[LabelledPhoto]:
        yield from some(3)
        raise error

    with pytest.raises(type(error)):
        make_dataset(breaking(), tmp_path / "data", OPTIONS)
    assert left_over(tmp_path) == []


def test_a_failed_replacement_leaves_the_old_data_set(tmp_path: Path) -> None:
    before = make_dataset(some(4), tmp_path / "data", OPTIONS)
    with pytest.raises(UserError):
        make_dataset([], tmp_path / "data", OPTIONS, force=True)
    assert open_dataset(before.root).samples == before.samples


def test_the_manifest_tells_the_blur(tmp_path: Path) -> None:
    style = BlurStyle(strength=0.2, grow=1.1, feather=0.1)
    data = make_dataset(some(3), tmp_path / "data", MakeOptions(size=32, seed=3, style=style))
    assert data.manifest.blur == style
    assert (data.manifest.seed, data.size) == (3, 32)


def test_pictures_are_loaded_at_any_size(tiny_data: Dataset) -> None:
    sample = next(s for s in tiny_data.samples if s.faces)
    triple = tiny_data.load(sample, (24, 24))
    assert triple.picture.shape == triple.blur.shape == (24, 24, 3)
    assert triple.mask.shape == (24, 24)
    assert triple.faces[0].box.w == pytest.approx(sample.faces[0].box.w / 2)


def test_faces_stay_on_their_masks_in_pictures_of_another_shape(tiny_data: Dataset) -> None:
    sample = next(s for s in tiny_data.samples if len(s.faces) == 1)
    (before,) = tiny_data.load(sample, (96, 96)).faces
    triple = tiny_data.load(sample, (96, 48))
    (face,) = triple.faces
    assert (face.box.x, face.box.w) == (before.box.x, before.box.w)
    assert (2 * face.box.y, 2 * face.box.h) == pytest.approx((before.box.y, before.box.h))
    rows, columns = np.nonzero(triple.mask > 127)
    found = Box(columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
    assert found.iou(Box(face.box.x, face.box.y, face.box.w, face.box.h)) > 0.4


def damaged(manifest: dict[str, object]) -> list[object]:
    samples = manifest["samples"]
    assert isinstance(samples, list)
    first = samples[0]
    return [
        {**manifest, "samples": 3},
        {**manifest, "size": "large"},
        {key: value for key, value in manifest.items() if key != "size"},
        {**manifest, "samples": [{**first, "faces": [{"box": [1, 2, 3], "ellipse": [1, 2, 3, 4, 5]}]}]},
        {**manifest, "samples": [{key: value for key, value in first.items() if key != "name"}]},
        [],
    ]


def test_damaged_data_sets_are_refused(tmp_path: Path, tiny_data: Dataset) -> None:
    with pytest.raises(UserError, match="not a data set"):
        open_dataset(tmp_path)
    with pytest.raises(UserError, match="not a data set"):
        open_dataset(tmp_path / "missing")
    path = tmp_path / "manifest.json"
    for text in ["", "{", *(json.dumps(bad) for bad in damaged(tiny_data.manifest.as_json()))]:
        path.write_text(text)
        with pytest.raises(UserError, match=r"manifest\.json"):
            open_dataset(tmp_path)


def test_a_missing_or_broken_picture_is_named(tmp_path: Path) -> None:
    data = make_dataset(some(3), tmp_path / "data", OPTIONS)
    sample = data.samples[0]
    assert load_picture(sample.picture).size == (32, 32)
    sample.mask.write_bytes(sample.mask.read_bytes()[:100])
    with pytest.raises(UserError, match=r"train_mask/00001\.jpg"):
        data.load(sample)
    sample.mask.unlink()
    with pytest.raises(UserError, match=r"train_mask/00001\.jpg does not exist"):
        data.load(sample)
