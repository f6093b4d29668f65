-- The condition is a selection of selections.yml, or the query that an alert stores.
select
    cases.case_key,
    cases.case_id,
    cases.opened_at,
    cases.intent,
    cases.tier,
    cases.channel,
    cases.agent_version,
    cases.outcome,
    cases.first_blocker,
    cases.intent_leg,
    cases.policy_leg,
    cases.action_leg,
    cases.closure_leg,
    cases.handling_seconds,
    count(*) over () as all_cases
from {cases} as cases
cross join asked
where {condition}
order by cases.opened_at desc, cases.case_key
limit $size offset $start
