"""Synthetic face scenes: labelled pictures that need no photo. A procedural generator on numpy and Pillow."""

from edgeblur.distill.data.synthetic.scene import draw_scene, synthetic_scenes

__all__ = ["draw_scene", "synthetic_scenes"]
