{{ snowflake_setup() }}
