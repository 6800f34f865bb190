"""Which row is computed when, where it lies in memory, and what is computed again to save memory."""
