"""A model in a browser: the generated C as WebAssembly in one self-contained page, before a board is bought."""
