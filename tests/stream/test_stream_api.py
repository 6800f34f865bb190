"""The generated C from outside: what compilers say, what a program gets that calls it in any order, what it needs.

Two nets stand for all: a small U-Net, and a grey one of odd sizes with uint8 at both ends, whose last picture rows
nothing needs. The program that calls them is stream_harness.c.
"""

from __future__ import annotations

import dataclasses
import platform
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from int8_nets import Int8Net, unet
from stream_c import HARNESS, SANITIZERS, build, compiler, run, write_list, write_net

from edgeblur.export.stream.emit import OPTIMIZE
from edgeblur.export.tflite.graph import image_model, read_tflite
from edgeblur.export.tflite.inside import look_inside
from edgeblur.export.tflite.options import ResizeNearestNeighborOptions
from edgeblur.export.tflite.pixels import Raw, pixel_table, step_table
from edgeblur.firmware_harness.engines.engines import open_engine
from edgeblur.firmware_harness.engines.host_c import FLAGS

PICTURES = 2
MODES = ("whole", "pop_early", "pop_late", "rude", "midframe", "side_by_side", "all_zero", "begun_once", "careless",
         "flipped", "pixels")  # fmt: skip
FUNCTIONS = ("begin", "push_row", "push_row_raw", "pop_row", "pop_row_raw", "run", "run_raw")
MORE_WARNINGS = ("-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wcast-qual", "-Wvla")


def small_unet() -> bytes:
    net = Int8Net(seed=13)
    return net.tflite(unet(net, 2, 2, (16, 12)))


def odd() -> bytes:
    net = Int8Net(seed=6)
    picture = net.picture(22, 11, 1, 1 / 128, 0)
    net.tensors[picture] = dataclasses.replace(net.tensors[picture], dtype="uint8", zero_points=(128,))
    x = net.requantize(picture, 0.02, -7)
    x = net.conv(x, 3, (2, 1), stride=(3, 1), padding="VALID", scale=0.02, gain=2)  # 7 x 11, of 22 rows needs 20
    low = net.depthwise(net.conv(x, 5, (3, 2), stride=(2, 2), scale=0.02, gain=2), dilation=(2, 1))  # 4 x 6
    up = net.up_conv(low, 3, (3, 3), scale=0.02, zero_point=11)  # 8 x 12
    up = net.conv(up, 3, (2, 2), padding="VALID", scale=0.02, zero_point=11)  # 7 x 11
    y = net.join(up, net.conv(x, 2, (1, 5), scale=0.02, zero_point=11))
    y = net.conv(y, 3, (2, 3), stride=(1, 2), padding="VALID", activation="NONE", scale=0.01, zero_point=9)  # 6 x 5
    return net.tflite(net.requantize(y, 0.008, 120, "uint8"))


NETS: dict[str, Callable[[], bytes]] = {"unet": small_unet, "odd": odd}
NAMES = [f"{net}_{optimize}" for net in NETS for optimize in OPTIMIZE]


def data(name: str) -> bytes:
    return NETS[name.split("_")[0]]()


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the C of all `NAMES`. To be read only."""
    folder = tmp_path_factory.mktemp("sources")
    for name in NAMES:
        write_net(read_tflite(data(name)), name, folder, optimize=name.split("_")[1])
    write_list(folder, NAMES)
    return folder


def pictures(name: str) -> list[Raw]:
    taken = image_model(look_inside(data(name)).graph).input.tensor
    random = np.random.default_rng(len(name))
    return [random.integers(0, 256, taken.shape).astype(np.uint8).view(taken.dtype) for _ in range(PICTURES)]


def expected(name: str, mode: str) -> bytes:
    """What LiteRT's reference kernels make of the pictures, in pixels if the mode is that."""
    engine = open_engine("litert-ref", data(name))
    if mode != "pixels":
        return b"".join(engine.run(raw).tobytes() for raw in pictures(name))
    into, out = (np.frombuffer(t, np.uint8) for t in (pixel_table(engine.model.input), step_table(engine.model.output)))
    raws = (into[raw.view(np.uint8)].view(raw.dtype) for raw in pictures(name))
    return b"".join(out[engine.run(raw).view(np.uint8)].tobytes() for raw in raws)


def check_outputs(program: Path, mode: str, fill: int = 0xAA) -> None:
    given = [picture for name in NAMES for picture in pictures(name)]
    outputs, at = run(program, mode, given, PICTURES, fill=fill), 0
    for name in NAMES:
        wanted = expected(name, mode)
        assert len(set(wanted)) > 20
        assert outputs[at : at + len(wanted)] == wanted, name
        at += len(wanted)
    assert at == len(outputs)


# Calls in any order


@pytest.fixture(scope="module")
def sanitized(sources: Path) -> Path:
    """A program that stops at the first access outside an array, and at anything that C leaves undefined."""
    return build(sources, NAMES, ["-O0", *SANITIZERS], program="sanitized")


@pytest.mark.parametrize("fill", [0xAA, 0x55])
@pytest.mark.parametrize("mode", MODES)
def test_any_order_of_calls_gives_the_same_bytes(sanitized: Path, mode: str, fill: int) -> None:
    check_outputs(sanitized, mode, fill)


@pytest.mark.parametrize("flags", [["-O1"], ["-O1", "-m32"]], ids=" ".join)
def test_clang_and_32_bits_give_the_same_bytes(sources: Path, flags: list[str]) -> None:
    tool = compiler("clang")
    if "-m32" in flags and not links(tool, *flags):
        pytest.skip("there is no 32-bit C library")
    program = build(sources, NAMES, flags, tool=tool, program="clang")
    for mode in ("pop_early", "pixels"):
        check_outputs(program, mode)


def test_nothing_is_read_before_it_was_written(sources: Path) -> None:
    tool, flags = compiler("clang"), ["-O1", "-g1", "-fsanitize=memory", "-fno-sanitize-recover=all"]
    if not links(tool, *flags):
        pytest.skip("clang's memory sanitizer is not installed")
    program = build(sources, NAMES, flags, tool=tool, program="memory")
    for mode in MODES:
        check_outputs(program, mode)


def links(tool: str, *flags: str) -> bool:
    """Whether a compiler makes a program with these flags."""
    command = [tool, *flags, "-x", "c", "-", "-o", "/dev/null"]
    program = b'#include <stdio.h>\nint main(void) { return puts("") < 0; }\n'
    return subprocess.run(command, input=program, capture_output=True, check=False).returncode == 0


# Sizes that need wider numbers


def wide() -> bytes:
    """Rows of 36 kB: their addresses fit 16 bits only in larger units."""
    net = Int8Net(seed=1)
    x = net.conv(net.picture(7, 12000), 4, scale=0.02, gain=2)
    return net.tflite(net.conv(x, 3, dilation=(2, 1), scale=0.02, gain=2))


def tall() -> bytes:
    """9000 rows, a loop of 4498 rounds."""
    net = Int8Net(seed=2)
    x = net.conv(net.picture(9000, 2, 1), 2, stride=(2, 1), scale=0.02, gain=2)
    return net.tflite(net.conv(x, 3, scale=0.02, gain=2))


def irregular() -> bytes:
    """More steps without a loop than 16 bits count."""
    net = Int8Net(seed=3)
    x = net.conv(net.picture(3001, 1, 1), 2, scale=0.02, gain=2)
    for height in (18541, 30011, 20021):
        size = net.constant(np.array([height, 1], np.int32))
        options = ResizeNearestNeighborOptions(False, False)
        x = net.op("RESIZE_NEAREST_NEIGHBOR", (x, size), net.like(x, height, 1, 2), options, 3)
    return net.tflite(x)


@pytest.mark.parametrize(
    ("make", "promise"),
    [(wide, r"\* 8u"), (tall, r"rounds < 449\d"), (irregular, r"uint32_t position")],
)
def test_sizes_beyond_16_bits(tmp_path: Path, make: Callable[[], bytes], promise: str) -> None:
    graph = read_tflite(make())
    compiled = write_net(graph, "big", tmp_path)
    assert re.search(promise, compiled.files.source + compiled.files.header)
    picture = np.random.default_rng(0).integers(-128, 128, graph.tensors[graph.inputs[0]].shape).astype(np.int8)
    wanted = open_engine("litert-ref", make()).run(picture)
    assert len(np.unique(wanted)) > 8
    assert run(build(tmp_path, ["big"], ["-O1"]), "pop_late", [picture], 1) == wanted.tobytes()


# What compilers say


def compile_quietly(tool: str, *arguments: str | Path) -> None:
    """Compile without one warning."""
    command = [compiler(tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[:4000]


@pytest.fixture(scope="module")
def headers_of_32_bits(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Flags for 32-bit code on x86-64 where only the 64-bit C library is installed: its headers lack one empty file."""
    if platform.machine() != "x86_64":
        pytest.skip("-m32 is for x86")
    folder = tmp_path_factory.mktemp("headers")
    (folder / "gnu").mkdir()
    (folder / "gnu" / "stubs-32.h").write_text("")
    return ["-m32", "-isystem", str(folder), "-isystem", f"/usr/include/{platform.machine()}-linux-gnu"]


def symbols(path: Path) -> dict[str, str]:
    """Names in an object file, and nm's letter for each."""
    listing = subprocess.run([compiler("nm"), "-P", str(path)], capture_output=True, text=True, check=True).stdout
    return {line.split()[0]: line.split()[1] for line in listing.splitlines()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("tool", "level"), [("gcc", "-O0"), ("gcc", "-Os"), ("gcc", "-O3"), ("clang", "-O2")])
def test_c_compiles_without_a_word_and_needs_next_to_nothing(
    sources: Path, tmp_path: Path, tool: str, level: str, name: str
) -> None:
    plain = ["-fno-pic", "-fno-stack-protector", "-U_FORTIFY_SOURCE"]  # distributions add what calls other functions
    compile_quietly(tool, *FLAGS, *MORE_WARNINGS, *plain, level, "-c", sources / f"{name}.c", "-o", tmp_path / "net.o")
    found = symbols(tmp_path / "net.o")
    assert {symbol for symbol, kind in found.items() if kind == "U"} <= {"memcpy", "memset"}
    assert not {symbol for symbol, kind in found.items() if kind in "BbDdCcSsGg"}, "something is writable"
    public = {symbol for symbol, kind in found.items() if kind.isupper() and kind != "U"}
    assert public == {f"{name}_{function}" for function in FUNCTIONS}


@pytest.mark.parametrize("tool", ["gcc", "clang"])
def test_32_bit_c_compiles_without_a_word(
    sources: Path, tmp_path: Path, headers_of_32_bits: list[str], tool: str
) -> None:
    for source in (*(sources / f"{name}.c" for name in NAMES), HARNESS):  # the harness checks sizes, too
        compile_quietly(tool, *FLAGS, *headers_of_32_bits, f"-I{sources}", "-c", source, "-o", tmp_path / "net.o")


CPP = """
#include "{name}.h"
#include "{name}.h"
static {name}_state state;
static_assert(sizeof state == {upper}_STATE_BYTES, "");
int main() {{
    uint8_t in[{upper}_INPUT_ROW_BYTES] = {{0}}, out[{upper}_OUTPUT_ROW_BYTES];
    unsigned rows = 0;
    {name}_status status = {name}_begin(&state);
    while ((status = {name}_pop_row(&state, out)) != {upper}_END) {{
        rows += status == {upper}_OK;
        if (status == {upper}_NEED_ROW && {name}_push_row(&state, in) != {upper}_OK)
            return 1;
    }}
    return rows != {upper}_OUTPUT_HEIGHT;
}}
"""


@pytest.mark.parametrize(("tool", "standard"), [("g++", "c++11"), ("g++", "c++20"), ("clang++", "c++17")])
def test_cpp_takes_the_header(sources: Path, tmp_path: Path, tool: str, standard: str) -> None:
    for name in (name for name in NAMES if name.endswith("size")):
        (tmp_path / "main.cpp").write_text(CPP.format(name=name, upper=name.upper()))
        compile_quietly("gcc", "-std=c99", "-c", sources / f"{name}.c", "-o", tmp_path / "net.o")
        flags = [f"-std={standard}", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", f"-I{sources}"]
        compile_quietly(tool, *flags, tmp_path / "main.cpp", tmp_path / "net.o", "-o", tmp_path / "main")
        assert subprocess.run([tmp_path / "main"], check=False).returncode == 0


@pytest.mark.parametrize("name", NAMES)
def test_there_is_no_floating_point(sources: Path, tmp_path: Path, name: str) -> None:
    for suffix in (".c", ".h", "_weights.h"):
        text = re.sub(r"/\*.*?\*/", "", (sources / f"{name}{suffix}").read_text(), flags=re.DOTALL)
        assert set(re.findall(r"#\s*include\s*(\S+)", text)) <= {
            "<stddef.h>", "<stdint.h>", "<string.h>", "<arm_mve.h>", f'"{name}.h"', f'"{name}_weights.h"',
        }  # fmt: skip
        text = re.sub(r'"[^"\n]*"', "", text)  # instructions of other processors
        assert not re.search(r"\b(float|double|malloc|calloc|free|printf)\b|\d\.\d|\.\d|\d\.(?!\d|c|h)", text)
    if platform.machine() in ("x86_64", "aarch64"):  # there, compilers can be forbidden to use any such register
        flags = ["-std=c99", "-mgeneral-regs-only", "-O1"]
        compile_quietly("gcc", *flags, "-c", sources / f"{name}.c", "-o", tmp_path / "net.o")
