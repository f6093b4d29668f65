{{ snowflake_prove() }}
