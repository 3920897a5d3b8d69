-- Named queries of what was known at an earlier moment; see `queries.py`.

-- name: first_known
-- Log time of the oldest thing that is kept; null of an empty database.
select to_us(least((select min(minute) from kpi_minute), (select min(began_at) from incident)))

-- name: kept_minutes
select to_us(minute), partition::int, metric_id::int, expected, reporting, total from kpi_minute
where metric_id = any(%(metrics)s::int[]) and minute >= %(first)s and minute < %(end)s order by 1, 2

-- name: heard_in_readings
-- Series with a reading within so long before each moment; the bounds let the planner leave out chunks.
select to_us(moment.at), array_agg(asked.series)
from unnest(%(moments)s::timestamptz[]) moment (at)
cross join unnest(%(series)s::int[]) asked (series)
cross join lateral (
    select from reading
    where reading.series = asked.series and reading.time > moment.at - %(stale)s::interval
      and reading.time <= moment.at and reading.time > %(first)s and reading.time <= %(last)s
    limit 1
) found
group by 1

-- name: heard_in_quarters
select to_us(bucket), array_agg(series) from reading_15m
where series = any(%(series)s::int[]) and bucket >= %(first)s and bucket <= %(last)s group by 1

-- name: incident_events
-- What became of incidents, without who was told.
select incident_id, kind, to_us(at), actor, alerts, other, cause, isp, cluster_code, ward_code,
       action_id, note, because, assignee, tried, not_done, told, why
from incident_event where incident_id = any(%(incident_ids)s) and told = '' and kind <> 'held' order by id

-- name: deeds_on_alerts
select alert_id, kind, to_us(at), actor, note, value, because
from alert_event where alert_id = any(%(alert_ids)s) and kind not in ('opened', 'resolved') order by id
