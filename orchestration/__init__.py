"""When things run and in which order; what they compute is SQL."""
