select
    feed,
    records,
    rejected
from marts.feed_health
order by feed
