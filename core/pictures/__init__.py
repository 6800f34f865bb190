"""Pictures, the faces on them, how faces are blurred, and how two pictures are compared."""
