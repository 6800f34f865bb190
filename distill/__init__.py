"""Photos to a data set, a teacher, and students."""
