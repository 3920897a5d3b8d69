-- Named queries of how incidents and contacts fared; see `queries.py`.

-- name: incident_times
-- A message is handed over as long after its decision as the database's clock says that it took.
select incident.incident_id, cause, isp, cluster_code, ward_code, school_id, rule, worst_priority, because,
       exercise, coalesce(acknowledged_by, assignee, ''), to_us(coalesce(exercise.from_at, opened_at)),
       to_us(began_at), to_us(first_notice.told_at), to_us(deed.taken_at), to_us(coalesce(quiet_at, ended_at)),
       deed.n > 0
from incident
left join exercise on exercise.exercise_id = incident.exercise
left join lateral (
    select decided_at + (over_at - made_at) as told_at from notice
    where fate in ('sent', 'said_with')
      and (notice.incident_id = incident.incident_id or incidents @> array[incident.incident_id])
    order by decided_at limit 1
) first_notice on true
left join lateral (
    select min(at) filter (where kind = 'acknowledged') as taken_at, count(*) as n from incident_event
    where incident_event.incident_id = incident.incident_id and actor <> 'eduops'
) deed on true
where merged_into is null and began_at >= %(from)s and began_at < %(until)s
order by began_at, incident.incident_id

-- name: touched_incidents
-- Of some incidents those about which anybody did anything.
select distinct incident_id from incident_event where incident_id = any(%(incident_ids)s) and actor <> 'eduops'

-- name: notice_moments
select recipient, array_agg(to_us(decided_at) order by decided_at) from notice
where decided_at >= %(from)s and decided_at < %(until)s and reason not in ('report', 'report_lost')
group by recipient order by recipient
