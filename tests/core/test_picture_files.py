"""Picture files as the world has them: odd EXIF, many formats, profiles, strips, bombs, encoders' limits."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.firmware_harness.blurring.batch import blur_files
from edgeblur.firmware_harness.blurring.blurrers import at_once
from edgeblur.pictures.formats import READ_FORMATS, SUFFIXES, writable, written_format
from edgeblur.pictures.images import encoded, find_pictures, load_picture, save_picture

KEEP = at_once("none", "as it is", lambda picture: Image.fromarray(np.asarray(picture)))


def scene(width: int = 64, height: int = 48) -> Image.Image:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[height // 2 :, width // 2 :] = (200, 40, 40), (40, 40, 200)
    return Image.fromarray(pixels)


def blur(source: Path, out: Path) -> tuple[list[str], list[str]]:
    """Names that a blurrer which changes nothing wrote, and what was said of the rest."""
    skipped: list[str] = []
    written = list(blur_files(source, out, KEEP, force=False, skipped=skipped))
    return sorted(p.path.relative_to(out).as_posix() for p in written), skipped


def odd_exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF packed by hand, little-endian: tag, type, count, value."""
    start, directory, data = 8 + 2 + 12 * len(entries) + 4, b"", b""
    for tag, kind, count, raw in entries:
        place = raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack("<I", start + len(data))
        directory += struct.pack("<HHI", tag, kind, count) + place
        data += raw if len(raw) > 4 else b""
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + directory + b"\0\0\0\0" + data


TURNED = (0x112, 3, 1, struct.pack("<H", 6))
ODD_EXIF = {
    "resolution as text": (TURNED, (0x11A, 2, 4, b"72 \0")),
    "resolution by zero": (TURNED, (0x11A, 5, 1, struct.pack("<II", 72, 0))),
    "maker as a fraction": (TURNED, (0x10F, 5, 1, struct.pack("<II", 72, 1))),
    "orientation as a fraction": ((0x112, 5, 1, struct.pack("<II", 6, 1)),),
    "orientation as a byte": ((0x112, 1, 1, b"\6"),),
    "orientation as two undefined bytes": ((0x112, 7, 2, b"\0\6"),),
    "orientation as an undefined character": ((0x112, 7, 1, b"6"),),
    "orientation as a signed byte": ((0x112, 6, 1, b"\6"),),
    "orientation as a float": ((0x112, 11, 1, struct.pack("<f", 6)),),
    "orientation as text": ((0x112, 2, 2, b"6\0"),),
    "two orientations": ((0x112, 3, 2, struct.pack("<HH", 6, 6)),),
    "width as a fraction": (TURNED, (0x100, 5, 1, struct.pack("<II", 3, 1))),
    "width as a float": (TURNED, (0x101, 12, 1, struct.pack("<d", 3.5))),
    "a pointer that is text": (TURNED, (0x8769, 2, 2, b"x\0")),
    "a date as a number": (TURNED, (0x132, 3, 1, struct.pack("<H", 7))),
}


@pytest.mark.parametrize("entries", ODD_EXIF.values(), ids=ODD_EXIF)
def test_odd_exif_turns_the_picture_and_stops_nothing(
    entries: tuple[tuple[int, int, int, bytes], ...], tmp_path: Path
) -> None:
    scene().save(tmp_path / "a.jpg", exif=odd_exif(*entries), quality=95)
    picture = load_picture(tmp_path / "a.jpg")
    want = scene().transpose(Image.Transpose.ROTATE_270)
    assert picture.size == want.size
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(want)).mean() < 3


@pytest.mark.parametrize("value", [b"nan\0", b"\0\0\0\0", b"99\0\0"])
def test_an_orientation_that_is_none_leaves_the_picture_as_it_is(value: bytes, tmp_path: Path) -> None:
    scene().save(tmp_path / "a.jpg", exif=odd_exif((0x112, 2, 4, value)))
    assert load_picture(tmp_path / "a.jpg").size == scene().size


@pytest.mark.parametrize("suffix", sorted(end for end in SUFFIXES if written_format(Path("a" + end))))
def test_what_can_be_written_is_written_in_its_own_format_and_size(suffix: str, tmp_path: Path) -> None:
    save_picture(tmp_path / f"a{suffix}", scene())
    with Image.open(tmp_path / f"a{suffix}", formats=READ_FORMATS) as opened:
        assert opened.format == written_format(Path(f"a{suffix}"))
    picture = load_picture(tmp_path / f"a{suffix}")
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(scene())).mean() < 4


def test_all_that_pillow_reads_is_read_and_the_rest_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    for name, kind in (("b.jfif", "JPEG"), ("c.JPE", "JPEG"), ("e.tga", "TGA"), ("f.ico", "ICO"), ("wrong.png", "JPEG"),
                       ("d.jp2", "JPEG2000"), ("g.pcx", "PCX"), ("h.mpo", "JPEG")):  # fmt: skip
        scene().save(folder / name, kind)
    (folder / "o.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (folder / "noext").write_bytes(b"a")
    (folder / ".hidden.png").write_bytes(b"a")
    (folder / "empty.jpg").touch()
    (folder / "broken.jpg").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "sub.jpg").mkdir()
    written, skipped = blur(folder, tmp_path / "out")
    assert written == ["b.jfif", "c.JPE", "d.jp2", "e.tga", "f.ico.png", "g.pcx", "h.mpo.png", "wrong.png"]
    for reason in (".heic (1)", "without a suffix (1)", "hidden (1)", "broken link (1)", "device or pipe (1)"):
        assert reason in skipped[0]
    assert len(skipped) == 2
    assert "empty.jpg" in skipped[1]
    with pytest.raises(UserError, match=r"pipe\.jpg is neither a file nor a folder"):
        blur(folder / "pipe.jpg", tmp_path / "out")


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif", "a.avif"])
def test_a_file_of_several_pictures_says_that_one_was_read(name: str, tmp_path: Path) -> None:
    first = scene()
    first.save(tmp_path / name, save_all=True, append_images=[first.transpose(Image.Transpose.FLIP_TOP_BOTTOM)])
    remarks: list[str] = []
    assert load_picture(tmp_path / name, remarks).size == first.size
    assert remarks == [f"all pictures in {tmp_path / name} but the first of them"]


def test_a_program_in_postscript_is_no_picture_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n")
    with pytest.raises(UserError, match="cannot be read"):
        load_picture(tmp_path / "a.jpg")
    assert not {".eps", ".ps", ".wmf", ".h5"} & SUFFIXES


def test_a_profile_stays_and_all_else_that_a_file_says_goes(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "MAKER"
    folder = tmp_path / "in"
    folder.mkdir()
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        comment = {"comment": b"a secret"} if suffix == ".jpg" else {}
        scene().save(folder / f"a{suffix}", icc_profile=profile, exif=exif, **comment)
    blur(folder, tmp_path / "out")
    for path in sorted((tmp_path / "out").iterdir()):
        with Image.open(path) as out:
            assert out.info["icc_profile"] == profile, path
            assert "comment" not in out.info
            assert 0x010F not in out.getexif()


def test_inks_with_a_profile_of_another_kind_become_rgb_without_it(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    scene().convert("CMYK").save(tmp_path / "a.jpg", icc_profile=lab)
    scene().convert("LAB").save(tmp_path / "lab.tif", icc_profile=lab)
    for name in ("a.jpg", "lab.tif"):
        picture = load_picture(tmp_path / name)
        assert (picture.mode, picture.info) == ("RGB", {})


@pytest.mark.parametrize(("name", "size"), [("a.webp", (17_000, 8)), ("a.jpg", (66_000, 8)), ("a.gif", (66_000, 8))])
def test_an_encoders_limit_is_a_sentence(name: str, size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=r"cannot be written as .* another suffix"):
        encoded(Path(name), Image.new("RGB", size))


def test_a_folder_goes_on_behind_an_encoders_limit(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (17_000, 8)).save(tmp_path / "in" / "a.webp", "PNG")
    scene().save(tmp_path / "in" / "b.png")
    written, skipped = blur(tmp_path / "in", tmp_path / "out")
    assert written == ["b.png"]
    assert "17000x8 pixels cannot be written as WEBP" in skipped[0]


BOMB_IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from PIL import Image
from edgeblur.firmware_harness.blurring.blurrers import at_once
from edgeblur.firmware_harness.blurring.batch import blur_files
resource.setrlimit(resource.RLIMIT_AS, (900 << 20, 900 << 20))
skipped = []
keep = at_once("none", "", lambda picture: picture.copy())
written = blur_files(Path(sys.argv[1]), Path(sys.argv[2]), keep, force=False, skipped=skipped)
print([each.path.name for each in written], skipped)
"""


def test_a_picture_too_large_for_the_memory_never_stops_the_rest(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("1", (13_000, 13_000)).save(tmp_path / "in" / "bomb.png")
    Image.new("1", (14_000, 14_000)).save(tmp_path / "in" / "larger.png")
    scene().save(tmp_path / "in" / "z.png")
    line = [sys.executable, "-c", BOMB_IN_LITTLE_MEMORY, tmp_path / "in", tmp_path / "out"]
    few_threads = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # each reserves room
    ended = subprocess.run(line, capture_output=True, text=True, check=True, env=few_threads)
    assert ended.stdout.startswith("['z.png']")
    assert "bomb.png (13000x13000 pixels) needs more memory than there is to be blurred" in ended.stdout
    assert "larger.png should be a picture" in ended.stdout


MEASURED = """
import json, sys
from edgeblur.cli import main
try:
    main(sys.argv[1:])
finally:
    # Not ru_maxrss: across fork and exec it begins with what the parent, a test worker with TensorFlow, took.
    with open("/proc/self/status") as status:
        print(json.dumps(next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024))
"""


@pytest.mark.parametrize(("mode", "size"), [("RGB", (20_000, 8)), ("RGB", (8, 20_000)), ("1", (8_000, 4_000))])
def test_a_picture_takes_memory_in_the_order_of_its_pixels(mode: str, size: tuple[int, int], tmp_path: Path) -> None:
    Image.new(mode, size, "white").save(tmp_path / "large.png")
    line = ["blur", str(tmp_path / "large.png"), "--out", str(tmp_path / "out.png")]
    ended = subprocess.run([sys.executable, "-c", MEASURED, *line], capture_output=True, text=True, check=True)
    assert load_picture(tmp_path / "out.png").size == size
    assert json.loads(ended.stdout.splitlines()[-1]) < 400  # MB


def test_a_folder_without_pictures_says_what_it_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.heic").touch()
    with pytest.raises(UserError, match=r"\.heic \(1\)"):
        find_pictures(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["blur", str(tmp_path), "--out", str(tmp_path / "out")])
    assert ended.value.code == 2
    assert "holds no picture" in capsys.readouterr().err


def test_a_picture_in_memory_needs_no_file(tmp_path: Path) -> None:
    assert writable(tmp_path / "a.psd") == tmp_path / "a.psd.png"
    assert Image.open(io.BytesIO(encoded(tmp_path / "a.JPEG", scene()))).format == "JPEG"


@pytest.mark.parametrize(("mode", "compression"), [("1", "group4"), ("1", "group3"), ("RGB", "jpeg"), ("L", "jpeg")])
def test_a_tiff_of_any_compression_is_blurred_without_loss(mode: str, compression: str, tmp_path: Path) -> None:
    ramp = (np.arange(40 * 60 * 3).reshape(40, 60, 3) * 7 % 256).astype(np.uint8)  # no face
    Image.fromarray(ramp).convert(mode).save(tmp_path / "scan.tif", compression=compression)
    with pytest.raises(SystemExit) as ended:
        main(["blur", str(tmp_path / "scan.tif"), "--out", str(tmp_path / "again.tif"), "--with", "mask4"])
    assert ended.value.code == 0
    before, after = (np.asarray(load_picture(tmp_path / name)) for name in ("scan.tif", "again.tif"))
    assert np.array_equal(after, before)
