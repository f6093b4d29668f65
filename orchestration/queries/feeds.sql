select
    feed,
    records,
    rejected,
    quarantined_files
from marts.feed_health
where records > 0
order by feed
