"""How a net is trained: pictures in random variations, losses, hard examples, curves, several machines."""
