"""The steps that all demonstrations share: drawing scenes, comparing engines, running on an emulated board."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from edgeblur.distill.data.make import MakeOptions, make_dataset
from edgeblur.distill.data.sources import from_synthetic
from edgeblur.errors import RunError, UserError
from edgeblur.export.stream.options import StreamOptions
from edgeblur.files import write_json
from edgeblur.firmware_harness.boards.boards import find_board
from edgeblur.firmware_harness.boards.records import keep_record
from edgeblur.firmware_harness.emulation.build import compiler_version
from edgeblur.firmware_harness.emulation.elf import require_elftools
from edgeblur.firmware_harness.emulation.emulator import emulator_of, emulator_version
from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
from edgeblur.firmware_harness.engines.engines import available_engines
from edgeblur.firmware_harness.validation.validate import validate
from edgeblur.models.choose import Chosen
from edgeblur.progress import track

_EXACT = ("tflm", "stream")
_BOARD = "mps2-an386"


def numbered(count: int) -> Iterator[str]:
    """`[1/8]`, `[2/8]`, ..."""
    return (f"[{number}/{count}]" for number in itertools.count(1))


def draw(folder: Path, scenes: int, options: MakeOptions, *, force: bool) -> Path:
    """Make a data set of drawn face scenes, and return its folder."""
    photos = track(from_synthetic(scenes, size=192), "drawing", scenes)
    return make_dataset(photos, folder, options, force=force).root


def agree(chosen: Chosen, note: Path, *, data: Path | None = None) -> str:
    """Run an int8 model in all engines; those that compute alike must agree byte for byte.

    Args:
        chosen: the model.
        note: where to write what `edgeblur validate --json` says.
        data: whose test pictures to run it on; those of the model's run by default.

    Returns:
        What came of it, for people.

    Raises:
        RunError: they differ.
    """
    engines = ("litert-ref", *(engine for engine in available_engines() if engine != "litert-ref"))
    result = validate(chosen, data=data, engines=engines, limit=5)
    write_json(note, result.as_json())
    alike = [comparison for comparison in result.comparisons if comparison.engine in _EXACT]
    for comparison in alike:
        if comparison.differing_bytes:
            raise RunError(
                f"litert-ref and {comparison.engine} differ in {comparison.differing_bytes} of "
                f"{comparison.bytes_compared} output bytes of {chosen.path}: the two must be equal"
            )
    if not alike:
        return "neither TensorFlow Lite Micro nor a C compiler is installed here, so nothing was compared"
    compared = sum(comparison.bytes_compared for comparison in alike)
    return f"{compared:,} output bytes of {' and '.join(c.engine for c in alike)} equal litert-ref's"


def emulate(chosen: Chosen) -> str:
    """Run one picture on an emulated Cortex-M4, if the tools are there; what came of it, for people.

    What a run's model took is kept in RUN/boards.json, for the report.
    """
    board = find_board(_BOARD)
    try:
        emulator_version(emulator_of(board))
        compiler_version(board.core.toolchain)
        require_elftools()
    except UserError as error:
        return f"not run on an emulated board: {error}"
    result = run_emulated(chosen, board, EmulatedOptions(random=1, stream=StreamOptions("speed")))
    result.check()
    keep_record(chosen, result.ran)
    return f"{board.core.title}, emulated: the same bytes in {result.counts.median / 1e6:.1f} M instructions"
