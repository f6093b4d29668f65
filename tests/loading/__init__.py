"""The loader: what lands, what is turned away, and what it leaves in raw."""
