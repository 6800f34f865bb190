"""What lies on disk between stages: the data set and the run folder."""
