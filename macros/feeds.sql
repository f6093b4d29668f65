{#
    The feeds that tell of agents, each with the model that ends in the canonical events: a
    new adapter has its line here, and no other among the models.

    The order is a rule. A session is (source system, session id), whichever feed tells of
    it; where several do, the first of them counts, and the others are left out, whole.

    `record` is for a feed of which each record names its session. It says which columns of
    the raw table that is: `session_id` and `occurred_at`, and `event_id` if a record may
    be corrected to be of another session; an event of the record has that id. A feed
    without it says in int_nodes_changed which sessions a batch names.
#}
{% macro agent_feeds() -%}
    {{ return({
        'agent_events': {'model': 'stg_agent_events__events'},
        'tau2_runs': {
            'model': 'stg_tau2_runs__events',
            'record': {
                'session_id': 'simulation_id',
                'occurred_at': 'coalesce(started_at, run_timestamp)',
            },
        },
        'otel_spans': {'model': 'stg_otel_spans__events'},
    }) }}
{%- endmacro %}


{# Those whose records are not canonical events already. #}
{% macro adapted_agent_feeds() -%}
    {%- set feeds = agent_feeds() -%}
    {%- do feeds.pop('agent_events') -%}
    {{ return(feeds) }}
{%- endmacro %}


{# Those of which each record names its session. #}
{% macro agent_feeds_of_records() -%}
    {%- set feeds = {} -%}
    {%- for feed, said in adapted_agent_feeds().items() if said.record -%}
        {%- do feeds.update({feed: said}) -%}
    {%- endfor -%}
    {{ return(feeds) }}
{%- endmacro %}


{#
    The feeds that tell of tickets in shapes of their own, likewise. Which tickets a batch
    names is said in int_nodes_changed.
#}
{% macro adapted_ticket_feeds() -%}
    {{ return({
        'servicenow_incidents': 'stg_servicenow_incidents__events',
        'zendesk': 'stg_zendesk__events',
        'intercom': 'stg_intercom__events',
    }) }}
{%- endmacro %}


{# The feeds of all raw tables. #}
{% macro feeds() -%}
    {{ return(
        agent_feeds() | list
        + ['ticket_events', 'survey_responses', 'compliance_audits']
        + adapted_ticket_feeds() | list
    ) }}
{%- endmacro %}
