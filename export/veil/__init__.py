"""The veil: what a finder finds at its net's small size is blurred at the camera's own, in integers throughout.

`pixels` knows how cameras write pixels, `plan` lays a frame over a net's input, `reference` does the work in NumPy and
so defines it; the C that goes onto boards repeats it byte for byte.
"""
