"""One file a subcommand: it parses, calls a stage, and prints."""
