"""Work, predicted instructions and code size, and the choice of kernels that they lead to."""
