"""Firmware projects: written for each board and ecosystem, built as far as the tools are there, run in QEMU."""

from __future__ import annotations

import configparser
import dataclasses
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from int8_nets import Int8Net, unet
from serial_rig import emulated_board

from edgeblur import __version__
from edgeblur.cli import main
from edgeblur.errors import UserError
from edgeblur.export.stream.options import StreamOptions
from edgeblur.export.veil.compile import FrameOptions
from edgeblur.firmware_harness.boards.boards import Board, boards, find_board
from edgeblur.firmware_harness.engines.host_c import FLAGS
from edgeblur.firmware_harness.projects.kinds import choose_kind, kinds, kinds_of, tried_table
from edgeblur.firmware_harness.projects.projects import MARKER, ProjectOptions, WrittenProject, write_firmware
from edgeblur.firmware_harness.serial.board import open_board
from edgeblur.firmware_harness.serial.link import LinkOptions
from edgeblur.firmware_harness.serial.run import SerialOptions, run_serial
from edgeblur.firmware_harness.shell.marks import YOURS
from edgeblur.models.choose import choose_tflite
from edgeblur.models.shelf import find_entry

STUBS = Path(__file__).parents[1] / "helpers" / "stubs"
EVERY = [(board, kind) for board in boards() for kind in kinds_of(board)]
REAL = [(board, kind) for board, kind in EVERY if board.emulator is None]


def name_of(value: object) -> str:
    return value.name if isinstance(value, Board) else str(value)


def need(*programs: str) -> None:
    """Skip by name where a tool is missing; CI must have it."""
    for program in programs:
        if shutil.which(program) is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")


def run_tool(command: Sequence[str], place: Path) -> str:
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    net = Int8Net(seed=3)
    path = tmp_path_factory.mktemp("nets") / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 2, 2, (16, 16))))
    return path


@pytest.fixture(scope="module")
def written(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], WrittenProject]:
    """Each kind of project for each board."""
    root = tmp_path_factory.mktemp("projects")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda handle: None)  # a thousand small files: a busy disk takes a minute for them
        return {
            (board.name, kind): write_firmware(tiny, board, root / f"{board.name}-{kind}", ProjectOptions(kind))
            for board, kind in EVERY
        }


def test_each_ecosystem_has_a_board_and_each_board_its_own_ecosystem_first() -> None:
    assert {kind for _, kind in EVERY} == set(kinds())
    for board in boards():
        possible = kinds_of(board)
        if board.emulator is None and board.name_in(board.sdk or ""):
            assert possible[0] == board.sdk
        assert all(board.emulator or board.name_in(kind) for kind in possible)
    assert kinds_of(find_board("nucleo-f411re")) == ("stm32", "zephyr", "platformio")


def test_every_project_is_complete(written: dict[tuple[str, str], WrittenProject]) -> None:
    for (board, name), project in written.items():
        kind, readme = kinds()[name], (project.folder / "README.md").read_text()
        for file in ("model.c", "model.h", "model_weights.h", "engine_stream.c", "protocol.c", "model_info.h"):
            assert f"{kind.engine}/{file}" in project.files, (board, name)
        assert f"{kind.own}/camera.c" in project.files
        assert project.build in readme
        assert project.flash in readme
        assert kind.checked in readme
        assert project.checked in readme
        assert project.sha256 in readme
        marker = json.loads((project.folder / MARKER).read_text())
        assert (marker["board"], marker["kind"], marker["sha256"]) == (board, name, project.sha256)
        for file in project.files:
            text = (project.folder / file).read_text()
            assert "{{" not in text.replace("{{0", ""), file  # no template is left over
            assert "None" not in text, file


def test_every_file_says_its_licence_and_whose_it_is_to_edit(written: dict[tuple[str, str], WrittenProject]) -> None:
    """All but Markdown and JSON, which has no comments; what users fill in or adapt says so."""
    seen = set()
    for project in written.values():
        for file in project.files:
            name, text = Path(file).name, (project.folder / file).read_text()
            if Path(file).suffix in (".md", ".json"):
                continue
            assert "SPDX-License-Identifier: " in text.splitlines()[0], file
            top = " ".join(text.splitlines()[:4])
            assert ("yours to edit" in top, "do not edit" in top) == (name in YOURS, name not in YOURS), file
            seen.add(name)
    assert seen >= YOURS | {"Kconfig", "module.yml", "toolchain.cmake", "link.ld", "library.properties", "board.h"}


def headers_of(project: WrittenProject) -> list[str]:
    return [f"-I{project.folder / place}" for place in {project.kind.engine, project.kind.own}]


def compiler_of(board: Board) -> list[str]:
    """The board's compiler with its core's flags; for Xtensa, which Debian has no compiler for, the host's."""
    toolchain = board.core.toolchain
    if toolchain.name == "xtensa":
        return ["gcc", "-fsyntax-only"]
    return [toolchain.compiler, *toolchain.flags, *board.core.flags]


def test_engine_and_protocol_compile_for_each_real_board(
    written: dict[tuple[str, str], WrittenProject], tmp_path: Path
) -> None:
    done = set()
    for board, kind in REAL:
        project, compiler = written[board.name, kind], compiler_of(board)
        if board.core.name in done:
            continue
        done.add(board.core.name)
        need(compiler[0])
        sources = [
            project.folder / project.kind.engine / f"{name}.c" for name in ("model", "engine_stream", "protocol")
        ]
        sources.append(project.folder / project.kind.own / "camera.c")
        run_tool([*compiler, *FLAGS, "-Os", *headers_of(project), "-c", *map(str, sources)], tmp_path)
    assert len(done) >= 7


SYNTAX = {
    "arduino": (["g++", "-std=c++11", "-x", "c++"], [[]]),
    "platformio": (["g++", "-std=c++17", "-x", "c++"], [[]]),
    "pico-sdk": (["gcc", "-std=c11"], [[]]),
    "esp-idf": (["gcc", "-std=gnu17"], [[], ["-DCONFIG_EDGEBLUR_PORT_USB"]]),
    "zephyr": (["gcc", "-std=c17"], [[]]),
}


@pytest.mark.parametrize("kind", SYNTAX)
def test_the_ecosystems_part_is_right_in_syntax_and_types(
    written: dict[tuple[str, str], WrittenProject], kind: str
) -> None:
    (compiler, *flags), variants = SYNTAX[kind]
    need(compiler)
    project = next(project for (_, each), project in written.items() if each == kind)
    own = [
        *kinds()[kind].files,
        *(place for place, source in kinds()[kind].placed.items() if source.startswith("main")),
    ]
    sources = [next(file for file in project.files if file.endswith(name)) for name in own]
    stubs = f"-I{STUBS / ('arduino' if kind == 'platformio' else kind)}"
    for variant in variants:
        command = [compiler, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *flags, *variant, stubs]
        run_tool([*command, *headers_of(project), *sources], project.folder)


@pytest.mark.parametrize(("name", "flags"), [("pico", ["-mcpu=cortex-m0plus"]), ("pico-2", ["-mcpu=cortex-m33"]),
                                             ("esp32-s3", None)])  # fmt: skip
@pytest.mark.parametrize("framed", [False, True], ids=["pictures", "frames"])
def test_a_project_for_two_cores_starts_the_second(
    name: str, flags: list[str] | None, framed: bool, tmp_path: Path
) -> None:
    entry = find_entry("mask4")
    assert entry is not None
    frames = FrameOptions(160, 120, "rgb565le", "buffer") if framed else None
    options = ProjectOptions(stream=StreamOptions(cores=2), frames=frames)
    project = write_firmware(entry.path, find_board(name), tmp_path / "project", options)
    folder = project.folder / project.kind.engine
    hooks = (folder / "cores_hooks.c").read_text()
    assert ("void model_fork(" in hooks) != framed
    assert ("void frames_finder_fork(" in hooks) == framed
    compiler, *more = ["arm-none-eabi-gcc", "-mthumb", "-std=c11"] if flags else ["gcc", "-std=gnu17"]
    need(compiler)
    stubs = f"-I{STUBS / project.kind.name}"
    sources = [str(path) for path in sorted(folder.glob("*.c")) if path.name.startswith(("cores", "model", "frames_f"))]
    run_tool(
        [compiler, *more, *(flags or ["-fsyntax-only"]), "-Wall", "-Wextra", "-Werror", "-c", stubs, *sources], tmp_path
    )
    cmake = (project.folder / "CMakeLists.txt").read_text()
    assert ("pico_multicore" in cmake) == (project.kind.name == "pico-sdk")
    if project.kind.name == "esp-idf":
        assert '"cores_esp_idf.c"' in (folder / "CMakeLists.txt").read_text()
    assert "--cores 2" in (project.folder / "README.md").read_text()


@pytest.mark.parametrize("page", ["README.md", "docs/sdks.md"])
def test_pages_tell_of_sdks_what_kinds_toml_tells(page: str) -> None:
    table = "\n".join(tried_table())
    assert table in (Path(__file__).parents[2] / page).read_text()
    assert all(kind.tried for kind in kinds().values())


def cmake_build(folder: Path, *options: str) -> Path:
    """Build a project by the command of its README."""
    need("cmake", "make")
    run_tool(["cmake", "-B", "build", *options], folder)
    told = run_tool(["cmake", "--build", "build"], folder)
    assert "warning" not in told
    return folder / "build" / "firmware.elf"


@pytest.mark.parametrize("name", ["mps2-an386", "riscv32-virt"])
def test_a_bare_metal_project_builds_and_runs(tiny: Path, tmp_path: Path, name: str) -> None:
    board = find_board(name)
    assert board.emulator is not None
    need(board.core.toolchain.compiler, board.emulator.program)
    project = write_firmware(tiny, board, tmp_path / "project", ProjectOptions())
    assert project.build == "cmake -B build && cmake --build build"
    elf = cmake_build(project.folder)
    assert elf.with_suffix(".bin").stat().st_size > project.constant_bytes
    with emulated_board(board, elf, tmp_path / "port"):
        run = run_serial(choose_tflite(tiny), SerialOptions(LinkOptions(str(tmp_path / "port")), name, random=1))
    run.check()
    assert run.comparison.images == 1
    assert run.info.version == __version__


@pytest.mark.parametrize("name", ["openmv-h7", "microbit-v2"])
def test_a_bare_metal_project_of_a_real_chip_builds(tiny: Path, tmp_path: Path, name: str) -> None:
    board = find_board(name)
    need(board.core.toolchain.compiler)
    cmake_build(write_firmware(tiny, board, tmp_path / "project", ProjectOptions("bare-metal")).folder)


@pytest.mark.parametrize("name", ["nucleo-l4r5zi", "nucleo-f446re", "nucleo-f746zg", "nucleo-h743zi"])
def test_an_stm32_project_builds(written: dict[tuple[str, str], WrittenProject], name: str, tmp_path: Path) -> None:
    need("arm-none-eabi-gcc")
    cmake_build(written[name, "stm32"].folder, f"-DSTM32_PACK={STUBS / 'stm32'}")


def test_an_stm32_project_tells_when_st_s_package_is_missing(written: dict[tuple[str, str], WrittenProject]) -> None:
    need("arm-none-eabi-gcc", "cmake", "make")
    folder = written["nucleo-f411re", "stm32"].folder
    done = subprocess.run(["cmake", "-B", "without"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "give ST's package as -DSTM32_PACK" in " ".join(done.stderr.split())


def test_an_stm32f4_project_runs_on_another_f4_in_qemu(tiny: Path, tmp_path: Path) -> None:
    board = find_board("nucleo-f411re")
    need("arm-none-eabi-gcc", "qemu-system-arm")
    project = write_firmware(tiny, board, tmp_path / "project", ProjectOptions())
    elf = cmake_build(project.folder, f"-DSTM32_PACK={STUBS / 'stm32'}")
    # Its first serial port is USART1; ours is the second one.
    machine = ("-machine", "netduinoplus2", "-serial", "null")
    emulator = find_board("mps2-an386").emulator
    assert emulator is not None
    f4 = dataclasses.replace(board, emulator=dataclasses.replace(emulator, arguments=machine))
    with emulated_board(f4, elf, tmp_path / "port"):
        run = run_serial(choose_tflite(tiny), SerialOptions(LinkOptions(str(tmp_path / "port")), random=2))
    run.check()
    assert run.info.board == "nucleo-f411re"
    assert run.frame_ms == ()  # QEMU has no cycle counter there: unknown, not 0


def test_a_core_without_a_compiler_is_told(written: dict[tuple[str, str], WrittenProject]) -> None:
    assert "Xtensa LX7: engine and protocol are checked for syntax only" in written["esp32-s3", "esp-idf"].checked
    assert "compile engine and protocol for the 32-bit RISC-V, IMC" in written["esp32-c3", "esp-idf"].checked


def test_metadata_of_zephyr(written: dict[tuple[str, str], WrittenProject]) -> None:
    yaml = pytest.importorskip("yaml")
    folder = written["microbit-v2", "zephyr"].folder
    module = yaml.safe_load((folder / "zephyr" / "module.yml").read_text())
    # zephyr/scripts/zephyr_module.py: METADATA_SCHEMA, and what it then looks for
    assert set(module) <= {"name", "build", "tests", "samples", "boards", "blobs", "runners", "package-managers"}
    assert set(module["build"]) <= {"cmake", "kconfig", "depends", "settings"}
    assert (folder / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (folder / module["build"]["kconfig"]).is_file()
    cmake = (folder / "zephyr" / "CMakeLists.txt").read_text()
    for source in re.findall(r"\.\./src/\S+\.c", cmake):
        assert (folder / "zephyr" / source).is_file()
    options = (folder / "app" / "prj.conf").read_text().splitlines()
    assert all(re.fullmatch(r"CONFIG_[A-Z_]+=(y|n|\d+)", line) for line in options if not line.startswith("#"))
    assert "west build -p -b bbc_microbit_v2 app" in (folder / "README.md").read_text()


def test_metadata_of_esp_idf(written: dict[tuple[str, str], WrittenProject]) -> None:
    yaml = pytest.importorskip("yaml")
    folder = written["esp32-s3", "esp-idf"].folder
    component = folder / "components" / "edgeblur"
    manifest = yaml.safe_load((component / "idf_component.yml").read_text())
    # docs.espressif.com, IDF Component Manager, idf_component.yml format
    assert set(manifest) <= {
        "version", "description", "url", "license", "targets", "dependencies", "maintainers", "tags", "repository",
        "documentation", "issues", "discussion", "files", "examples",
    }  # fmt: skip
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert manifest["targets"] == ["esp32s3"]
    assert set(manifest["dependencies"]) == {"idf"}
    for place in (component, folder / "main"):
        sources = re.findall(r'"(\w+\.c)"', (place / "CMakeLists.txt").read_text())
        assert len(sources) == 3
        assert all((place / source).is_file() for source in sources)
    defaults = (folder / "sdkconfig.defaults").read_text().splitlines()
    assert all(
        re.fullmatch(r"CONFIG_[A-Z0-9_]+=(y|n|\d+|\"[\w.]+\")", line) for line in defaults if not line.startswith("#")
    )
    assert "CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ_240=y" in defaults


def test_metadata_of_arduino(written: dict[tuple[str, str], WrittenProject]) -> None:
    folder = written["nano-33-ble-sense", "arduino"].folder
    lines = (folder / "library.properties").read_text().splitlines()
    facts = dict(line.partition("=")[::2] for line in lines)
    # arduino.github.io/arduino-cli, library specification
    assert {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url"} <= set(facts)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", facts["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["version"])
    assert facts["category"] in {
        "Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing", "Data Storage",
        "Data Processing", "Other",
    }  # fmt: skip
    assert (folder / "src" / facts["includes"]).is_file()
    sketches = list((folder / "examples").glob("*/*.ino"))
    assert [sketch.stem for sketch in sketches] == [sketch.parent.name for sketch in sketches] == ["serial_board"]


def test_metadata_of_platformio(written: dict[tuple[str, str], WrittenProject]) -> None:
    folder = written["nucleo-f411re", "platformio"].folder
    project = configparser.ConfigParser()
    project.read(folder / "platformio.ini")
    assert project.sections() == ["env:nucleo_f411re"]
    facts = dict(project["env:nucleo_f411re"])
    assert (facts["platform"], facts["board"], facts["framework"]) == ("ststm32", "nucleo_f411re", "arduino")
    library: dict[str, Any] = json.loads((folder / "lib" / "edgeblur" / "library.json").read_text())
    # docs.platformio.org, library.json
    assert {"name", "version"} <= set(library)
    assert library["build"] == {"libArchive": False}  # in an archive the weak camera hook would win
    assert (folder / "lib" / "edgeblur" / "src" / library["headers"]).is_file()


def test_the_same_model_gives_the_same_project(tiny: Path, tmp_path: Path) -> None:
    board = find_board("pico")
    first = write_firmware(tiny, board, tmp_path / "a", ProjectOptions())
    again = write_firmware(tiny, board, tmp_path / "b", ProjectOptions())
    assert first.files == again.files
    for file in first.files:
        assert (first.folder / file).read_bytes() == (again.folder / file).read_bytes()


def call(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["firmware", *arguments])
    told = capsys.readouterr()
    return ended.value.code, told.out, " ".join(told.err.split())


def test_the_command_tells_both_commands(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    code, told, _ = call([str(tiny), "--board", "pico-2", "--out", out, "--optimize", "speed", "--json"], capsys)
    result = json.loads(told)
    assert code == 0
    assert (result["board"], result["kind"]) == ("pico-2", "pico-sdk")
    assert "-DPICO_BOARD=pico2" in result["build"]
    assert "On a real board none was run." in result["checked"]
    assert "COMPILE_OPTIONS -O2" in (tmp_path / "out" / "CMakeLists.txt").read_text()
    code, _, err = call([str(tiny), "--board", "pico-2", "--out", out], capsys)
    assert code == 2
    assert "(--force)" in err
    code, told, _ = call([str(tiny), "--board", "pico", "--kind", "arduino", "--out", out, "--force"], capsys)
    assert code == 0
    assert "arduino-cli compile --fqbn arduino:mbed_rp2040:pico" in told
    assert not (tmp_path / "out" / "CMakeLists.txt").exists()


def test_what_cannot_be_written_is_refused_in_a_sentence(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for board, sentence in (
        ("raspberry-pi-5", "runs Linux and needs no firmware"),
        ("coral-micro", "no kind of project for coral-micro yet"),
        ("nonsense", "no board is called 'nonsense'"),
    ):
        code, _, err = call([str(tiny), "--board", board, "--out", str(out)], capsys)
        assert code == 2
        assert sentence in err
    with pytest.raises(UserError, match="pico takes no zephyr project: choose pico-sdk or arduino or platformio"):
        choose_kind(find_board("pico"), "zephyr")
    out.mkdir()
    (out / "diary.txt").touch()
    code, _, err = call([str(tiny), "--board", "pico", "--out", str(out), "--force"], capsys)
    assert code == 2
    assert "did not write" in err
    assert (out / "diary.txt").exists()


def test_a_project_is_written_anew_unless_someone_worked_in_it(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my project"
    line = [str(tiny), "--board", "pico", "--out", str(out)]
    code, told, _ = call(line, capsys)
    assert code == 0
    assert f"cd '{out}' && " in told
    (out / "build").mkdir()
    (out / "build" / "firmware.uf2").write_bytes(b"built")
    assert call([*line, "--force"], capsys)[0] == 0
    camera = out / "src" / "camera.c"
    filled_in = camera.read_text() + "/* mine */\n"
    for path, text, what in (
        (camera, filled_in, "was changed after edgeblur wrote it"),
        (out / "src" / "sensor.c", "int id;\n", "was not written by edgeblur"),
    ):
        path.write_text(text)
        code, _, err = call([*line, "--force"], capsys)
        assert code == 2
        assert f"{path.relative_to(out)} {what}" in " ".join(err.split())
        assert path.read_text() == text
        camera.write_text(filled_in.removesuffix("/* mine */\n"))


def test_a_model_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    net = Int8Net(seed=4)
    path = tmp_path / "large.tflite"
    path.write_bytes(net.tflite(unet(net, 16, 3, (128, 128))))
    with pytest.raises(UserError, match=r"does not fit nucleo-f411re: .* bytes are missing"):
        write_firmware(path, find_board("nucleo-f411re"), tmp_path / "out", ProjectOptions())
    assert not (tmp_path / "out").exists()


def test_tensorflow_lite_micro_in_the_same_shell(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stand-in turns bits: what comes back tells that rows, picture and serial protocol fit together."""
    pytest.importorskip("tflite_micro")  # measures the arena
    board = find_board("mps2-an386")
    need("arm-none-eabi-g++", "qemu-system-arm")
    options = ProjectOptions(tflm=STUBS / "tflm")
    project = write_firmware(tiny, board, tmp_path / "project", options)
    assert (project.engine, project.ram_bytes is not None) == ("tflm", True)
    assert "stand-in for TensorFlow Lite Micro" in (project.folder / "README.md").read_text()
    for library in (
        "libstdc++.a",
        "libstdc++_nano.a",
    ):  # Debian's compiler comes without; the stand-in needs none of it
        (tmp_path / library).write_bytes(b"!<arch>\n")
    monkeypatch.setenv("LDFLAGS", f"-L{tmp_path}")
    monkeypatch.setenv("CXXFLAGS", f"-isystem {STUBS / 'no-libstdcxx'}")
    elf = cmake_build(project.folder)
    rows = [bytes(range(y, y + 48)) for y in range(16)]
    link = LinkOptions(str(tmp_path / "port"))
    with emulated_board(board, elf, tmp_path / "port"), open_board(link) as serial:
        assert serial.info().engine == "tflm"
        for _ in range(2):
            finished, times = serial.run(rows, 16, 48)
            assert finished == bytes(byte ^ 0x55 for byte in b"".join(rows))
            assert times.ms is not None


def test_requests_for_tensorflow_lite_micro_that_are_refused(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    code, _, err = call([str(tiny), "--board", "mps2-an386", "--engine", "tflm", *out], capsys)
    assert code == 2
    assert "give the folder as --tflm or in EDGEBLUR_TFLM" in err
    code, _, err = call([str(tiny), "--board", "mps2-an386", "--engine", "tflm", "--tflm", str(tmp_path), *out], capsys)
    assert code == 2
    assert "is no TensorFlow Lite Micro" in err
    code, _, err = call([str(tiny), "--board", "pico", "--engine", "tflm", "--tflm", str(STUBS / "tflm"), *out], capsys)
    assert code == 2
    assert "is for bare-metal projects, not pico-sdk" in err
    pytest.importorskip("tflite_micro")
    code, _, err = call(
        [str(tiny), "--board", "microbit", "--engine", "tflm", "--tflm", str(STUBS / "tflm"), *out], capsys
    )
    assert code == 2
    assert "TensorFlow Lite Micro needs" in err


def test_every_core_of_a_bare_project_has_the_cycle_counter_that_it_is_given() -> None:
    for board, kind in REAL:
        if kinds()[kind].bare:
            assert board.core.name in {"cortex-m3", "cortex-m4f", "cortex-m7", "cortex-m33", "cortex-m55"}
