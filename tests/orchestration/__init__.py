"""Tests of what runs when, what is published and what is shown."""
