"""Pretrained face detectors and a face embedding, each behind the same small interface."""
