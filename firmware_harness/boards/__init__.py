"""Boards as data: cores, clocks, memories, SDKs, and the source of each fact."""
