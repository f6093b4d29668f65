{#
    Work for the batch, not for the history. What arrived since the last complete build
    names sessions, tickets and records; they and all that hangs together with them are
    rebuilt whole, and nothing else. A build is a full one if it is asked for
    (`--full-refresh`), if nothing was built before, or if the rules have changed since.
#}


{# A table of this project's own record of builds, which no model makes. #}
{% macro ledger(name) -%}
    {{ return(api.Relation.create(
        database=target.database, schema='intermediate', identifier=name
    )) }}
{%- endmacro %}


{#
    The models and seeds as they stand, and the settings that change what they say. Every
    model asks for it, so it is worked out once in an invocation: `graph` is shared.
#}
{% macro rules_fingerprint() -%}
    {%- set known = 'rules of ' ~ invocation_id -%}
    {%- if known not in graph -%}
        {%- set parts = [] -%}
        {%- for node in graph.nodes.values() | sort(attribute='unique_id') -%}
            {%- if node.resource_type in ('model', 'seed') -%}
                {%- do parts.append(node.unique_id ~ '=' ~ node.checksum.checksum) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for name in rule_settings() -%}
            {%- do parts.append(name ~ '=' ~ var(name) | string) -%}
        {%- endfor -%}
        {%- do graph.update({known: local_md5(parts | join('\n'))}) -%}
    {%- endif -%}
    {{ return(graph[known]) }}
{%- endmacro %}


{# The settings of dbt_project.yml that models read; `as_of` moves, it is no rule. #}
{% macro rule_settings() -%}
    {{ return([
        'default_ticket_system',
        'ticket_systems',
        'customer_id_scope',
        'reporting_timezone',
        'case_link_days',
        'recontact_window_hours',
        'abandon_after_hours',
        'min_cases',
        'confidence_z',
        'compared_windows_hours',
        'readiness_window_days',
        'human_cost_usd_per_hour',
        'audit_salt',
        'audit_queue_days',
        'feed_stale_after_hours',
        'effort_window_weeks',
        'low_score_at_most',
        'release_window_days',
        'release_error_rate',
        'restatement_days',
        'alert_days',
        'alert_baseline_days',
        'alert_min_baseline_days',
        'alert_min_cases',
        'alert_sigma',
        'alert_sigma_by_intent',
        'zendesk_ai_agent_user_ids',
        'intercom_ai_agent_admin_ids',
        'tau2_escalation_tools',
        'tau2_escalation_markers',
        'tau2_placeholder_starts',
    ]) }}
{%- endmacro %}


{# The last complete build: `as_of`, `rules`, `macros`; none before the first. #}
{% macro last_build() -%}
    {%- if load_relation(ledger('builds')) is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set rows = run_query(
        'select as_of, rules, macros from ' ~ ledger('builds')
        ~ ' order by build_number desc limit 1'
    ).rows -%}
    {{ return({
        'as_of': rows[0][0], 'rules': rows[0][1], 'macros': rows[0][2]
    } if rows else none) }}
{%- endmacro %}


{#
    Whether this build works on what is touched only. Macros are told apart by
    ACSR_MACROS, a hash of them and of the seeds, since no SQL can read files; where it
    is not set, as when dbt runs by hand, they are taken to be what they were.
#}
{% macro is_batch() -%}
    {%- if not execute -%}
        {{ return(true) }}
    {%- elif flags.FULL_REFRESH or (model is defined and model.resource_type == 'unit_test') -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set last = last_build() -%}
    {%- set macros = env_var('ACSR_MACROS', '') -%}
    {{ return(
        last is not none
        and last.rules == rules_fingerprint()
        and (not macros or not last.macros or macros == last.macros)
    ) }}
{%- endmacro %}


{# dbt asks this for every incremental model and seed. #}
{% macro should_full_refresh() -%}
    {%- set stated = config.get('full_refresh') -%}
    {{ return(not is_batch() if stated is none else stated) }}
{%- endmacro %}


{# Condition: the row belongs to what the build rebuilds. #}
{% macro touched(column) -%}
    {%- if is_batch() -%}
        {{ column }} in (
            select node_key from {{ ref('int_nodes_touched') }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{# Condition: the session or ticket is named by a record that arrived, or was. #}
{% macro changed(source_system, entity_id, entity_type) -%}
    {%- if is_batch() -%}
        ({{ source_system }}, {{ entity_id }}) in (
            {{ changed_entities(entity_type) }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{% macro changed_entities(entity_type) -%}
    select
        source_system,
        entity_id
    from {{ ref('int_nodes_changed') }}
    where entity_type = '{{ entity_type }}'
{%- endmacro %}


{# Condition: the record came with a pending load or, in a backfill, lies in its window. #}
{% macro has_arrived(moment) -%}
    {%- if is_backfill() -%}
        {%- set day_after = modules.datetime.date.fromisoformat(
            var('rebuild_to') | string
        ) + modules.datetime.timedelta(days=1) -%}
        {{ moment }} >= {{ from_reporting_timezone("'" ~ var('rebuild_from') ~ "'") }}
        and {{ moment }} < {{ from_reporting_timezone("'" ~ day_after ~ "'") }}
    {%- else -%}
        _load_id in (select pending.load_id from pending)
    {%- endif -%}
{%- endmacro %}


{# Condition: the moment lies between the "now" of the last build and of this one. #}
{% macro is_between_builds(moment) -%}
    {%- set before = "cast('" ~ last_build().as_of ~ "' as timestamp)" if execute
        else as_of() -%}
    (
        {{ moment }} > least({{ before }}, {{ as_of() }})
        and {{ moment }} <= greatest({{ before }}, {{ as_of() }})
    )
{%- endmacro %}


{# Condition: the time lies where the touched sessions do, so that scans are pruned. #}
{% macro in_touched_range(column) -%}
    {%- if is_batch() and execute -%}
        {%- set ends = run_query(
            'select min(first_at), max(last_at) from ' ~ ref('int_nodes_touched')
        ).rows[0] -%}
        {{ between_moments(column, ends[0], ends[1]) }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{# The same for the sessions that changed, before the rest is known. #}
{% macro in_changed_range(column) -%}
    {%- if is_batch() and execute -%}
        {%- set ends = run_query(
            'select min(first_at), max(last_at) from ' ~ ref('int_nodes_changed')
            ~ " where entity_type = 'session'"
        ).rows[0] -%}
        {{ between_moments(column, ends[0], ends[1]) }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{# Condition: the day is one on which a touched case opened, before or now. #}
{% macro on_touched_days(column) -%}
    {%- if is_batch() -%}
        {{ column }} in (
            select opened_on from {{ ref('int_days_touched') }}
            union distinct
            select opened_on from {{ ref('int_cases_described') }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{#
    Condition: the hour holds an event of a touched session, or held one. The hours are
    written out, so that no other row is read further than to its time; too many of them
    for one statement are all of them.
#}
{% macro in_touched_hours(column) -%}
    {%- if is_batch() and execute -%}
        {%- set hours = run_query(
            'select hour_start from ' ~ ref('int_hours_touched') ~ ' union distinct '
            ~ "select date_trunc('hour', occurred_at) from "
            ~ ref('int_agent_events_unioned') ~ ' order by 1'
        ).columns[0].values() -%}
        {%- if hours | length == 0 -%}
            false
        {%- elif hours | length > 10000 -%}
            true
        {%- else -%}
            {{ column }} >= cast('{{ hours | first }}' as timestamp)
            and {{ column }} < {{ hours_after(
                "cast('" ~ (hours | last) ~ "' as timestamp)", 1
            ) }}
            and date_trunc('hour', {{ column }}) in (
                {%- for hour in hours %}
                cast('{{ hour }}' as timestamp){{ ',' if not loop.last }}
                {%- endfor %}
            )
        {%- endif -%}
    {%- else -%}
        {%- if not execute -%}
            {%- do [ref('int_hours_touched'), ref('int_agent_events_unioned')] -%}
        {%- endif -%}
        true
    {%- endif -%}
{%- endmacro %}


{% macro between_moments(column, first, last) -%}
    {%- if first is none -%}
        false
    {%- else -%}
        {{ column }} between cast('{{ first }}' as timestamp)
        and cast('{{ last }}' as timestamp)
    {%- endif -%}
{%- endmacro %}


{#
    A model's table as the last complete build left it. Read it only in a model that comes
    before the one that changes it; it is no dependency.
#}
{% macro as_last_built(name) -%}
    {%- if not execute -%}
        {{ return(this) }}
    {%- endif -%}
    {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ name] -%}
    {{ return(api.Relation.create(
        database=node.database, schema=node.schema, identifier=node.alias
    )) }}
{%- endmacro %}


{# A dependency that no query shows; a unit test, which has no others, knows none. #}
{% macro comes_after(model_name) -%}
    {%- if is_batch() -%}
        {%- do ref(model_name) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Incremental strategies: replace, whole, what a set of keys names. `unique_key` says
    which column, or columns in brackets, is looked up in it. What is inserted always
    replaces its like, so that a part of a build may run twice (`--select`).
#}
{% macro get_incremental_by_changed_session_sql(arguments) -%}
    {{ return(rebuilt(arguments, changed_entities('session'))) }}
{%- endmacro %}

{% macro get_incremental_by_changed_ticket_sql(arguments) -%}
    {{ return(rebuilt(arguments, changed_entities('ticket'))) }}
{%- endmacro %}

{% macro get_incremental_by_changed_owner_sql(arguments) -%}
    {{ return(rebuilt(
        arguments,
        'select node_key from ' ~ ref('int_nodes_changed')
        ~ " where entity_type in ('session', 'ticket', 'record')"
    )) }}
{%- endmacro %}

{% macro get_incremental_by_touched_node_sql(arguments) -%}
    {{ return(rebuilt(arguments, 'select node_key from ' ~ ref('int_nodes_touched'))) }}
{%- endmacro %}

{% macro get_incremental_by_touched_day_sql(arguments) -%}
    {{ return(rebuilt(arguments, 'select opened_on from ' ~ ref('int_days_touched'))) }}
{%- endmacro %}

{% macro get_incremental_by_touched_hour_sql(arguments) -%}
    {{ return(rebuilt(arguments, 'select hour_start from ' ~ ref('int_hours_touched'))) }}
{%- endmacro %}

{% macro rebuilt(arguments, keys) -%}
    {%- set columns = get_quoted_csv(arguments['dest_columns'] | map(attribute='name')) -%}
    {%- set target_relation = arguments['target_relation'] -%}
    {%- set unique_key = arguments['unique_key'] -%}
    {%- set dml -%}
        delete from {{ target_relation }}
        where {{ unique_key }} in (
            {{ keys }}
            union all
            select {{ unique_key.strip('()') }} from {{ arguments['temp_relation'] }}
        );

        insert into {{ target_relation }} ({{ columns }})
        select {{ columns }} from {{ arguments['temp_relation'] }}
    {%- endset -%}
    {{ return(in_one_transaction(dml)) }}
{%- endmacro %}


{#
    What a generic test looks at, by dbt's own hook: in a batch, the rows that it rebuilt;
    the others passed when they were. `test_all: true` looks at everything, every night.
#}
{% macro default__get_where_subquery(relation) -%}
    {%- set conditions = [] -%}
    {%- if config.get('where') -%}
        {%- do conditions.append('(' ~ config.get('where') ~ ')') -%}
    {%- endif -%}
    {%- set rebuilt = rows_to_test(relation) -%}
    {%- if rebuilt -%}
        {%- do conditions.append(rebuilt) -%}
    {%- endif -%}
    {%- if conditions -%}
        {{ return(
            '(select * from ' ~ relation ~ ' where ' ~ conditions | join(' and ')
            ~ ') as rows_to_test'
        ) }}
    {%- endif -%}
    {{ return(relation) }}
{%- endmacro %}


{# Whether tests look at what a batch rebuilt, or at everything. #}
{% macro tests_the_batch() -%}
    {{ return(is_batch() and not var('test_all')) }}
{%- endmacro %}


{# Condition for tests: the row belongs to what the batch rebuilt. #}
{% macro is_tested(key) -%}
    {%- if tests_the_batch() -%}
        {{ key }} in (select node_key from {{ as_last_built('int_nodes_touched') }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{# The same for days: a case that the batch rebuilt opens on it, or did. #}
{% macro is_tested_day(column) -%}
    {%- if tests_the_batch() -%}
        {{ column }} in (
            select opened_on from {{ as_last_built('int_days_touched') }}
            union distinct
            select opened_on from {{ as_last_built('int_cases_described') }}
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{# Condition: a batch replaced these rows of a model; none if tests look at all. #}
{% macro rows_to_test(relation) -%}
    {%- set name = 'model.' ~ project_name ~ '.' ~ relation.identifier | lower -%}
    {%- if execute and name in graph.nodes and tests_the_batch() -%}
        {%- set stated = graph.nodes[name].config -%}
        {%- set key = stated.unique_key -%}
        {%- set by = stated.incremental_strategy -%}
        {%- set changed = as_last_built('int_nodes_changed') -%}
        {%- if by == 'by_touched_node' -%}
            {{ return(is_tested(key)) }}
        {%- elif by == 'by_changed_owner' -%}
            {{ return(key ~ ' in (select node_key from ' ~ changed ~ ')') }}
        {%- elif by in ('by_changed_session', 'by_changed_ticket') -%}
            {{ return(
                key ~ ' in (select source_system, entity_id from ' ~ changed
                ~ " where entity_type = '" ~ by.split('_') | last ~ "')"
            ) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
