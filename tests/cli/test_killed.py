"""Signals, kills and two commands at once: in order, told, and nothing lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.files import alone_in, new_file, new_folder, set_aside, write_json
from edgeblur.progress import track
from edgeblur.store.run_folder import create_run, open_run

Capture = pytest.CaptureFixture[str]


def started(line: str, folder: Path, *, before: str = "") -> subprocess.Popen[str]:
    code = f"import signal; {before}\nfrom edgeblur.cli import main; main({line.split()!r})"
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, stderr=subprocess.PIPE, text=True,
                            stdout=subprocess.DEVNULL)  # fmt: skip


def wait_for(pattern: str, folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not list(folder.glob(pattern)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_end_cleans_up_and_says_so(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    usual = f"signal.signal({int(number)}, signal.default_int_handler if {int(number)} == 2 else signal.SIG_DFL)"
    process = started("data make --source synthetic:5000 --out new/place", tmp_path, before=usual)
    wait_for("new/.place.*/.all/mask/*", tmp_path, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert err.strip().splitlines()[-1].endswith("nothing half-written was left behind")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As nohup starts a command."""
    line = "data make --source synthetic:12 --out place --size 32"
    process = started(line, tmp_path, before="signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    wait_for(".place.*/.all/mask/*", tmp_path, process)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert (tmp_path / "place" / "manifest.json").is_file()


def test_what_a_kill_left_is_told_by_the_next_command(tmp_path: Path, capsys: Capture) -> None:
    line = "data make --source synthetic:5000 --out place"
    process = started(line, tmp_path)
    wait_for(".place.*/.all/mask/*", tmp_path, process)
    process.kill()
    process.communicate(timeout=120)
    (left,) = tmp_path.glob(".place.*")
    with pytest.raises(SystemExit) as ended:
        main(f"data make --source synthetic:12 --size 32 --out {tmp_path}/place".split())
    assert ended.value.code == 0
    assert f"{left} was left half-written by a command that was killed: delete it" in capsys.readouterr().err
    assert left.is_dir()


def replace_and_wait(path: Path) -> None:
    with set_aside(path):
        (path.parent / "now").touch()
        time.sleep(60)


def test_a_run_that_was_set_aside_by_what_was_killed_is_named(tmp_path: Path, capsys: Capture) -> None:
    create_run(tmp_path / "run", tmp_path)
    process = multiprocessing.get_context("spawn").Process(target=replace_and_wait, args=(tmp_path / "run",))
    process.start()
    while not (tmp_path / "now").exists():
        time.sleep(0.01)
    with new_folder(tmp_path / "run"):  # the other is alive: its folder is its own affair
        assert "before a command replaced it" not in capsys.readouterr().err
    process.kill()
    process.join()
    with set_aside(tmp_path / "run"):
        told = capsys.readouterr().err
    (old,) = tmp_path.glob(".run.*/old")
    assert f"{old} is what was at {tmp_path / 'run'}" in told.replace("\n", "")
    assert (old / "run.json").is_file()


def write_and_wait(path: Path) -> None:
    with new_file(path):
        (path.parent / "now").touch()
        time.sleep(60)


def test_a_file_that_was_being_written_when_its_command_was_killed_is_named(tmp_path: Path, capsys: Capture) -> None:
    clip = tmp_path / "blurred.mp4"
    process = multiprocessing.get_context("spawn").Process(target=write_and_wait, args=(clip,))
    process.start()
    while not (tmp_path / "now").exists():
        time.sleep(0.01)
    with new_file(clip):  # the other is alive: its file is its own affair
        assert "left half-written" not in capsys.readouterr().err
    process.kill()
    process.join()
    with new_file(clip):
        told = capsys.readouterr().err
    (left,) = tmp_path.glob(".blurred.*.mp4")
    assert f"{left} was left half-written by a command that was killed: delete it" in told.replace("\n", "")
    assert clip.is_file()


def add_many(folder: Path, names: list[str]) -> None:
    for name in names:
        open_run(folder).add(name)


def test_two_commands_that_end_at_once_lose_no_model(tmp_path: Path) -> None:
    create_run(tmp_path, tmp_path)
    lists = [[f"{who}{n}" for n in range(40)] for who in "ab"]
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=add_many, args=(tmp_path, names)) for names in lists]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert set(open_run(tmp_path).settings().models) == set(lists[0] + lists[1])


def test_a_folder_in_which_another_command_works_is_refused(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(UserError, match="another command of edgeblur is at work"):
        alone_in(tmp_path).__enter__()
    with alone_in(tmp_path):
        pass


def make_slowly(folder: Path) -> None:
    with new_folder(folder) as slow:
        write_json(slow / "a.json", 1)
        with new_folder(folder) as quick:
            write_json(quick / "b.json", 2)


def test_the_slower_of_two_commands_replaces_nothing_unasked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="exists already"):
        make_slowly(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.json"]
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("place", ["a_file/result.json", "/proc/none/result.json"])
def test_validate_asks_for_its_place_before_it_runs(place: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a_file").touch()
    with pytest.raises(SystemExit) as ended:
        main(["validate", "mask8", "--random", "100000", "--out", str(tmp_path / place)])
    assert ended.value.code == 2
    assert "cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["page mask8 --out a_file/x", "bench mask8 --out a_file/x", "compare --with mask8 --data D --out a_file/x"]
)
def test_others_do_as_well(line: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is compiled or read, so that a data set that is not there is not reached."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").touch()
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert "a_file/x" in (told := capsys.readouterr().err)
    assert "cannot be used" in told
    assert os.listdir(tmp_path) == ["a_file"]


def test_what_takes_its_time_says_so_where_no_terminal_looks(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeblur.progress._SILENCE_S", 0)
    assert list(track([1, 2], "counting")) == [1, 2]
    assert "counting: 1 of 2" in capsys.readouterr().err
