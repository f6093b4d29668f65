"""Whatever the order, the split and the repetition: the same marts."""
