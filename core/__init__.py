"""edgeblur: a face-blurring U-Net, from photos to a microcontroller, with what was lost at every step."""

__version__ = "0.1.0"
