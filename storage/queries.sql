-- Named queries, one block each; parameters in psycopg's %(name)s form.

-- name: load_position
select seq, to_us(log_time), snapshot_seq, snapshot, received, stored, duplicate, quarantined
from position where log = %(log)s

-- name: open_position
insert into position (log, seq, log_time, snapshot_seq, snapshot, received, stored, duplicate, quarantined)
values (%(log)s, %(through)s, %(log_time)s, case when %(snapshot)s::bytea is null then 0 else %(through)s end,
        %(snapshot)s, %(received)s, %(stored)s, %(duplicate)s, %(quarantined)s)
on conflict (log) do nothing

-- name: move_position
update position set
    seq = %(through)s,
    log_time = %(log_time)s,
    received = received + %(received)s,
    stored = stored + %(stored)s,
    duplicate = duplicate + %(duplicate)s,
    quarantined = quarantined + %(quarantined)s
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
    quarantined = quarantined + %(quarantined)s
where log = %(log)s and seq = %(after)s

-- name: share_horizon
select pg_advisory_xact_lock_shared(hashtext('eduops/horizon'))

-- name: touch_buckets
insert into touched_bucket (width, bucket)
select '15m', bucket from unnest(%(buckets)s::timestamptz[]) bucket
where bucket < (select through_at from horizon)

-- name: copy_readings
copy reading (time, series, value, score) from stdin (format binary)

-- name: ensure_chunks
select ensure_chunks(%(table)s, %(moments)s)

-- name: chunk_bounds
select to_us(from_at), to_us(to_at) from chunk where table_name = %(table)s order by from_at

-- name: already_stored
select asked.place
from unnest(%(time_us)s::bigint[], %(series)s::int[]) with ordinality asked (time_us, series, place)
cross join lateral (
    select from reading
    where reading.series = asked.series and reading.time = from_us(asked.time_us)
      and reading.time between %(first)s and %(last)s
    limit 1
) found

-- name: insert_transition
insert into transition (alert_id, kind, rule, series, school_id, priority, opened_at, at, detected_at,
                        value, expected_low, expected_high, score)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
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
                   expected_high, score, pupils, acknowledged_at, acknowledged_by, note, resolved_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (alert_id) do update
set priority = excluded.priority, acknowledged_at = excluded.acknowledged_at,
    acknowledged_by = excluded.acknowledged_by, note = excluded.note, resolved_at = excluded.resolved_at

-- name: insert_alert_event
insert into alert_event (alert_id, kind, at, actor, note, value) values (%s, %s, %s, %s, %s, %s)

-- name: setting
select value from setting where name = %(name)s

-- name: save_setting
insert into setting (name, value) values (%(name)s, %(value)s)
on conflict (name) do update set value = excluded.value

-- name: clusters
select code, name from cluster order by ordinal

-- name: wards
select code, name, short_name, cluster_code from ward order by ordinal

-- name: schools
select id, code, name, level, ward_code, pupils, isp, contracted_down_bps, contracted_up_bps
from school order by id

-- name: devices
select id, school_id, code, kind from device order by id

-- name: timescale_available
select from pg_available_extensions where name = 'timescaledb'

-- name: save_chunk_and_keep
update retention set chunk = %(chunk)s, keep = %(keep)s where table_name = 'reading'
