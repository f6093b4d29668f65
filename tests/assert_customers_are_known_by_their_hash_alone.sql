-- `customer_id` never leaves the raw layer in the clear. A key that is no lower-case
-- hex digest (64 digits of HMAC-SHA256, 32 where keys are kept apart by source system)
-- is an id that slipped through, and a mart with a column of that name would be a leak.
with

keys as (

    select customer_key from {{ ref('fct_cases') }}
    where {{ is_tested('case_key') }}
    union distinct
    select customer_key from {{ ref('fct_sessions') }}
    where {{ is_tested('session_key') }}

)

select
    'a key that is no hash' as fault,
    customer_key as subject
from keys
where
    customer_key is not null
    and not (
        length(customer_key) in (32, 64)
        and translate(customer_key, '0123456789abcdef', '') = ''
    )

{%- for node in graph.nodes.values() if node.resource_type == 'model' %}
{%- for column in node.columns if column | lower in ('customer_id', 'caller_id') %}

union all

select
    'a column of ids' as fault,
    '{{ node.name }}.{{ column }}' as subject
{%- endfor %}
{%- endfor %}
