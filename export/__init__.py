"""Reading .tflite, and writing what a board needs."""
