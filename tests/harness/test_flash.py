"""Flashing: the right tool is called with the right arguments, seen by tools of ours that write them down."""

from __future__ import annotations

from pathlib import Path

import pytest
from int8_nets import Int8Net, unet

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.firmware_harness.boards.boards import boards, find_board
from edgeblur.firmware_harness.projects.flash import find_drive, plan_flash
from edgeblur.firmware_harness.projects.kinds import kinds, kinds_of
from edgeblur.firmware_harness.projects.projects import MARKER, Marker, ProjectOptions, write_firmware


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    net = Int8Net(seed=3)
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 2, 2, (16, 16))))
    return path


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with tools that write down where they were called, and how; any that is called `broken` fails."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("pyocd", "picotool", "esptool", "west", "arduino-cli", "pio"):
        (tools / tool).write_text(
            f'#!/bin/sh\nprintf "%s\\n" "{tool}" "$PWD" "$@" > {tmp_path}/called\n[ ! -e {tmp_path}/broken ]\n'
        )
        (tools / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return tmp_path


def mark(folder: Path, kind: str, board: str) -> None:
    """Say of a folder that it holds a project."""
    Marker("0", kind, board, "w2", "0a", "make", {}).write(folder / MARKER)


def project(tiny: Path, bench: Path, board: str, kind: str | None = None, *, built: bool = True) -> Path:
    """A project, with an empty file in the place of what building it makes."""
    written = write_firmware(tiny, find_board(board), bench / "project", ProjectOptions(kind))
    if built and written.kind.built:
        result = written.folder / written.kind.built
        result.parent.mkdir(parents=True, exist_ok=True)
        result.write_bytes(b"firmware")
    return written.folder


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["flash", *map(str, arguments)])
    told = capsys.readouterr()
    return ended.value.code, told.out, " ".join(told.err.split())


@pytest.mark.parametrize(
    ("board", "kind", "options", "place", "expected"),
    [
        ("nucleo-f411re", None, [], ".", "pyocd flash --no-wait --target stm32f411retx build/firmware.elf"),
        ("microbit-v2", "bare-metal", [], ".", "pyocd flash --no-wait --target nrf52833 build/firmware.elf"),
        ("pico", None, [], ".", "picotool load -f -x build/firmware.uf2"),
        ("esp32-s3", None, ["--port", "/dev/ttyUSB0"], "build",
         "esptool --chip esp32s3 --port /dev/ttyUSB0 write-flash @flash_args"),
        ("esp32-c3", None, [], "build", "esptool --chip esp32c3 write-flash @flash_args"),
        ("microbit-v2", None, [], ".", "west flash -d build"),
        ("nano-33-ble-sense", None, ["--port", "/dev/ttyACM0"], ".",
         "arduino-cli compile --fqbn arduino:mbed_nano:nano33ble --library . --upload --port /dev/ttyACM0 "
         "examples/serial_board"),
        ("teensy-4.1", "platformio", [], ".", "pio run --target upload"),
        ("nucleo-h743zi", "platformio", ["--port", "COM3"], ".", "pio run --target upload --upload-port COM3"),
    ],
)  # fmt: skip
def test_the_boards_tool_is_called(
    tiny: Path, bench: Path, capsys: pytest.CaptureFixture[str], board: str, kind: str | None, options: list[str],
    place: str, expected: str,
) -> None:  # fmt: skip
    folder = project(tiny, bench, board, kind)
    code, out, _ = call(capsys, folder, "--board", board, *options, "--dry-run")
    assert code == 0
    assert out.strip() == f"cd {folder / place} && {expected}"
    assert not (bench / "called").exists()
    code, out, err = call(capsys, folder, "--board", board, *options)
    assert code == 0, err
    tool, where, *arguments = (bench / "called").read_text().splitlines()
    assert [tool, *arguments] == expected.split()
    assert Path(where) == folder / place
    assert f"{board} is flashed" in out


def test_every_kind_of_every_real_board_can_be_flashed(tiny: Path, tmp_path: Path) -> None:
    for board in boards():
        for kind in kinds_of(board) if board.emulator is None else ():
            mark(tmp_path, kind, board.name)
            command = plan_flash(tmp_path, port="/dev/ttyACM0").command
            assert command[0] in dict(kinds()[kind].tools)
            assert all(command), command  # no name is missing


def test_a_drive_takes_the_place_of_picotool(
    tiny: Path, bench: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, drive = project(tiny, bench, "pico"), bench / "media" / "user" / "RPI-RP2"
    drive.mkdir(parents=True)
    code, _, err = call(capsys, folder, "--drive", drive)
    assert code == 2
    assert "is not the drive of pico" in err
    (drive / "INFO_UF2.TXT").touch()
    assert find_drive("INFO_UF2.TXT", [bench / "media"]) == drive
    monkeypatch.setattr("edgeblur.firmware_harness.projects.flash.DRIVE_ROOTS", (bench / "media",))
    (bench / "tools" / "picotool").unlink()
    code, out, _ = call(capsys, folder)
    assert code == 0
    assert f"cp build/firmware.uf2 {drive}" in out
    assert (drive / "firmware.uf2").read_bytes() == b"firmware"
    (drive / "firmware.uf2").unlink()
    monkeypatch.chdir(bench)
    code, _, _ = call(capsys, folder, "--drive", "media/user/RPI-RP2")  # relative to here, not to the project
    assert (code, (drive / "firmware.uf2").read_bytes()) == (0, b"firmware")


def test_a_missing_tool_is_named_with_where_it_comes_from(
    tiny: Path, bench: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(tiny, bench, "nucleo-f411re")
    (bench / "tools" / "pyocd").unlink()
    code, _, err = call(capsys, folder)
    assert code == 2
    assert "pyocd was not found, which flashes nucleo-f411re: pip install pyocd" in err


def test_a_tool_that_fails_ends_in_exit_code_1(tiny: Path, bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tiny, bench, "nucleo-f411re")
    (bench / "broken").touch()
    code, _, err = call(capsys, folder)
    assert code == 1
    assert "pyocd ended with exit code 1 and did not flash nucleo-f411re" in err


def test_what_cannot_be_flashed_is_told(tiny: Path, bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, bench)
    assert code == 2
    assert "is not a firmware project (it has no edgeblur.json)" in err
    folder = project(tiny, bench, "nucleo-f446re", built=False)
    code, _, err = call(capsys, folder)
    assert code == 2
    assert "is not built yet (it has no build/firmware.elf): first `cd" in err
    code, _, err = call(capsys, folder, "--board", "pico")
    assert code == 2
    assert "was written for nucleo-f446re, not pico" in err
    mark(folder, "abacus", "pico")
    with pytest.raises(UserError, match="names no kind of project that this edgeblur knows"):
        plan_flash(folder)


def test_an_emulated_board_and_a_missing_port_are_told(
    tiny: Path, bench: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(tiny, bench, "mps2-an386")
    code, _, err = call(capsys, folder)
    assert code == 2
    assert "is emulated and needs no flashing: start it with `cd" in err
    mark(folder, "arduino", "nicla-vision")
    code, _, err = call(capsys, folder, "--dry-run")
    assert code == 2
    assert "arduino-cli must know where nicla-vision is: give its serial port (--port)" in err
    code, _, err = call(capsys, folder, "--drive", bench, "--dry-run")
    assert code == 2
    assert "(--drive)" in err
