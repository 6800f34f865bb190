"""`edgeblur page`: the C of a board as WebAssembly in a browser, its bytes the host's."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from devtools import opened
from tools import require

from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.export.veil.compile import FrameOptions, plan_frames
from edgeblur.export.veil.reference import Blurrer
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.page.page import fingerprint
from edgeblur.firmware_harness.page.wasm import compile_wasm
from edgeblur.models.read import read_model
from edgeblur.models.shelf import require_entry

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTH, HEIGHT = 96, 80


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("clang", "wasm-ld")
    path = tmp_path_factory.mktemp("page") / "page.html"
    with pytest.raises(SystemExit) as ended:
        main(["page", "mask4", "--out", str(path), "--frame", f"{WIDTH}x{HEIGHT}"])
    assert ended.value.code == 0
    return path


def on_host(pixels: np.ndarray) -> np.ndarray:
    graph = read_model(require_entry("mask4").path)
    finder, plan = plan_frames(graph, FrameOptions(WIDTH, HEIGHT, "rgb888", "buffer"))
    engine = open_engine("litert-ref", finder.data)
    blurrer = Blurrer(plan, lambda small: engine.run(to_raw(small, engine.model.input))[0, :, :, 0])
    return blurrer.blur(pixels.reshape(HEIGHT, -1))


def test_the_browser_gives_the_hosts_bytes_on_a_scene_and_on_a_camera(page: Path, tmp_path: Path) -> None:
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("chromium is not installed")
    with opened(CHROMIUM, f"{page.as_uri()}?record", tmp_path / "profile") as browser:
        assert browser.wait_for("document.body.dataset.ready") == "equal"
        assert browser.evaluate("document.getElementById('test').textContent") == "yes"
        seen = np.frombuffer(base64.b64decode(browser.wait_for("document.body.dataset.input")), np.uint8)
        assert seen.size == WIDTH * HEIGHT * 3
        assert np.unique(seen).size > 8  # the fake camera shows a moving disc, not a blank
        assert browser.evaluate("document.body.dataset.output") == fingerprint(on_host(seen))
        for step in range(int(browser.evaluate("Number(document.getElementById('clamp').max)")) + 1):
            browser.evaluate(
                f"(clamped => {{ clamped.value = {step}; clamped.oninput(); }})(document.getElementById('clamp'))"
            )
            assert re.match(r"0\.\d+ \(fully from", browser.evaluate("document.getElementById('clamped').textContent"))
        assert (
            browser.evaluate(
                "performance.getEntriesByType('resource').map(e => e.name).filter(n => !/^(data|blob):/.test(n))"
            )
            == []
        )
        for width in (375, 800, 1280):
            assert browser.too_wide(width) == ""
        colour = "getComputedStyle(document.body).backgroundColor"
        light = browser.evaluate(colour)
        assert browser.too_wide(375, scheme="dark") == ""
        assert browser.evaluate(colour) != light


def test_the_page_may_open_no_connection_and_names_what_it_is(page: Path) -> None:
    text = page.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == rules["connect-src"] == "'none'"
    assert "unsafe-inline" not in rules["script-src"]
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert read_model(require_entry("mask4").path).sha256 in text


def test_json_tells_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require("clang", "wasm-ld")
    out = tmp_path / "a.html"
    with pytest.raises(SystemExit):
        main(["page", "mask4", "--out", str(out), "--frame", "64x48", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert result["size_bytes"] == out.stat().st_size
    assert (result["frame"], result["model"]) == ("64x48", "mask4")
    assert len(result["clamps"]) >= 5
    assert result["ram_bytes"] < 30_000


def test_what_cannot_be_shown_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = read_model(require_entry("mask4").path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        UserError, match="clang and wasm-ld not found: install both with `sudo apt-get install clang lld`"
    ):
        compile_wasm(graph, FrameOptions(64, 48, "rgb888", "buffer"), "mask4")
