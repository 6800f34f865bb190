"""What protects the people on a picture, measured: leaks, retrieval, reversal, changed regions."""
