"""The memory plan as a summary, a table and a picture."""
