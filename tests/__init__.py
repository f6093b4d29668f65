"""Python tests; the SQL beside them is dbt's."""
