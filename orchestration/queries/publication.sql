select publication_id, is_made_up_sample, as_of, newest_event_at
from marts.publications
order by published_at desc
limit 1
