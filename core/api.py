"""The Python API: one typed function a step, from photos to a board. `import edgeblur` shows it as its own.

Nothing heavy is imported before a function is called: training and quantizing need `pip install 'edgeblur[train]'`,
the rest only the light install. Models are named as on the command line: by a .tflite file, a run folder, or a name
of the shelf such as `mask8`. A mistake in what was asked raises `UserError`, a failure on the way `RunError`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeblur.distill.student import StudentOptions
    from edgeblur.distill.teacher import TrainOptions
    from edgeblur.export.stream.options import StreamOptions
    from edgeblur.export.stream.write import StreamExport
    from edgeblur.firmware_harness.blurring.blurrers import Blurrer
    from edgeblur.firmware_harness.emulation.result import BoardRun
    from edgeblur.firmware_harness.emulation.run import EmulatedOptions
    from edgeblur.firmware_harness.fit.fit import Fit
    from edgeblur.firmware_harness.validation.result import Validation
    from edgeblur.pictures.images import Pixels
    from edgeblur.quantize.quantize import Quantized, QuantizeOptions
    from edgeblur.store.dataset import Dataset
    from edgeblur.store.run_folder import Run, RunModel

__all__ = [
    "blur", "blur_pictures", "compile_model", "distill_student", "fit_boards", "make_dataset", "model_names",
    "quantize_model", "run_on_board", "train_teacher", "validate_model",
]  # fmt: skip

StrPath = str | os.PathLike[str]


def make_dataset(
    out: StrPath, photos: Sequence[StrPath] = (), labels: Sequence[StrPath] = (), *, scenes: int = 0, size: int = 192,
    seed: int = 0, detector: str = "centerface", force: bool = False,
) -> Dataset:  # fmt: skip
    """Make a data set: train/, train_blur/, train_mask/, val/, ... and manifest.json; 70, 20 and 10 % of the pictures.

    Args:
        out: the new folder; written whole or not at all.
        photos: folders of photos.
        labels: a label file for each folder, in the same order; without any, `detector` finds the faces.
        scenes: drawn face scenes beside the photos, or instead of them.
        size: side of the stored squares, in pixels; larger than a model's input, so that training can crop.
        seed: of the split, the crops and the scenes.
        detector: `centerface` or `blazeface`; needs `edgeblur[detect]`.
        force: replace a data set that edgeblur made.

    Raises:
        UserError: neither photos nor scenes, no picture there, or `out` is occupied.
    """
    from edgeblur.distill.data import make, sources
    from edgeblur.errors import UserError
    from edgeblur.progress import say, track

    if not photos and not scenes:
        raise UserError("a data set needs photos, scenes to draw, or both")
    skipped: list[str] = []
    if photos:
        found = sources.open_photos(_paths(photos), _paths(labels), skipped=skipped, detector=detector)
        found = sources.with_scenes(found, scenes, seed=seed, size=size) if scenes else found
    else:
        found = sources.from_synthetic(scenes, seed=seed, size=size)
    options = make.MakeOptions(size=size, seed=seed)
    data = make.make_dataset(track(found, "making pictures", found.total), Path(out), options, force=force)
    for sentence in skipped:
        say(f"skipped: {sentence}")
    return data


def train_teacher(
    data: StrPath, out: StrPath, options: TrainOptions | None = None, *, resume: bool = False, force: bool = False
) -> Run:
    """Train a teacher on a data set, into a new run folder. Needs `edgeblur[train]`.

    Args:
        data: a data set.
        out: the run folder to make, or to go on with.
        options: the net and its training; by default the thesis's U-Net (1,925,667 parameters) for 30 epochs.
        resume: go on with a training that was killed.
        force: replace a run that is there.

    Raises:
        UserError: no data set there, `out` is occupied, or TensorFlow is not installed.
    """
    _require_tensorflow()
    from edgeblur.distill import teacher
    from edgeblur.store.run_folder import open_run

    teacher.train(Path(data), Path(out), options or teacher.TrainOptions(), resume=resume, force=force)
    return open_run(Path(out))


def distill_student(
    run: Run | StrPath, options: StudentOptions | None = None, *, resume: bool = False, force: bool = False
) -> list[RunModel]:
    """Distill a run's teacher into a narrower student, and prune it if asked. Needs `edgeblur[train]`.

    Args:
        run: a run with a finished teacher.
        options: which student and how it learns; by default a U-Net of width 8, and the same without a teacher.
        resume: go on with a training that was killed.
        force: replace a student of that name.

    Returns:
        The models made, in order; the last is what was asked for.

    Raises:
        UserError: no teacher yet, a student of that name exists, or options that exclude each other.
    """
    _require_tensorflow()
    from edgeblur.distill import student

    return student.distill(_run(run), options or student.StudentOptions(), resume=resume, force=force)


def quantize_model(
    run: Run | StrPath, model: str | None = None, options: QuantizeOptions | None = None, *, force: bool = False
) -> Quantized:
    """Quantize a model of a run to int8, calibrated on the run's data set. Needs `edgeblur[train]`.

    Args:
        run: a run.
        model: its name in the run; the newest student by default.
        options: the type of input and output, how many pictures calibrate and how many measure the loss.
        force: quantize it again.

    Returns:
        Where int8.tflite lies, what it lost in dB, and a signal-to-noise ratio for each layer.

    Raises:
        UserError: no such model, quantized already, or it has an op without int8.
    """
    _require_tensorflow()
    from edgeblur.quantize import quantize

    opened = _run(run)
    return quantize.quantize_run_model(
        opened, opened.model(model), options or quantize.QuantizeOptions(), force=force
    )  # fmt: skip


def compile_model(
    model: StrPath, out: StrPath, options: StreamOptions | None = None, *, name: str = "face_blur",
    board: str | None = None, force: bool = False,
) -> StreamExport:  # fmt: skip
    """Compile an int8 model to C99 that takes picture rows in and gives finished rows out.

    Args:
        model: an int8 model.
        out: a new or empty folder; gets NAME.c, NAME.h, NAME_weights.h, plan.svg and README.txt.
        options: for size, speed or balanced, within which budgets; by default the smallest flash.
        name: prefix of everything public in the C.
        board: whose core the kernels suit, and whose instructions are predicted; a Cortex-M4 by default.
        force: replace an earlier export.

    Raises:
        UserError: a float model, an op that cannot be streamed, a budget that cannot be met, or `out` is occupied.
        RunError: this host's compiler does not take the C, or the disk is full.
    """
    from edgeblur.export.stream.options import StreamOptions
    from edgeblur.export.stream.write import export_stream
    from edgeblur.firmware_harness.boards.boards import find_board
    from edgeblur.firmware_harness.engines.host_c import check_compiles
    from edgeblur.models.choose import choose_tflite

    chosen, options = choose_tflite(Path(model)), options or StreamOptions()
    if board:
        options = replace(options, core=find_board(board).core.name)
    return export_stream(
        chosen.path, Path(out), options, name=name, title=chosen.title, force=force, check=check_compiles
    )


def validate_model(
    model: StrPath, *, photos: StrPath | None = None, data: StrPath | None = None, random: int | None = None,
    engines: Sequence[str] = ("litert-ref", "stream"), limit: int | None = None,
) -> Validation:  # fmt: skip
    """Run a model on this host: size, arena, MACs, latency, fidelity, and whether engines agree byte for byte.

    Args:
        model: any .tflite that takes a picture and gives one.
        photos: a folder of photos, resized to the model's input.
        data: a data set, whose test split is taken; by default the run's, if the model belongs to one.
        random: so many seeded random pictures instead.
        engines: `litert`, `litert-ref`, `tflite-runtime`, `tflm`, `stream`; each is compared with the first.
        limit: at most so many pictures.

    Raises:
        UserError: no such model or engine, or nothing to run it on.
    """
    from edgeblur.firmware_harness.validation.validate import validate
    from edgeblur.models.choose import choose_tflite

    return validate(
        choose_tflite(Path(model)), photos=_path(photos), data=_path(data), random=random, engines=tuple(engines),
        limit=limit,
    )  # fmt: skip


def fit_boards(
    model: StrPath, boards: Sequence[str] = (), options: StreamOptions | None = None
) -> list[Fit]:  # fmt: skip
    """Tell whether a model fits boards, from its plan: nothing is built or run.

    Args:
        model: an int8 model.
        boards: names as `edgeblur boards` lists them; all real boards by default.
        options: as `compile_model` takes them.

    Returns:
        For each board RAM and flash in bytes, by part, and a verdict: `fits`, `tight` (less than 10 % left) or `no`.

    Raises:
        UserError: no such model or board.
    """
    from edgeblur.firmware_harness.boards.boards import find_board
    from edgeblur.firmware_harness.boards.listing import Wanted, select
    from edgeblur.firmware_harness.fit.examine import examine
    from edgeblur.firmware_harness.fit.fit import fits
    from edgeblur.models.choose import choose_tflite

    wanted = tuple(map(find_board, boards)) or select(Wanted(emulated=False))
    chosen = choose_tflite(Path(model))
    return fits([examine(chosen, options)], wanted)


def run_on_board(
    model: StrPath, board: str, options: EmulatedOptions | None = None, *, board_file: StrPath | None = None
) -> BoardRun:
    """Build firmware for an emulated board, run a model there, and compare every output byte with LiteRT's.

    Args:
        model: an int8 model.
        board: an emulated one, such as `mps2-an386` (Cortex-M4); needs its cross compiler and QEMU.
        options: which pictures, for size or speed, within which budgets; by default a few random ones, for size.
        board_file: a TOML of boards of your own, of which `board` may be one.

    Returns:
        Executed instructions by layer, RAM and flash of the linked file in bytes, stack, differing bytes. What a
        run's model took is kept in RUN/boards.json, for its report.

    Raises:
        UserError: no such board, missing tools, or a model that cannot be streamed or does not fit.
        RunError: the firmware failed.
    """
    from edgeblur.firmware_harness.boards.boards import find_board
    from edgeblur.firmware_harness.boards.records import keep_record
    from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
    from edgeblur.models.choose import choose_tflite

    chosen, options = choose_tflite(Path(model)), options or EmulatedOptions()
    result = run_emulated(chosen, find_board(board, _path(board_file)), options)
    if not result.comparison.differing_bytes:
        keep_record(chosen, result.ran, budget_bytes=options.stream.ram_bytes)
    return result


def blur(picture: Pixels, model: StrPath | None = None) -> Pixels:
    """Blur the faces of one picture.

    Args:
        picture: RGB bytes, `[height, width, 3]`, of any size.
        model: what blurs; the default of the shelf if none is named.

    Returns:
        A picture of the same shape. Where the model has a mask, every byte outside of what it found stays as it was.

    Raises:
        UserError: no such model, or an array of another shape or type.
    """
    import numpy as np
    from PIL import Image

    from edgeblur.errors import UserError

    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise UserError(f"blur takes RGB bytes [height, width, 3], got {picture.dtype} {list(picture.shape)}")
    return np.asarray(_blurrer(model, None).blur(Image.fromarray(picture)))


def blur_pictures(
    source: StrPath, out: StrPath, model: StrPath | None = None, *, fit: str | None = None, force: bool = False
) -> list[Path]:
    """Blur the faces of a picture or a video, or of all those below a folder.

    Args:
        source: a picture, a video or a folder.
        out: the picture, video or folder to write.
        model: what blurs: a model (approach B) or `detector:centerface` (approach A); the default of the shelf if none
            is named.
        fit: how a model meets larger pictures: `veil` finds faces at the model's size and veils them at the picture's,
            `resize` shrinks and enlarges, `tile` runs overlapping tiles; by default the veil if the model has a mask.
        force: replace pictures that are there.

    Returns:
        The files written. Pictures that cannot be read are passed over with a remark.

    Raises:
        UserError: nothing to read, no such model, or a result that is there already.
    """
    from edgeblur.firmware_harness.blurring.batch import blur_files
    from edgeblur.progress import say

    skipped: list[str] = []
    found = blur_files(Path(source), Path(out), _blurrer(model, fit), force=force, skipped=skipped)
    written = [file.path for file in found]
    for sentence in skipped:
        say(f"skipped: {sentence}")
    return written


def model_names() -> list[str]:
    """Names of the trained models that come with edgeblur, as `edgeblur models` lists them."""
    from edgeblur.models.shelf import entries

    return [entry.name for entry in entries()]


def _blurrer(model: StrPath | None, fit: str | None) -> Blurrer:
    from edgeblur.firmware_harness.blurring.blurrers import open_blurrer
    from edgeblur.models.shelf import default_entry

    return open_blurrer(str(model) if model is not None else str(default_entry().path), fit=fit)


def _run(run: Run | StrPath) -> Run:
    from edgeblur.store.run_folder import Run, open_run

    return run if isinstance(run, Run) else open_run(Path(run))


def _require_tensorflow() -> None:
    from edgeblur.distill.nets.keras_files import require_tensorflow

    require_tensorflow()


def _path(path: StrPath | None) -> Path | None:
    return Path(path) if path is not None else None


def _paths(paths: Sequence[StrPath]) -> list[Path]:
    return [Path(path) for path in paths]
