"""edgeblur: a face-blurring U-Net, from photos to a microcontroller, with what was lost at every step.

The whole way, each step a function; models are named by path, by run folder, or as `edgeblur models` lists them:

    import edgeblur

    edgeblur.make_dataset("dataset", scenes=400)               # or photos: make_dataset("dataset", ["photos/"])
    run = edgeblur.train_teacher("dataset", "run")
    student = edgeblur.distill_student(run, edgeblur.StudentOptions(width=8))[-1]
    int8 = edgeblur.quantize_model(run, student.name).path
    edgeblur.validate_model(int8, random=10).differing_bytes    # 0: our C gives LiteRT's bytes
    edgeblur.fit_boards(int8, ["pico"])[0].verdict
    edgeblur.compile_model(int8, "firmware")
    edgeblur.run_on_board(int8, "mps2-an386").counts.median     # instructions a picture
    edgeblur.blur_pictures("photos/", "blurred/", "live")       # without training anything

Nothing is imported before it is used: `import edgeblur` loads neither TensorFlow nor NumPy.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {
    "edgeblur.api": (
        "make_dataset", "train_teacher", "distill_student", "quantize_model", "compile_model", "compile_frames",
        "export_tflm", "validate_model", "fit_boards", "run_on_board", "run_on_port", "take_picture", "blur",
        "blur_pictures", "model_names", "make_detector",
    ),
    "edgeblur.distill.data.make": ("MakeOptions",),
    "edgeblur.distill.teacher": ("TrainOptions",),
    "edgeblur.distill.student": ("StudentOptions",),
    "edgeblur.distill.training.fit": ("FitOptions",),
    "edgeblur.quantize.quantize": ("QuantizeOptions",),
    "edgeblur.export.stream.options": ("StreamOptions",),
    "edgeblur.export.veil.compile": ("FrameOptions",),
    "edgeblur.firmware_harness.emulation.run": ("EmulatedOptions",),
    "edgeblur.firmware_harness.serial.link": ("LinkOptions",),
    "edgeblur.firmware_harness.serial.run": ("SerialOptions",),
    "edgeblur.errors": ("EdgeblurError", "RunError", "UserError"),
}  # fmt: skip
"""Where each public name lives; `__init__.pyi` says the same to type checkers."""

_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'edgeblur' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """The public names, for `help` and completion."""
    return sorted({*globals(), *__all__})
