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
