{{ staged_agent_events() }}
