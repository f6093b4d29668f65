"""Campaigns: what is tried by the hundred, seeded, and what came of it."""
