"""Firmware projects for the ecosystems of boards, and how they are flashed."""
