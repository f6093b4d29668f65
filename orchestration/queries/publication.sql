-- all of it: a ledger from before there were rollbacks lacks a column
select *
from marts.publications
order by published_at desc
limit 1
