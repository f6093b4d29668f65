{%- set lists = {
    'action': {
        'section': 'action_checks', 'verdict': 'action_match', 'evaluator': 'rule',
        'basis': 'ACTION',
    },
    'nl': {
        'section': 'nl_assertions', 'verdict': 'met', 'evaluator': 'llm',
        'basis': 'NL_ASSERTION',
    },
    'communicate': {
        'section': 'communicate_checks', 'verdict': 'met', 'evaluator': 'rule',
        'basis': 'COMMUNICATE',
    },
    'env': {
        'section': 'env_assertions', 'verdict': 'met', 'evaluator': 'rule',
        'basis': 'ENV_ASSERTION',
    },
} -%}

with

simulations as (

    select
        source_system,
        simulation_id as session_id,
        {{ surrogate_key(['source_system', 'simulation_id']) }} as session_key,
        {{ json_member('reward_info', 'reward_basis') }} as reward_basis,
        {{ json_member('reward_info', 'db_check') }} as db_check,
        {%- for kind, list in lists.items() %}
        {{ json_member('reward_info', list['section']) }} as {{ list['section'] }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ source('raw', 'tau2_runs') }}

),

bases as (

    select
        simulations.session_key,
        {{ json_string('basis.value') }} as basis
    from simulations
    cross join {{ json_items('simulations.reward_basis') }} as basis
    group by all

),

stated_bases as (

    select session_key
    from bases
    group by all

),

verdicts as (

    select
        session_key,
        source_system,
        session_id,
        'db' as check_kind,
        'rule' as evaluator,
        'DB' as basis,
        0 as check_index,
        'db' as check_id,
        {{ json_flag('db_check', 'db_match') }} as is_met
    from simulations
    {% for kind, list in lists.items() %}
    union all

    select
        simulations.session_key,
        simulations.source_system,
        simulations.session_id,
        '{{ kind }}' as check_kind,
        '{{ list["evaluator"] }}' as evaluator,
        '{{ list["basis"] }}' as basis,
        checked.index as check_index,
        concat('{{ kind }}:', checked.index) as check_id,
        {{ json_flag('checked.value', list['verdict']) }} as is_met
    from simulations
    cross join {{ json_items('simulations.' ~ list['section']) }} as checked
    {% endfor %}
),

judged as (

    select
        verdicts.*,
        bases.basis is not null or stated_bases.session_key is null as is_required
    from verdicts
    left join bases
        on
            verdicts.session_key = bases.session_key
            and verdicts.basis = bases.basis
    left join stated_bases
        on verdicts.session_key = stated_bases.session_key
    where verdicts.is_met is not null

)

select
    -- keys
    cast(
        {{ surrogate_key(['source_system', 'session_id', 'check_id']) }} as varchar
    ) as check_key,
    cast(session_key as varchar) as session_key,
    cast(source_system as varchar) as source_system,
    cast(session_id as varchar) as session_id,
    cast(check_id as varchar) as check_id,

    -- attributes
    cast(check_kind as varchar) as check_kind,
    cast(check_index as bigint) as check_index,
    cast(evaluator as varchar) as evaluator,

    -- flags
    cast(is_met as boolean) as is_met,
    cast(is_required as boolean) as is_required
from judged
