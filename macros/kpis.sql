{# The KPIs in the order of the catalogue; each has two columns in int_cases_measured. #}
{% macro kpi_names() -%}
    {{ return([
        'autonomous_resolution_rate',
        'autonomous_resolution_rate_upper',
        'durable_resolution_rate',
        'containment_rate',
        'automation_rate',
        'escalation_rate',
        'aht_automated_seconds',
        'aht_human_active_seconds',
        'aht_human_elapsed_seconds',
        'policy_check_pass_rate',
        'action_compliance_rate',
        'audited_compliance_rate',
        'first_contact_resolution_rate',
        'ces_mean',
        'ces_favourable_rate',
        'ces_response_rate',
        'reopen_rate',
        'evidence_coverage',
        'unstated_reason_share',
        'cost_per_resolution_usd',
        'action_failure_rate',
        'cost_per_case_usd',
        'cost_per_durable_resolution_usd',
        'tokens_per_case',
    ]) }}
{%- endmacro %}


{# Of them those of which a restatement names the cases: each case counts once or not. #}
{% macro restated_kpi_names() -%}
    {{ return([
        'autonomous_resolution_rate',
        'autonomous_resolution_rate_upper',
        'durable_resolution_rate',
        'containment_rate',
        'automation_rate',
        'escalation_rate',
        'first_contact_resolution_rate',
        'reopen_rate',
        'evidence_coverage',
    ]) }}
{%- endmacro %}


{# By what the daily figures can be cut. #}
{% macro kpi_dimensions() -%}
    {{ return(['intent', 'tier', 'channel', 'agent_name', 'agent_version']) }}
{%- endmacro %}


{# First day of the period that a date falls in; weeks begin on Monday. #}
{% macro period_start(period_type, date) -%}
    cast(
        case {{ period_type }}
            when 'week' then {{ week_start(date) }}
            when 'month' then date_trunc('month', {{ date }})
            else {{ date }}
        end as date
    )
{%- endmacro %}


{# The segment of a row, under one way to cut the figures. #}
{% macro segment_of(segment_type, row) -%}
    case {{ segment_type }}
        when 'intent' then {{ row }}.intent
        when 'tier' then {{ row }}.tier
        when 'channel' then {{ row }}.channel
        when 'agent_version' then {{ row }}.agent_version
        else 'all'
    end
{%- endmacro %}


{# The shares whose changes are taken apart and compared between versions. #}
{% macro explained_kpis() -%}
    {{ return([
        'autonomous_resolution_rate',
        'durable_resolution_rate',
        'containment_rate',
        'escalation_rate',
    ]) }}
{%- endmacro %}


{# First day of the weeks that the effort marts look at, up to the running one. #}
{% macro effort_window_start() -%}
    {{ date_moved('week', -1 * var('effort_window_weeks'), week_start(
        'cast(' ~ in_reporting_timezone(as_of()) ~ ' as date)'
    )) }}
{%- endmacro %}


{# The segment of a row of compliance_scores, under one way to cut it. #}
{% macro compliance_segment(row, policy) -%}
    case segment_types.segment_type
        when 'intent' then {{ row }}.intent
        when 'agent_version' then {{ row }}.agent_version
        when 'policy' then {{ policy }}
        else 'all'
    end
{%- endmacro %}
