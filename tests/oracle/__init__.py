"""A second implementation of the rules, and the worlds that hold it against dbt."""
