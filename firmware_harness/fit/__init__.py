"""RAM, flash and instructions of models on boards, before anything is built."""
