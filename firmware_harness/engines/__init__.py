"""The engines that run a .tflite on this host, the inputs that they get, and their latency."""
