select
    reviews.status,
    reviews.severity,
    reviews.owner,
    reviews.source,
    reviews.policy_id,
    reviews.due_at,
    reviews.closing_verdict
from marts.fct_compliance_reviews as reviews
cross join asked
where reviews.case_key = asked.part
order by reviews.opened_at, reviews.review_key
