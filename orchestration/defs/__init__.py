"""Dagster definitions, one file per concern."""
