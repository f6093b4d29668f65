{#
    Who is drawn depends on the case, the salt and the rate of its stratum, and on nothing
    that happens to it afterwards: what is audited already is marked, not left out.
#}
with

cases as (

    select * from {{ ref('fct_cases') }}
    where
        is_eligible
        and is_handled
        and is_mature
        and {{ hours_after('matures_at', 24 * var('audit_queue_days')) }}
        >= {{ as_of() }}

),

strata as (

    select * from {{ ref('audit_strata') }}

),

sessions as (

    select * from {{ ref('fct_sessions') }}

),

checks as (

    select * from {{ ref('fct_policy_checks') }}
    where is_evidence

),

audits as (

    select * from {{ ref('fct_audits') }}
    where is_in_claim and verdict in ('violation', 'compliant')

),

-- an empty cell of a rule asks nothing; the first rule that fits is the stratum
stratified as (

    select
        cases.case_key,
        cases.case_id,
        cases.intent,
        cases.tier,
        cases.outcome,
        cases.opened_at,
        cases.matures_at,
        strata.rule_number,
        strata.stratum,
        strata.sampling_rate,
        strata.reason,
        strata.due_hours,
        {{ surrogate_key(["'" ~ var('audit_salt') ~ "'", 'cases.case_key']) }} as lot
    from cases
    inner join strata
        on
            (strata.policy_leg is null or cases.policy_leg = strata.policy_leg)
            and (strata.outcome is null or cases.outcome = strata.outcome)
            and (strata.tier is null or cases.tier = strata.tier)
            and (strata.intent is null or cases.intent = strata.intent)
    qualify
        row_number() over (
            partition by cases.case_key
            order by strata.rule_number
        ) = 1

),

drawn as (

    select
        *,
        {{ hash_share('lot') }} as draw
    from stratified
    where {{ hash_share('lot') }} < sampling_rate

),

-- one line per policy that was to be kept: claims and reviews are about a policy
checked_policies as (

    select
        case_key,
        policy_id
    from checks
    where policy_id is not null and case_key in (select drawn.case_key from drawn)
    group by all

),

asked as (

    select
        drawn.*,
        checked_policies.policy_id
    from drawn
    left join checked_policies
        on drawn.case_key = checked_policies.case_key

),

first_audits as (

    select
        case_key,
        policy_id,
        min(audited_at) as audited_at
    from audits
    where case_key in (select drawn.case_key from drawn)
    group by all

),

answered as (

    select
        asked.case_key,
        asked.policy_id,
        min(first_audits.audited_at) as audited_at
    from asked
    inner join first_audits
        on
            asked.case_key = first_audits.case_key
            and coalesce(
                asked.policy_id = first_audits.policy_id, asked.policy_id is null
            )
    group by all

),

named as (

    select
        asked.*,
        {{ surrogate_key([
            "'" ~ var('audit_salt') ~ "'", 'asked.case_key', 'asked.policy_id'
        ]) }} as queue_key,
        {{ hours_after('asked.matures_at', 'asked.due_hours') }} as due_at,
        answered.audited_at
    from asked
    left join answered
        on
            asked.case_key = answered.case_key
            and coalesce(asked.policy_id, '') = coalesce(answered.policy_id, '')

)

select
    -- keys
    cast(named.queue_key as varchar) as queue_key,
    cast(named.case_key as varchar) as case_key,
    cast(named.case_id as varchar) as case_id,
    cast(roots.source_system as varchar) as source_system,
    cast(roots.session_id as varchar) as session_id,
    cast(roots.ticket_system as varchar) as ticket_system,
    cast(roots.ticket_id as varchar) as ticket_id,
    cast(named.policy_id as varchar) as policy_id,

    -- attributes
    cast(named.stratum as varchar) as stratum,
    cast(named.reason as varchar) as reason,
    cast(
        case
            when named.audited_at is not null then 'done'
            when named.due_at < {{ as_of() }} then 'overdue'
            else 'to_do'
        end as varchar
    ) as status,
    cast(named.intent as varchar) as intent,
    cast(named.tier as varchar) as tier,
    cast(named.outcome as varchar) as outcome,

    -- counts
    cast(named.rule_number as bigint) as priority,

    -- amounts
    cast(named.sampling_rate as double) as inclusion_probability,
    cast(named.draw as double) as draw,

    -- times
    cast(named.opened_at as timestamp) as opened_at,
    cast(named.due_at as timestamp) as due_at,
    cast(named.audited_at as timestamp) as audited_at
from named
-- a handled case is named after its first session
inner join sessions as roots
    on named.case_key = roots.session_key
