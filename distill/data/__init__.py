"""Photos, labels and drawn scenes become a data set."""
