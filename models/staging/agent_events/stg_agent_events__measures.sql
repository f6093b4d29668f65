{{ staged_agent_events(
    keys=['latency_ms', 'input_tokens', 'output_tokens', 'cost_usd']
) }}
