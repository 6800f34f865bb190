"""Bad input seen from outside: one sentence, the right exit code, nothing half-written, nothing of the user's lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import function_tflite, int8_tflite, tiny_unet

from edgeblur.cli import main
from edgeblur.pictures.images import load_picture
from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import Run

Capture = pytest.CaptureFixture[str]

FAST = "--size 32 --width 2 --levels 2 --epochs 1 --batch 8"


def listing(folder: Path) -> dict[str, str]:
    """Everything below a folder, hidden files too, with a digest of each file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "/"
        for path in folder.rglob("*")
    }


def command(line: str) -> int:
    """Run a command line in this process; anything but an orderly end fails the test."""
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert isinstance(ended.value.code, int)
    return ended.value.code


def one_sentence(err: str, *, remarks: bool = False) -> str:
    """The only line on standard error, or the last one where remarks on the progress may come before it."""
    lines = err.strip().splitlines()
    assert sum(line.startswith("edgeblur: ") for line in lines) == 1, err
    assert remarks or len(lines) == 1, err
    assert "Traceback" not in err
    assert lines[-1].startswith("edgeblur: ")
    return lines[-1]


@pytest.fixture(scope="session")
def odd_models(tmp_path_factory: pytest.TempPathFactory, tiny_int8: Path, tiny_run: Run) -> Path:
    """Models that are none, that are cut short, or that take or give something else than one picture of one size."""
    import tensorflow as tf
    import tf_keras as K

    folder = tmp_path_factory.mktemp("odd")
    whole = tiny_int8.read_bytes()
    (folder / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    (folder / "junk.tflite").write_bytes(b"junk")
    (folder / "nothing.tflite").write_bytes(b"")
    (folder / "larger.tflite").write_bytes(int8_tflite(tiny_unet(64, 64)))
    (folder / "flat.tflite").write_bytes(function_tflite(lambda x: x * 2.0, (1, 10)))
    (folder / "mask.tflite").write_bytes(function_tflite(lambda x: tf.reduce_mean(x, -1, True), (1, 32, 32, 3)))
    (folder / "half.tflite").write_bytes(function_tflite(lambda x: x[:, ::2, ::2], (1, 32, 32, 3)))
    taken = tf.TensorSpec((1, 8, 8, 3), tf.float32)
    both = tf.function(lambda a, b: a + b).get_concrete_function(taken, taken)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([both], tf.Module())
    (folder / "two.tflite").write_bytes(converter.convert())
    trained = tiny_run.teacher.keras.read_bytes()
    (folder / "cut.keras").write_bytes(trained[: len(trained) // 2])
    (folder / "junk.keras").write_bytes(b"junk")
    flat, half = K.layers.Input((10,)), K.layers.Input((32, 32, 3))
    K.Model(flat, K.layers.Dense(3)(flat)).save(folder / "flat.keras")
    K.Model(half, K.layers.Conv2D(3, 3, strides=2)(half)).save(folder / "half.keras")
    _save_keras_3(folder / "keras3.keras")
    return folder


def _save_keras_3(path: Path) -> None:
    import keras

    picture = keras.Input((32, 32, 3))
    keras.Model(picture, keras.layers.Conv2D(3, 1)(picture)).save(path)


@pytest.fixture
def place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    odd_models: Path,
    tiny_int8: Path,
    tiny_data: Dataset,
    tiny_run: Run,
) -> Path:
    """The working directory of one test: good and bad files under short names."""
    monkeypatch.chdir(tmp_path)
    for path in odd_models.iterdir():
        shutil.copy(path, path.name)
    shutil.copy(tiny_int8, "int8.tflite")
    shutil.copy(tiny_run.teacher.float_tflite, "float.tflite")
    shutil.copy(tiny_run.teacher.keras, "ok.keras")
    shutil.copytree(tiny_run.folder, "run")
    shutil.copytree(tiny_data.root, "data")
    for name in ("empty", "text", "dot", "mine", "photos", "no_model", "bad_teacher", "bad_run"):
        Path(name).mkdir()
    photo = Image.effect_noise((50, 40), 60).convert("RGB")
    photo.save("photo.png")
    for number in range(4):
        photo.save(f"photos/{number}.png")
    Path("text/note.jpg").write_text("no picture")
    Image.new("RGB", (1, 1)).save("dot/dot.png")
    Path("mine/thesis.txt").write_text("three years of work")
    Path("mine/manifest.json").write_text('{"name": "my web site"}')
    Path("mine/run.json").write_text("[]")
    Path("no_model/run.json").write_text(json.dumps({"edgeblur": "0", "dataset": "data", "models": []}))
    Path("bad_run/run.json").write_text('{"edgeblur": "0"}')
    shutil.copytree("run", "bad_teacher", dirs_exist_ok=True)
    Path("bad_teacher/teacher/model.keras").write_bytes(b"junk")
    Path("bad_teacher/teacher/float.tflite").write_bytes(b"junk")
    return tmp_path


WITHOUT_TENSORFLOW = [
    # a file or folder that is not there
    "blur gone.png --out new.png --with int8.tflite",
    "blur photos --out new --with gone.tflite",
    "compare gone",
    "compare --data gone --judge none --detector none",
    "compare --data data --with gone.tflite",
    "data make gone --out new",
    "data make photos --labels gone.jsonl --out new",
    "export gone --out new",
    "report gone",
    "validate gone.tflite",
    "validate int8.tflite --photos gone",
    "validate int8.tflite --data gone",
    "validate int8.tflite --reference gone.tflite",
    # an empty folder, or one without what is needed
    "blur empty --out new --with int8.tflite",
    "blur photos --out new --with empty",
    "blur photos --out new --with no_model",
    "compare empty",
    "compare --data empty --judge none --detector none",
    "compare",
    "data make empty --out new",
    "data make --out new",
    "export empty --out new",
    "export no_model --out new",
    "report empty",
    "report no_model",
    "validate empty",
    "validate int8.tflite --photos empty",
    "validate int8.tflite --data empty",
    # damaged runs
    "compare bad_run",
    "compare mine",
    "compare bad_teacher --judge none --detector none",
    "export bad_run --out new",
    "export bad_teacher --out new",
    "report bad_run",
    "report bad_teacher --judge none",
    "validate bad_run",
    "validate bad_teacher",
    # a picture that is none, and one of a single pixel
    *(
        line.format(bad=bad)
        for bad in ("text", "text/note.jpg", "dot", "dot/dot.png")
        for line in (
            "blur {bad} --out new.png --with int8.tflite",
            "data make {bad} --out new",
            "validate int8.tflite --photos {bad}",
        )
    ),
    # a .tflite that is none, is cut short, or takes or gives something else
    *(
        line.format(bad=bad)
        for bad in ("cut", "junk", "nothing", "flat", "two")
        for line in (
            "blur photo.png --out new.png --with {bad}.tflite",
            "compare --data data --with {bad}.tflite --judge none --detector none",
            "validate {bad}.tflite",
            "validate int8.tflite --reference {bad}.tflite",
        )
    ),
    "export cut.tflite --out new",
    "export junk.tflite --out new",
    "export ok.keras --out new",
    "export photo.png --out new",
    "blur photo.png --out new.png --with photo.png",
    "blur photo.png --out new.png --with mask.tflite",
    "blur photo.png --out new.png --with half.tflite --fit tile",
    "compare --data data --with mask.tflite --judge none --detector none",
    "compare --data data --with half.tflite --judge none --detector none",
    "compare --data data --with int8.tflite --with larger.tflite --judge none --detector none",
    "compare run --with larger.tflite --judge none --detector none",
    "validate int8.tflite --reference larger.tflite",
    "validate int8.tflite --reference half.tflite",
    # options that make no sense
    "blur photo.png --out new.png --with detector:nobody",
    "compare --data data --detector nobody --judge none",
    "compare --data data --judge nobody",
    "data make photos --detector nobody --out new",
    "data make --source synthetic:0 --out new",
    "data make --source nowhere:3 --out new",
    "data make --source synthetic:2 --out new",
    "export int8.tflite --out new --name int",
    "validate int8.tflite --engine abacus",
    "validate int8.tflite --exact",
    "validate int8.tflite --photos photos --random 3",
    # places that are taken, or that are no places
    "blur photo.png --out photo.png --with int8.tflite --force",
    "blur photos --out photos --with int8.tflite --force",
    "blur photo.png --out ok.keras/new.png --with int8.tflite",
    "blur photo.png --out int8.tflite --with int8.tflite --force",
    "blur photos --out photo.png --with int8.tflite --force",
    "blur photo.png --out new.psd --with int8.tflite",
    "compare run --out photo.png --judge none --detector none",
    "data make photos --out mine",
    "data make photos --out mine --force",
    "data make --source synthetic:5 --out photo.png --force",
    "data make data/train --out data --force",
    "export int8.tflite --out mine",
    "export int8.tflite --out mine --force",
    "export int8.tflite --out photo.png --force",
    "export int8.tflite --out photo.png/new",
    "export int8.tflite --out /proc/new",
    "validate int8.tflite --out photo.png",
    "validate int8.tflite --out mine --force",
    "validate int8.tflite --out /dev/null --force",
]


@pytest.mark.parametrize("line", WITHOUT_TENSORFLOW)
def test_one_sentence_and_nothing_written(line: str, place: Path, capsys: Capture) -> None:
    before = listing(place)
    assert command(line) == 2
    said = capsys.readouterr()
    one_sentence(said.err, remarks=line.startswith("compare run --out"))  # told after the comparison was made
    assert listing(place) == before


WITH_TENSORFLOW = [
    "demo --data gone --out new",
    "demo --out mine",
    "demo --out mine --force",
    "demo --out photo.png --force",
    "distill gone",
    "distill empty",
    "distill no_model",
    "distill bad_run",
    "distill bad_teacher",
    "distill run --prune 1.5",
    "distill run --sparsity -0.1",
    "distill run --prune nan",
    "quantize --int8 gone",
    "quantize --int8 empty",
    "quantize --int8 bad_run",
    "quantize --int8 bad_teacher",
    "quantize --int8 ok.keras",
    "quantize --int8 ok.keras --data gone",
    "quantize --int8 ok.keras --data empty",
    "quantize --int8 ok.keras --data data --out mine",
    "quantize --int8 ok.keras --data data --out photo.png",
    "quantize --int8 ok.keras --data data --qat",
    "quantize --int8 float.tflite --data data",
    "quantize --int8 run --model nobody",
    "quantize --int8 run --model nobody --qat",
    *(
        line.format(bad=bad)
        for bad in ("cut", "junk", "keras3", "flat", "half")
        for line in (
            "quantize --int8 {bad}.keras --data data --out new",
            f"train --data data --out new --start {{bad}}.keras {FAST}",
        )
    ),
    f"train --data data --out run --start junk.keras {FAST} --force",  # the run that is there must stay
    "train --data gone --out new",
    "train --data empty --out new",
    "train --data data --out mine",
    "train --data data --out mine --force",
    "train --data data --out photo.png --force",
    "train --data data --out data --force",
    "train --data run/../data --out . --force",
    "train --data data --out new --size 33",
    f"train --data data --out /proc/new {FAST}",
    f"train --data data --out photo.png/new {FAST}",
    "train --data data --out new --resume",
    "train --data data --out mine --resume",
    "train --data data --out new --strategy multiworker",
]


@pytest.mark.parametrize("line", WITH_TENSORFLOW)
def test_one_sentence_and_nothing_written_by_training(line: str, place: Path, capsys: Capture) -> None:
    before = listing(place)
    assert command(line) == 2
    one_sentence(capsys.readouterr().err, remarks=line.startswith("demo --data"))
    assert listing(place) == before


@pytest.mark.parametrize(
    "line",
    [
        "data make --source synthetic:9 --out new --strength nan",
        "data make --source synthetic:9 --out new --split nan/1/1",
        "data make --source synthetic:9 --out new --seed -1",
        "data make --source synthetic:9 --out new --size 99999999",
        "train --data data --out new --learning-rate inf",
        "train --data data --out new --seed -1",
        "distill run --teacher-weight nan",
        "validate int8.tflite --min-psnr nan",
        "compare run --limit 0",
        "quantize ok.keras",
    ],
)
def test_numbers_that_are_none_are_usage_errors(line: str, place: Path, capsys: Capture) -> None:
    before = listing(place)
    assert command(line) == 2
    assert "Error: " in capsys.readouterr().err
    assert listing(place) == before


def test_results_of_others_are_not_overwritten_unasked(place: Path, capsys: Capture) -> None:
    Path("mine/compare.json").write_text("mine")
    Path("mine/0.png").write_text("mine")
    before = listing(place)
    assert command("compare --data data --out mine --judge none --detector none") == 2
    assert "--force" in one_sentence(capsys.readouterr().err)
    assert command("blur photos --out mine --with int8.tflite") == 2
    assert "--force" in one_sentence(capsys.readouterr().err)
    assert listing(place) == before
    assert command("blur photos --out mine --with int8.tflite --force") == 0
    assert command("compare --data data --out mine --judge none --detector none --force") == 0
    changed = {path for path, digest in listing(place).items() if before.get(path) != digest}
    assert changed == {f"mine/{name}" for name in ("0.png", "1.png", "2.png", "3.png", "compare.json", "compare.png")}


def test_file_names_that_are_no_text_or_look_like_markup(place: Path, capsys: Capture) -> None:
    folder = Path(os.fsdecode(b":smile:\xff["))  # with the file's name it ends in [/b], which closes what nobody opened
    folder.mkdir()
    shutil.copy("photos/0.png", folder / "b].png")
    shutil.copy("int8.tflite", folder / "b].tflite")
    assert command(f"blur {folder}/b].png --out {folder}/b]2.png --with {folder}/b].tflite") == 0
    assert command(f"validate {folder}/b].tflite --random 1") == 0
    assert command(f"compare --data data --with {folder}/b].tflite --judge none --detector none --out {folder}") == 0
    assert capsys.readouterr().out.count(":smile:\\udcff[/") == 4


# Good input that looks odd: it must come out upright, in colour, at its own size.


def _scene() -> Image.Image:
    """A picture whose four corners differ, so that a turn shows."""
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32], pixels[:24, 32:], pixels[24:, :32] = (200, 40, 40), (40, 200, 40), (40, 40, 200)
    return Image.fromarray(pixels)


def _save_odd(folder: Path) -> dict[str, Image.Image]:
    """Grey, transparent, turned and 16-bit pictures, with what should be seen of each."""
    scene, grey = _scene(), _scene().convert("L")
    odd = {
        "grey.png": (grey, grey.convert("RGB")),
        "rgba.png": (scene.convert("RGBA"), scene),
        "la.png": (grey.convert("LA"), grey.convert("RGB")),
        "palette.gif": (scene.convert("P", palette=Image.Palette.ADAPTIVE), scene),
        "grey16.png": (Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), grey.convert("RGB")),
        "float.tif": (Image.fromarray(np.asarray(grey).astype(np.float32) / 255), grey.convert("RGB")),
    }
    for name, (stored, _) in odd.items():
        stored.save(folder / name)
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    for orientation, turn in turns.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        scene.transpose(turn).save(folder / f"turned{orientation}.png", exif=exif)
    return {name: seen for name, (_, seen) in odd.items()} | {f"turned{o}.png": scene for o in turns}


def test_odd_pictures_are_read_upright_and_in_colour(tmp_path: Path) -> None:
    for name, seen in _save_odd(tmp_path).items():
        picture = load_picture(tmp_path / name)
        assert (name, picture.mode, picture.size) == (name, "RGB", seen.size)
        assert np.abs(np.asarray(picture).astype(int) - np.asarray(seen)).max() <= 1, name


def test_odd_pictures_go_through_every_command(tmp_path: Path, tiny_float: Path, capsys: Capture) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    seen = _save_odd(folder)
    labels = tmp_path / "labels.jsonl"
    labels.write_text("\n".join(json.dumps({"file": name, "faces": [[8, 8, 16, 16]]}) for name in seen))
    assert command(f"blur {folder} --out {tmp_path}/blurred --with {tiny_float} --fit tile") == 0
    capsys.readouterr()
    assert command(f"validate {tiny_float} --photos {folder} --json") == 0
    assert json.loads(capsys.readouterr().out)["images"] == len(seen)
    assert command(f"data make {folder} --labels {labels} --out {tmp_path}/data --size 48") == 0
    assert "skipped" not in capsys.readouterr().err
    for name in seen:
        blurred = load_picture(tmp_path / "blurred" / name)
        assert blurred.size == seen[name].size
        with Image.open(tmp_path / "blurred" / name) as stored:
            assert stored.getexif().get(0x0112, 1) == 1  # upright as it is, not by a note
    assert len(list((tmp_path / "data").glob("*/*.jpg"))) == 3 * len(seen)


def test_a_few_bad_pictures_among_good_ones_are_told_and_passed_over(place: Path, capsys: Capture) -> None:
    shutil.copy("text/note.jpg", "photos/note.jpg")
    shutil.copy("dot/dot.png", "photos/dot.png")
    for line in ("blur photos --out new --with int8.tflite --json", "validate int8.tflite --photos photos --json"):
        assert command(line) == 0
        said = capsys.readouterr()
        assert said.err.count("skipped: ") == 2
        json.loads(said.out)
    assert sorted(path.name for path in Path("new").iterdir()) == [f"{number}.png" for number in range(4)]


# A full disk: the system refuses to let files grow beyond a limit, as it refuses on a disk without room.


@contextlib.contextmanager
def room_for(bytes_: int) -> Iterator[None]:
    """No file may become larger; Python ignores the signal and gets an error instead, as C++ inside TensorFlow does.

    Bytecode of what is imported meanwhile would be cut short without an error, and fail whoever imports it next.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = before


@pytest.mark.parametrize(
    ("line", "bytes_"),
    [
        ("blur photo.png --out new/new.png --with int8.tflite", 100),
        ("blur photos --out new/folder --with int8.tflite", 100),
        ("compare run --judge none --detector none", 10_000),
        ("compare --data data --out new/place --judge none --detector none", 100),
        ("data make --source synthetic:9 --out new/place --size 32", 100),
        ("data make --source synthetic:9 --out data --size 32 --force", 2_000),
        ("export int8.tflite --out new/place", 10_000),
        ("report run --judge none", 10_000),
        ("validate int8.tflite --out new/result.json", 100),
        ("quantize --int8 run", 2_000),
        ("quantize --int8 ok.keras --data data --out new/place", 9_000),
        (f"train --data data --out new/place {FAST}", 100),
        (f"train --data data --out new/place {FAST}", 1_000),
        (f"train --data data --out run {FAST} --force", 1_000),
        (f"distill run --no-alone {FAST.replace('--size 32 ', '')}", 1_000),
        ("quantize --int8 --qat --epochs 1 run", 12_000),
    ],
)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(line: str, bytes_: int, place: Path, capsys: Capture) -> None:
    before = listing(place)
    with room_for(bytes_):
        assert command(line) == 1
    assert "the disk is full" in one_sentence(capsys.readouterr().err, remarks=True)
    assert listing(place) == before


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which `edgeblur` is the command of this Python; its exit code is that of edgeblur."""
    script = f'edgeblur() {{ "{sys.executable}" -m edgeblur "$@"; }}; {line}; exit ${{PIPESTATUS[0]}}'
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", ["--help", "validate int8.tflite --json", "validate int8.tflite"])
def test_standard_output_on_a_full_disk(arguments: str, place: Path) -> None:
    done = shell(f"edgeblur {arguments} > /dev/full", place)
    assert done.returncode == 1
    assert one_sentence(done.stderr).startswith("edgeblur: the disk is full: standard output")


@pytest.mark.parametrize("arguments", ["--help", "validate int8.tflite --json", "validate int8.tflite"])
def test_a_closed_pipe_ends_in_silence(arguments: str, place: Path) -> None:
    done = shell(f"edgeblur {arguments} | true", place)
    assert (done.returncode, done.stderr) == (1, "")


def test_closed_standard_streams(place: Path) -> None:
    assert shell("edgeblur validate int8.tflite >&-", place).returncode == 0
    assert shell("edgeblur validate gone.tflite 2>&-", place).returncode == 2
    assert shell("edgeblur validate gone.tflite 2>/dev/full", place).returncode == 2


# Ctrl-C.


def interrupt_when(line: str, folder: Path, ready: str) -> tuple[int, str]:
    """Start a command, send Ctrl-C once `ready` stands on its standard error or exists as a file, and wait."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edgeblur", *line.split()], cwd=folder, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    deadline = time.monotonic() + 120
    if ready.startswith("/"):
        while not list(folder.glob(ready[1:])) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
    else:
        for text in process.stderr:
            said += text
            if ready in text:
                break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=120)
    return process.returncode, said + rest


def test_ctrl_c_while_a_data_set_is_made(place: Path) -> None:
    before = listing(place)
    code, err = interrupt_when("data make --source synthetic:5000 --out new/place", place, "/new/.place.*/.all/mask/*")
    assert code == 130
    one_sentence(err)
    assert listing(place) == before


def test_ctrl_c_before_the_first_epoch_leaves_nothing(place: Path) -> None:
    before = listing(place)
    code, err = interrupt_when(f"train --data data --out run --force {FAST}", place, "training ")
    assert code == 130
    one_sentence(err, remarks=True)
    assert listing(place) == before


def test_ctrl_c_after_an_epoch_can_be_resumed(place: Path, capsys: Capture) -> None:
    # More epochs than a crowded machine trains before the signal is there.
    options = FAST.replace("--epochs 1", "--epochs 40 --patience 40")
    code, err = interrupt_when(f"train --data data --out new {options}", place, "epoch 1/")
    assert code == 130
    one_sentence(err, remarks=True)
    assert not list(Path("new").rglob(".*"))
    known = json.loads(Path("new/teacher/history.json").read_text())["epochs"]
    assert 1 <= len(known) < 40
    capsys.readouterr()
    assert command(f"train --data data --out new {options} --resume") == 0
    epochs = json.loads(Path("new/teacher/history.json").read_text())["epochs"]
    assert [entry["epoch"] for entry in epochs] == list(range(1, 41))
    assert epochs[: len(known) - 1] == known[:-1]  # the last may have been cut off before its checkpoint, and ran again


@pytest.mark.parametrize("nth", [1, 2, 3, 9])
@pytest.mark.parametrize(
    "line",
    [
        "quantize --int8 run",
        "quantize --int8 ok.keras --data data --out new/place",
        "quantize --int8 --qat --epochs 1 run",
        "export int8.tflite --out new/place",
        "compare --data data --out new/place --judge none --detector none",
    ],
)
def test_ctrl_c_at_any_file(line: str, nth: int, place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes when the nth picture is read or the nth file is flushed, whichever is first."""
    before, left = listing(place), nth
    fsync, load = os.fsync, Dataset.load

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGINT)

    def counting_fsync(file: int) -> None:
        count()
        fsync(file)

    def counting_load(self: Dataset, *arguments: object) -> object:
        count()
        return load(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", counting_fsync)
    monkeypatch.setattr(Dataset, "load", counting_load)
    code = command(line)
    assert code == (130 if left <= 0 else 0)
    if code:
        one_sentence(capsys.readouterr().err, remarks=True)
        assert listing(place) == before
