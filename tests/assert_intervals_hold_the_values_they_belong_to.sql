-- An interval that does not hold its own value, or a share whose interval leaves 0..1,
-- is read as certainty that nobody has. The tolerance is for the last bits of 0 and 1.
select
    period_type,
    period_start,
    segment_type,
    segment,
    kpi,
    value,
    interval_lower,
    interval_upper
from {{ ref('kpi_trends') }}
where
    interval_lower > value + 1e-9 * (1 + abs(value))
    or interval_upper < value - 1e-9 * (1 + abs(value))
    or (interval_lower is null) != (interval_upper is null)
    or (unit = 'share' and (interval_lower < 0 or interval_upper > 1))
    or (unit = 'share' and (value is null) != (interval_lower is null))
