"""What a TensorFlow Lite Micro project needs: the ops to register, the arena, C arrays."""
