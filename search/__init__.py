"""Search for a mask head: the compiler says what a net costs before it is trained, short distillations say the rest."""
