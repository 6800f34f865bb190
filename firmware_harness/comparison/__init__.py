"""Approach A beside approach B: blurrers, drawn scenes, contact sheets, the curve of clamps."""
