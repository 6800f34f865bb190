"""Options that several subcommands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource
from click.types import FloatParamType

from edgeblur.errors import UserError

if TYPE_CHECKING:
    from edgeblur.export.veil.compile import FrameOptions
    from edgeblur.models.choose import Chosen

F = TypeVar("F", bound=Callable[..., Any])


class Finite(FloatParamType):
    """A real number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse infinity and what is no number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class FiniteRange(Finite, click.FloatRange):
    """A range of real numbers: `nan` passes click's own, as it is neither too small nor too large."""


class ModelFile(click.Path):
    """A .tflite file, or a name of the shelf; a path that exists wins."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, or the shelf's file of that name; what is neither gets one sentence."""
        from edgeblur.models.choose import refuse_hiding
        from edgeblur.models.shelf import advice, find_entry

        path = Path(value)
        if path.exists():
            refuse_hiding(path)
            return path
        entry = find_entry(str(value))
        if entry is None:
            raise UserError(f"{path} does not exist: give a .tflite file, {advice(str(value))}")
        return entry.path


class KerasFile(click.Path):
    """A .keras or .h5 file, or a name of the shelf for the net that it was made from; a path that exists wins."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, or the shelf's file of that name; what is neither is told by whoever reads it."""
        from edgeblur.models.choose import refuse_hiding
        from edgeblur.models.shelf import find_entry

        path = Path(value)
        if path.exists():
            refuse_hiding(path, keras=True)
            return path
        entry = find_entry(str(value))
        return path if entry is None else entry.keras


def default_model() -> Path:
    """The model of the shelf that commands take which are given none."""
    from edgeblur.models.shelf import default_entry

    return default_entry().path


def refuse_given(*options: str, because: str) -> None:
    """Refuse options of the running command that someone typed and that would have no effect.

    Raises:
        UserError: the first of them that was given, by its name on the command line and `because`.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in options and source is ParameterSource.COMMANDLINE:
            raise UserError(f"{parameter.opts[0]} {because}")


def library_asked_for(engine: str, tflm: Path | None) -> Path | None:
    """Where `--engine tflm` finds TensorFlow Lite Micro; None for the streaming engine.

    Raises:
        UserError: no folder is known, or one was given for the other engine.
    """
    if engine != "tflm":
        refuse_given("tflm", because="is for --engine tflm: give both, or none for the streaming engine")
        return None
    if tflm is None:
        raise UserError(
            "--engine tflm needs TensorFlow Lite Micro: `git clone https://github.com/tensorflow/tflite-micro`, and "
            "give the folder as --tflm or in EDGEBLUR_TFLM"
        )
    return tflm


SEED = click.IntRange(0, 2**32 - 1)  # what numpy takes
POSITIVE = FiniteRange(0, min_open=True)

force_option = click.option("--force", is_flag=True, help="Replace what is already there.")
json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable result on standard output.")
tflm_option = click.option(
    "--tflm", envvar="EDGEBLUR_TFLM", show_envvar=True, type=click.Path(path_type=Path),
    help="Your TensorFlow Lite Micro: a checkout, or a tree generated from one.",
)  # fmt: skip
model_argument = click.argument("run_or_model", required=False, default=default_model, type=click.Path(path_type=Path))
"""A run, a .tflite file or a name of the shelf; without it, the shelf's default."""
board_file_option = click.option(
    "--board-file",
    type=click.Path(path_type=Path),
    help="TOML file that describes your own boards, in the format of boards.toml.",
)
model_option = click.option("--model", "model_name", help="Which model of a run; its newest student by default.")

family_option = click.option(
    "--family", type=click.Choice(["unet", "mask", "live", "centre"]), default="unet", show_default=True,
    help="unet outputs the blurred picture; mask finds the faces, and a fixed blur is blended in (far fewer MACs); "
    "live does the same with less than half of the work, and has one width; centre is a small detector: it gives "
    "face centres and sizes.",
)  # fmt: skip

ending_option = click.option(
    "--output", type=click.Choice(["sigmoid", "linear", "gate"]), default="sigmoid", show_default=True,
    help="What follows a U-Net's last convolution: sigmoid (as in the thesis) and linear (nothing) paint the blurred "
    "picture; gate learns where faces are, and passes on the input or a blurred copy of it.",
)  # fmt: skip

optimize_option = click.option(
    "--optimize", type=click.Choice(["size", "balanced", "speed"]), default="size", show_default=True,
    help="Optimise the generated C for size (least flash), speed (fewest instructions) or balanced (fewest within 1.5 "
    "times the flash of size).",
)  # fmt: skip
ram_option = click.option(
    "--ram", "ram_bytes", type=click.IntRange(1),
    help="RAM budget in bytes, stack excluded; rows are recomputed where needed to meet it.",
)  # fmt: skip

flash_option = click.option(
    "--flash", "flash_bytes", type=click.IntRange(1),
    help="Flash budget in bytes for code and weights, with --optimize speed or balanced. [default: 1000000]",
)  # fmt: skip

cores_option = click.option(
    "--cores", type=click.IntRange(1, 2), default=1, show_default=True,
    help="Number of cores that share the work, each about half of every row; 2 for chips with two cores.",
)  # fmt: skip

_SHARE = FiniteRange(0, 1)

_PRIVACY = [
    click.option("--labels", type=click.Path(path_type=Path), help="Label file of --photos, for --privacy."),
    click.option("--detector", "detectors", multiple=True, default=("centerface", "blazeface"), show_default=True,
                 help="Detector that looks for leaks; repeatable. `none` leaves leak rates out."),
    click.option("--identity/--no-identity", default=True, help="Try to identify blurred faces by a face embedding."),
    click.option("--min-face", "min_face_px", type=POSITIVE, default=16, show_default=True,
                 help="Minimum face size in pixels: the longer side, at the model's input size."),
    click.option("--reversibility", is_flag=True,
                 help="Train a net to undo the blur (takes minutes; needs edgeblur[train])."),
    click.option("--steps", type=click.IntRange(1), default=600, show_default=True, help="Training steps of that net."),
    click.option("--seed", type=SEED, default=0, show_default=True, help="Random seed of that training."),
    click.option("--max-leak", type=_SHARE,
                 help="Maximum leak rate, 0 to 1, by the detector that finds the most faces."),
    click.option("--max-rank1", type=_SHARE, help="Maximum share of faces that are identified at rank 1."),
    click.option("--max-parrot", type=_SHARE, help="The same where the gallery is blurred by the same model."),
    click.option("--max-changed", type=_SHARE, help="Maximum share of face-free photos that are visibly changed."),
    click.option("--min-outside", "min_outside_db", type=Finite(), help="Minimum PSNR outside the masks, in dB."),
]  # fmt: skip


def privacy_options(function: F) -> F:
    """The options of `validate --privacy`."""
    for option in reversed(_PRIVACY):
        function = option(function)
    return function


def fit_options(*, epochs: int) -> Callable[[F], F]:
    """The options of edgeblur.distill.training.fit.FitOptions, by the names that its fields have."""

    def decorate(function: F) -> F:
        for option in reversed(
            [
                click.option("--epochs", default=epochs, show_default=True, type=click.IntRange(1),
                             help="Maximum number of epochs."),
                click.option("--batch", default=16, show_default=True, type=click.IntRange(1),
                             help="Pictures per step."),
                click.option("--learning-rate", default=1e-3, show_default=True, type=POSITIVE,
                             help="Adam's learning rate at the start; it falls along a cosine."),
                click.option("--patience", default=10, show_default=True, type=click.IntRange(1),
                             help="Stop after this many epochs without a better validation loss."),
                click.option("--face-weight", default=1.0, show_default=True, type=POSITIVE,
                             help="How much more a pixel inside a face counts in the loss; 1 is plain MSE."),
                click.option("--mask-weight", default=0.0, show_default=True, type=FiniteRange(0),
                             help="Weight of predicting face masks as well while a U-Net trains; needs --face-weight."),
                click.option("--seed", default=0, show_default=True, type=SEED,
                             help="Random seed for weights and shuffling."),
                click.option("--bfloat16", is_flag=True,
                             help="Compute convolutions in bfloat16: faster on CPUs with avx512_bf16 (see lscpu)."),
                click.option("--ema", default=0.0, show_default=True, type=FiniteRange(0, 1, max_open=True),
                             help="Keep a moving average of the weights, over about 1/(1-EMA) steps; 0 is off."),
                click.option("--hard", default=0.0, show_default=True, type=FiniteRange(0, 0.4),
                             help="Share of each epoch spent on pictures where the --start model misses a face; the "
                                  "same share again on pictures where it reports a face that is not there."),
                click.option("--keep", default="best", show_default=True, type=click.Choice(["best", "last"]),
                             help="Keep the weights of the epoch with the best validation loss, or of the last one."),
            ]
        ):  # fmt: skip
            function = option(function)
        return function

    return decorate


class Size(click.ParamType[tuple[int, int]]):
    """A width and a height in pixels, as people type them: 320x240."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """The two numbers."""
        from edgeblur.export.veil.plan import parse_size

        return value if isinstance(value, tuple) else parse_size(str(value))


_FRAMES = [
    click.option("--frame", "frame", type=Size(), help="Veil frames of a camera's size, such as 320x240."),
    click.option("--pixels", type=click.Choice(["rgb888", "bgr888", "rgb565le", "rgb565be", "yuyv", "uyvy", "gray8"]),
                 help="Pixel format of the frames. [default: rgb565le]"),
    click.option("--hold", type=click.Choice(["buffer", "live", "rows"]),
                 help="Who keeps the frame. buffer: the camera's driver; live: nobody, faces are where they were in "
                 "the previous frame; rows: the veil, which keeps rows until their mask is known. [default: buffer]"),
    click.option("--input", "net_size", type=Size(), help="Rewrite the net for this input size."),
    click.option("--margin", type=click.IntRange(0, 16),
                 help="Number of mask cells by which a found face is enlarged."),
    click.option("--share", type=click.IntRange(0, 16), help="Eighths of its own size by which it is also enlarged."),
    click.option("--memory", type=click.IntRange(0, 15), help="Number of frames for which it stays veiled afterwards."),
    click.option("--clamp", help="Mask values at which veiling begins and is complete, such as 0.2:0.4."),
]  # fmt: skip


def frame_options(function: F) -> F:
    """The options of frames of a camera's size; `frames_asked_for` puts them together."""
    for option in reversed(_FRAMES):
        function = option(function)
    return function


def judged_frame_options(function: F) -> F:
    """The same without a pixel format: pictures are judged as they are."""
    for option in reversed([_FRAMES[0], *_FRAMES[2:]]):
        function = option(function)
    return function


def frames_asked_for(
    frame: tuple[int, int] | None, pixels: str | None, hold: str | None, net_size: tuple[int, int] | None,
    margin: int | None, share: int | None, memory: int | None, clamp: str | None,
) -> FrameOptions | None:  # fmt: skip
    """What `frame_options` took together; None if no frame was asked for.

    Raises:
        UserError: options of frames without a frame.
    """
    if frame is None:
        refuse_given("pixels", "hold", "margin", "share", "memory", "clamp", because="is for frames: add --frame")
        return None
    from edgeblur.distill.nets.clamp import parse_clamp
    from edgeblur.export.veil.compile import DEFAULT_HOLD, DEFAULT_PIXELS, FrameOptions

    chosen = parse_clamp(clamp) if clamp is not None else None
    limits = (chosen.threshold, chosen.full) if chosen else None
    return FrameOptions(*frame, pixels or DEFAULT_PIXELS, hold or DEFAULT_HOLD, net_size, limits, margin, share, memory)


def _size(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    from edgeblur.export.tflite.inside import parse_size

    return parse_size(text)


size_option = click.option(
    "--size", callback=_size, help="Input size HEIGHTxWIDTH, for a model whose file does not fix it."
)
output_option = click.option(
    "--output", help="Keep one of several outputs: its name, or its number from 0; for a mask head also `mask`."
)


def inner(chosen: Chosen, size: tuple[int, int] | None, output: str | None) -> Chosen:
    """A model of a size, with one of its outputs, in a file that is gone when the command ends.

    Raises:
        UserError: it cannot take that size, or has no such output.
    """
    if size is None and output is None:
        return chosen
    from edgeblur.models.read import read_inside

    return _passing(chosen, read_inside(chosen.path, size=size, output=output).data, "")


def resized(chosen: Chosen, size: tuple[int, int] | None) -> Chosen:
    """A model rewritten for pictures of another size, in a file that is gone when the command ends.

    Raises:
        UserError: it cannot take that size.
    """
    if size is None:
        return chosen
    from edgeblur.export.tflite.input_size import with_input_size
    from edgeblur.export.tflite.writer import write_tflite
    from edgeblur.models.read import read_model

    data = write_tflite(with_input_size(read_model(chosen.path), *size))
    return _passing(chosen, data, f"-{size[0]}x{size[1]}")


def _passing(chosen: Chosen, data: bytes, suffix: str) -> Chosen:
    """A model's rewritten bytes as a file that is gone when the command ends."""
    import atexit
    import shutil
    import tempfile
    from dataclasses import replace

    folder = Path(tempfile.mkdtemp(prefix="edgeblur-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / f"{Path(chosen.name).name.removesuffix('.tflite')}{suffix}.tflite"
    path.write_bytes(data)
    return replace(chosen, path=path, run=None, model=None, shelf_name=None)
