"""`edgeblur blur` of videos: every frame, with memory in both directions; sound, times and the way up stay."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgeblur.cli import main
from edgeblur.distill.data.synthetic import draw_scene
from edgeblur.errors import UserError
from edgeblur.firmware_harness.blurring.blurrers import Blurrer, open_blurrer
from edgeblur.firmware_harness.blurring.encoder import Encoder
from edgeblur.firmware_harness.blurring.video import Memory, blur_video
from edgeblur.pictures.images import Pixels

av = pytest.importorskip("av")

WIDTH, HEIGHT, FRAMES = 160, 112, 24
TIMES = [4 * n + n % 3 for n in range(FRAMES)]  # uneven, in 1/100 s
FIRST, LAST = 8, 10  # the frames with a face


def face() -> Pixels:
    """A drawn scene with a face that mask8 finds."""
    blurrer = open_blurrer("mask8")
    for seed in range(60):
        picture = np.ascontiguousarray(np.asarray(draw_scene(seed, WIDTH)[0])[:HEIGHT])
        share = (blurrer.cover(picture, blurrer.look(picture), []) != picture).any(axis=-1).mean()
        if 0.05 < share < 0.6:
            return picture
    raise AssertionError("mask8 finds none of 60 drawn faces")


def write_clip(path: Path, pictures: list[Pixels]) -> None:
    with av.open(str(path), "w") as file:
        file.metadata["title"] = "where it was taken"
        moving = file.add_stream("libx264", rate=25, options={"crf": "10", "bf": "0"})
        moving.width, moving.height, moving.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        moving.codec_context.time_base = Fraction(1, 100)
        sound = file.add_stream("aac", rate=16000, layout="mono")
        for picture, pts in zip(pictures, TIMES, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 100)
            file.mux(moving.encode(frame))
        file.mux(moving.encode(None))
        wave = np.sin(np.arange(16000) / 5).astype(np.float32)[None]
        for start in range(0, 16000, 1024):
            part = av.AudioFrame.from_ndarray(wave[:, start : start + 1024], format="fltp", layout="mono")
            part.sample_rate, part.pts = 16000, start
            file.mux(sound.encode(part))
        file.mux(sound.encode(None))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    plain = np.full((HEIGHT, WIDTH, 3), (90, 120, 70), np.uint8)
    seen = face()
    write_clip(path, [seen if FIRST <= n <= LAST else plain for n in range(FRAMES)])
    return path


def read_clip(path: Path) -> tuple[list[Pixels], list[float], list[bytes]]:
    """Frames, their times in seconds, and the packets of the sound."""
    pictures, times, sound = [], [], []
    with av.open(str(path)) as file:
        for packet in file.demux():
            if packet.stream.type == "audio" and packet.dts is not None:
                sound.append(bytes(packet))
            for frame in packet.decode() if packet.stream.type == "video" else ():
                pictures.append(frame.to_ndarray(format="rgb24"))
                times.append(float(frame.time))
    return pictures, times, sound


def test_a_video_keeps_its_times_and_sound_and_its_face_is_veiled(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "blurred.mp4"
    with pytest.raises(SystemExit) as ended:
        main(["blur", str(clip), "--out", str(out), "--memory", "3", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert (ended.value.code, result["frames"], result["pictures"]) == (0, FRAMES, 0)
    assert 0 < result["veiled_share"] < 0.5
    before, times, sound = read_clip(clip)
    after, new_times, new_sound = read_clip(out)
    assert new_times == pytest.approx(times, abs=0.002)
    assert new_sound == sound
    changed = [np.abs(a.astype(int) - b).mean() for a, b in zip(after, before, strict=True)]
    assert min(changed[FIRST : LAST + 1]) > 3
    assert max(changed[: FIRST - 3] + changed[LAST + 5 :]) < 1.5  # coded anew, nothing else
    assert b"where it was taken" in clip.read_bytes()
    assert b"where it was taken" not in out.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["blurred.mp4"]


def marking_blurrer() -> Blurrer:
    """Finds a picture's brightest value, and writes down all that it was told of a frame into its first pixel."""

    def cover(picture: Pixels, own: Any, around: Any) -> Pixels:
        result = picture.copy()
        result[:] = 255 if max([own, *around]) > 200 else 0
        return result

    return Blurrer("marks", "", lambda picture: picture, lambda picture: int(picture.max()), cover)


def test_memory_reaches_in_both_directions(tmp_path: Path) -> None:
    source, out = tmp_path / "in.mp4", tmp_path / "out.mkv"
    dark, bright = (np.full((HEIGHT, WIDTH, 3), value, np.uint8) for value in (20, 250))
    write_clip(source, [bright if n in (FIRST, LAST) else dark for n in range(FRAMES)])
    done = blur_video(source, out, marking_blurrer(), memory=Memory(before=2, after=4), force=False, skipped=[])
    veiled = [n for n, picture in enumerate(read_clip(out)[0]) if picture.mean() > 128]
    assert veiled == list(range(FIRST - 2, LAST + 4 + 1))
    assert (done.frames, done.path) == (FRAMES, out)


SHOWN: dict[tuple[int, int, int, int], Callable[[Pixels], Pixels]] = {
    (0, 1, -1, 0): lambda stored: np.rot90(stored, -1),
    (0, -1, 1, 0): np.rot90,
    (-1, 0, 0, -1): lambda stored: stored[::-1, ::-1],
    (-1, 0, 0, 1): lambda stored: stored[:, ::-1],
    (1, 0, 0, -1): lambda stored: stored[::-1],
    (0, 1, 1, 0): lambda stored: stored.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
}
"""How a picture is shown, by a, b, c, d of a track's matrix (ISO/IEC 14496-12): x and y become ax + cy and bx + dy."""


@pytest.mark.parametrize("turned", SHOWN)
def test_a_video_is_written_the_way_up_that_it_is_shown(
    turned: tuple[int, int, int, int], clip: Path, tmp_path: Path
) -> None:
    """On its side, upside down, or mirrored, as the front cameras of phones write it."""
    data = bytearray(clip.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version and flags, times, track, layer and volume; then the matrix
    a, b, c, d = (number << 16 for number in turned)
    matrix = (a, b, 0, c, d, 0, WIDTH << 16 if a + c < 0 else 0, HEIGHT << 16 if b + d < 0 else 0, 1 << 30)
    data[at : at + 36] = struct.pack(">9i", *matrix)
    source, out = tmp_path / "side.mp4", tmp_path / "up.mp4"
    source.write_bytes(data)
    before = SHOWN[turned](read_clip(source)[0][0])
    blur_video(source, out, open_blurrer("mask8"), force=False, skipped=[])
    after = read_clip(out)[0][0]
    assert after.shape == before.shape
    assert np.abs(after.astype(int) - before).mean() < 3


def test_what_cannot_be_blurred_leaves_nothing_behind(clip: Path, tmp_path: Path) -> None:
    blurrer = marking_blurrer()
    with pytest.raises(UserError, match=r"out.gif should name a video"):
        blur_video(clip, tmp_path / "out.gif", blurrer, force=False, skipped=[])
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes()[:200])
    with pytest.raises(UserError, match=r"broken.mp4 cannot be blurred as a video"):
        blur_video(broken, tmp_path / "out.mp4", blurrer, force=False, skipped=[])
    with pytest.raises(UserError, match=r"does not exist"):
        blur_video(tmp_path / "none.mp4", tmp_path / "out.mp4", blurrer, force=False, skipped=[])
    (tmp_path / "there.mp4").write_bytes(b"mine")
    with pytest.raises(UserError, match="exists already"):
        blur_video(clip, tmp_path / "there.mp4", blurrer, force=False, skipped=[])
    with pytest.raises(UserError, match=r"\.webm has no room for this sound|cannot be blurred"):
        blur_video(clip, tmp_path / "out.webm", blurrer, force=False, skipped=[])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.mp4", "there.mp4"]
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"


def blur_json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    with pytest.raises(SystemExit) as ended:
        main(["blur", *words, "--json"])
    told = capsys.readouterr()
    assert ended.value.code == 0, told.err
    return json.loads(told.out)


def test_a_folder_of_videos_and_pictures_goes_on_where_it_was_stopped(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "trip").mkdir(parents=True)
    (source / "trip" / "clip.mp4").write_bytes(clip.read_bytes())
    (source / "broken.mkv").write_bytes(clip.read_bytes()[:200])
    (source / "notes.txt").write_text("x")
    Image.fromarray(face()).save(source / "a.png")
    first = blur_json(capsys, str(source), "--out", str(out))
    assert (first["pictures"], first["frames"]) == (1, FRAMES + 1)
    assert [Path(path).relative_to(out).as_posix() for path in first["written"]] == ["a.png", "trip/clip.mp4"]
    assert ".txt (1)" in first["skipped"][0]
    assert "broken.mkv cannot be blurred" in first["skipped"][1]
    assert sorted(path.name for path in out.rglob("*")) == ["a.png", "clip.mp4", "trip"]
    before = (out / "a.png").read_bytes()
    (out / "trip" / "clip.mp4").unlink()
    second = blur_json(capsys, str(source), "--out", str(out), "--resume")
    assert [Path(path).name for path in second["written"]] == ["clip.mp4"]
    assert (out / "a.png").read_bytes() == before
    assert any("1 of 3 files, as their blurred copies are there already" in each for each in second["skipped"])
    with pytest.raises(SystemExit) as ended:
        main(["blur", str(source), "--out", str(out)])
    assert ended.value.code == 2
    assert "exists already" in capsys.readouterr().err


def test_what_breaks_in_the_encoders_thread_comes_out(clip: Path, tmp_path: Path) -> None:
    with av.open(str(clip)) as opened, av.open(str(tmp_path / "out.mp4"), "w") as written:
        moving = opened.streams.video[0]
        frames = list(opened.decode(moving))

        def write_twice() -> None:  # time does not run backwards
            with Encoder(written, moving, [], tmp_path / "out.mp4") as encoder:
                for frame in [*frames, *frames]:
                    encoder.write(frame, np.zeros((HEIGHT, WIDTH, 3), np.uint8))

        with pytest.raises(av.FFmpegError):
            write_twice()


def test_a_picture_takes_no_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    with pytest.raises(SystemExit) as ended:
        main(["blur", str(tmp_path / "a.png"), "--out", str(tmp_path / "b.png"), "--memory", "3"])
    assert ended.value.code == 2
    assert "--memory is for videos" in capsys.readouterr().err
