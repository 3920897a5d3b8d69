-- What TimescaleDB (2.18 and later) takes over from schema.sql; applied once, to a new, empty database.
-- The server itself is started with timescaledb.telemetry_level=off.

drop view reading_1d, reading_1h, reading_15m;
drop view chunk;
drop function ensure_chunks, drop_chunk;
drop table reading, reading_15m_rolled, reading_1h_rolled, reading_1d_rolled;

create table reading (
    time   timestamptz not null,
    series int not null,
    value  float8 not null,
    score  real not null
);
comment on column reading.series is 'device_id << 8 | metric_id';
comment on column reading.score is 'Anomaly score in [0, 1] on arrival; NaN where unknown.';
select create_hypertable('reading', by_range('time', interval '6 hours'), create_default_indexes => false);
create index reading_series_time on reading (series, time);
alter table reading set (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'series', timescaledb.orderby = 'time');
-- Late rows may still reach a columnstore chunk for a day and a half; they wait beside it as rows.
call add_columnstore_policy('reading', after => interval '12 hours');

select create_hypertable('kpi_minute', by_range('minute', interval '7 days'), create_default_indexes => false);
alter table kpi_minute set (
    timescaledb.enable_columnstore, timescaledb.segmentby = 'metric_id', timescaledb.orderby = 'minute, partition');
call add_columnstore_policy('kpi_minute', after => interval '8 days');

-- The open end is added on the spot (materialized_only = false), as the views of schema.sql do. One origin,
-- midnight in Vietnam: an aggregate on an aggregate needs its origin.

create materialized view reading_15m
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select time_bucket(interval '15 minutes', time, origin => timestamptz '1999-12-31 17:00+00') as bucket, series,
       count(*) as n, sum(value) as sum, min(value) as min, max(value) as max
from reading group by 1, 2
with no data;

create materialized view reading_1h
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select time_bucket(interval '1 hour', bucket, origin => timestamptz '1999-12-31 17:00+00') as bucket, series,
       sum(n)::bigint as n, sum(sum) as sum, min(min) as min, max(max) as max
from reading_15m group by 1, 2
with no data;

create materialized view reading_1d
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select time_bucket(interval '1 day', bucket, origin => timestamptz '1999-12-31 17:00+00') as bucket, series,
       sum(n)::bigint as n, sum(sum) as sum, min(min) as min, max(max) as max
from reading_1h group by 1, 2
with no data;
comment on view reading_1d is 'Days of Vietnam, UTC+7: buckets start at 17:00 UTC.';

-- Wide enough for rows up to 48 hours late, and narrower than the retention of what they read:
-- a refresh over dropped chunks would erase what was made of them.
select add_continuous_aggregate_policy('reading_15m', start_offset => interval '48 hours 40 minutes',
    end_offset => interval '1 minute', schedule_interval => interval '10 minutes');
select add_continuous_aggregate_policy('reading_1h', start_offset => interval '51 hours',
    end_offset => interval '1 minute', schedule_interval => interval '30 minutes');
select add_continuous_aggregate_policy('reading_1d', start_offset => interval '5 days',
    end_offset => interval '1 minute', schedule_interval => interval '2 hours');

create view chunk as
select hypertable_name::text as table_name, chunk_name::text as name, range_start as from_at, range_end as to_at
from timescaledb_information.chunks
where hypertable_schema = current_schema();
comment on view chunk is 'The chunks of the hypertables, as schema.sql shows the range partitions.';

-- `maintain` drops raw readings, by the position of the fold rather than by the wall clock: rows that
-- a backlog's duplicates are compared with must stay. The clock is right for all the others.
update retention set table_name = replace(table_name, '_rolled', ''), time_column = null, chunk = null
where table_name like '%\_rolled';
update retention set time_column = null where table_name = 'kpi_minute';
select add_retention_policy(table_name::regclass, keep) from retention
where table_name in ('reading_15m', 'reading_1h', 'kpi_minute');
