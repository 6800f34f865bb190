"""Gates for other people's CI: what a model may take and must protect, as a gates.toml says, and whether it does."""
