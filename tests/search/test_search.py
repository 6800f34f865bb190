"""Searches on drawn scenes: what is tried, what stops, what is left, and what a killed worker leaves behind."""

from __future__ import annotations

import html
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import dumped
from click.testing import CliRunner

from edgeblur.cli import cli
from edgeblur.distill.nets.families import augmentation
from edgeblur.distill.nets.mask_head import MaskSpec, build_mask_head, live_spec
from edgeblur.distill.training.fit import FitOptions
from edgeblur.errors import RunError, UserError
from edgeblur.search import space
from edgeblur.search.budget import Budget, Cost
from edgeblur.search.quality import Quality, QualityOptions
from edgeblur.search.report import rows, write_report
from edgeblur.search.space import CHOICES, choices_of, described, relative, spec_of, suggest_spec
from edgeblur.search.storage import how_to_log_in, open_study, quiet, shown, telling_loss
from edgeblur.search.study import SearchOptions, Tried, front, read_study, read_trial, search
from edgeblur.search.trial import TrialOptions, goes_on
from edgeblur.store.dataset import Dataset
from edgeblur.store.run_folder import Run, create_run

pytest.importorskip("optuna")
sqlalchemy = pytest.importorskip("sqlalchemy")

TINY: dict[str, Any] = {name: choices[:2] for name, choices in CHOICES.items()} | {"size": (32,), "half": (0, 4)}


def options(trials: int, **budget: Any) -> SearchOptions:
    fit = FitOptions(epochs=2, batch=2, keep="last", augmentation=augmentation("mask", "sigmoid"))
    trial = TrialOptions(photos=8, fit=fit, quality=QualityOptions(20.0, ("centerface",)))
    return SearchOptions(trials, Budget("pico-2", **budget), trial, heartbeat_s=1)


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder / 'study.db'}"


@pytest.fixture(scope="module")
def searched(tiny_data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Tried]]:
    """A study of three small nets."""
    folder = tmp_path_factory.mktemp("search")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(space, "CHOICES", TINY)
        found = search(url_in(folder), "edgeblur", tiny_data, lambda *_: None, folder, options(3))
    return url_in(folder), found


def test_every_choice_is_a_net() -> None:
    class First:
        def __init__(self, place: int) -> None:
            self.place = place

        def suggest_categorical(self, name: str, choices: Any) -> Any:
            return choices[self.place % len(choices)]

    for place in range(max(map(len, CHOICES.values()))):
        assert suggest_spec(First(place)).width in CHOICES["size"]
    spec = spec_of({**{name: choices[0] for name, choices in CHOICES.items()}, "wide_stem": True, "separable": True})
    assert spec.stem == 6  # straight to 1/4 size
    assert described(spec) == "96 px, 0-8-16-24, convs 1-1-1 up 1, mask from 1/4, stem 6, separable"


def test_a_net_of_the_space_is_found_in_it_again() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        chosen = {name: choices[rng.integers(len(choices))] for name, choices in CHOICES.items()}
        assert choices_of(spec_of(chosen)) == chosen
    assert spec_of(choices_of(live_spec())) == live_spec()  # a search can begin at the shelf's nets themselves
    near = relative(chosen, rng)
    assert near != chosen
    assert all(near[name] in choices for name, choices in CHOICES.items())
    assert sum(near[name] == chosen[name] for name in CHOICES) >= len(CHOICES) / 3


def test_a_study_whose_file_goes_away_is_told_of(tmp_path: Path) -> None:
    def objective(trial: Any) -> tuple[float, float, float]:
        (tmp_path / "study.db").unlink()
        return 0.0, 0.0, 0.0

    url = url_in(tmp_path)
    with quiet(), pytest.raises(RunError, match=r"was lost on the way \(.*database"), telling_loss(url):
        open_study(url, "edgeblur", 60).optimize(objective, n_trials=1)
    with pytest.raises(AssertionError, match="of another kind"), telling_loss(url):
        raise AssertionError("of another kind")


def test_a_study_waits_for_a_busy_disk(tmp_path: Path) -> None:
    """Heartbeats and trials share one file, and SQLite gives up on a lock after 5 seconds if nobody says otherwise."""
    with quiet(), open_study(url_in(tmp_path), "edgeblur", 60)._storage._backend.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() >= 60_000


def test_nets_start_from_others(tiny_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are tried first lie near what they start from; the front and the distilled student start so too."""
    monkeypatch.setattr(space, "CHOICES", TINY)
    start = tmp_path / "start.keras"
    wide = replace(spec_of({name: choices[-1] for name, choices in TINY.items()}), separable=False)
    build_mask_head(wide, seed=3).save(start)
    wanted = options(2)
    wanted = replace(wanted, trial=replace(wanted.trial, starts=(str(start),)))
    found = search(url_in(tmp_path), "edgeblur", tiny_data, lambda *_: None, tmp_path, wanted)
    assert [one.start for one in found] == [str(start)] * 2
    assert read_study(url_in(tmp_path)) == found
    assert rows(found)[0]["net"].endswith(f"starts as {start}")


def test_a_study_trains_as_many_as_are_asked_for(searched: tuple[str, list[Tried]]) -> None:
    url, found = searched
    assert len(found) == 3
    assert read_study(url) == found
    judged = [one for one in found if one.quality]
    assert {one.stopped_at for one in found if not one.quality} <= {1}
    assert judged
    assert all(one.quality.faces > 0 for one in judged if one.quality)
    assert not list(Path(url.removeprefix("sqlite:///")).parent.glob("trial-*"))  # trainings go when they end


def test_the_same_study_twice_is_the_same(
    searched: tuple[str, list[Tried]], tiny_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last digit of all losses, on several threads; also where the second is stopped and taken up again."""
    monkeypatch.setattr(space, "CHOICES", TINY)
    for trials in (1, 3):
        found = search(url_in(tmp_path), "edgeblur", tiny_data, lambda *_: None, tmp_path, options(trials))
    assert found == searched[1]
    assert rows(found) == rows(searched[1])
    assert losses(url_in(tmp_path)) == losses(searched[0])


def losses(url: str) -> list[dict[str, float]]:
    """Of the nets of a study, after each rung."""
    with quiet():
        study = open_study(url, "edgeblur", 60)
    return [{name: value for name, value in trial.user_attrs.items() if name.startswith("loss")}
            for trial in study.get_trials()]  # fmt: skip


def test_a_study_goes_on_with_its_own_options(
    searched: tuple[str, list[Tried]], tiny_data: Dataset, tmp_path: Path
) -> None:
    url, _ = searched
    other = replace(options(5), seed=3)
    with pytest.raises(UserError, match="seed 0, not 3"):
        search(url, "edgeblur", tiny_data, lambda *_: None, tmp_path, other)


def test_a_study_goes_on_among_the_same_nets(
    searched: tuple[str, list[Tried]], tiny_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other choices would mean other nets, though there be as many."""
    monkeypatch.setattr("edgeblur.search.study.CHOICES", {**CHOICES, "half": (0, 8)})
    with pytest.raises(UserError, match=r"choices of half \[0, 4, 6, 8\], not \[0, 8\]"):
        search(searched[0], "edgeblur", tiny_data, lambda *_: None, tmp_path, options(5))


def test_what_is_too_large_is_never_trained(
    tiny_data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "CHOICES", TINY)
    monkeypatch.setattr("edgeblur.search.study._MISFITS_A_TRIAL", 5)
    with pytest.raises(RunError, match="none of 5 nets meets the budget"):
        search(url_in(tmp_path), "edgeblur", tiny_data, lambda *_: None, tmp_path, options(1, ram_bytes=100))
    assert read_study(url_in(tmp_path)) == []


def test_the_better_half_goes_on() -> None:
    assert goes_on(0.5, [])
    assert goes_on(0.5, [0.6])
    assert not goes_on(0.5, [0.4])
    assert goes_on(0.5, [0.4, 0.6, 0.7])
    assert not goes_on(0.6, [0.4, 0.5, 0.7])


def tried(number: int, leak: float, instructions: int, ram: int = 9000) -> Tried:
    from edgeblur.distill.nets.clamp import Clamp

    quality = Quality(leak, round(100 * leak), 100, "centerface", 33.0, 50, 2, Clamp(0.3, 0.5))
    return Tried(number, MaskSpec(), Cost(ram, 50_000, instructions, 12.0), quality)


def test_the_front_is_what_nothing_beats() -> None:
    found = [
        tried(0, 0.1, 9_000_000),
        tried(1, 0.2, 5_000_000),
        tried(2, 0.2, 6_000_000),
        tried(3, 0.1, 9_500_000, 8000),
    ]
    assert [one.number for one in front([*found, Tried(4, MaskSpec(), found[0].cost, None, 1)])] == [1, 0, 3]


def test_a_report_is_a_picture_a_page_and_numbers(tmp_path: Path) -> None:
    found = [tried(0, 0.1, 9_000_000), tried(1, 0.2, 5_000_000), Tried(2, MaskSpec(), Cost(1, 2, 3), None, 1)]
    written = write_report(found, tmp_path)
    assert written.picture.read_bytes()[:4] == b"\x89PNG"
    numbers = json.loads(written.numbers.read_text())["trials"]
    assert [(one["trial"], one["front"]) for one in numbers] == [(1, True), (0, True), (2, False)]
    assert "leak_rate" not in numbers[2]
    page = written.page.read_text()
    assert "default-src 'none'" in page
    assert json.dumps(rows(found)[0]["spec"])[:40] in page


@pytest.mark.parametrize("width", [1280, 768])
def test_a_browser_shows_the_page_whole(width: int, tmp_path: Path) -> None:
    spec = MaskSpec(96, 96, widths=(8, 16, 24, 48), depths=(1, 2, 3), stem=5, finest=2, separable=True)
    found = [replace(tried(n, 0.98 - 0.3 * n, 9_000_000 - n), spec=spec, start="live") for n in range(3)]
    page = write_report(found, tmp_path).page
    page.write_text(page.read_text().replace("script-src", "script-src 'unsafe-inline'").replace("'sha256-", "'sha0-"))
    probe = """<script>addEventListener("load", () => {
      const wide = document.querySelector(".wide");
      document.title = JSON.stringify([wide.scrollWidth - wide.clientWidth, document.body.scrollWidth - innerWidth,
        [...document.querySelectorAll("svg text")].map((text) => text.textContent)]);
    });</script>"""
    page.write_text(page.read_text().replace("</body>", f"{probe}</body>"))
    shown = dumped(page, width, tmp_path / "profile")
    cut, wider, texts = json.loads(html.unescape(re.search(r"<title>(\[.*?\])</title>", shown).group(1)))  # type: ignore[union-attr]
    assert wider <= 0
    assert width < 1280 or cut <= 0, "no column is hidden"
    assert "100.0 %" in texts, "no share of faces is above all of them"


def test_a_page_without_a_judged_net_is_drawn_too(tmp_path: Path) -> None:
    assert write_report([Tried(2, MaskSpec(), Cost(1, 2, 3), None, 1)], tmp_path).page.is_file()


def test_a_trial_becomes_a_student(searched: tuple[str, list[Tried]], tiny_run: Run, tmp_path: Path) -> None:
    url, found = searched
    run = Run(tmp_path / "run")
    shutil.copytree(tiny_run.folder, run.folder)
    number = front(found)[0].number
    arguments = ["distill", str(run.folder), "--from-study", url, "--epochs", "1", "--batch", "8", "--no-alone"]
    refused = CliRunner().invoke(cli, arguments)
    assert isinstance(refused.exception, UserError)
    assert f"the front consists of {number}" in str(refused.exception)
    absent = CliRunner().invoke(cli, ["distill", str(run.folder), "--from-study", "sqlite:///none.db"]).exception
    assert "there is no file none.db" in str(absent)
    assert getattr(absent, "options", None) == ("from_study",)
    done = CliRunner().invoke(cli, [*arguments, "--trial", str(number)])
    assert done.exit_code == 0, done.exception
    spec = run.model(f"trial{number}").info().spec
    assert spec
    assert MaskSpec.from_json(spec) == read_trial(url, number).spec


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--trials", "3"], "a search needs --data and --board"),
        (["--trials", "0", "--study", "sqlite:///nowhere/at/all.db"], "there is no file nowhere/at/all.db"),
        (["--trials", "0", "--study", "sqlite:///{folder}/none.db"], "there is no file {folder}/none.db"),
        (["--trials", "0", "--study", "sqlite:///{folder}/empty.db"], "has no study called 'edgeblur'"),
        (["--trials", "0", "--study", "sqlite:///{folder}"], "cannot be reached"),
        (["--trials", "0", "--study", "{folder}/empty.db"], "give sqlite:///{folder}/empty.db"),
        (["--trials", "0", "--study", "nothing://x"], "cannot be reached"),
        (["--data", "{folder}", "--board", "pico-2", "--pixels", "gray8"], "is for frames"),
        (["--data", "{folder}", "--board", "pico-2", "--start", "gate8"], "gate8 is not a mask head"),
        (["--data", "{folder}", "--board", "pico-2", "--start", "mask5"], "mask5"),
    ],
)
def test_misuse_is_told_in_a_sentence(arguments: list[str], told: str, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    ended = CliRunner().invoke(cli, ["search", *(part.format(folder=tmp_path) for part in arguments)])
    assert isinstance(ended.exception, UserError), ended.exception
    assert told.format(folder=tmp_path) in str(ended.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["empty.db"]  # what is only read is not made


@pytest.mark.parametrize(
    ("url", "as_shown"),
    [
        ("postgresql://me:secret@127.0.0.1:1/db", "postgresql://me:***@127.0.0.1:1/db"),
        ("postgresql://:secret@127.0.0.1:1/db", "postgresql://:***@127.0.0.1:1/db"),
        ("postgresql://me:s%65cret%2Fsecret@127.0.0.1:1/db", "postgresql://me:***@127.0.0.1:1/db"),
        ("postgresql://me:se@cr/secret:@secret@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:secret@host:secret/db", "postgresql://me:***@host:secret/db"),
        ("postgresql://me:secret@[::1/db", "postgresql://me:***@[::1/db"),
        ("postgresql://me@127.0.0.1:1/db?password=secret&sslpassword=secret&connect_timeout=1",
         "postgresql://me@127.0.0.1:1/db?password=***&sslpassword=***&connect_timeout=1"),
        ("postgresql://me:secret@127.0.0.1:1/db?sslmode=secret", "postgresql://me:***@127.0.0.1:1/db?sslmode=secret"),
        ("postgres://me:secret@host/db", "postgres://me:***@host/db"),
        ("postgresql:/me:secret@host/db", "postgresql:***@host/db"),
        ("me:secret@host/db", "me:***@host/db"),
        ("nothing://me:secret@host", "nothing://me:***@host"),
        ("sqlite://me:secret@host/x.db", "sqlite://me:***@host/x.db"),
        ("sqlite:///x.db?token=secret", "sqlite:///x.db?token=***"),
        ("sqlite:///a/b:c/study.db", "sqlite:///a/b:c/study.db"),
        ("sqlite:///C:/study.db", "sqlite:///C:/study.db"),
        ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
    ],
)  # fmt: skip
def test_a_password_in_a_url_is_not_shown(
    url: str, as_shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_run(tmp_path / "run", tmp_path)
    assert shown(url) == as_shown
    assert bool(how_to_log_in(url)) == (url != as_shown)
    monkeypatch.chdir(tmp_path)
    for line in (
        ["search", "--trials", "0", "--study", url], ["distill", "run", "--from-study", url]
    ):  # fmt: skip
        if url != as_shown:
            ended = CliRunner().invoke(cli, line)
            assert isinstance(ended.exception, UserError), ended.exception
            assert "secret" not in str(ended.exception).replace(as_shown, "")
            assert as_shown in str(ended.exception)


def test_a_password_is_kept_out_of_what_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server needs as a password, SQLite takes for a word of its own that it does not know."""
    monkeypatch.chdir(tmp_path)
    url = "sqlite:///file:study.db?uri=true&password=secret"
    with quiet():
        open_study(url, "edgeblur", 60).set_user_attr("options", {"trials": 1})
    line = ["search", "--trials", "0", "--study", url]
    for ended in (CliRunner().invoke(cli, line), CliRunner().invoke(cli, [*line, "--json"])):
        assert ended.exit_code == 0, ended.exception
        assert "secret" not in ended.output
    assert json.loads(ended.stdout)["study"] == "sqlite:///file:study.db?uri=true&password=***"
    for written in tmp_path.rglob("*"):
        assert written.is_dir() or b"secret" not in written.read_bytes(), written
    ended = CliRunner().invoke(cli, [*line, "--name", "other"])
    assert "secret" not in str(ended.exception)
    assert "has no study called 'other'" in str(ended.exception)
    with pytest.raises(RunError, match="was lost") as lost, telling_loss(url):
        raise sqlalchemy.exc.OperationalError("SELECT", None, ValueError("secret"))
    assert "secret" not in str(lost.value)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, usual[1]))
    try:
        with quiet(), pytest.raises(RunError, match=r"the disk is full or broken: the study sqlite:.*free some space"):
            open_study(url_in(tmp_path), "edgeblur", 60)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


WORKER = """
import sys
from dataclasses import replace
from pathlib import Path

from edgeblur.search import space
from edgeblur.search.study import search
from edgeblur.store.dataset import open_dataset
from test_search import TINY, options

space.CHOICES = TINY
usual = options(2)
wanted = replace(usual, trial=replace(usual.trial, fit=replace(usual.trial.fit, epochs=16)))
search(sys.argv[1], "edgeblur", open_dataset(Path(sys.argv[3])), lambda *_: None, Path(sys.argv[2]), wanted)
"""


def worker(url: str, folder: Path, data: Dataset) -> subprocess.Popen[str]:
    home = Path(__file__).parent
    paths = os.pathsep.join([str(home), str(home.parent / "helpers")])
    command = [sys.executable, "-c", WORKER, url, str(folder), str(data.root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": paths})  # fmt: skip


def two_workers_of_which_one_is_killed(url: str, data: Dataset, folder: Path) -> None:
    """Start a worker, kill it in the middle of a training, and let another one finish the study."""
    first = worker(url, folder, data)
    epochs: list[dict[str, Any]] = []
    while len(epochs) < 2:  # so that something was learnt that is not to be learnt again
        assert first.poll() is None, first.communicate()[1]
        time.sleep(0.05)
        histories = list(folder.glob("trial-*/history.json"))
        epochs = json.loads(histories[0].read_text())["epochs"] if histories else []
    first.send_signal(signal.SIGKILL)
    first.wait()
    place = next(folder.glob("trial-*"))
    second = worker(url, folder, data)
    told = second.communicate(timeout=600)
    assert second.returncode == 0, told[1]
    assert len(read_study(url)) == 2
    assert not place.exists()  # its training was taken up where it lay, and ended
    begun = [line for line in told[1].splitlines() if line.startswith("epoch 1/16:")]
    assert len(begun) == 1  # of two nets


def test_a_killed_workers_trial_is_taken_up_again(tiny_data: Dataset, tmp_path: Path) -> None:
    two_workers_of_which_one_is_killed(url_in(tmp_path), tiny_data, tmp_path)


@pytest.fixture
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of its own, as Debian installs it, on a port that is free."""
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp())  # not pytest's, which others may not enter
    as_other: list[str] = []
    if os.geteuid() == 0:  # it refuses to run as root
        as_other = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def control(*arguments: str) -> None:
        command = [*as_other, str(found[-1] / "pg_ctl"), "-D", str(folder / "data"), "-w", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    control("initdb", "-o", "-A trust -U edgeblur")
    serving = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    control("start", "-l", str(folder / "log"), "-o", serving)
    yield f"postgresql://edgeblur@127.0.0.1:{port}/postgres"
    control("stop", "-m", "immediate")
    shutil.rmtree(folder)


def test_workers_share_a_postgresql_server(postgresql: str, tiny_data: Dataset, tmp_path: Path) -> None:
    two_workers_of_which_one_is_killed(postgresql, tiny_data, tmp_path)
