"""`make serial` on a few hundred frames: pictures over a line that is bad in every way."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

pytest.importorskip("serial")

import serial_soak
from serial_soak import FIGURES, HARMS, WORKS, BadLine, Figures, add_figures, soak, table

from edgeblur.firmware_harness.serial import frames as serial_frames
from edgeblur.firmware_harness.serial import link


@pytest.fixture(scope="module", params=["net", "veil live"])
def work(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> serial_soak.Work:
    return WORKS[request.param](tmp_path_factory.mktemp("soak"))


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(link, "_FIRST_WAIT_S", 0.03)
    monkeypatch.setattr(link, "_GRACE_S", 0.01)
    return tmp_path / "port"


def test_pictures_over_a_bad_line_are_right_or_reported(work: serial_soak.Work, port: Path) -> None:
    found = soak(work, port, frames=400, share=0.08, seed=4)
    assert found.wrong == 0
    assert found.pictures > 0
    assert sum(found.harmed.values()) > 10
    assert found.frames >= 400


def test_it_would_notice_a_wrong_byte(work: serial_soak.Work, port: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = serial_frames.parse_answer

    def careless(frame: bytes) -> serial_frames.Answer:
        answer = whole(frame)
        if not answer.has_row:
            return answer
        return serial_frames.Answer(**{**vars(answer), "payload": bytes([answer.payload[0] ^ 1]) + answer.payload[1:]})

    monkeypatch.setattr(serial_frames, "parse_answer", careless)
    assert soak(work, port, frames=60, share=0, seed=5).wrong > 0


def test_each_harm_changes_what_arrives() -> None:
    frame = bytes(range(1, 60))
    for harm in HARMS:
        bad = BadLine(random.Random(3), 0, Figures(), lambda: None)
        arrived = bad._harmed(frame, harm)
        assert (arrived == frame + b"\0") == (harm == "again later"), harm
        later = b"".join(bad(b"\0" + frame + b"\0") for _ in range(30))
        assert later.count(frame) == 30 + (harm == "again later"), harm


def test_figures_are_summed_and_stand_on_the_page(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    for _ in range(2):
        add_figures(path, "net", Figures(100, serial_soak.Counter({"lost": 3}), 2, 1, 0))
    assert "| net | 200 | 6 | 4 | 2 | 0 |" in table(path)
    assert table() in (FIGURES.parents[1] / "docs" / "reliability.md").read_text()
    sums = json.loads(FIGURES.read_text()).values()
    assert sum(each["wrong"] for each in sums) == 0
    assert sum(each["frames"] for each in sums) >= 100_000
