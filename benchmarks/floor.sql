-- The floor: what the pipeline does, by hand, in one script of DuckDB SQL. It loads the
-- same files, drops duplicates, builds sessions, links them into cases, judges the four
-- legs, finds touches and escalations, and sums up the daily KPIs; the figures must be
-- those of the pipeline.
--
-- Left out, since a script that somebody needs by tomorrow would leave it out:
--   * rejecting: a faulty line ends the script; there is none in the load
--   * the history of files, so that nothing loads twice; file, line and load id of rows
--   * hashing customers, masking secrets, surplus fields and unknown attributes
--   * which of two records stays where version and time are equal and content is not
--   * keys that are hashes, contracts, tests, documentation, a published copy
--   * tau2 runs and ServiceNow incidents; every mart but cases and daily KPIs
--   * the versions of policies, latencies, amounts and other columns no KPI needs
--
-- Variables: `landing` (landing root), `seeds` (the project's seeds), `as_of` (UTC).

set TimeZone = 'UTC';
set preserve_insertion_order = false;

create macro said(text) as case when trim(text) != '' then text end;

create macro moment(text) as case
    when text is null then null
    when text[5:5] = '-' then cast(cast(text as timestamptz) as timestamp)
    when length(text) <= 10 then make_timestamp(cast(text as bigint) * 1000000)
    when length(text) <= 13 then make_timestamp(cast(text as bigint) * 1000)
    else make_timestamp(cast(text as bigint) // 1000)
end;

create macro normalised(word) as
    nullif(replace(replace(lower(trim(word)), ' ', '_'), '-', '_'), '');

-- ---------------------------------------------------------------------- loading

create table agent_events as
select
    coalesce(said(source_system), 'default') as source_system,
    event_id,
    session_id,
    moment(timestamp) as occurred_at,
    sequence,
    coalesce(version, 0) as version,
    action_type,
    lower(said(outcome)) as outcome,
    coalesce(said(actor_type), 'ai_agent') as actor_type,
    coalesce(said(ticket_system), 'default') || '/' || said(ticket_id) as ticket_key,
    said(previous_session_id) as previous_session_id,
    said(customer_id) as customer_id,
    said(channel) as channel,
    said(agent_name) as agent_name,
    said(agent_version) as agent_version,
    said(environment) as environment,
    is_test,
    attributes
from read_json(
    getvariable('landing') || '/agent_events/*.jsonl',
    format = 'newline_delimited',
    columns = {
        event_id: 'varchar', session_id: 'varchar', timestamp: 'varchar',
        action_type: 'varchar', outcome: 'varchar', actor_type: 'varchar',
        ticket_id: 'varchar', ticket_system: 'varchar',
        previous_session_id: 'varchar', customer_id: 'varchar',
        channel: 'varchar', agent_name: 'varchar', agent_version: 'varchar',
        environment: 'varchar', is_test: 'boolean', source_system: 'varchar',
        sequence: 'bigint', version: 'bigint', attributes: 'json'
    }
);

create table ticket_events as
select
    coalesce(said(source_system), 'default') as source_system,
    event_id,
    moment(timestamp) as occurred_at,
    coalesce(version, 0) as version,
    coalesce(said(ticket_system), 'default') as ticket_system,
    ticket_id,
    coalesce(said(ticket_system), 'default') || '/' || ticket_id as ticket_key,
    coalesce(said(ticket_system), 'default') || '/' || said(merged_into_ticket_id)
        as merged_into,
    event_type,
    actor_type,
    said(customer_id) as customer_id,
    coalesce(aliases.intent, said(landed.intent)) as intent,
    said(tier) as tier,
    said(channel) as channel,
    said(status) as status,
    handle_seconds,
    coalesce(is_test, false) as is_test
from read_json(
    getvariable('landing') || '/ticket_events/*.jsonl',
    format = 'newline_delimited',
    columns = {
        event_id: 'varchar', ticket_id: 'varchar', timestamp: 'varchar',
        event_type: 'varchar', actor_type: 'varchar', actor_id: 'varchar',
        is_public: 'boolean', customer_id: 'varchar', intent: 'varchar',
        tier: 'varchar', channel: 'varchar', priority: 'varchar',
        group_name: 'varchar', status: 'varchar', merged_into_ticket_id: 'varchar',
        handle_seconds: 'double', ticket_system: 'varchar',
        source_system: 'varchar', is_test: 'boolean', version: 'bigint'
    }
) as landed
left join read_csv(getvariable('seeds') || '/intent_aliases.csv', header = true)
    as aliases
    on lower(said(landed.intent)) = lower(aliases.alias);

create table survey_responses as
select
    coalesce(said(source_system), 'default') as source_system,
    response_id,
    coalesce(said(ticket_system), 'default') || '/' || said(ticket_id) as ticket_key,
    said(session_id) as session_id,
    survey_type,
    moment(sent_at) as sent_at,
    moment(responded_at) as responded_at,
    score,
    coalesce(scale_min, 1) as scale_min,
    coalesce(scale_max, 7) as scale_max,
    coalesce(higher_is_better, true) as higher_is_better
from read_json(
    getvariable('landing') || '/survey_responses/*.jsonl',
    format = 'newline_delimited',
    columns = {
        response_id: 'varchar', survey_type: 'varchar', ticket_id: 'varchar',
        session_id: 'varchar', sent_at: 'varchar', responded_at: 'varchar',
        score: 'double', scale_min: 'double', scale_max: 'double',
        higher_is_better: 'boolean', comment: 'varchar', ticket_system: 'varchar',
        source_system: 'varchar', version: 'bigint'
    }
)
qualify row_number() over (
    partition by source_system, response_id
    order by
        coalesce(version, 0) desc, coalesce(moment(responded_at), moment(sent_at)) desc
) = 1;

create table compliance_audits as
select
    coalesce(said(source_system), 'default') as source_system,
    audit_id,
    coalesce(said(ticket_system), 'default') || '/' || said(ticket_id) as ticket_key,
    said(session_id) as session_id,
    moment(audited_at) as audited_at,
    coalesce(said(auditor_type), 'human') as auditor_type,
    coalesce(said(sample_method), 'random') as sample_method,
    inclusion_probability,
    verdict
from read_json(
    getvariable('landing') || '/compliance_audits/*.jsonl',
    format = 'newline_delimited',
    columns = {
        audit_id: 'varchar', ticket_id: 'varchar', session_id: 'varchar',
        audited_at: 'varchar', auditor_id: 'varchar', auditor_type: 'varchar',
        sample_method: 'varchar', stratum: 'varchar',
        inclusion_probability: 'double', policy_id: 'varchar', verdict: 'varchar',
        severity: 'varchar', is_outcome_correct: 'boolean',
        should_have_escalated: 'boolean', notes: 'varchar',
        ticket_system: 'varchar', source_system: 'varchar', version: 'bigint'
    }
)
qualify row_number() over (
    partition by source_system, audit_id
    order by coalesce(version, 0) desc, moment(audited_at) desc
) = 1;

-- Of records with one identity the higher version stays, then the later time. Few have
-- a twin, so these are looked for by themselves.
delete from agent_events
where rowid in (
    select row_number_in_file from (
        select
            events.rowid as row_number_in_file,
            row_number() over (
                partition by source_system, event_id
                order by version desc, occurred_at desc, events.rowid
            ) as place
        from agent_events as events
        where (source_system, event_id) in (
            select (source_system, event_id) from agent_events
            group by all having count(*) > 1
        )
    )
    where place > 1
);

delete from ticket_events
where rowid in (
    select row_number_in_file from (
        select
            events.rowid as row_number_in_file,
            row_number() over (
                partition by source_system, event_id
                order by version desc, occurred_at desc, events.rowid
            ) as place
        from ticket_events as events
        where (source_system, event_id) in (
            select (source_system, event_id) from ticket_events
            group by all having count(*) > 1
        )
    )
    where place > 1
);

-- --------------------------------------------------------------------- sessions

-- Chains of merges are followed to their end; a ring ends in its smallest name.
create table merged_tickets as
with recursive

merges as (
    select
        ticket_key,
        merged_into
    from ticket_events
    where event_type = 'merged' and merged_into is not null
    qualify row_number() over (
        partition by ticket_key
        order by occurred_at desc, event_id desc, source_system desc
    ) = 1
),

walks as (
    select ticket_key, [ticket_key] as path from merges
    union all
    select walks.ticket_key, list_append(walks.path, merges.merged_into)
    from walks
    inner join merges on walks.path[-1] = merges.ticket_key
    where not list_contains(walks.path, merges.merged_into)
),

ends as (
    select ticket_key, path from walks
    qualify row_number() over (partition by ticket_key order by len(path) desc) = 1
)

select
    ends.ticket_key,
    case
        when merges.ticket_key is null then ends.path[-1]
        else list_min(ends.path[list_position(ends.path, merges.merged_into):])
    end as target_key
from ends
left join merges on ends.path[-1] = merges.ticket_key;

-- what an event does to its ticket: an open status reopens only what was just closed
create table ticket_acts as
select
    coalesce(merged_tickets.target_key, events.ticket_key) as ticket_key,
    events.ticket_key as own_key,
    events.* exclude (ticket_key, merged_into, version),
    case
        when event_type in ('solved', 'closed') then 'close'
        when event_type = 'reopened' then 'reopen'
        when event_type = 'status_changed' and events.status is not null
            then if(closed_statuses.status is not null, 'close', 'open')
    end as act,
    struct_pack(at := occurred_at, id := event_id, system := source_system) as place
from ticket_events as events
left join merged_tickets on events.ticket_key = merged_tickets.ticket_key
left join read_csv(getvariable('seeds') || '/closed_statuses.csv', header = true)
    as closed_statuses
    on lower(trim(events.status)) = lower(closed_statuses.status);

create table tickets as
with openings as (
    select ticket_key, min(opened_at) as opened_at
    from (
        select
            ticket_key,
            coalesce(
                min(occurred_at) filter (event_type = 'created'), min(occurred_at)
            ) as opened_at
        from ticket_acts
        group by ticket_key, own_key
    )
    group by all
),

summaries as (
    select
        ticket_key,
        min(ticket_id) filter (own_key = ticket_key) as ticket_id,
        bool_or(is_test) as is_test,
        bool_or(own_key = ticket_key) as is_known,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at
    from ticket_acts
    group by all
)

select * from summaries
inner join openings using (ticket_key);

create table sessions as
with

events as (
    select
        *,
        struct_pack(
            at := occurred_at,
            number := coalesce(sequence, 9223372036854775807),
            id := event_id
        ) as place,
        if(
            action_type = 'intent_classified' and outcome = 'success',
            said(attributes ->> 'intent'),
            null
        ) as stated_intent
    from agent_events
),

summaries as (
    select
        source_system,
        session_id,
        arg_min(ticket_key, place) filter (ticket_key is not null) as ticket_key,
        arg_min(previous_session_id, place)
            filter (previous_session_id is not null) as previous_session_id,
        arg_min(customer_id, place) filter (customer_id is not null) as customer_id,
        arg_min(channel, place) filter (channel is not null) as channel,
        arg_min(agent_name, place) filter (agent_name is not null) as agent_name,
        arg_min(agent_version, place)
            filter (agent_version is not null) as agent_version,
        arg_min(environment, place) filter (environment is not null) as environment,
        arg_max(stated_intent, place)
            filter (stated_intent is not null) as stated_intent,
        arg_max(coalesce(outcome, 'unsaid'), place)
            filter (action_type = 'session_ended') as ended_outcome,
        coalesce(bool_or(is_test), false) as is_said_test,
        bool_or(actor_type = 'ai_agent') as is_involved,
        bool_or(
            action_type in ('intent_classified', 'action_executed')
            or (
                action_type = 'message_received'
                and (attributes -> 'is_substantive') is distinct from 'false'
            )
        ) as is_asked,
        sum(cast(attributes ->> 'cost_usd' as double))
            filter (action_type = 'llm_called') as model_cost_usd,
        sum(
            coalesce(cast(attributes ->> 'input_tokens' as bigint), 0)
            + coalesce(cast(attributes ->> 'output_tokens' as bigint), 0)
        ) filter (action_type = 'llm_called') as tokens,
        count(*) as event_count,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from events
    group by all
)

select
    row_number() over (order by started_at, session_id, source_system) as session,
    summaries.* exclude (ticket_key, stated_intent),
    coalesce(aliases.intent, stated_intent) as intent,
    coalesce(merged_tickets.target_key, summaries.ticket_key) as ticket_key,
    coalesce(tickets.is_known, false) as is_ticket_known,
    coalesce(environment, 'production') in ('production', 'prod')
    and not is_said_test and not coalesce(tickets.is_test, false) as is_production
from summaries
left join merged_tickets on summaries.ticket_key = merged_tickets.ticket_key
left join tickets
    on coalesce(merged_tickets.target_key, summaries.ticket_key) = tickets.ticket_key
left join read_csv(getvariable('seeds') || '/intent_aliases.csv', header = true)
    as aliases
    on lower(stated_intent) = lower(aliases.alias);

-- ------------------------------------------------------------------------ cases

-- the parent of each session: by ticket, by name, by customer and intent
create table parents as
with

first_of_ticket as (
    select ticket_key, is_production, min(session) as parent
    from sessions
    where ticket_key is not null
    group by all
),

by_ticket as (
    select session, parent
    from sessions
    inner join first_of_ticket using (ticket_key, is_production)
    where session > parent
),

by_name as (
    select later.session, earlier.session as parent
    from sessions as later
    inner join sessions as earlier
        on
            later.source_system = earlier.source_system
            and later.previous_session_id = earlier.session_id
            and later.is_production = earlier.is_production
            and later.session > earlier.session
),

previous_of_customer as (
    select
        session, started_at, ticket_key,
        lag(session) over earlier as parent,
        lag(ticket_key) over earlier as parent_ticket,
        lag(is_ticket_known) over earlier as is_parent_ticket_known,
        lag(ended_at) over earlier as parent_ended_at
    from sessions
    where customer_id is not null and intent is not null
    window earlier as (
        partition by customer_id, intent, is_production order by session
    )
),

candidates as (
    select * from previous_of_customer
    where
        parent is not null
        and (ticket_key is null or parent_ticket is null)
        and started_at <= parent_ended_at + interval 168 hours
),

last_acts as (
    select session, arg_max(act, place) as act
    from (
        select candidates.session, ticket_acts.act, struct_pack(
            at := ticket_acts.occurred_at, number := 0, id := ticket_acts.event_id,
            session := '', system := ticket_acts.source_system
        ) as place
        from candidates
        inner join ticket_acts
            on
                candidates.parent_ticket = ticket_acts.ticket_key
                and ticket_acts.own_key = ticket_acts.ticket_key
                and candidates.started_at > ticket_acts.occurred_at
        where is_parent_ticket_known and ticket_acts.act is not null
        union all
        select
            candidates.session, if(action_type = 'case_closed', 'close', 'reopen'),
            struct_pack(
                at := events.occurred_at,
                number := coalesce(events.sequence, 9223372036854775807),
                id := events.event_id,
                session := events.session_id,
                system := events.source_system
            )
        from candidates
        inner join sessions on candidates.parent = sessions.session
        inner join agent_events as events
            on
                sessions.source_system = events.source_system
                and sessions.session_id = events.session_id
                and candidates.started_at > events.occurred_at
        where
            not is_parent_ticket_known
            and (
                action_type = 'case_reopened'
                or (action_type = 'case_closed' and actor_type != 'customer')
            )
    )
    group by all
),

by_customer as (
    select candidates.session, parent
    from candidates
    left join last_acts using (session)
    where last_acts.act is distinct from 'close'
)

select
    session,
    coalesce(by_ticket.parent, by_name.parent, by_customer.parent) as parent
from sessions
left join by_ticket using (session)
left join by_name using (session)
left join by_customer using (session)
where coalesce(by_ticket.parent, by_name.parent, by_customer.parent) is not null;

-- a case is known by the number of its first session, or of the ticket that no session
-- names, below zero
create table case_of_session as
with recursive trees as (
    select session, parent as root from parents
    where parent not in (select session from parents)
    union all
    select parents.session, trees.root
    from parents
    inner join trees on parents.parent = trees.session
)

select session, coalesce(root, session) as case_key
from sessions
left join trees using (session);

create view case_sessions as
select * from sessions inner join case_of_session using (session);

create table case_tickets as
select
    case_key,
    tickets_named.ticket_key,
    coalesce(tickets.is_known, false) as is_known,
    coalesce(tickets.is_test, false) as is_test,
    tickets.opened_at,
    tickets.last_event_at,
    least(tickets_named.first_session_at, tickets.first_event_at) as began_at
from (
    select case_key, ticket_key, min(started_at) as first_session_at
    from case_sessions
    where ticket_key is not null
    group by all
    union all
    select -row_number() over (), ticket_key, null
    from tickets
    where ticket_key not in (
        select ticket_key from case_sessions where ticket_key is not null
    )
) as tickets_named
left join tickets using (ticket_key);

-- events that the rules compare: who did what, and in which order
create table acts as
with events as (
    select
        case_sessions.case_key,
        case_sessions.session,
        source_system, event_id, occurred_at, action_type, outcome, actor_type,
        actor_type in ('ai_agent', 'system') as is_automation,
        json_transform(
            attributes,
            '{
                "intent": "varchar", "tier": "varchar", "policy_id": "varchar",
                "check_id": "varchar", "action_id": "varchar",
                "action_name": "varchar", "evaluator": "varchar",
                "is_required": "json", "is_write": "json",
                "escalation_id": "varchar", "reason_code": "varchar",
                "escalation_reason": "varchar"
            }'
        ) as stated,
        struct_pack(
            at := occurred_at,
            number := coalesce(sequence, 9223372036854775807),
            id := event_id,
            session := session_id,
            system := source_system
        ) as place
    from agent_events
    inner join case_sessions using (source_system, session_id)
    where
        action_type in (
            'intent_classified', 'policy_checked', 'action_executed', 'escalated',
            'human_joined', 'case_closed', 'case_reopened', 'customer_confirmed'
        )
        or actor_type = 'human_agent'
        or (
            action_type in ('resolution_attempt', 'session_ended')
            and outcome = 'escalated'
        )
)

select
    events.* exclude (stated),
    coalesce(aliases.intent, said(stated.intent)) as intent,
    said(stated.tier) as tier,
    coalesce(
        said(stated.policy_id), '#' || said(stated.check_id), '##' || event_id
    ) as policy,
    said(stated.action_id) as action_id,
    said(stated.action_name) as action_name,
    said(stated.evaluator) as evaluator,
    stated.is_required is distinct from 'false' as is_required,
    case stated.is_write when 'true' then true when 'false' then false end as is_write,
    said(stated.escalation_id) as escalation_id,
    said(stated.reason_code) as reason_code,
    said(stated.escalation_reason) as escalation_reason
from events
left join read_csv(getvariable('seeds') || '/intent_aliases.csv', header = true)
    as aliases
    on lower(said(stated.intent)) = lower(aliases.alias);

-- Closure: all tickets of a case must be closed, each by its own events where the feed
-- knows it, else by the log; a case without a ticket by its log.
create table units as
select case_key, ticket_key as unit, is_known, began_at from case_tickets
union all
select case_key, 'log', false, min(started_at)
from case_sessions
where case_key not in (select case_key from case_tickets)
group by case_key;

create table closing_acts as
with

happened as (
    select
        units.case_key, units.unit, ticket_acts.occurred_at, ticket_acts.act,
        struct_pack(
            at := ticket_acts.occurred_at, number := 0, id := ticket_acts.event_id,
            session := '', system := ticket_acts.source_system
        ) as place
    from units
    inner join ticket_acts
        on units.unit = ticket_acts.ticket_key and ticket_acts.own_key = units.unit
    where units.is_known and ticket_acts.act is not null
    union all
    select
        units.case_key, units.unit, acts.occurred_at,
        if(acts.action_type = 'case_closed', 'close', 'reopen'),
        acts.place
    from units
    inner join acts using (case_key)
    inner join sessions
        on
            acts.session = sessions.session
            and (
                units.unit = 'log'
                or units.unit = coalesce(sessions.ticket_key, units.unit)
            )
    where
        not units.is_known
        and (
            acts.action_type = 'case_reopened'
            or (acts.action_type = 'case_closed' and acts.actor_type != 'customer')
        )
),

effective as (
    select * from happened
    qualify
        act != 'open'
        or lag(act) over (partition by case_key, unit order by place) = 'close'
),

numbered as (
    select
        *,
        row_number() over (partition by case_key, unit order by place) as number
    from effective
)

select
    *,
    max(if(act != 'close', number, 0)) over (partition by case_key, unit)
        as last_reopening,
    coalesce(
        lead(occurred_at) over (partition by case_key, unit order by number),
        timestamp '9999-12-31'
    ) as next_act_at
from numbered;

create table closures as
with

unit_states as (
    select
        case_key, unit, any_value(units.is_known) as is_known,
        count(closing_acts.act) as acts,
        min(closing_acts.occurred_at)
            filter (act = 'close' and number > last_reopening) as closed_at,
        min(closing_acts.occurred_at) filter (act != 'close') as reopened_at
    from units
    left join closing_acts using (case_key, unit)
    group by all
),

case_states as (
    select
        case_key,
        if(bool_and(closed_at is not null), max(closed_at), null) as resolved_at,
        bool_or(closed_at is null and (is_known or acts > 0)) as is_open,
        min(reopened_at) as reopened_at
    from unit_states
    group by all
),

-- who comes back to a case of which all was closed has reopened it; only cases in
-- which somebody arrives after a closing act can tell
arrivals as (
    select case_key, started_at as arrived_at from case_sessions
    where case_key in (select case_key from closing_acts)
    union
    select case_key, began_at from case_tickets
    where case_key in (select case_key from closing_acts)
),

arrivals_by_unit as (
    select
        arrivals.case_key, arrivals.arrived_at, units.unit,
        coalesce(bool_or(closing_acts.act = 'close'), false) as was_closed
    from arrivals
    inner join units
        on arrivals.case_key = units.case_key and arrivals.arrived_at > units.began_at
    left join closing_acts
        on
            units.case_key = closing_acts.case_key
            and units.unit = closing_acts.unit
            and arrivals.arrived_at > closing_acts.occurred_at
            and arrivals.arrived_at <= closing_acts.next_act_at
    group by all
),

first_returns as (
    select case_key, min(arrived_at) as returned_at
    from (
        select case_key, arrived_at from arrivals_by_unit
        group by all having bool_and(was_closed)
    )
    group by all
),

last_starts as (
    select case_key, max(started_at) as last_started_at
    from case_sessions
    group by all
),

denials as (
    select case_key, min(acts.occurred_at) as denied_at
    from acts
    inner join case_states using (case_key)
    where
        action_type = 'customer_confirmed' and acts.outcome = 'denied'
        and acts.occurred_at > case_states.resolved_at
    group by all
)

select
    case_key,
    case
        when is_open then 'fail'
        when resolved_at is null then 'missing'
        when last_started_at > resolved_at or denied_at is not null then 'fail'
        else 'pass'
    end as closure_leg,
    resolved_at,
    least(reopened_at, returned_at) as reopened_at,
    denied_at
from case_states
left join first_returns using (case_key)
left join last_starts using (case_key)
left join denials using (case_key);

-- --------------------------------------------------------------- legs and touches

create view checks as
select *, outcome in ('pass', 'fail', 'error') as is_evaluated
from acts
where action_type = 'policy_checked';

create table attempts as
with

patterns as (
    select
        replace(replace(replace(lower(action_pattern), '!', '!!'), '_', '!_'), '*', '%')
            as pattern,
        action_pattern,
        is_write
    from read_csv(getvariable('seeds') || '/actions.csv', header = true)
),

known as (
    select action_name, is_write as is_known_write
    from (select distinct action_name from acts where action_type = 'action_executed')
    inner join patterns on lower(action_name) like pattern escape '!'
    qualify row_number() over (
        partition by action_name order by length(action_pattern) desc, action_pattern
    ) = 1
),

attempted as (
    select
        case_key, session, source_system, event_id, place, is_automation, outcome,
        action_id, is_required,
        coalesce(is_write, is_known_write, false) as is_write,
        coalesce(action_id, '#' || acts.action_name, '##' || event_id) as action
    from acts
    left join known on acts.action_name = known.action_name
    where action_type = 'action_executed'
)

-- the last attempt of an action decides, on its flags too
select
    attempted.* exclude (is_write, is_required),
    last_one.is_write, last_one.is_required, last_one.outcome as action_outcome
from attempted
inner join (
    select
        case_key, action, is_automation,
        arg_max(
            struct_pack(
                is_write := is_write, is_required := is_required, outcome := outcome
            ),
            place
        ) as last_one
    from attempted
    group by all
) using (case_key, action, is_automation);

create table bound_attempts as
with chains as (
    select
        attempts.session, attempts.event_id, attempts.source_system,
        checks.policy, checks.action_id,
        arg_max(coalesce(checks.outcome, ''), checks.place)
            filter (checks.place < attempts.place) as outcome_before
    from attempts
    inner join checks
        on
            attempts.session = checks.session
            and (
                attempts.action_id = checks.action_id
                or (checks.action_id is null and attempts.place > checks.place)
            )
    where
        attempts.is_write and attempts.is_automation
        and checks.is_required and checks.is_evaluated and checks.is_automation
    group by all
)

select
    source_system, event_id, count(*) as bound_checks,
    bool_or(outcome_before is distinct from 'pass') as is_violation
from chains
group by all;

create table legs as
with

intent_legs as (
    select
        case_key,
        arg_max(
            coalesce(acts.outcome = 'success' and acts.intent is not null, false), place
        ) as is_success
    from acts
    where action_type = 'intent_classified' and is_automation
    group by all
),

policy_legs as (
    select case_key, bool_and(outcome = 'pass') as is_passed
    from (
        select case_key, arg_max(outcome, place) as outcome
        from checks
        where is_required and is_evaluated and is_automation
        group by case_key, session, policy, action_id
    )
    group by all
),

violations as (
    select distinct case_key
    from attempts inner join bound_attempts using (source_system, event_id)
    where is_violation
),

action_legs as (
    select
        case_key,
        bool_and(coalesce(action_outcome = 'success', false)) as is_success
    from attempts
    where is_write and is_required and is_automation
    group by all
)

select
    case_key,
    case
        when intent_legs.is_success is null then 'missing'
        when intent_legs.is_success then 'pass' else 'fail'
    end as intent_leg,
    case
        when policy_legs.is_passed is null then 'missing'
        when policy_legs.is_passed and violations.case_key is null then 'pass'
        else 'fail'
    end as policy_leg,
    case
        when action_legs.is_success is null then 'none'
        when action_legs.is_success then 'pass' else 'fail'
    end as action_leg
from (select distinct case_key from case_sessions)
left join intent_legs using (case_key)
left join policy_legs using (case_key)
left join violations using (case_key)
left join action_legs using (case_key);

create table touches as
select candidates.*
from (
    select
        case_key, session, acts.source_system, event_id, occurred_at, place,
        escalation_id, reason_code, escalation_reason,
        case
            when action_type = 'escalated' then 'escalated'
            when
                action_type in ('resolution_attempt', 'session_ended')
                and outcome = 'escalated'
                then action_type
        end as source,
        actor_type = 'human_agent' or action_type = 'human_joined'
        or (action_type = 'policy_checked' and evaluator is not distinct from 'human')
            as is_person,
        action_type = 'policy_checked' as is_check
    from acts
    union all by name
    select
        case_key, source_system, event_id, occurred_at, true as is_person,
        false as is_check
    from ticket_acts inner join case_tickets using (ticket_key)
    where actor_type = 'human_agent'
) as candidates
inner join closures using (case_key)
where
    (is_person or source is not null)
    and (
        resolved_at is null
        or occurred_at <= resolved_at
        or occurred_at >= denied_at
    );

create table escalations as
with

explicit as (
    select * from touches where source = 'escalated'
    qualify row_number() over (
        partition by case_key, coalesce(escalation_id, '#' || source_system || event_id)
        order by place
    ) = 1
),

implied as (
    select * from touches
    where
        source in ('resolution_attempt', 'session_ended')
        and session not in (select session from touches where source = 'escalated')
    qualify row_number() over (partition by session order by place) = 1
),

logged as (
    select * from explicit
    union all
    select * from implied
)

select
    case_key,
    if(source = 'escalated', reason_code, if(
        source = 'resolution_attempt', escalation_reason, null
    )) as stated_reason
from logged
union all
select case_key, any_value('human')
from touches
where
    is_person
    and case_key not in (select case_key from logged)
    and case_key in (select case_key from case_sessions where is_involved)
group by case_key;

-- ------------------------------------------------------------- cases and KPIs

create table cases as
with

of_sessions as (
    select
        case_key,
        count(*) as session_count,
        arg_min(customer_id, session) filter (customer_id is not null) as customer_id,
        arg_min(channel, session) filter (channel is not null) as channel,
        arg_min(agent_name, session) filter (agent_name is not null) as agent_name,
        arg_min(agent_version, session)
            filter (agent_version is not null) as agent_version,
        arg_max(coalesce(ended_outcome, 'unsaid'), session) as ended_outcome,
        bool_or(is_production) as is_production,
        bool_or(is_involved) as is_involved,
        bool_or(is_asked) as is_asked,
        sum(model_cost_usd) as model_cost_usd,
        sum(tokens) as tokens,
        min(started_at) as opened_at,
        max(ended_at) as last_event_at
    from case_sessions
    group by all
),

of_events as (
    select
        case_key,
        arg_max(acts.intent, place)
            filter (acts.outcome = 'success' and acts.intent is not null) as intent,
        arg_max(tier, place) filter (is_automation and tier is not null) as tier
    from acts
    where action_type = 'intent_classified'
    group by all
),

of_tickets as (
    select
        case_key,
        bool_or(is_test) as is_test,
        min(opened_at) as opened_at,
        max(last_event_at) as last_event_at
    from case_tickets
    group by all
),

of_ticket_events as (
    select
        case_key,
        arg_min(customer_id, place) filter (customer_id is not null) as customer_id,
        arg_min(channel, place) filter (channel is not null) as channel,
        arg_max(intent, place) filter (intent is not null) as intent,
        arg_max(tier, place) filter (tier is not null) as tier,
        sum(handle_seconds) filter (occurred_at <= resolved_at)
            as human_active_seconds
    from ticket_acts
    inner join case_tickets using (ticket_key)
    inner join closures using (case_key)
    group by all
),

first_touches as (
    select case_key, min(occurred_at) as touched_at from touches group by all
),

described as (
    select
        closures.*,
        coalesce(of_sessions.customer_id, of_ticket_events.customer_id) as customer_id,
        coalesce(of_events.intent, of_ticket_events.intent) as intent,
        coalesce(of_events.tier, of_ticket_events.tier) as stated_tier,
        coalesce(of_sessions.channel, of_ticket_events.channel) as channel,
        of_sessions.agent_name,
        of_sessions.agent_version,
        of_sessions.ended_outcome,
        coalesce(of_sessions.is_production, not of_tickets.is_test) as is_eligible,
        coalesce(of_sessions.is_involved, false) as is_involved,
        coalesce(of_sessions.is_asked, false) as is_asked,
        coalesce(of_sessions.session_count, 0) as session_count,
        coalesce(of_sessions.model_cost_usd, 0) as model_cost_usd,
        coalesce(of_sessions.tokens, 0) as tokens,
        of_ticket_events.human_active_seconds,
        least(of_sessions.opened_at, of_tickets.opened_at) as opened_at,
        greatest(of_sessions.last_event_at, of_tickets.last_event_at)
            as last_activity_at,
        coalesce(legs.intent_leg, 'missing') as intent_leg,
        coalesce(legs.policy_leg, 'missing') as policy_leg,
        coalesce(legs.action_leg, 'none') as action_leg,
        first_touches.touched_at is not null as has_human_touch
    from closures
    left join of_sessions using (case_key)
    left join of_events using (case_key)
    left join of_tickets using (case_key)
    left join of_ticket_events using (case_key)
    left join legs using (case_key)
    left join first_touches using (case_key)
),

tested as (
    select
        described.*,
        coalesce(stated_tier, intents.tier) as tier,
        case
            when
                has_human_touch or intent_leg = 'fail' or policy_leg = 'fail'
                or action_leg in ('fail', 'none') or closure_leg = 'fail'
                then false
            when 'missing' not in (intent_leg, policy_leg, closure_leg) then true
        end as is_resolved_autonomously
    from described
    left join read_csv(getvariable('seeds') || '/intents.csv', header = true) as intents
        on described.intent = intents.intent
),

judged as (
    select
        *,
        case
            when is_resolved_autonomously then 'resolved_autonomously'
            when has_human_touch and resolved_at is not null then 'resolved_by_human'
            when has_human_touch then 'escalated'
            when resolved_at is not null then 'closed_unproven'
            when closure_leg = 'missing' and ended_outcome = 'resolved'
                then 'closed_unproven'
            when is_involved and not is_asked then 'dropped_off'
            when last_activity_at + interval 72 hours <= getvariable('as_of')
                then 'abandoned'
            else 'in_progress'
        end as outcome
    from tested
),

recontacts as (
    select distinct earlier.case_key
    from judged as earlier
    inner join judged as later using (customer_id, intent)
    where
        earlier.case_key != later.case_key
        and earlier.is_eligible and later.is_eligible
        and earlier.resolved_at < later.opened_at
        and earlier.resolved_at + interval 168 hours >= later.opened_at
)

select
    judged.*,
    cast(opened_at as date) as opened_on,
    is_involved and outcome not in ('in_progress', 'dropped_off') as is_handled,
    coalesce(resolved_at, last_activity_at) + interval 168 hours
    <= getvariable('as_of') and customer_id is not null and intent is not null
        as is_mature_and_visible,
    reopened_at is null and recontacts.case_key is null
    and is_resolved_autonomously as is_durable,
    epoch_us(resolved_at - opened_at) / 1e6 as handling_seconds
from judged
left join recontacts using (case_key);

create table kpi_daily as
with

of_checks as (
    select
        case_key, count(*) as evaluated, count_if(outcome = 'pass') as passed
    from checks
    where is_required and is_evaluated
    group by all
),

of_attempts as (
    select
        case_key, count(*) as attempts,
        count_if(outcome is distinct from 'success') as failed
    from attempts
    where is_automation
    group by all
),

of_compliance as (
    select case_key, count(*) as bound, count_if(not is_violation) as compliant
    from (
        select case_key, action, bool_or(coalesce(is_violation, false)) as is_violation
        from attempts
        left join bound_attempts using (source_system, event_id)
        where is_automation and is_write
        group by all
        having sum(bound_checks) > 0
    )
    group by all
),

records as (
    select 'survey' || source_system || response_id as record, * from (
        select source_system, response_id, ticket_key, session_id from survey_responses
    )
    union all
    select 'audit' || source_system || audit_id, * from (
        select source_system, audit_id, ticket_key, session_id from compliance_audits
    )
),

attached as (
    select record, case_key
    from records
    left join merged_tickets using (ticket_key)
    inner join case_tickets
        on coalesce(merged_tickets.target_key, records.ticket_key)
        = case_tickets.ticket_key
    inner join cases using (case_key)
    qualify row_number() over (
        partition by record order by cases.is_eligible desc, case_key
    ) = 1
    union all
    select record, case_key
    from records
    inner join case_sessions using (source_system, session_id)
    where records.ticket_key is null
),

of_surveys as (
    select
        case_key, count(*) as sent, count(score_1_to_7) as answered,
        count_if(score_1_to_7 >= 5) as favourable, sum(score_1_to_7) as score
    from (
        select
            *,
            case when score is not null and responded_at is not null then if(
                higher_is_better,
                1 + 6 * (score - scale_min) / (scale_max - scale_min),
                7 - 6 * (score - scale_min) / (scale_max - scale_min)
            ) end as score_1_to_7
        from survey_responses
        inner join attached on record = 'survey' || source_system || response_id
        where survey_type = 'ces'
    )
    group by all
),

of_audits as (
    select
        case_key, verdict = 'compliant' as is_compliant,
        1 / coalesce(inclusion_probability, 1) as weight
    from compliance_audits
    inner join attached on record = 'audit' || source_system || audit_id
    where
        auditor_type = 'human' and verdict in ('violation', 'compliant')
        and (
            sample_method = 'census'
            or (sample_method = 'random' and inclusion_probability is not null)
        )
    qualify row_number() over (
        partition by case_key order by verdict desc, audited_at, audit_id
    ) = 1
),

of_escalations as (
    select
        case_key, count(*) as escalations,
        count_if(normalised(stated_reason) is null) as unstated
    from escalations
    group by all
),

sums as (
    select
        opened_on,
        coalesce(intent, 'unknown') as intent,
        coalesce(tier, 'unknown') as tier,
        coalesce(channel, 'unknown') as channel,
        coalesce(agent_name, 'unknown') as agent_name,
        coalesce(agent_version, 'unknown') as agent_version,
        count_if(is_handled) as handled,
        count_if(is_handled and is_resolved) as resolved,
        count_if(is_handled and coalesce(is_resolved_autonomously, true)) as upper,
        count_if(is_handled and is_mature_and_visible) as mature,
        count_if(is_handled and is_mature_and_visible and is_durable) as durable,
        count_if(
            is_handled and is_mature_and_visible and is_durable and session_count = 1
        ) as durable_at_once,
        count_if(is_handled and not has_human_touch) as contained,
        count_if(outcome not in ('in_progress', 'dropped_off')) as settled,
        count_if(
            outcome not in ('in_progress', 'dropped_off') and is_resolved
        ) as automated,
        count_if(is_handled and has_human_touch) as touched,
        count_if(is_handled and reopened_at is not null) as reopened,
        count_if(is_handled and coalesce(resolved_at, reopened_at) is not null)
            as ever_closed,
        count_if(
            is_handled
            and 'missing' not in (intent_leg, policy_leg, action_leg, closure_leg)
        ) as proven,
        sum(coalesce(of_escalations.unstated, 0)) as unstated,
        sum(coalesce(of_escalations.escalations, 0)) as escalations,
        sum(if(is_resolved, coalesce(handling_seconds, 0), 0))
            as automated_seconds,
        count_if(is_resolved and handling_seconds is not null)
            as automated_timed,
        sum(if(is_alone, coalesce(human_active_seconds, 0), 0)) as active_seconds,
        count_if(is_alone and human_active_seconds is not null) as active_timed,
        sum(if(is_alone and human_active_seconds is null, handling_seconds, 0))
            as elapsed_seconds,
        count_if(is_alone and human_active_seconds is null) as elapsed_timed,
        sum(if(is_handled, coalesce(of_checks.passed, 0), 0)) as passed,
        sum(if(is_handled, coalesce(of_checks.evaluated, 0), 0)) as evaluated,
        sum(if(is_handled, coalesce(of_compliance.compliant, 0), 0)) as compliant,
        sum(if(is_handled, coalesce(of_compliance.bound, 0), 0)) as bound,
        sum(if(is_handled and of_audits.is_compliant, of_audits.weight, 0))
            as audited_compliant,
        sum(if(is_handled, coalesce(of_audits.weight, 0), 0)) as audited,
        sum(if(is_handled, coalesce(of_surveys.score, 0), 0)) as score,
        sum(if(is_handled, coalesce(of_surveys.answered, 0), 0)) as answered,
        sum(if(is_handled, coalesce(of_surveys.favourable, 0), 0)) as favourable,
        sum(if(is_handled, coalesce(of_surveys.sent, 0), 0)) as sent,
        sum(if(is_handled, model_cost_usd, 0)) as cost,
        sum(if(is_handled and is_mature_and_visible, model_cost_usd, 0))
            as mature_cost,
        sum(if(is_handled, tokens, 0)) as tokens,
        sum(if(is_handled, coalesce(of_attempts.failed, 0), 0)) as failed,
        sum(if(is_handled, coalesce(of_attempts.attempts, 0), 0)) as attempts
    from (
        select
            * replace (coalesce(is_durable, false) as is_durable),
            coalesce(is_resolved_autonomously, false) as is_resolved,
            not is_involved and outcome = 'resolved_by_human' as is_alone
        from cases
        where is_eligible
    )
    left join of_checks using (case_key)
    left join of_attempts using (case_key)
    left join of_compliance using (case_key)
    left join of_surveys using (case_key)
    left join of_audits using (case_key)
    left join of_escalations using (case_key)
    group by all
)

select
    opened_on, intent, tier, channel, agent_name, agent_version,
    unnest([
        {'kpi': 'autonomous_resolution_rate', 'n': resolved, 'd': handled},
        {'kpi': 'autonomous_resolution_rate_upper', 'n': upper, 'd': handled},
        {'kpi': 'durable_resolution_rate', 'n': durable, 'd': mature},
        {'kpi': 'containment_rate', 'n': contained, 'd': handled},
        {'kpi': 'automation_rate', 'n': automated, 'd': settled},
        {'kpi': 'first_contact_resolution_rate', 'n': durable_at_once, 'd': mature},
        {'kpi': 'reopen_rate', 'n': reopened, 'd': ever_closed},
        {'kpi': 'evidence_coverage', 'n': proven, 'd': handled},
        {'kpi': 'escalation_rate', 'n': touched, 'd': handled},
        {'kpi': 'unstated_reason_share', 'n': unstated, 'd': escalations},
        {'kpi': 'aht_automated_seconds', 'n': automated_seconds, 'd': automated_timed},
        {'kpi': 'aht_human_active_seconds', 'n': active_seconds, 'd': active_timed},
        {'kpi': 'aht_human_elapsed_seconds', 'n': elapsed_seconds, 'd': elapsed_timed},
        {'kpi': 'policy_check_pass_rate', 'n': passed, 'd': evaluated},
        {'kpi': 'action_compliance_rate', 'n': compliant, 'd': bound},
        {'kpi': 'audited_compliance_rate', 'n': audited_compliant, 'd': audited},
        {'kpi': 'ces_mean', 'n': score, 'd': answered},
        {'kpi': 'ces_favourable_rate', 'n': favourable, 'd': answered},
        {'kpi': 'ces_response_rate', 'n': answered, 'd': sent},
        {'kpi': 'cost_per_resolution_usd', 'n': cost, 'd': resolved},
        {'kpi': 'cost_per_case_usd', 'n': cost, 'd': handled},
        {'kpi': 'cost_per_durable_resolution_usd', 'n': mature_cost, 'd': durable},
        {'kpi': 'tokens_per_case', 'n': tokens, 'd': handled},
        {'kpi': 'action_failure_rate', 'n': failed, 'd': attempts}
    ], recursive := true)
from sums;
