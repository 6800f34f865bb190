"""The serial protocol: pictures to boards and back over lines that are good, bad, cut, or silent."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_nets import Int8Net, unet
from PIL import Image
from serial_rig import HostBoard, Line, build_emulated, build_for_host, emulated_board, host_board, joined

from edgeblur.cli import main
from edgeblur.errors import RunError, UserError
from edgeblur.export.tflite.pixels import to_raw
from edgeblur.firmware_harness.boards.boards import Board, find_board
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.inputs import random_picture
from edgeblur.firmware_harness.serial import link as serial_link
from edgeblur.firmware_harness.serial.board import SerialBoard, open_board
from edgeblur.firmware_harness.serial.frames import (
    Command,
    DamagedError,
    Source,
    Status,
    parse_answer,
    pattern,
    request,
    stuff,
    unstuff,
)  # fmt: skip
from edgeblur.firmware_harness.serial.link import LinkOptions
from edgeblur.firmware_harness.serial.run import SerialOptions, run_serial
from edgeblur.firmware_harness.shell.model import firmware_model
from edgeblur.models.choose import choose_tflite

pytest.importorskip("serial")

SIZE = 16 * 16 * 3


def write_net(folder: Path, seed: int) -> Path:
    """A U-Net of width 2 and two levels on 16x16 pixels, which fits even the micro:bit."""
    net = Int8Net(seed=seed)
    path = folder / "tiny.tflite"
    path.write_bytes(net.tflite(unet(net, 2, 2, (16, 16))))
    return path


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_net(tmp_path_factory.mktemp("nets"), 3)


@pytest.fixture(scope="module")
def program(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_for_host(tmp_path_factory.mktemp("firmware"), firmware_model(tiny))


@pytest.fixture
def rig(program: Path, tmp_path: Path) -> Iterator[tuple[HostBoard, Line, SerialBoard]]:
    """A board of this host, its line, and an open board on the other end."""
    with (
        host_board(program, tmp_path / "port") as (host, line),
        open_board(LinkOptions(str(tmp_path / "port"), silence_s=10)) as board,
    ):
        yield host, line, board


def picture_rows(tiny: Path, seed: int) -> tuple[list[bytes], bytes]:
    """A picture's rows, and all bytes that LiteRT makes of it."""
    engine = open_engine("litert-ref", tiny)
    raw = to_raw(random_picture(16, 16, seed), engine.model.input)
    return [raw[0, y].tobytes() for y in range(16)], engine.run(raw).tobytes()


def run_one(board: SerialBoard, tiny: Path, seed: int = 0) -> bool:
    rows, expected = picture_rows(tiny, seed)
    finished, _ = board.run(rows, 16, 48)
    return finished == expected


@given(st.binary(max_size=2000) | st.integers(0, 1100).map(lambda n: bytes([7]) * n))
@settings(max_examples=200, deadline=None)
def test_stuffed_bytes_have_no_zeros_and_come_back(data: bytes) -> None:
    assert 0 not in stuff(data)
    assert unstuff(stuff(data)) == data


@given(st.binary(max_size=40))
@settings(max_examples=200, deadline=None)
def test_no_noise_passes_for_an_answer(noise: bytes) -> None:
    with pytest.raises(DamagedError):
        parse_answer(noise)


def test_a_board_tells_what_it_is(tiny: Path, rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    info, model = rig[2].info(), firmware_model(tiny)
    assert info.sha256 == model.model.graph.sha256
    assert (info.input, info.output) == ((16, 16, 3), (16, 16, 3))
    assert (info.model, info.board, info.engine) == ("tiny.tflite", "host", "stream")
    assert info.ram_bytes == model.engine.ram_bytes
    assert info.tick_hz == 1_000_000


def test_a_board_gives_the_hosts_bytes_and_times(tiny: Path, rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    board = rig[2]
    rows, expected = picture_rows(tiny, 0)
    for _ in range(2):
        finished, times = board.run(rows, 16, 48)
        assert finished == expected
        assert times.crc32 == zlib.crc32(expected)
        assert times.ticks > 0
        assert times.ms == times.ticks / 1000
        assert times.stack_bytes is None
    assert board.link.counts == serial_link.LinkCounts()


def test_a_picture_that_the_board_makes_itself(tiny: Path, rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    engine = open_engine("litert-ref", tiny)
    for seed in (1, 2**32 - 1):
        raw = np.frombuffer(pattern(seed, SIZE), np.int8).reshape(1, 16, 16, 3)
        assert np.unique(raw).size > 200
        assert rig[2].infer(seed).crc32 == zlib.crc32(engine.run(raw).tobytes())


CAMERA_C = """#include "camera.h"
int camera_row(int y, uint8_t *pixels)
{
    for (int i = 0; i < 48; ++i) {
        pixels[i] = (uint8_t)(16 * y + 5 * i);
    }
    return 1;
}
"""


def test_a_picture_of_the_boards_own_camera(
    tiny: Path, tmp_path: Path, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hook, port, saved = tmp_path / "my_camera.c", tmp_path / "port", tmp_path / "picture.png"
    hook.write_text(CAMERA_C)
    (tmp_path / "build").mkdir()
    with_camera = build_for_host(tmp_path / "build", firmware_model(tiny), hook)  # it wins over the weak one
    with host_board(with_camera, port):
        code, out, err = run_command([str(tiny), "--port", str(port), "--camera", str(saved)], capsys)
        assert code == 0, err
        assert "ms of the engine" in out
        code, _, err = run_command([str(tiny), "--port", str(port), "--camera", str(saved)], capsys)
        assert code == 2
        assert "exists already" in err
        code, out, _ = run_command(
            [str(tiny), "--port", str(port), "--camera", str(tmp_path / "2.png"), "--json"], capsys
        )
        told = json.loads(out)
        assert code == 0
        assert told.pop("ms") > 0
        assert told == {"picture": str(tmp_path / "2.png"), "port": str(port)}
    seen = (16 * np.arange(16)[:, None] + 5 * np.arange(48)).astype(np.uint8).reshape(16, 16, 3)
    assert (np.asarray(Image.open(saved)) == open_engine("litert-ref", tiny).blur(seen)).all()
    with host_board(program, port):
        code, _, err = run_command([str(tiny), "--port", str(port), "--camera", str(tmp_path / "b.png")], capsys)
    assert code == 1
    assert "it has no camera: fill in camera_row" in " ".join(err.split())
    assert not (tmp_path / "b.png").exists()


def test_rows_of_a_pattern_come_one_by_one(tiny: Path, rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    link, rows = rig[2].link, []
    link.ask(Command.BEGIN, Source.PATTERN, (5).to_bytes(4, "little"))
    while (answer := link.ask(Command.NEXT)).has_row:
        rows.append(answer.payload)
    raw = np.frombuffer(pattern(5, SIZE), np.int8).reshape(1, 16, 16, 3)
    assert b"".join(rows) == open_engine("litert-ref", tiny).run(raw).tobytes()


def test_rows_longer_than_a_block_of_cobs(tmp_path: Path) -> None:
    net = Int8Net(seed=5)
    path = tmp_path / "wide.tflite"
    path.write_bytes(net.tflite(net.conv(net.picture(4, 300), 3, (1, 1), activation="NONE", scale=0.01)))
    program = build_for_host(tmp_path, firmware_model(path))
    engine, lengths = open_engine("litert-ref", path), []
    with host_board(program, tmp_path / "port"), open_board(LinkOptions(str(tmp_path / "port"))) as board:
        for seed in range(6):
            raw = to_raw(random_picture(4, 300, seed), engine.model.input)
            expected = engine.run(raw).tobytes()
            finished, _ = board.run([raw[0, y].tobytes() for y in range(4)], 4, 900)
            assert finished == expected
            lengths += [len(group) for y in range(4) for group in expected[900 * y : 900 * (y + 1)].split(b"\0")]
    assert max(lengths) > 2 * 254  # else this would test nothing
    assert board.link.counts.repeated == 0


def test_what_a_board_refuses(rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    link = rig[2].link
    assert link.ask(Command.NEXT).status == Status.OUT_OF_ORDER
    assert link.ask(Command.ROW, 0, bytes(48)).status == Status.OUT_OF_ORDER
    assert link.ask(Command.BEGIN, Source.HOST).status == Status.WRONG_SIZE
    assert link.ask(Command.BEGIN, 9, bytes(4)).status == Status.NOT_KNOWN
    assert link.ask(Command.INFER, Source.HOST, bytes(4)).status == Status.NOT_KNOWN
    assert link.ask(Command.INFER, Source.CAMERA, bytes(4)).status == Status.NO_CAMERA
    assert link.ask(Command.BEGIN, Source.HOST, bytes(4)).status == Status.OK
    assert link.ask(Command.ROW, 1, bytes(48)).status == Status.OUT_OF_ORDER
    assert link.ask(Command.ROW, 0, bytes(47)).status == Status.WRONG_SIZE
    assert link.ask(Command.ROW, 0, bytes(48)).rows_in == 1


def test_a_request_whose_answer_got_lost_is_carried_out_once(rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    _, line, board = rig
    board.link.ask(Command.BEGIN, Source.HOST, bytes(4))
    lost = iter([b""])
    line.to_host = lambda data: next(lost, data)
    assert board.link.ask(Command.ROW, 0, bytes(48)).status == Status.OK
    assert board.link.ask(Command.ROW, 1, bytes(48)).rows_in == 2
    assert board.link.counts.repeated == 1


class Bad:
    """A line that drops, changes and adds bytes at random; the same ones for the same seed."""

    def __init__(self, seed: int, share: float) -> None:
        self.random = random.Random(seed)
        self.share = share
        self.harmed = 0

    def __call__(self, data: bytes) -> bytes:
        return b"".join(self._harm(byte) for byte in data)

    def _harm(self, byte: int) -> bytes:
        if self.random.random() >= self.share:
            return bytes([byte])
        self.harmed += 1
        kind = self.random.randrange(3)
        if kind == 0:
            return b""
        if kind == 1:
            return bytes([byte ^ 1 << self.random.randrange(8)])
        return self.random.randbytes(20) + bytes([byte])


@pytest.mark.parametrize("direction", ["to_board", "to_host", "both"])
def test_a_bad_line_costs_time_but_no_byte(
    tiny: Path, rig: tuple[HostBoard, Line, SerialBoard], direction: str
) -> None:
    _, line, board = rig
    bad = Bad(11, 0.004)
    for name in ("to_board", "to_host"):
        if direction in (name, "both"):
            setattr(line, name, bad)
    for seed in range(2):
        assert run_one(board, tiny, seed)
    assert bad.harmed >= 5
    assert board.restarted == 0  # what the board had done it did not do again
    assert board.link.counts.repeated > 0


def test_noise_before_the_first_frame(tiny: Path, rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    host, line, board = rig
    boot = iter([b"ESP-ROM:esp32s3\r\n\0\xff garbage", b""])
    line.to_host = lambda data: next(boot, b"") + data
    line.to_board = lambda data: b"\x05ab\0\0" + data
    assert board.info().board == "host"
    assert run_one(board, tiny)
    assert host.process.poll() is None


@pytest.mark.parametrize("when", [0, 300, 700])
def test_a_board_that_resets_begins_the_picture_anew(
    tiny: Path, rig: tuple[HostBoard, Line, SerialBoard], when: int
) -> None:
    host, line, board = rig
    seen = 0

    def reset_once(data: bytes) -> bytes:
        nonlocal seen
        if seen <= when < seen + len(data):
            host.reset()
        seen += len(data)
        return data

    line.to_board = reset_once
    assert run_one(board, tiny)
    assert board.restarted <= 1
    assert when == 0 or board.restarted == 1


def test_a_board_that_resets_again_and_again_is_given_up(tiny: Path, rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    host, line, board = rig
    rows, _ = picture_rows(tiny, 0)
    count = 0

    def reset_often(data: bytes) -> bytes:
        nonlocal count
        count += 1
        if count % 8 == 0:
            host.reset()
        return data

    line.to_board = reset_often
    with pytest.raises(RunError, match="forgot its picture 4 times: it resets"):
        board.run(rows, 16, 48)


def test_a_port_that_vanishes_and_comes_back(tiny: Path, rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    _, line, board = rig
    seen = 0

    def vanish_once(data: bytes) -> bytes:
        nonlocal seen
        seen += 1
        if seen == 5:
            line.replug()
        return data

    line.to_board = vanish_once
    assert run_one(board, tiny)
    assert board.link.counts.reopened >= 1


def test_a_port_that_vanishes_for_good(
    tiny: Path, rig: tuple[HostBoard, Line, SerialBoard], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, line, board = rig
    monkeypatch.setattr(serial_link, "_REOPEN_S", 0.3)

    def vanish(data: bytes) -> bytes:
        line.replug()
        line.port.unlink()
        return data

    line.to_board = vanish
    with pytest.raises(RunError, match="vanished and did not come back"):
        run_one(board, tiny)


def test_a_board_that_never_answers_is_given_up_in_one_sentence(tiny: Path, tmp_path: Path) -> None:
    with joined(tmp_path / "port", None):
        options = SerialOptions(LinkOptions(str(tmp_path / "port"), silence_s=0.5))
        before = time.monotonic()
        with pytest.raises(RunError, match=r"did not answer within 0\.5 s: check the port"):
            run_serial(choose_tflite(tiny), options)
        assert time.monotonic() - before < 5


def test_something_else_at_the_port_is_told(
    tiny: Path, tmp_path: Path, rig: tuple[HostBoard, Line, SerialBoard]
) -> None:
    _, line, board = rig
    line.to_host = lambda data: b"\0hello, I am a GPS receiver\0"
    board.link.options = dataclasses.replace(board.link.options, silence_s=0.5)
    with pytest.raises(RunError, match=r"gave no whole answer, only \d+ damaged frames: check the rate"):
        board.info()


def test_another_version_of_the_protocol(rig: tuple[HostBoard, Line, SerialBoard]) -> None:
    _, line, board = rig

    def newer(data: bytes) -> bytes:
        for frame in filter(None, data.split(b"\0")):
            answer = unstuff(frame)[:-4]
            if len(answer) > 60:
                body = answer[:8] + b"\x02" + answer[9:]
                return b"\0" + stuff(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"
        return data

    line.to_host = newer
    with pytest.raises(RunError, match="speaks version 2 of the protocol, this edgeblur speaks 1"):
        board.info()


def test_the_firmware_survives_anything(program: Path) -> None:
    noise = random.Random(5)
    lumps = [noise.randbytes(noise.randrange(200)) for _ in range(300)]
    frames = [
        request(Command(noise.randint(1, 6)), noise.randrange(256), noise.randrange(4), bytes(noise.choice((0, 4, 48))))
        for _ in range(300)
    ]
    stream = b"".join(part for pair in zip(lumps, frames, strict=True) for part in pair) + bytes(3)
    done = subprocess.run([program], input=stream, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    answers = [frame for frame in done.stdout.split(b"\0") if frame]
    assert len(answers) >= 300
    assert all(parse_answer(frame) for frame in answers)


def run_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments])
    told = capsys.readouterr()
    return ended.value.code, told.out, told.err


def test_the_command_compares_and_measures(
    tiny: Path, tmp_path: Path, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = str(tmp_path / "port")
    with host_board(program, tmp_path / "port"):
        code, out, _ = run_command([str(tiny), "--port", port, "--random", "3", "--json"], capsys)
        result = json.loads(out)
        assert code == 0
        assert (result["board"], result["images"], result["bytes_compared"]) == ("host", 3, 3 * SIZE)
        assert (result["differing_bytes"], result["own_picture_equal"]) == (0, True)
        assert result["measured_ms"] > 0
        assert len(result["frame_ms"]) == 3
        assert not {"stack_bytes", "may_be_emulated"} & set(result)
        code, out, _ = run_command([str(tiny), "--port", port, "--board", "host"], capsys)
        assert code == 0
        assert "3,840, all equal" in out
        code, _, err = run_command([str(tiny), "--port", port, "--board", "pico"], capsys)
        assert code == 2
        assert "is host, not pico" in err


def test_a_board_with_another_model_is_refused(
    tmp_path: Path, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_net(tmp_path, 4)
    with host_board(program, tmp_path / "port"):
        code, _, err = run_command([str(other), "--port", str(tmp_path / "port")], capsys)
    assert code == 2
    assert "runs another model: tiny.tflite (SHA-256" in err


def test_bytes_that_differ_end_in_exit_code_1(
    tiny: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("wrong")
    model = firmware_model(tiny)
    assert model.engine.compiled is not None
    right = f"make_row(state, {len(model.engine.compiled.net.nodes) - 1}, (int8_t *)row);"
    generated = [(name, text.replace(right, right + " row[3] ^= 1;")) for name, text in model.engine.generated]
    assert tuple(generated) != model.engine.generated
    wrong = dataclasses.replace(model, engine=dataclasses.replace(model.engine, generated=tuple(generated)))
    with host_board(build_for_host(folder, wrong), tmp_path / "port"):
        run = run_serial(choose_tflite(tiny), SerialOptions(LinkOptions(str(tmp_path / "port")), random=2))
    assert run.comparison.differing_bytes == 2 * 16
    assert not run.own_equal
    with pytest.raises(RunError, match=r"32 of 1,536 output bytes on host at .* differ"):
        run.check()


def test_wrong_ports_and_requests_are_told(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "no-such-port")
    code, _, err = run_command([str(tiny), "--port", missing], capsys)
    assert code == 2
    assert f"{missing} cannot be opened as a serial port" in " ".join(err.split())
    code, _, err = run_command([str(tiny), "--port", "nonsense://x"], capsys)
    assert code == 2
    code, _, err = run_command([str(tiny)], capsys)
    assert code == 2
    assert "run needs a board" in err
    code, _, err = run_command([str(tiny), "--port", missing, "--ram", "100"], capsys)
    assert code == 2
    assert "are for emulated boards" in err


def test_without_pyserial_the_package_is_named(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "serial", None)
    with pytest.raises(UserError, match=r"pip install 'edgeblur\[boards\]'"):
        run_serial(choose_tflite(tiny), SerialOptions(LinkOptions("/dev/null")))


def need_tools(board: Board) -> None:
    """Skip by name where a cross compiler or emulator is missing; CI must have them."""
    assert board.emulator is not None
    for tool in (board.core.toolchain.compiler, board.emulator.program):
        if shutil.which(tool) is None:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{tool} is not installed")


@pytest.mark.parametrize("name", ["microbit", "mps2-an386", "mps2-an505", "mps3-an547", "riscv32-virt"])
def test_an_emulated_board_at_its_uart(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    board, port = find_board(name), tmp_path / "port"
    need_tools(board)
    (tmp_path / "build").mkdir()
    elf = build_emulated(tmp_path / "build", firmware_model(tiny), board)
    with emulated_board(board, elf, port) as (monitor, line):
        code, out, err = run_command(
            [str(tiny), "--port", str(port), "--board", name, "--random", "2", "--json"], capsys
        )
        assert code == 0, err
        result = json.loads(out)
        assert (result["images"], result["differing_bytes"], result["own_picture_equal"]) == (2, 0, True)
        assert ("measured_ms" in result) == (name != "riscv32-virt")  # whose counter has no fixed frequency
        assert result["may_be_emulated"]
        assert 100 < result["stack_bytes"] < board.stack_bytes
        if name != "mps2-an386":
            return
        seen = 0

        def reset_once(data: bytes) -> bytes:
            nonlocal seen
            seen += 1
            if seen == 9:
                monitor.sendall(b"system_reset\n")
                time.sleep(0.2)
            return Bad(seen, 0.0005)(data)

        line.to_board, line.to_host = reset_once, Bad(1, 0.0005)
        code, out, err = run_command([str(tiny), "--port", str(port), "--random", "2", "--json"], capsys)
        assert code == 0, err
        result = json.loads(out)
        assert result["differing_bytes"] == 0
        assert result["line"]["restarted"] == 1
