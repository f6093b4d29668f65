with

simulations as (

    select
        source_system,
        simulation_id as session_id,
        reward_info,
        {{ surrogate_key(['source_system', 'simulation_id']) }} as session_key,
        {{ json_member('reward_info', 'reward_basis') }} as reward_basis,
        {{ json_member('reward_info', 'db_check') }} as db_check
    from {{ source('raw', 'tau2_runs') }}

),

bases as (

    select
        simulations.session_key,
        {{ text_of('basis.value') }} as basis
    from simulations
    cross join {{ json_items('simulations.reward_basis') }} as basis
    group by all

),

stated_bases as (

    select session_key
    from bases
    group by all

),

sections as (

    select
        session_key,
        source_system,
        session_id,
        'action' as check_kind,
        'rule' as evaluator,
        'ACTION' as basis,
        {{ json_member('reward_info', 'action_checks') }} as section
    from simulations

    union all

    select
        session_key,
        source_system,
        session_id,
        'nl' as check_kind,
        'llm' as evaluator,
        'NL_ASSERTION' as basis,
        {{ json_member('reward_info', 'nl_assertions') }} as section
    from simulations

    union all

    select
        session_key,
        source_system,
        session_id,
        'communicate' as check_kind,
        'rule' as evaluator,
        'COMMUNICATE' as basis,
        {{ json_member('reward_info', 'communicate_checks') }} as section
    from simulations

    union all

    select
        session_key,
        source_system,
        session_id,
        'env' as check_kind,
        'rule' as evaluator,
        'ENV_ASSERTION' as basis,
        {{ json_member('reward_info', 'env_assertions') }} as section
    from simulations

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

    union all

    select
        sections.session_key,
        sections.source_system,
        sections.session_id,
        sections.check_kind,
        sections.evaluator,
        sections.basis,
        verdict.index as check_index,
        concat(sections.check_kind, ':', verdict.index) as check_id,
        coalesce(
            {{ json_flag('verdict.value', 'action_match') }},
            {{ json_flag('verdict.value', 'met') }}
        ) as is_met
    from sections
    cross join {{ json_items('sections.section') }} as verdict

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
