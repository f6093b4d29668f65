-- Rows of the raw tables, by the id of a record or by file and line.
with

records as (

    select
        'agent_events' as feed,
        event_id as record_id,
        action_type as kind,
        source_system,
        session_id,
        ticket_id,
        timestamp as occurred_at,
        version,
        _file as file_path,
        _line as line_number,
        _load_id as load_id
    from raw.agent_events

    union all

    select
        'ticket_events' as feed,
        event_id as record_id,
        event_type as kind,
        source_system,
        null as session_id,
        ticket_id,
        timestamp as occurred_at,
        version,
        _file as file_path,
        _line as line_number,
        _load_id as load_id
    from raw.ticket_events

    union all

    select
        'survey_responses' as feed,
        response_id as record_id,
        survey_type as kind,
        source_system,
        session_id,
        ticket_id,
        coalesce(responded_at, sent_at) as occurred_at,
        version,
        _file as file_path,
        _line as line_number,
        _load_id as load_id
    from raw.survey_responses

    union all

    select
        'compliance_audits' as feed,
        audit_id as record_id,
        verdict as kind,
        source_system,
        session_id,
        ticket_id,
        audited_at as occurred_at,
        version,
        _file as file_path,
        _line as line_number,
        _load_id as load_id
    from raw.compliance_audits

    union all

    select
        'tau2_runs' as feed,
        simulation_id as record_id,
        termination_reason as kind,
        source_system,
        simulation_id as session_id,
        null as ticket_id,
        coalesce(started_at, run_timestamp) as occurred_at,
        null as version,
        _file as file_path,
        _line as line_number,
        _load_id as load_id
    from raw.tau2_runs

    union all

    -- a trace without a conversation is a session of its own
    select
        'otel_spans' as feed,
        span_id as record_id,
        span_name as kind,
        source_system,
        trace_id as session_id,
        null as ticket_id,
        started_at as occurred_at,
        null as version,
        _file as file_path,
        _line as line_number,
        _load_id as load_id
    from raw.otel_spans

    union all

    select
        'servicenow_incidents' as feed,
        number as record_id,
        incident_state as kind,
        source_system,
        null as session_id,
        number as ticket_id,
        sys_updated_at as occurred_at,
        sys_mod_count as version,
        _file as file_path,
        _line as line_number,
        _load_id as load_id
    from raw.servicenow_incidents

    union all

    select
        'zendesk' as feed,
        row_key as record_id,
        table_name as kind,
        source_system,
        null as session_id,
        ticket_id,
        updated_at as occurred_at,
        null as version,
        _file as file_path,
        _line as line_number,
        _load_id as load_id
    from raw.zendesk

    union all

    select
        'intercom' as feed,
        row_key as record_id,
        table_name as kind,
        source_system,
        null as session_id,
        ticket_id,
        updated_at as occurred_at,
        null as version,
        _file as file_path,
        _line as line_number,
        _load_id as load_id
    from raw.intercom

)

select *
from records
where record_id = ? or (file_path = ? and line_number = ?)
order by occurred_at, feed, file_path, line_number
limit 100
