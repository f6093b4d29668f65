-- Nothing is lost and nothing is silent: a record that is none of the three has
-- vanished between the landing folder and the warehouse, and with it a case from every
-- figure.
select
    feed,
    file_path,
    records,
    loaded,
    duplicates,
    rejected
from {{ ref('stg_loading__files') }}
where
    records != loaded + duplicates + rejected
    or least(records, loaded, replaced, duplicates, rejected) < 0
