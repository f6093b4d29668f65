"""What only Snowflake needs: logging in to it."""
