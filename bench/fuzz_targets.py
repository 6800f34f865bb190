"""What is written in Python and reads files of strangers, each with inputs to begin with; for fuzz.py."""

from __future__ import annotations

import contextlib
import io
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fuzz_fields import with_odd_fields
from PIL import Image


@dataclass(frozen=True)
class Target:
    """What reads an input, inputs to begin with, and how they are changed if not by bits and bytes."""

    read: Callable[[bytes, Path], object]
    seeds: Callable[[], list[bytes]]
    text: bool = False
    change: Callable[[bytes, random.Random], bytes] | None = None


def _tflite(data: bytes, folder: Path) -> object:
    from edgeblur.export.c_array import Provenance
    from edgeblur.export.stream.compile import compile_stream
    from edgeblur.export.tflite.graph import read_tflite
    from edgeblur.export.tflm.differences import differences

    graph = read_tflite(data, name="net")
    differences(graph)
    return compile_stream(graph, Provenance("net.tflite", "net", graph))


def _nets() -> list[bytes]:
    from random_nets import random_net

    return [random_net(seed).tflite for seed in range(24)]


def _labels(data: bytes, folder: Path) -> object:
    from edgeblur.distill.data.labels import from_labels
    from edgeblur.pictures.blur import blur_faces

    if not (folder / "a.png").exists():
        Image.new("RGB", (64, 48)).save(folder / "a.png")
    (folder / "labels.jsonl").write_bytes(data)
    return [blur_faces(photo.picture, photo.faces) for photo in from_labels(folder, folder / "labels.jsonl", [])]


def _label_files() -> list[bytes]:
    face = {"file": "a.png", "faces": [[4, 6, 20, 30], [40, 8, 10, 12]], "width": 64, "height": 48}
    full = {
        **face,
        "ellipses": [[14, 21, 18, 28, 12.5], None],
        "split": "val",
        "source": "a/b@0123456:c",
        "terms": "cc0",
    }
    return [json.dumps(line).encode() for line in (face, full, {"file": "a.png", "faces": []})]


def _manifest(data: bytes, folder: Path) -> object:
    from edgeblur.store.dataset import open_dataset

    (folder / "manifest.json").write_bytes(data)
    return open_dataset(folder).split("train")


def _manifests() -> list[bytes]:
    face = {"box": [1.0, 2.0, 3.0, 4.0], "ellipse": [2.5, 4.0, 3.0, 4.0, 0.0]}
    sample = {"name": "00001.jpg", "source": "a", "group": "a", "split": "train", "faces": [face]}
    return [json.dumps({"edgeblur": "0", "size": 64, "counts": {"train": 1}, "samples": [sample] * n}).encode()
            for n in (0, 1, 3)]  # fmt: skip


def _picture(data: bytes, folder: Path) -> object:
    from edgeblur.pictures.images import encoded, load_picture

    (folder / "a.png").write_bytes(data)
    return encoded(Path("a.jpg"), load_picture(folder / "a.png", []))


def _pictures() -> list[bytes]:
    random_pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    picture, found = Image.fromarray(random_pixels), []
    for kind in (
        "JPEG",
        "PNG",
        "GIF",
        "TIFF",
        "WEBP",
        "BMP",
        "PPM",
        "TGA",
        "JPEG2000",
        "ICO",
        "PCX",
        "SGI",
        "AVIF",
        "DDS",
    ):
        exif = Image.Exif()
        exif[0x0112] = 6
        buffer = io.BytesIO()
        with contextlib.suppress(KeyError):  # a Pillow without AVIF
            picture.save(buffer, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "TIFF", "WEBP") else {}))
            found.append(buffer.getvalue())
    return found


def _run_json(data: bytes, folder: Path) -> object:
    from edgeblur.store.run_folder import open_run

    (folder / "run.json").write_bytes(data)
    return open_run(folder).models()


def _runs() -> list[bytes]:
    return [json.dumps({"edgeblur": "0", "dataset": "/data", "training": None, "models": m}).encode()
            for m in ([], ["teacher", "w8"])]  # fmt: skip


def _gates(data: bytes, folder: Path) -> object:
    from edgeblur.firmware_harness.gates.gates import read_gates

    (folder / "gates.toml").write_bytes(data)
    return read_gates(folder / "gates.toml")


def _gate_files() -> list[bytes]:
    host = b"[host]\nmax_differing_bytes = 0\n"
    photos = b'[photos]\ndata = "data"\nmax_leak = 0.1\nmin_outside_db = 30\n'
    return [host, photos + host, b"[boards.pico]\nmax_ram_bytes = 200_000\n", host.replace(b"0", b"0x3")]


def _board_file(data: bytes, folder: Path) -> object:
    from edgeblur.firmware_harness.boards.boards import read_boards

    (folder / "boards.toml").write_bytes(data)
    return [(board.name, board.core.name, str(board)) for board in read_boards(folder / "boards.toml")]


def _board_files() -> list[bytes]:
    from importlib import resources

    text = (resources.files("edgeblur.firmware_harness") / "boards" / "boards.toml").read_text()
    tables = text[text.index("[boards.") :].split("\n\n")
    return ["\n\n".join(tables[i : i + 3]).encode() for i in range(0, 12, 3)]


def _answer(data: bytes, folder: Path) -> object:
    """As it came, and with the right check, which noise hardly ever has."""
    from edgeblur.errors import UserError
    from edgeblur.firmware_harness.serial.frames import DamagedError, parse_answer, parse_info, parse_times, stuff

    with contextlib.suppress(DamagedError):
        parse_answer(data)
    try:
        answer = parse_answer(stuff(data + zlib.crc32(data).to_bytes(4, "little")))
        return (parse_times if len(answer.payload) < 40 else parse_info)(answer.payload)
    except DamagedError as error:
        raise UserError(str(error) or "damaged") from error


def _answers() -> list[bytes]:
    header = bytes([0x81, 1, 0, 0, 0, 0, 0, 0])
    return [header + bytes(20), header + bytes([1, 0, 0, 0]) + bytes(range(52)) + b"mask8\0pico\0"]


TARGETS = {
    "tflite": Target(_tflite, _nets),
    "fields": Target(_tflite, _nets, change=with_odd_fields),
    "labels": Target(_labels, _label_files, text=True),
    "manifest": Target(_manifest, _manifests, text=True),
    "run": Target(_run_json, _runs, text=True),
    "picture": Target(_picture, _pictures),
    "gates": Target(_gates, _gate_files, text=True),
    "boards": Target(_board_file, _board_files, text=True),
    "answer": Target(_answer, _answers),
}
