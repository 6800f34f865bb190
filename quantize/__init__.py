"""Calibration, int8 post-training quantization, and a diagnosis layer by layer."""
