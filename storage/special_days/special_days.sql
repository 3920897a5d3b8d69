-- Named queries of days beside the calendar file; see `queries.py`.

-- name: special_days
select day_id, kind, place_kind, place_code, first_day, last_day, name, verdict, to_us(decided_at), decided_by,
       evidence::text
from special_day order by first_day, day_id

-- name: decide_special_day
insert into special_day (day_id, kind, place_kind, place_code, first_day, last_day, name, verdict, decided_at,
                         decided_by, evidence)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (day_id) do update set
    last_day = excluded.last_day, name = excluded.name, verdict = excluded.verdict,
    decided_at = excluded.decided_at, decided_by = excluded.decided_by, evidence = excluded.evidence

-- name: tell_special_days
select pg_notify('eduops_special_days', '')

-- name: copy_day_parts_out
-- Hours of local days from 6:00 to 18:00, morning and afternoon.
copy (
    select (local::date - date '1970-01-01')::int, (extract(hour from local) >= 12)::int, series,
           sum(n)::bigint, sum(sum)
    from (select bucket at time zone %(zone)s as local, series, n, sum from reading_1h
          where series = any(%(series)s::int[]) and bucket >= %(first)s and bucket < %(end)s) hours
    where extract(hour from local) between 6 and 17
    group by 1, 2, 3
) to stdout (format binary)

-- name: copy_day_begins_out
-- Minute of the local day of the first quarter of an hour, from 6:00 to 18:00 by morning and afternoon, whose
-- mean is at least a share of what three in four of the part are below.
copy (
    with quarter as (
        select local::date - date '1970-01-01' as day, (extract(hour from local) >= 12)::int as part, series,
               60 * extract(hour from local) + extract(minute from local) as minute, sum / n as mean
        from (select bucket at time zone %(zone)s as local, series, n, sum from reading_15m
              where series = any(%(series)s::int[]) and bucket >= %(first)s and bucket < %(end)s) quarters
        where extract(hour from local) between 6 and 17
    ), busy as (
        select day, part, series, percentile_cont(0.75) within group (order by mean) as mean
        from quarter group by 1, 2, 3
    )
    select quarter.day::int, quarter.part, quarter.series, 1::bigint, min(quarter.minute)::float8
    from quarter join busy using (day, part, series)
    where quarter.mean >= %(share)s * busy.mean
    group by 1, 2, 3
) to stdout (format binary)

-- name: dismissed_because
select alert.school_id, to_us(alert.opened_at)
from alert
cross join lateral (
    select kind, because from alert_event
    where alert_event.alert_id = alert.alert_id and kind in ('dismissed', 'handed_back') order by id desc limit 1
) said
where alert.opened_at >= %(first)s and alert.opened_at < %(end)s
  and said.kind = 'dismissed' and said.because = %(because)s
