"""Bare-metal firmware: built, run in QEMU, its bytes compared and its instructions counted."""
