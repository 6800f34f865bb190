from edgeblur.api import blur as blur
from edgeblur.api import blur_pictures as blur_pictures
from edgeblur.api import compile_frames as compile_frames
from edgeblur.api import compile_model as compile_model
from edgeblur.api import distill_student as distill_student
from edgeblur.api import export_tflm as export_tflm
from edgeblur.api import fit_boards as fit_boards
from edgeblur.api import make_dataset as make_dataset
from edgeblur.api import make_detector as make_detector
from edgeblur.api import model_names as model_names
from edgeblur.api import quantize_model as quantize_model
from edgeblur.api import run_on_board as run_on_board
from edgeblur.api import run_on_port as run_on_port
from edgeblur.api import take_picture as take_picture
from edgeblur.api import train_teacher as train_teacher
from edgeblur.api import validate_model as validate_model
from edgeblur.distill.data.make import MakeOptions as MakeOptions
from edgeblur.distill.student import StudentOptions as StudentOptions
from edgeblur.distill.teacher import TrainOptions as TrainOptions
from edgeblur.distill.training.fit import FitOptions as FitOptions
from edgeblur.errors import EdgeblurError as EdgeblurError
from edgeblur.errors import RunError as RunError
from edgeblur.errors import UserError as UserError
from edgeblur.export.stream.options import StreamOptions as StreamOptions
from edgeblur.export.veil.compile import FrameOptions as FrameOptions
from edgeblur.firmware_harness.emulation.run import EmulatedOptions as EmulatedOptions
from edgeblur.firmware_harness.serial.link import LinkOptions as LinkOptions
from edgeblur.firmware_harness.serial.run import SerialOptions as SerialOptions
from edgeblur.quantize.quantize import QuantizeOptions as QuantizeOptions

__all__ = [
    "EdgeblurError",
    "EmulatedOptions",
    "FitOptions",
    "FrameOptions",
    "LinkOptions",
    "MakeOptions",
    "QuantizeOptions",
    "RunError",
    "SerialOptions",
    "StreamOptions",
    "StudentOptions",
    "TrainOptions",
    "UserError",
    "blur",
    "blur_pictures",
    "compile_frames",
    "compile_model",
    "distill_student",
    "export_tflm",
    "fit_boards",
    "make_dataset",
    "make_detector",
    "model_names",
    "quantize_model",
    "run_on_board",
    "run_on_port",
    "take_picture",
    "train_teacher",
    "validate_model",
]

__version__: str
