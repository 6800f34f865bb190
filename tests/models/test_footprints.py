"""footprints.json: `fit` reads what the shelf's models take instead of compiling them, and only while that is true."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeblur.export.stream.options import StreamOptions
from edgeblur.files import sha256
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.fit.examine import examine
from edgeblur.firmware_harness.fit.fit import fit
from edgeblur.firmware_harness.fit.plan import plan_candidate
from edgeblur.models.choose import choose_tflite
from edgeblur.models.compile_shelf import compile_shelf
from edgeblur.models.footprints import NAME, Footprints, compiler_digest, known_footprint
from edgeblur.models.shelf import FOLDER, default_entry

STALE = "footprints.json is older than the compiler: run `make footprints`"
HEAVY = ("numpy", "PIL", "ai_edge_litert", "flatbuffers", "jinja2", "tensorflow", "edgeblur.export.tflite",
         "edgeblur.export.stream.compile", "edgeblur.export.stream.ops", "edgeblur.export.veil")  # fmt: skip


def test_the_record_is_what_the_compiler_makes() -> None:
    assert Footprints.read(FOLDER / NAME) == compile_shelf(), STALE


def test_fit_of_a_shelf_model_imports_no_compiler() -> None:
    script = (
        "import json, sys\nfrom edgeblur.cli import main\n"
        "try:\n    main(['fit', 'mask8', '--board', 'pico', '--json'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["verdict"] == "fits"
    loaded = json.loads(done.stderr)
    assert [name for name in loaded if name in HEAVY or name.startswith(tuple(f"{heavy}." for heavy in HEAVY))] == []


@pytest.mark.parametrize("board", ["pico", "mps3-an547", "maix-bit"])  # scalar, vectors, without flash
def test_known_or_compiled_a_model_fits_alike(board: str) -> None:
    chosen = choose_tflite(Path("mask8"))
    known, planned = examine(chosen), plan_candidate(chosen, StreamOptions())
    assert known.footprint == planned.footprint
    assert fit(known, find_board(board)).as_json() == fit(planned, find_board(board)).as_json()


def test_other_options_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeblur.firmware_harness.fit.examine.known_footprint", lambda digest: pytest.fail("asked"))
    tight = examine(choose_tflite(Path("mask4")), StreamOptions(ram_bytes=20_000))
    assert "20,000 that it may take" in str(tight.why_not)


def test_what_another_compiler_made_is_passed_over(tmp_path: Path) -> None:
    digest = sha256(default_entry().path.read_bytes())
    assert known_footprint(digest) is not None, STALE
    stored = Footprints.read(FOLDER / NAME)
    dataclasses.replace(stored, compiler="0" * 64).write(tmp_path / NAME)
    assert known_footprint(digest, tmp_path) is None
    stored.write(tmp_path / NAME)
    assert known_footprint(digest, tmp_path) == stored.models[digest]
    assert known_footprint("0" * 64, tmp_path) is None


@pytest.mark.parametrize("source", ["c_array.py", "tflite/graph.py", "stream/compile.py", "stream/ops/conv_2d.py"])
def test_any_line_of_the_compiler_counts(source: str, tmp_path: Path) -> None:
    copy = tmp_path / "export"
    shutil.copytree(FOLDER.parent / "export", copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert compiler_digest(copy) == compiler_digest()
    with (copy / source).open("a") as file:
        file.write("# another line\n")
    assert compiler_digest(copy) != compiler_digest()
