-- Named queries, one block each; parameters in psycopg's %(name)s form.

-- name: load_position
select seq, to_us(log_time), snapshot_seq, snapshot, received, stored, duplicate, quarantined, corrected
from position where log = %(log)s

-- name: open_position
insert into position (log, seq, log_time, snapshot_seq, snapshot,
                      received, stored, duplicate, quarantined, corrected)
values (%(log)s, %(through)s, %(log_time)s, case when %(snapshot)s::bytea is null then 0 else %(through)s end,
        %(snapshot)s, %(received)s, %(stored)s, %(duplicate)s, %(quarantined)s, %(corrected)s)
on conflict (log) do update set
    seq = excluded.seq,
    log_time = excluded.log_time,
    snapshot_seq = excluded.snapshot_seq,
    snapshot = coalesce(excluded.snapshot, position.snapshot),
    received = position.received + excluded.received,
    stored = position.stored + excluded.stored,
    duplicate = position.duplicate + excluded.duplicate,
    quarantined = position.quarantined + excluded.quarantined,
    corrected = position.corrected + excluded.corrected
where position.seq = 0

-- name: move_position
update position set
    seq = %(through)s,
    log_time = %(log_time)s,
    received = received + %(received)s,
    stored = stored + %(stored)s,
    duplicate = duplicate + %(duplicate)s,
    quarantined = quarantined + %(quarantined)s,
    corrected = corrected + %(corrected)s
where log = %(log)s and seq = %(after)s

-- name: move_position_with_snapshot
update position set
    seq = %(through)s,
    log_time = %(log_time)s,
    snapshot_seq = %(through)s,
    snapshot = %(snapshot)s,
    received = received + %(received)s,
    stored = stored + %(stored)s,
    duplicate = duplicate + %(duplicate)s,
    quarantined = quarantined + %(quarantined)s,
    corrected = corrected + %(corrected)s
where log = %(log)s and seq = %(after)s

-- name: share_horizon
select pg_advisory_xact_lock_shared(hashtext('eduops/horizon'))

-- name: touch_buckets
insert into touched_bucket (width, bucket)
select '15m', bucket from unnest(%(buckets)s::timestamptz[]) bucket
where bucket < (select touch_before from horizon)

-- name: copy_readings
copy reading (time, series, value, score) from stdin (format binary)

-- name: ensure_chunks
select ensure_chunks(%(table)s, %(moments)s)

-- name: chunk_bounds
select to_us(from_at), to_us(to_at) from chunk
where table_name = %(table)s
  and from_at is not null -- the catalog has no bounds of a chunk that is dropped meanwhile
order by from_at

-- name: look_up
select asked.place, found.is_said
from unnest(%(time_us)s::bigint[], %(series)s::int[], %(value)s::float8[])
    with ordinality asked (time_us, series, value, place)
cross join lateral (
    select reading.value = asked.value or exists (
        select from correction
        where correction.series = reading.series and correction.time = reading.time
          and correction.earlier = asked.value) as is_said
    from reading
    where reading.series = asked.series and reading.time = from_us(asked.time_us)
      and reading.time between %(first)s and %(last)s
    limit 1
) found

-- name: lift_decompression_limit
select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)

-- name: correct_reading
with before as (select value from reading where series = %(series)s and time = %(time)s limit 1),
kept as (
    insert into correction (series, time, earlier, newest, corrected_at)
    select %(series)s, %(time)s, value, %(value)s, %(at)s from before)
update reading set value = %(value)s, score = %(score)s where series = %(series)s and time = %(time)s

-- name: earlier_words
select correction.series, to_us(correction.time), correction.earlier
from unnest(%(series)s::int[], %(mark_us)s::bigint[]) asked (series, mark_us)
join correction on correction.series = asked.series and correction.time >= from_us(asked.mark_us)

-- name: stored_after
select to_us(reading.time), asked.series, reading.value
from unnest(%(series)s::int[], %(mark_us)s::bigint[]) asked (series, mark_us)
cross join lateral (
    select time, value from reading
    where reading.series = asked.series and reading.time >= from_us(asked.mark_us)
) reading
order by 1

-- name: transitions_after
select alert_id, kind, rule, series, school_id, priority::int, to_us(opened_at), to_us(at),
       to_us(detected_at), value, expected_low, expected_high, score, reason
from transition
where detected_at > %(detected_at)s
  and at > %(detected_at)s - interval '3 days' -- finds them by index: no reading is older on arrival
order by detected_at, at, kind

-- name: told_open
select alert_id from transition where alert_id = any(%(alert_ids)s)
group by alert_id having bool_or(kind = 'opened') and not bool_or(kind = 'resolved')

-- name: insert_transition
insert into transition (alert_id, kind, rule, series, school_id, priority, opened_at, at, detected_at,
                        value, expected_low, expected_high, score, reason)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (alert_id, kind) do nothing

-- name: upsert_kpi
insert into kpi_minute (minute, partition, metric_id, expected, reporting, total)
values (%s, %s, %s, %s, %s, %s)
on conflict (metric_id, minute, partition) do update
set expected = excluded.expected, reporting = excluded.reporting, total = excluded.total

-- name: insert_rejected
insert into quarantine (at, reason, topic, detail, payload_bytes, excerpt) values (%s, %s, %s, %s, %s, %s)

-- name: upsert_alert
insert into alert (alert_id, rule, series, school_id, priority, opened_at, detected_at, value, expected_low,
                   expected_high, score, pupils, acknowledged_at, acknowledged_by, note, resolved_at, outside)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (alert_id) do update
set priority = excluded.priority, acknowledged_at = excluded.acknowledged_at,
    acknowledged_by = excluded.acknowledged_by, note = excluded.note, resolved_at = excluded.resolved_at

-- name: insert_alert_event
insert into alert_event (alert_id, kind, at, actor, note, value, because) values (%s, %s, %s, %s, %s, %s, %s)

-- name: upsert_outside
insert into outside_alert (fingerprint, alert_id, ends_at, heard_at, is_open) values (%s, %s, %s, %s, %s)
on conflict (fingerprint) do update
set alert_id = excluded.alert_id, ends_at = excluded.ends_at, heard_at = excluded.heard_at, is_open = excluded.is_open

-- name: outside
select fingerprint, alert_id, to_us(ends_at), to_us(heard_at), is_open from outside_alert

-- name: timescale_available
select from pg_available_extensions where name = 'timescaledb'

-- name: save_chunk_and_keep
update retention set chunk = %(chunk)s, keep = %(keep)s where table_name = 'reading'

-- name: ledger
select log, seq, to_us(log_time), snapshot_seq, received, stored, duplicate, quarantined, corrected
from position order by log

-- name: unaccounted
select log, received - stored - duplicate - corrected - quarantined from position
where received <> stored + duplicate + corrected + quarantined order by log

-- name: kpi_history
select to_us(minute), sum(expected)::bigint, sum(reporting)::bigint, sum(total)
from kpi_minute where metric_id = %(metric_id)s and minute >= %(first)s and minute < %(end)s
group by minute order by minute

-- name: kpi_stretches
select to_us(stretch.first), metric_id, sum(expected)::float8 / count(distinct minute),
       sum(reporting)::float8 / count(distinct minute), sum(total) / count(distinct minute)
from unnest(%(first)s::timestamptz[], %(end)s::timestamptz[]) as stretch (first, until)
join kpi_minute on minute >= stretch.first and minute < stretch.until
where metric_id = any(%(metrics)s) group by 1, 2

-- name: quarantine_page
select id, reason, topic, detail, to_us(at), payload_bytes, excerpt from quarantine
where (%(before_id)s::bigint is null or id < %(before_id)s) and (%(reason)s::text is null or reason = %(reason)s)
order by id desc limit %(limit)s

-- name: quarantine_counts
select reason, count(*) from quarantine group by reason order by reason

-- name: quarantine_by_sender
-- Who sent what was refused since, by the topic: school and device as they were written, known or not.
select split_part(topic, '/', 4), split_part(topic, '/', 5), reason, count(*), to_us(max(at)),
       (array_agg(topic order by at desc))[1], (array_agg(detail order by at desc))[1]
from quarantine where at >= %(first)s and (%(school)s::text is null or split_part(topic, '/', 4) = %(school)s)
group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit %(limit)s

-- name: alerts
select alert_id, rule, series, school_id, priority, to_us(opened_at), to_us(detected_at), value, expected_low,
       expected_high, score, pupils, to_us(acknowledged_at), acknowledged_by, note, to_us(resolved_at), outside::text
from alert

-- name: alert_history
select alert_id, kind, to_us(at), actor, note, value, because
from alert_event where alert_id = %(alert_id)s order by id

-- name: dismissals
select to_us(event.at), event.actor, event.because, event.note
from alert join alert_event event using (alert_id)
where event.kind = 'dismissed' and alert.rule = %(rule)s and alert.school_id = %(school_id)s
  and alert.alert_id <> %(alert_id)s
order by event.at desc, event.id desc limit %(limit)s

-- name: count_dismissed
select count(distinct alert.alert_id)
from alert_event event join alert using (alert_id)
where event.kind = 'dismissed' and event.at >= %(after)s and event.at <= coalesce(%(until)s::timestamptz, 'infinity')
  and alert.rule = %(rule)s and alert.school_id = any(%(school_ids)s::int[])

-- name: judged_alerts
select alert.rule, alert.school_id, alert.series, to_us(alert.opened_at), to_us(alert.resolved_at),
       said.because, coalesce(said.actor, alert.acknowledged_by)
from alert
left join lateral (
    select kind, because, actor from alert_event
    where alert_event.alert_id = alert.alert_id and kind in ('dismissed', 'handed_back') order by id desc limit 1
) said on said.kind = 'dismissed' -- whoever took it after it was handed back says something else
where alert.acknowledged_at is not null -- a dismissal counts as one
order by alert.opened_at, alert.alert_id

-- name: heard_series
select asked.series
from unnest(%(series)s::int[], %(after)s::timestamptz[]) asked (series, after)
where exists (select from reading where reading.series = asked.series and reading.time >= asked.after
              and reading.time >= %(first)s and reading.time <= coalesce(%(last)s::timestamptz, 'infinity'))

-- name: newest_readings
-- Of each series the youngest reading; the bound lets the planner leave out chunks.
select asked.series, to_us(found.time), found.value
from unnest(%(series)s::int[]) asked (series)
cross join lateral (
    select time, value from reading
    where reading.series = asked.series and reading.time >= %(first)s
      and reading.time <= coalesce(%(last)s::timestamptz, 'infinity')
    order by time desc limit 1
) found

-- name: try_maintenance_lock
select pg_try_advisory_lock(hashtext('eduops/maintain'))

-- name: maintenance_unlock
select pg_advisory_unlock(hashtext('eduops/maintain'))

-- name: engine_horizon_and_fold
select (select value from setting where name = 'engine'),
       (select to_us(touch_before) from horizon),
       (select to_us(min(log_time)) from position where log like 'telemetry-%%')

-- name: lock_horizon
select pg_advisory_xact_lock(hashtext('eduops/horizon'))

-- name: move_touch_before
update horizon set touch_before = %(through)s

-- name: move_rolled_before
update horizon set rolled_before = %(through)s

-- name: touch_closed_buckets
insert into touched_bucket (width, bucket)
select distinct '15m', bucket
from chunk
cross join lateral generate_series(
    greatest(date_bin(interval '15 minutes', from_at, timestamptz '2000-01-01 00:00+00'), %(after)s),
    least(to_at, %(through)s) - interval '1 microsecond',
    interval '15 minutes') bucket
where table_name = 'reading' and to_at > %(after)s and from_at < %(through)s

-- name: take_touched
update touched_bucket set taken = true
where width = %(width)s and bucket in (
    select distinct bucket from touched_bucket
    where width = %(width)s and bucket <= %(last)s order by bucket limit %(limit)s)
returning to_us(bucket)

-- name: forget_taken
delete from touched_bucket where width = %(width)s and taken and bucket = any(%(buckets)s::timestamptz[])

-- name: touch
insert into touched_bucket (width, bucket)
select %(width)s, bucket from unnest(%(buckets)s::timestamptz[]) bucket

-- name: roll_15m
insert into reading_15m_rolled (bucket, series, n, sum, min, max)
select date_bin(interval '15 minutes', time, timestamptz '2000-01-01 00:00+00'), series,
       count(*), sum(value), min(value), max(value)
from reading where time >= %(first)s and time < %(end)s group by 1, 2
on conflict (series, bucket) do update
set n = excluded.n, sum = excluded.sum, min = excluded.min, max = excluded.max

-- name: roll_1h
insert into reading_1h_rolled (bucket, series, n, sum, min, max)
select date_bin(interval '1 hour', bucket, timestamptz '2000-01-01 00:00+00'), series,
       sum(n), sum(sum), min(min), max(max)
from reading_15m_rolled where bucket >= %(first)s and bucket < %(end)s group by 1, 2
on conflict (series, bucket) do update
set n = excluded.n, sum = excluded.sum, min = excluded.min, max = excluded.max

-- name: roll_1d
insert into reading_1d_rolled (bucket, series, n, sum, min, max)
select date_bin(interval '1 day', bucket, timestamptz '1999-12-31 17:00+00'), series,
       sum(n), sum(sum), min(min), max(max)
from reading_1h_rolled where bucket >= %(first)s and bucket < %(end)s group by 1, 2
on conflict (series, bucket) do update
set n = excluded.n, sum = excluded.sum, min = excluded.min, max = excluded.max

-- name: refresh_aggregate
call refresh_continuous_aggregate(%(aggregate)s, %(first)s::timestamptz, %(end)s::timestamptz)

-- name: retention
select table_name, time_column, keep, chunk from retention where keep is not null and time_column is not null order by table_name

-- name: old_chunks
select name from chunk where table_name = %(table)s and to_at <= %(before)s order by from_at

-- name: drop_chunk
select drop_chunk(%(chunk)s)

-- name: drop_chunks
select drop_chunks(%(table)s::regclass, older_than => %(before)s::timestamptz)

-- name: set_chunk_interval
select set_chunk_time_interval('reading', %(chunk)s::interval)

-- name: export_snapshot
select pg_export_snapshot()

-- name: base_tables
select relname::text from pg_class
where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition
order by relname

-- name: schema_versions
select max(version) from schema_version

-- name: any_table
select from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm') limit 1

-- name: timescale_pre_restore
select timescaledb_pre_restore()

-- name: timescale_post_restore
select timescaledb_post_restore()

-- name: try_seat
select pg_try_advisory_lock(hashtext('eduops/worker'), hashtext(%(worker)s))

-- name: forget_old_workers
delete from worker where seen_at < clock_timestamp() - interval '1 day'

-- name: beat
insert into worker (id, seen_at) values (%(worker)s, clock_timestamp())
on conflict (id) do update set seen_at = excluded.seen_at

-- name: renew_leases
update lease set until = clock_timestamp() + %(lease_s)s::float8 * interval '1 second'
where owner = %(worker)s and until > clock_timestamp()

-- name: live_workers
select id from worker where seen_at > clock_timestamp() - %(lease_s)s::float8 * interval '1 second' order by id

-- name: live_leases
select log, owner from lease where until > clock_timestamp() order by log

-- name: claim_leases
insert into lease (log, owner, until)
select log, %(worker)s, clock_timestamp() + %(lease_s)s::float8 * interval '1 second'
from unnest(%(logs)s::text[]) log order by log
on conflict (log) do update
set owner = excluded.owner, until = clock_timestamp() + %(lease_s)s::float8 * interval '1 second'
where lease.until <= clock_timestamp() or lease.owner = excluded.owner
returning log

-- name: release_leases
delete from lease where owner = %(worker)s and log = any(%(logs)s::text[])

-- name: forget_worker
delete from worker where id = %(worker)s

-- name: timescale_jobs
-- Every scheduled job: procedure, table, how its last run ended (null before its first), failures in all.
select jobs.proc_name, jobs.hypertable_name, stats.last_run_status, coalesce(stats.total_failures, 0)
from timescaledb_information.jobs
left join timescaledb_information.job_stats as stats using (job_id)
where jobs.scheduled
order by jobs.job_id

-- name: timescale_workers
-- Background workers that run a job (their type ends with its number), and how many there may be, if known.
select (select count(*) from pg_stat_activity where backend_type ~ '\[\d+\]$'),
       current_setting('timescaledb.max_background_workers', true)::bigint
