-- Named queries of what was measured and told in the past; see `queries.py`.

-- name: raw_history
select to_us(time), series, 1, value, value, value, score
from reading where series = any(%(series)s::int[]) and time >= %(first)s and time < %(end)s
order by series, time

-- name: history_15m
select to_us(bucket), series, n, sum, min, max, 'NaN'::real
from reading_15m where series = any(%(series)s::int[]) and bucket >= %(first)s and bucket < %(end)s
order by series, bucket

-- name: history_1h
select to_us(bucket), series, n, sum, min, max, 'NaN'::real
from reading_1h where series = any(%(series)s::int[]) and bucket >= %(first)s and bucket < %(end)s
order by series, bucket

-- name: history_1d
select to_us(bucket), series, n, sum, min, max, 'NaN'::real
from reading_1d where series = any(%(series)s::int[]) and bucket >= %(first)s and bucket < %(end)s
order by series, bucket

-- name: kept_buckets
-- Resolutions that reach back to a moment; keep is null for ever, and without a position nothing has aged.
select case name when 'reading' then 'raw' else replace(name, 'reading_', '') end
from (select replace(table_name, '_rolled', '') as name, keep from retention) kept
cross join (select max(log_time) as now_at from position where log like 'telemetry-%%') log
where name in ('reading', 'reading_15m', 'reading_1h', 'reading_1d')
  and coalesce(now_at - keep <= %(first)s, true)

-- name: raw_since
select to_us(min(from_at)) from chunk where table_name = 'reading'

-- name: ticked_minutes
select distinct to_us(minute) from kpi_minute where minute >= %(first)s and minute < %(end)s order by 1

-- name: transitions_of_school
select rule, kind, to_us(opened_at), to_us(detected_at) from transition
where school_id = %(school_id)s and at >= %(first)s and at < %(end)s order by detected_at

-- name: copy_raw_out
copy (select time, series, value from reading
      where series = any(%(series)s::int[]) and time >= %(first)s and time < %(end)s)
to stdout (format binary)

-- name: copy_15m_out
copy (select bucket, series, n, sum, min, max from reading_15m
      where series = any(%(series)s::int[]) and bucket >= %(first)s and bucket < %(end)s)
to stdout (format binary)
