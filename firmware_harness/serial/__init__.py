"""Pictures over a serial line to a board and back."""
