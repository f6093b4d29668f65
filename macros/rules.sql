{# Words that people type in many ways, as one: case, blanks and hyphens do not count. #}
{% macro normalised_word(column) -%}
    nullif(replace(replace(lower({{ trimmed(column) }}), ' ', '_'), '-', '_'), '')
{%- endmacro %}


{# Who fills the legs: the agent and its systems, never customers and people. #}
{% macro is_automation(actor_type) -%}
    {{ actor_type }} in ('ai_agent', 'system')
{%- endmacro %}


{# Whether a name matches a pattern in which `*` stands for anything. #}
{% macro matches_pattern(name, pattern) -%}
    lower({{ name }}) like replace(
        replace(
            replace(replace(lower({{ pattern }}), '!', '!!'), '_', '!_'), '%', '!%'
        ),
        '*',
        '%'
    ) escape '!'
{%- endmacro %}


{# What an event of the log does to its case; customers close nothing, anyone reopens. #}
{% macro log_act(events) -%}
    case
        when {{ events }}.action_type = 'case_reopened' then 'reopen'
        when
            {{ events }}.action_type = 'case_closed'
            and {{ events }}.actor_type != 'customer'
            then 'close'
    end
{%- endmacro %}


{#
    Each write with each chain of required checks that binds it, and the chain's last word
    before the write, if any: the checks of its session before it that name it or name
    none, and those that name it but come only after it.
#}
{% macro chains_that_bind(writes, checks) -%}
    select
        {{ writes }}.event_key,
        {{ checks }}.chain_key,
        {{ checks }}.policy_id,
        max_by(
            {{ checks }}.outcome,
            case
                when {{ checks }}.case_event_number < {{ writes }}.case_event_number
                    then {{ checks }}.case_event_number
            end
        ) as outcome_before
    from {{ writes }}
    inner join {{ checks }}
        on
            {{ writes }}.session_key = {{ checks }}.session_key
            and (
                {{ writes }}.action_id = {{ checks }}.action_id
                or (
                    {{ checks }}.action_id is null
                    and {{ writes }}.case_event_number > {{ checks }}.case_event_number
                )
            )
    group by all
{%- endmacro %}


{# Whether a chain had not passed when a write that it binds was executed. #}
{% macro is_unpassed(outcome_before) -%}
    {{ outcome_before }} is distinct from 'pass'
{%- endmacro %}


{#
    By which the verdict of a case is the first of its audits: a violation wins, and the
    earliest audit that found it weighs.
#}
{% macro winning_verdict_first() -%}
    case verdict when 'violation' then 0 else 1 end, audited_at, audit_id, audit_key
{%- endmacro %}
