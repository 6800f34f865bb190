"""Reading, checking and writing .tflite files."""
