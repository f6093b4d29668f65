{#
    The agent events of the sessions that a batch rebuilds, picked out of the history. Empty
    in a full build, which reads all of them where they are.
#}
{{ comes_after('int_agent_events_placed') }}
{%- set condition = 'false' -%}
{%- if is_batch() -%}
    {%- set condition = in_touched_range('timestamp') ~ ' and ' ~ is_row_of(
        source('raw', 'agent_events'),
        ['source_system', 'session_id'],
        'select source_system, session_id from ' ~ ref('int_nodes_touched')
        ~ ' where session_id is not null'
    ) -%}
{%- endif -%}
{{ staged_agent_events(condition) }}
