"""The firmware shell: a model behind engine.h, whichever engine computes it, and the room that it takes on a board."""
