"""Sequences made from photos, and photos in a frame's shape."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeblur.cli import main
from edgeblur.firmware_harness.privacy.filmed import Filmed, FilmedCount
from edgeblur.firmware_harness.privacy.photos import photos_with_labels
from edgeblur.firmware_harness.privacy.sequences import FRAMES, Bare, clips
from edgeblur.firmware_harness.privacy.tables import filmed_notes
from edgeblur.pictures.faces import Box, Face
from edgeblur.store.dataset import Dataset


def _marked(size: tuple[int, int] = (90, 70), box: tuple[int, int, int, int] = (30, 20, 20, 24)) -> Image.Image:
    """A grey picture whose face is a white box."""
    picture = Image.new("RGB", size, (90, 90, 90))
    picture.paste((255, 255, 255), (box[0], box[1], box[0] + box[2], box[1] + box[3]))
    return picture


FACE = Face.from_box(Box(30, 20, 20, 24))


def test_faces_move_as_fast_as_the_clip_says_and_stay_on_the_face() -> None:
    made = list(clips(_marked(), (FACE,), (160, 120), (0.5,), seed=4))
    assert {clip.kind for clip in made} == {"pan", "shake", "enter", "cross", "zoom", "turn"}
    for clip in made:
        assert len(clip.frames) == FRAMES
        for frame in clip.frames:
            for face in frame.faces:
                x, y = round(face.box.x + face.box.w / 2), round(face.box.y + face.box.h / 2)
                assert frame.picture[min(y, 119), min(x, 159)].min() > 200
    pan, enter = (next(clip for clip in made if clip.kind == kind) for kind in ("pan", "enter"))
    steps = np.hypot(*np.diff([(f.faces[0].box.x, 2 * f.faces[0].box.y) for f in pan.frames], axis=0).T)
    assert np.allclose(steps, 0.5 * pan.frames[0].faces[0].box.w, rtol=0.01)
    assert not enter.frames[0].faces
    assert enter.frames[-1].faces


def test_a_face_crosses_before_a_camera_that_stands_still() -> None:
    (cross,) = (clip for clip in clips(_marked(), (FACE,), (160, 120), (0.5,), seed=4) if clip.kind == "cross")
    steps = np.diff([frame.faces[0].box.x for frame in cross.frames])
    assert np.allclose(steps, 0.5 * cross.frames[0].faces[0].box.w)
    first, last = cross.frames[0], cross.frames[-1]
    same = (first.picture == last.picture).all(axis=2)
    assert same.mean() > 0.5
    for frame in (first, last):
        box = frame.faces[0].box
        assert not same[round(box.y + box.h / 2), round(box.x + box.w / 2)]


def test_frames_of_a_data_set_are_judged(tiny_data: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    line = f"validate mask4 --privacy --frame 64x48 --hold live --data {tiny_data.root} --limit 2 --min-face 4"
    with pytest.raises(SystemExit) as ended:
        main([*line.split(), "--detector", "none", "--no-identity", "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)["privacy"]
    assert (told["images"], told["photos"]) == (2, f"test split of {tiny_data.root}")
    assert told["sequences"]["sequences"] == 11 * told["sequences"]["photos"] > 0


def test_a_face_is_open_as_far_as_it_is_not_veiled() -> None:
    veiled = np.zeros((70, 90), bool)
    veiled[:, :37] = True  # a third of the face
    bare = Bare().seen(veiled, (FACE,)).seen(~veiled, (FACE,)).seen(veiled | ~veiled, (FACE,))
    assert (bare.faces, bare.open_half, bare.open_fifth, bare.frames) == (3, 1, 2, 3)


def test_photos_are_framed_as_a_camera_would(tmp_path: Path) -> None:
    _marked().save(tmp_path / "a.png")
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps({"file": "a.png", "faces": [[30, 20, 20, 24]]}))
    (triple,) = photos_with_labels(tmp_path, labels, (160, 60), in_shape=True).triples
    assert triple.picture.shape == (60, 160, 3)
    box = triple.faces[0].box
    assert box.w / box.h == pytest.approx(20 / 24)
    assert (box.x, box.w) == (pytest.approx(30 * 160 / 90), pytest.approx(20 * 160 / 90))


def test_privacy_is_judged_on_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _marked((200, 150), (60, 40, 50, 60)).save(tmp_path / "a.png")
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps({"file": "a.png", "faces": [[60, 40, 50, 60]]}))
    line = (
        f"validate mask4 --privacy --frame 160x120 --photos {tmp_path} --labels {labels} --detector none --no-identity"
    )
    with pytest.raises(SystemExit) as ended:
        main([*line.split(), "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)["privacy"]
    assert told["min_side_px"] == 20.0  # 16 of the net's 128 pixels
    assert told["model"]["over_blur"]["pictures"] == 1


@pytest.mark.parametrize("hold", ["live", "rows"])
def test_ways_to_hold_frames_are_judged_in_sequences(
    hold: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _marked((200, 150), (60, 40, 50, 60)).save(tmp_path / "a.png")
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps({"file": "a.png", "faces": [[60, 40, 50, 60]]}))
    line = f"validate mask4 --privacy --frame 64x48 --hold {hold} --photos {tmp_path} --labels {labels}"
    with pytest.raises(SystemExit) as ended:
        main([*line.split(), "--detector", "none", "--no-identity", "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)["privacy"]
    assert (told["hold"], told["sequences"]["hold"], told["sequences"]["photos"]) == (hold, hold, 1)
    counts = told["sequences"]["counts"]
    assert told["sequences"]["sequences"] == 11
    assert {each["hold"] for each in counts} == {"buffer", hold}
    faces = {key: sum(each["faces"] for each in counts if each["hold"] == key) for key in ("buffer", hold)}
    assert faces["buffer"] == faces[hold] > 30
    # rows are veiled by the same mask as a whole frame
    same = [[each["leaked"] for each in counts if each["hold"] == key] for key in ("buffer", hold)]
    assert hold == "live" or same[0] == same[1]


def counted(hold: str, leaked: int) -> FilmedCount:
    return FilmedCount(hold, "centerface", "pan", 0.5, 200, leaked)


@pytest.mark.parametrize(
    ("live", "buffer", "keeps", "ratio"),
    [(12, 10, True, 1.2), (13, 10, False, 1.3), (1, 0, False, None), (0, 0, True, None)],
)
def test_a_way_to_hold_frames_may_leak_a_fifth_more_than_buffer(
    live: int, buffer: int, keeps: bool, ratio: float | None
) -> None:
    filmed = Filmed("live", 1, 9, (counted("buffer", buffer), counted("live", live)))
    assert filmed.keeps("centerface") == keeps
    assert filmed.ratios.get("centerface") == ratio
    assert f"{live} of 200 faces, buffer {buffer} of 200" in filmed_notes(filmed)[0]
    assert ("at most 1.2 times" in filmed_notes(filmed)[0]) == keeps


def test_holding_a_frame_needs_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["validate", "mask4", "--privacy", "--hold", "live"])
    assert ended.value.code == 2
    assert "--hold is for frames: add --frame" in capsys.readouterr().err
