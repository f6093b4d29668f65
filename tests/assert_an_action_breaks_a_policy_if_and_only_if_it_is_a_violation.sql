-- The policies that an action was bound by are worked out beside the action itself; a
-- violation that no policy shows, or the other way round, would be reviewed by nobody.
with

attempts as (

    select
        action_attempt_key,
        binding_check_count,
        is_violation
    from {{ ref('fct_actions') }}
    where binding_check_count > 0

),

by_policy as (

    select
        action_attempt_key,
        sum(binding_check_count) as binding_check_count,
        {{ any_true('is_violation') }} as is_violation
    from {{ ref('fct_action_policies') }}
    group by all

)

select
    attempts.action_attempt_key,
    attempts.is_violation,
    by_policy.is_violation as is_violation_of_a_policy
from attempts
full join by_policy
    on attempts.action_attempt_key = by_policy.action_attempt_key
where
    coalesce(attempts.binding_check_count, 0)
    != coalesce(by_policy.binding_check_count, 0)
    or attempts.is_violation != by_policy.is_violation
