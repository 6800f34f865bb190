"""The Python API: one typed function a step, from photos to a board. `import edgeblur` shows it as its own.

Nothing heavy is imported before a function is called: training and quantizing need `pip install 'edgeblur[train]'`,
the rest only the light install. Models are named as on the command line: by a .tflite file, a run folder, or a name
of the shelf such as `live`. Wrong usage raises `UserError`, a failed gate or a failed run `RunError`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeblur.distill.data.make import MakeOptions
    from edgeblur.distill.student import StudentOptions
    from edgeblur.distill.teacher import TrainOptions
    from edgeblur.distill.training.fit import FitOptions
    from edgeblur.export.stream.options import StreamOptions
    from edgeblur.export.stream.write import StreamExport
    from edgeblur.export.tflm.write import ExportResult
    from edgeblur.export.veil.compile import FrameOptions
    from edgeblur.export.veil.write import FrameExport
    from edgeblur.firmware_harness.blurring.batch import Blurred
    from edgeblur.firmware_harness.blurring.blurrers import Blurrer
    from edgeblur.firmware_harness.boards.boards import Board
    from edgeblur.firmware_harness.emulation.result import BoardRun
    from edgeblur.firmware_harness.emulation.run import EmulatedOptions
    from edgeblur.firmware_harness.fit.fit import Fit
    from edgeblur.firmware_harness.fit.needs import Candidate
    from edgeblur.firmware_harness.privacy.protection import PrivacyOptions
    from edgeblur.firmware_harness.serial.frames import Times
    from edgeblur.firmware_harness.serial.run import SerialOptions, SerialRun
    from edgeblur.firmware_harness.validation.result import Gates, Validation
    from edgeblur.models.choose import Chosen
    from edgeblur.pictures.images import Pixels
    from edgeblur.quantize.found import Found
    from edgeblur.quantize.quantize import Quantized, QuantizeOptions
    from edgeblur.store.dataset import Dataset
    from edgeblur.store.run_folder import Run, RunModel

__all__ = [
    "blur", "blur_pictures", "compile_frames", "compile_model", "distill_student", "export_tflm", "fit_boards",
    "make_dataset", "make_detector", "model_names", "quantize_model", "run_on_board", "run_on_port", "take_picture",
    "train_teacher", "validate_model",
]  # fmt: skip

StrPath = str | os.PathLike[str]


def make_dataset(
    out: StrPath, photos: Sequence[StrPath] = (), labels: Sequence[StrPath] = (), options: MakeOptions | None = None,
    *, source: str | None = None, scenes: int = 0, detector: str = "centerface", terms: Collection[str] | None = None,
    limit: int | None = None, force: bool = False, skipped: list[str] | None = None,
) -> Dataset:  # fmt: skip
    """Make a data set: train/, train_blur/, train_mask/, val/, ... and manifest.json.

    Args:
        out: the new folder; written whole or not at all.
        photos: folders of photos.
        labels: a label file for each folder, in the same order; without any, `detector` finds the faces.
        options: side of the stored squares, shares of the splits, seed, makers to hold out, and the blur to learn; by
            default 192 pixels, and 70, 20 and 10 % of the pictures.
        source: instead of photos: `synthetic:600`, `tfds:wider_face` or `tfds:celeb_a`.
        scenes: drawn face scenes beside the photos, or instead of them.
        detector: `centerface` or `blazeface`; needs `edgeblur[detect]`.
        terms: of photos, keep those under these licence terms; all by default.
        limit: at most so many pictures.
        force: replace a data set that edgeblur made.
        skipped: gets a sentence for each file that was left out; by default they go to standard error.

    Raises:
        UserError: nothing to make pictures of, no picture there, or `out` is occupied.
    """
    from edgeblur.distill.data import make, sources
    from edgeblur.errors import UserError
    from edgeblur.files import refuse_existing, refuse_swallowing
    from edgeblur.progress import say, track

    folders, files, options = _paths(photos), _paths(labels), options or make.MakeOptions()
    left_out: list[str] = [] if skipped is None else skipped
    refuse_existing(Path(out), force=force)
    refuse_swallowing(Path(out), (*folders, *files))
    if folders and source is not None:
        raise UserError(f"a data set is made of photos or of a source, and both are given: {source} has its own faces")
    if folders:
        wanted = None if terms is None else frozenset(terms)
        found = sources.open_photos(folders, files, skipped=left_out, detector=detector, terms=wanted, limit=limit)
    elif source is not None:
        kind = sources.parse_source(source)
        found = sources.open_source(kind, size=options.size, seed=options.seed, limit=limit)
    elif scenes:
        found, scenes = sources.from_synthetic(scenes, seed=options.seed, size=options.size), 0
    else:
        raise UserError("a data set needs photos, a source, or scenes to draw")
    if scenes:
        found = sources.with_scenes(found, scenes, seed=options.seed, size=options.size)
    data = make.make_dataset(track(found, "making pictures", found.total), Path(out), options, force=force)
    for sentence in left_out if skipped is None else ():
        say(f"skipped: {sentence}")
    return data


def train_teacher(
    data: StrPath, out: StrPath, options: TrainOptions | None = None, *, resume: bool = False, force: bool = False
) -> Run:
    """Train a teacher on a data set, into a new run folder. Needs `edgeblur[train]`.

    Of several workers that train together, the chief alone writes the run; the others come back with its place.

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
    from edgeblur.store.run_folder import Run

    teacher.train(Path(data), Path(out), options or teacher.TrainOptions(), resume=resume, force=force)
    return Run(Path(out))


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
    run: Run | StrPath, model: str | None = None, options: QuantizeOptions | None = None, *,
    train_on: FitOptions | None = None, force: bool = False,
) -> Quantized:  # fmt: skip
    """Quantize a model of a run to int8 or int16x8, calibrated on the run's data set. Needs `edgeblur[train]`.

    Args:
        run: a run.
        model: its name in the run; the newest student by default.
        options: scheme, type of input and output, how many pictures calibrate and how many measure the loss.
        train_on: first go on training it with int8 simulated (quantization-aware training); `NAME-qat` is made then.
        force: quantize it again.

    Returns:
        Where its .tflite lies, what it lost in dB, and a signal-to-noise ratio for each layer.

    Raises:
        UserError: no such model, quantized already, or it has an op that the scheme does not have; training goes on
            for int8 only.
    """
    _require_tensorflow()
    from edgeblur.quantize import quantize

    opened, options = _run(run), options or quantize.QuantizeOptions()
    if train_on is not None:
        from edgeblur.quantize.qat import quantize_aware

        return quantize_aware(opened, opened.model(model), options, train_on, force=force)
    return quantize.quantize_run_model(opened, opened.model(model), options, force=force)


def make_detector(
    data: StrPath, out: StrPath, *, calibration: int = 200, limit: int | None = None, force: bool = False
) -> Found:
    """Quantize a pretrained face detector, BlazeFace at 128x128, to int8. Needs `edgeblur[detect]` for its weights.

    Args:
        data: a data set; the train split calibrates, the test split measures.
        out: the .tflite to write: scores and boxes of both grids as outputs, without landmarks.
        calibration: pictures of the train split that ranges are taken from.
        limit: at most so many test pictures; all by default.
        force: replace a file that is there.

    Returns:
        Of the faces that the float net finds on the test pictures, how many the int8 net finds as well.

    Raises:
        UserError: no data set there, a split is empty, no face in the pictures, or `out` is occupied.
    """
    from edgeblur.errors import UserError
    from edgeblur.files import refuse_place, write_bytes
    from edgeblur.pictures.images import to_floats
    from edgeblur.quantize import detector, found
    from edgeblur.quantize.convert import calibration_pictures
    from edgeblur.store.dataset import evenly, open_dataset

    refuse_place(Path(out), force=force)
    dataset = open_dataset(Path(data))
    samples = evenly(dataset.split("test"), limit)
    if not samples:
        raise UserError(f"{data} has no test split to compare int8 with float on: make it again with a test share")
    size = detector.SIDE, detector.SIDE
    nets = detector.make_detector(calibration_pictures(dataset, calibration, *size))
    pictures = [to_floats(dataset.load(sample, size).picture)[None] for sample in samples]
    compared = found.compare_findings(nets, pictures)
    write_bytes(Path(out), detector.detector_tflite(nets))
    return compared


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
        RunError: this machine's compiler, if there is one, has a complaint about the C.
    """
    from edgeblur.export.stream.write import export_stream
    from edgeblur.firmware_harness.engines.host_c import check_compiles
    from edgeblur.models.choose import choose_tflite

    chosen, options = choose_tflite(Path(model)), _for_board(options, board)
    return export_stream(
        chosen.path, Path(out), options, name=name, title=chosen.title, force=force, check=check_compiles
    )  # fmt: skip


def compile_frames(
    model: StrPath, out: StrPath, frames: FrameOptions, options: StreamOptions | None = None, *,
    name: str = "face_blur", board: str | None = None, force: bool = False,
) -> FrameExport:  # fmt: skip
    """Compile an int8 model with a mask to C99 that veils the faces of a camera's frames, at the frames' own size.

    Args:
        model: an int8 mask head.
        out: a new or empty folder.
        frames: their size, how the camera writes pixels, who keeps a frame, how strongly it is veiled.
        options, name, board, force: as `compile_model` takes them.

    Raises:
        UserError: a model without a mask, frames that cannot be, or as `compile_model`.
    """
    from edgeblur.export.veil.write import export_frames
    from edgeblur.firmware_harness.engines.host_c import check_compiles
    from edgeblur.models.choose import choose_tflite

    chosen, options = choose_tflite(Path(model)), _for_board(options, board)
    return export_frames(
        chosen.path, Path(out), frames, options, name=name, title=chosen.title, force=force, check=check_compiles
    )  # fmt: skip


def export_tflm(model: StrPath, out: StrPath, *, name: str | None = None, force: bool = False) -> ExportResult:
    """Write a model for TensorFlow Lite Micro: the .tflite, a C array of it, a header with ops, arena, quantization.

    Args:
        model: any .tflite that takes a picture and gives one.
        out: a new or empty folder.
        name: the C identifier; by default made from the file's name.
        force: replace an earlier export.

    Raises:
        UserError: no such model, a name that C does not take, or `out` is occupied.
    """
    from edgeblur.export.tflm.write import export_model
    from edgeblur.firmware_harness.engines.host_c import check_compiles
    from edgeblur.models.choose import choose_tflite

    chosen = choose_tflite(Path(model))
    return export_model(chosen.path, Path(out), name=name, title=chosen.title, force=force, check=check_compiles)


def validate_model(
    model: StrPath, *, photos: StrPath | None = None, data: StrPath | None = None, random: int | None = None,
    engines: Sequence[str] | None = ("litert-ref", "stream"), limit: int | None = None,
    reference: StrPath | None = None, gates: Gates | None = None, stream: StreamOptions | None = None,
    privacy: PrivacyOptions | None = None,
    labels: StrPath | None = None, frames: FrameOptions | None = None,
) -> Validation:  # fmt: skip
    """Run a model on this host: size, arena, MACs, latency, fidelity, and whether engines agree byte for byte.

    Args:
        model: any .tflite that takes a picture and gives one.
        photos: a folder of photos, resized to the model's input.
        data: a data set, whose test split is taken; by default the run's, if the model belongs to one.
        random: so many seeded random pictures instead.
        engines: `litert`, `litert-ref`, `tflite-runtime`, `tflm`, `stream`; each is compared with the first. None for
            the fastest alone that gives a board's bytes, to a step.
        limit: at most so many pictures.
        reference: a .tflite that fidelity is measured against; by default the run's float teacher, else the data set.
        gates: limits that will be asked of the result; refused at once if nothing could answer them.
        stream: aim and budgets of the streaming engine.
        privacy: also count faces that detectors and a face-recognition model still find.
        labels: the label file of `photos`, for that.
        frames: that it is counted on, veiled, as `compile_frames` takes them.

    Raises:
        UserError: no such model or engine, or nothing to run it on.
    """
    from edgeblur.firmware_harness.validation.validate import validate
    from edgeblur.models.choose import choose_tflite

    return validate(
        choose_tflite(Path(model)), photos=_path(photos), data=_path(data), random=random,
        engines=None if engines is None else tuple(engines), limit=limit, reference=_path(reference), gates=gates,
        stream=stream, privacy=privacy, labels=_path(labels), frames=frames,
    )  # fmt: skip


def fit_boards(
    model: StrPath, boards: Sequence[str | Board] = (), options: StreamOptions | None = None, *,
    frames: FrameOptions | None = None, kind: str | None = None,
) -> list[Fit]:  # fmt: skip
    """Tell whether a model fits boards, from its plan: nothing is built or run.

    Args:
        model: an int8 model.
        boards: names as `edgeblur boards` lists them, or boards of your own; all real boards by default.
        options: as `compile_model` takes them.
        frames: as `compile_frames` takes them, if it is to veil a camera's frames.
        kind: of project whose clock counts, such as `zephyr`; by default the board's highest.

    Returns:
        For each board RAM and flash in bytes, by part, and a verdict: `fits`, `tight` (less than 10 % left) or `no`.

    Raises:
        UserError: no such model or board.
    """
    from edgeblur.firmware_harness.boards.boards import Board, find_board
    from edgeblur.firmware_harness.boards.listing import Wanted, select
    from edgeblur.firmware_harness.fit.fit import fits
    from edgeblur.models.choose import choose_tflite

    found = tuple(board if isinstance(board, Board) else find_board(board) for board in boards)
    chosen = choose_tflite(Path(model))
    return fits([_candidate(chosen, frames, options)], found or select(Wanted(emulated=False)), kind)


def run_on_board(
    model: StrPath, board: str, options: EmulatedOptions | None = None, *, frames: FrameOptions | None = None,
    board_file: StrPath | None = None,
) -> BoardRun:  # fmt: skip
    """Build firmware for an emulated board, run a model there, and compare every output byte with the reference.

    Args:
        model: an int8 model.
        board: an emulated one, such as `mps2-an386` (Cortex-M4); needs its cross compiler and QEMU.
        options: which pictures, for size or speed, within which budgets; by default a few random ones, for size.
        frames: a mask model veils frames of a camera's size, which are compared with the veil's reference; by default
            pictures of the model's own size go through, and are compared with LiteRT's reference kernels.
        board_file: a TOML of boards of your own, of which `board` may be one.

    Returns:
        Executed instructions by layer, RAM and flash of the linked file in bytes, stack, differing bytes. What a
        run's model took with the streaming engine is kept in RUN/boards.json, for its report.

    Raises:
        UserError: no such board, missing tools, or a model that cannot be streamed or does not fit.
        RunError: the firmware failed.
    """
    from edgeblur.errors import UserError
    from edgeblur.firmware_harness.boards.boards import find_board
    from edgeblur.firmware_harness.boards.records import keep_record
    from edgeblur.firmware_harness.emulation.frames import run_frames
    from edgeblur.firmware_harness.emulation.run import EmulatedOptions, run_emulated
    from edgeblur.firmware_harness.emulation.tflm import run_tflm
    from edgeblur.models.choose import choose_tflite

    chosen, options = choose_tflite(Path(model)), options or EmulatedOptions()
    target = find_board(board, _path(board_file))
    if options.tflm is not None:
        if frames is not None:
            raise UserError("frames are for the streaming engine: leave TensorFlow Lite Micro out")
        return run_tflm(chosen, target, options)
    result = run_frames(chosen, target, options, frames) if frames else run_emulated(chosen, target, options)
    if not result.comparison.differing_bytes:
        keep_record(chosen, result.ran, budget_bytes=options.stream.ram_bytes)
    return result


def run_on_port(model: StrPath, options: SerialOptions) -> SerialRun:
    """Send pictures or frames to a board at a serial port, and compare every byte that comes back with the reference.

    Args:
        model: the int8 model that the firmware on the board was made of, by `edgeblur firmware`.
        options: the port, which pictures, what the board must call itself.

    Returns:
        Milliseconds a picture by the board's own counter, RAM and stack in bytes, differing bytes.

    Raises:
        UserError: no such port, a board with another model, or no pictures.
        RunError: the board does not answer, or fails.
    """
    from edgeblur.firmware_harness.serial.run import run_serial
    from edgeblur.models.choose import choose_tflite

    return run_serial(choose_tflite(Path(model)), options)


def take_picture(model: StrPath, options: SerialOptions, out: StrPath) -> Times:
    """Save what a board at a serial port makes of a picture of its own camera; there is nothing to compare it with.

    Args:
        model: the int8 model that the firmware on the board was made of, by `edgeblur firmware`.
        options: the port, and of firmware that veils frames which ones it takes.
        out: the picture to write, its format by its suffix.

    Returns:
        What the engine took, by the board's own counter.

    Raises:
        UserError: no such port, a board with another model, a file that is there already or no picture's suffix.
        RunError: the board does not answer, or has no camera.
    """
    from edgeblur.firmware_harness.serial.run import camera_picture
    from edgeblur.models.choose import choose_tflite

    return camera_picture(choose_tflite(Path(model)), options, Path(out))


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
    return np.asarray(_blurrer(model).blur(Image.fromarray(picture)))


def blur_pictures(
    source: StrPath, out: StrPath, model: StrPath | None = None, *, name: str | None = None, fit: str | None = None,
    net: tuple[int, int] | None = None, style: str = "blur", memory_frames: int | None = None, resume: bool = False,
    force: bool = False,
) -> Blurred:  # fmt: skip
    """Blur the faces of a picture or a video, or of all those below a folder.

    Args:
        source: a picture, a video or a folder.
        out: the picture, video or folder to write.
        model: what blurs: a model (approach B) or `detector:centerface` (approach A); the default of the shelf if none
            is named.
        name: which model of a run.
        fit: how a model meets larger pictures: `veil` finds faces at the model's size and veils them at the picture's,
            `resize` shrinks and enlarges, `tile` runs overlapping tiles; by default the veil if the model has a mask.
        net: width and height of the picture in which a model with a mask looks for faces: in a larger one than its own,
            smaller faces are found.
        style: what is shown in place of a face: `blur`, `pixelate` or `black`.
        memory_frames: of a video, for which a face stays veiled after it was last found; 8 by default.
        resume: leave out what an earlier call wrote.
        force: replace files that are there.

    Returns:
        What was written, by which blurrer, and a sentence for all that was left out.

    Raises:
        UserError: nothing to read, no such model, or a result that is there already.
    """
    from edgeblur.firmware_harness.blurring.batch import Blurred, blur_files
    from edgeblur.firmware_harness.blurring.video import Memory

    blurrer, skipped = _blurrer(model, fit, name, style, net), list[str]()
    memory = None if memory_frames is None else Memory(after=memory_frames)
    found = blur_files(Path(source), Path(out), blurrer, memory=memory, resume=resume, force=force, skipped=skipped)
    files = tuple(found)
    return Blurred(blurrer.name, blurrer.how, files, tuple(skipped))


def model_names() -> list[str]:
    """Names of the trained models that come with edgeblur, as `edgeblur models` lists them."""
    from edgeblur.models.shelf import entries

    return [entry.name for entry in entries()]


def _blurrer(
    model: StrPath | None, fit: str | None = None, name: str | None = None, style: str = "blur",
    net: tuple[int, int] | None = None,
) -> Blurrer:  # fmt: skip
    from edgeblur.firmware_harness.blurring.blurrers import open_blurrer
    from edgeblur.models.shelf import default_entry

    place = str(model) if model is not None else str(default_entry().path)
    return open_blurrer(place, fit=fit, model=name, style=style, net=net)


def _candidate(chosen: Chosen, frames: FrameOptions | None, options: StreamOptions | None) -> Candidate:
    """A model as `fit` takes it; the compiler is imported only where it is needed."""
    if frames is None:
        from edgeblur.firmware_harness.fit.examine import examine

        return examine(chosen, options)
    from edgeblur.firmware_harness.fit.plan import examine_frames

    return examine_frames(chosen, frames, options)


def _for_board(options: StreamOptions | None, board: str | None) -> StreamOptions:
    from edgeblur.export.stream.options import StreamOptions
    from edgeblur.firmware_harness.boards.boards import find_board

    options = options or StreamOptions()
    return replace(options, core=find_board(board).core.name) if board else options


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
