"""How long the pipeline takes at size, beside a script that does the same by hand.

One command makes the load, runs everything and prints a table:
`python -m benchmarks`. What is measured, and what the load is not, stands in
`docs/benchmarks.md`.
"""
