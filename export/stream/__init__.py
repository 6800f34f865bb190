"""The row-streaming engine: an int8 .tflite compiled to C that takes picture rows in and gives finished rows out.

A picture's way through it: `lower` turns the .tflite into a net of operations on rows, `schedule` puts their row steps
into one fixed order, `plan` gives each row its place in memory, `emit` writes the C.
"""
