"""What a .tflite takes and how true it is: sizes, latency, fidelity, byte for byte."""
