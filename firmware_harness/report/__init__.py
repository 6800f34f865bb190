"""One HTML page and one Markdown page about a run."""
