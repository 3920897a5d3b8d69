-- The tables of eduops on plain PostgreSQL 15 to 18: the truth. `migrations/` is the road to it.
-- The tables of incidents stand in `schema_incidents.sql`, those of other parts in files named alike.
-- `timescale.sql` turns `reading`, its rollups and `kpi_minute` into hypertables where TimescaleDB is.

create table schema_version (
    version    int primary key,
    name       text not null,
    applied_at timestamptz not null default now()
);
comment on table schema_version is 'Migrations that this database has behind it.';

create table setting (
    name  text primary key,
    value text not null
);
comment on table setting is 'engine (plain or timescale), province and fleet_version.';

create table retention (
    table_name  text primary key,
    time_column text,
    keep        interval,
    chunk       interval
);
comment on table retention is 
    'How long each table keeps its rows. keep null: until replaced. chunk: width of a range partition. '
    'time_column null: nothing for maintain to age.';

insert into retention (table_name, time_column, keep, chunk) values
    ('reading',       'time',        interval '50 hours', interval '6 hours'),
    ('reading_15m_rolled', 'bucket',      interval '90 days',  interval '7 days'),
    ('reading_1h_rolled', 'bucket',      interval '730 days', interval '90 days'),
    ('reading_1d_rolled', 'bucket',      null, null),
    ('correction',    'corrected_at', interval '730 days', null),
    ('kpi_minute',    'minute',      interval '90 days',  null),
    ('quarantine',    'at',          interval '30 days',  null),
    ('transition',    'at',          interval '730 days', null),
    ('alert',         'resolved_at', interval '730 days', null),
    ('alert_event',   'at',          interval '760 days', null),
    ('incident',      'ended_at',    interval '730 days', null),
    ('incident_member', 'left_at',   interval '730 days', null),
    ('incident_event', 'at',         interval '760 days', null),
    ('silence',       'until_at',    interval '730 days', null),
    ('duty_swap',     'until_at',    interval '730 days', null),
    ('notice',        'over_at',     interval '730 days', null),
    ('notice_attempt', 'at',         interval '730 days', null),
    ('notice_state',  null, null, null),
    ('exercise',      'until_at',    interval '760 days', null),
    ('figure',        'day',         interval '800 days', null),
    ('figure_day',    'day',         interval '800 days', null),
    ('outside_alert', 'ends_at',     interval '760 days', null),
    ('position',      null, null, null),
    ('worker',        null, null, null),
    ('lease',         null, null, null),
    ('cluster',       null, null, null),
    ('ward',          null, null, null),
    ('school',        null, null, null),
    ('school_period', null, null, null),
    ('metric',        null, null, null),
    ('metric_unit',   null, null, null),
    ('device',        null, null, null),
    ('touched_bucket', null, null, null),
    ('horizon',       null, null, null),
    ('retention',     null, null, null),
    ('setting',       null, null, null),
    ('schema_version', null, null, null);

-- Times ------------------------------------------------------------------------------------------

create function to_us(moment timestamptz) returns bigint
    language sql immutable strict parallel safe
    return (extract(epoch from moment) * 1000000)::bigint;
comment on function to_us is 'µs since 1970, exact: extract gives numeric.';

create function from_us(us bigint) returns timestamptz
    language sql stable strict parallel safe
    return timestamptz 'epoch' + us / 1000000 * interval '1 second' + us % 1000000 * interval '1 microsecond';
comment on function from_us is 'The moment at µs since 1970, exact: both factors stay far below 2^53.';

-- Readings ---------------------------------------------------------------------------------------

create table reading (
    time   timestamptz not null,
    series int not null,
    value  float8 not null,
    score  real not null
) partition by range (time);
comment on column reading.series is 'device_id << 8 | metric_id';
comment on column reading.score is 'Anomaly score in [0, 1] on arrival; NaN where unknown.';
-- Not unique: the fold knows duplicates (law 3), and a unique check would cost a third of the load.
create index reading_series_time on reading (series, time);

create table correction (
    series       int not null,
    time         timestamptz not null,
    earlier      float8 not null,
    newest       float8 not null,
    corrected_at timestamptz not null,
    primary key (series, time, earlier)
);
comment on table correction is
    'What readings said before they were corrected, each word once; what holds is in reading.';
comment on column correction.newest is 'What took its place; it may have been corrected since.';
comment on column correction.corrected_at is 'Log time of the arrival.';
create index correction_corrected_at on correction (corrected_at);

create table reading_15m_rolled (
    bucket timestamptz not null,
    series int not null,
    n      bigint not null,
    sum    float8 not null,
    min    float8 not null,
    max    float8 not null,
    primary key (series, bucket)
) partition by range (bucket);

create table reading_1h_rolled (like reading_15m_rolled, primary key (series, bucket)) partition by range (bucket);

create table reading_1d_rolled (like reading_15m_rolled, primary key (series, bucket));

create table horizon (
    touch_before  timestamptz not null,
    rolled_before timestamptz not null,
    one           boolean primary key default true check (one)
);
comment on column horizon.touch_before is 'A row of an earlier bucket marks it as touched when it is committed.';
comment on column horizon.rolled_before is 'Earlier buckets are read from the rollups, later ones from what they are made of.';
insert into horizon (touch_before, rolled_before) values ('1970-01-01 00:00+00', '1970-01-01 00:00+00');

create table touched_bucket (
    width  text not null,
    bucket timestamptz not null,
    taken  boolean not null default false
);
comment on column touched_bucket.taken is
    'A refresh has begun: it sees the row that touched. Deleted after it, so a crash only repeats it.';
comment on table touched_bucket is
    'Buckets to roll up (again). No key: a commit must never wait for a running refresh.';

-- The views that readers use: what is rolled up, and the open end made on the spot. TimescaleDB's
-- continuous aggregates of the same names do the same.

create view reading_15m as
select bucket, series, n, sum, min, max
from reading_15m_rolled where bucket < (select rolled_before from horizon)
union all
select date_bin(interval '15 minutes', time, timestamptz '2000-01-01 00:00+00'), series,
       count(*), sum(value), min(value), max(value)
from reading where time >= (select rolled_before from horizon)
group by 1, 2;

create view reading_1h as
select bucket, series, n, sum, min, max
from reading_1h_rolled
where bucket < (select date_bin(interval '1 hour', rolled_before, timestamptz '2000-01-01 00:00+00') from horizon)
union all
select date_bin(interval '1 hour', bucket, timestamptz '2000-01-01 00:00+00'), series,
       sum(n)::bigint, sum(sum), min(min), max(max)
from reading_15m
where bucket >= (select date_bin(interval '1 hour', rolled_before, timestamptz '2000-01-01 00:00+00') from horizon)
group by 1, 2;

create view reading_1d as
select bucket, series, n, sum, min, max
from reading_1d_rolled
where bucket < (select date_bin(interval '1 day', rolled_before, timestamptz '1999-12-31 17:00+00') from horizon)
union all
select date_bin(interval '1 day', bucket, timestamptz '1999-12-31 17:00+00'), series,
       sum(n)::bigint, sum(sum), min(min), max(max)
from reading_1h
where bucket >= (select date_bin(interval '1 day', rolled_before, timestamptz '1999-12-31 17:00+00') from horizon)
group by 1, 2;
comment on view reading_1d is 'Days of Vietnam, UTC+7: buckets start at 17:00 UTC.';

create view chunk as
select parent.relname::text as table_name,
       child.relname::text  as name,
       bounds[1]::timestamptz as from_at,
       bounds[2]::timestamptz as to_at
from pg_inherits
join pg_class parent on parent.oid = inhparent
join pg_class child on child.oid = inhrelid
cross join lateral regexp_match(
    pg_get_expr(child.relpartbound, child.oid), $$FROM \('([^']+)'\) TO \('([^']+)'\)$$) bounds
where parent.relnamespace = current_schema()::regnamespace
  and parent.relkind = 'p';
comment on view chunk is 'The range partitions, read from the catalog itself.';

create function ensure_chunks(parent text, moments timestamptz[]) returns int
    language plpgsql as $$
declare
    width  interval := (select chunk from retention where table_name = parent);
    moment timestamptz;
    lower_at timestamptz;
    upper_at timestamptz;
    child  text;
    made   int := 0;
begin
    -- Two writers that miss the same chunk must not both make it.
    perform pg_advisory_xact_lock(hashtext('eduops/chunk'));
    foreach moment in array moments loop
        continue when exists (
            select from chunk where table_name = parent and moment >= from_at and moment < to_at);
        lower_at := date_bin(width, moment, timestamptz '2000-01-01 00:00+00');
        -- Chunks made with another width stay as they are: the new one fills the gap between them.
        upper_at := least(lower_at + width,
            (select min(from_at) from chunk where table_name = parent and from_at > moment));
        lower_at := greatest(lower_at,
            (select max(to_at) from chunk where table_name = parent and to_at <= moment));
        child := parent || to_char(lower_at at time zone 'UTC', '_YYYYMMDD_HH24MISS');
        -- LIKE and ATTACH, unlike PARTITION OF, do not lock out those who write to other chunks.
        -- Insert-only and dropped whole: a vacuum for inserted rows would only re-read them.
        execute format('create table %I (like %I including all) with (autovacuum_vacuum_insert_threshold = -1)',
            child, parent);
        execute format('alter table %I attach partition %I for values from (%L) to (%L)',
            parent, child, lower_at, upper_at);
        made := made + 1;
    end loop;
    return made;
end $$;

-- What the owners of the logs commit -----------------------------------------------------------------

create table position (
    log          text primary key,
    seq          bigint not null,
    log_time     timestamptz not null,
    snapshot_seq bigint not null default 0,
    snapshot     bytea,
    received     bigint not null default 0,
    stored       bigint not null default 0,
    duplicate    bigint not null default 0,
    quarantined  bigint not null default 0,
    corrected    bigint not null default 0,
    check (snapshot_seq between 0 and seq)
) with (fillfactor = 25);
comment on table position is 'Where the owner of each log stands; compared and set in every commit.';
-- Snapshots are packed by their codec already.
alter table position alter column snapshot set storage external;

create table worker (
    id      text primary key,
    seen_at timestamptz not null
);
comment on table worker is 'Processes that own logs; each says every second that it lives.';

create table lease (
    log   text primary key,
    owner text not null,
    until timestamptz not null
);
comment on table lease is
    'Who works on each log, for how long. It spares needless work; that only one commits is seen to by position.';

create table transition (
    alert_id      text not null,
    kind          text not null check (kind in ('opened', 'resolved')),
    rule          text not null,
    series        int not null,
    school_id     int not null,
    priority      smallint not null,
    opened_at     timestamptz not null,
    at            timestamptz not null,
    detected_at   timestamptz not null,
    value         float8,
    expected_low  float8,
    expected_high float8,
    score         float8,
    reason        text not null default '',
    primary key (alert_id, kind)
);
comment on column transition.reason is 'Why it resolved, if not because all is as before: a code; else empty.';
create index transition_at on transition (at);

create table alert (
    alert_id        text primary key,
    rule            text not null,
    series          int not null,
    school_id       int not null,
    priority        smallint not null,
    opened_at       timestamptz not null,
    detected_at     timestamptz not null,
    value           float8,
    expected_low    float8,
    expected_high   float8,
    score           float8,
    pupils          int not null,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note            text not null default '',
    resolved_at     timestamptz,
    outside         json
) with (fillfactor = 80);
comment on column alert.outside is 'Labels, annotations and link of an alert that was reported from outside; else null.';
create index alert_open on alert (priority, opened_at) where resolved_at is null;
create index alert_opened on alert (opened_at desc, alert_id);
create index alert_school on alert (school_id, opened_at desc);
create index alert_resolved on alert (resolved_at) where resolved_at is not null;

create table alert_event (
    id       bigint generated always as identity primary key,
    alert_id text not null,
    kind     text not null,
    at       timestamptz not null,
    actor    text not null,
    note     text not null,
    value    float8,
    because  text not null default ''
);
comment on column alert_event.because is 'Why a dismissed alert is no problem: a code; empty for other kinds.';
create index alert_event_alert on alert_event (alert_id, id);
create index alert_event_at on alert_event (at);
create index alert_event_dismissed on alert_event (alert_id) where kind = 'dismissed';

create table kpi_minute (
    minute    timestamptz not null,
    partition smallint not null,
    metric_id smallint not null,
    expected  int not null,
    reporting int not null,
    total     float8 not null,
    primary key (metric_id, minute, partition)
);
create index kpi_minute_minute on kpi_minute (minute);

create table quarantine (
    id            bigint generated always as identity primary key,
    at            timestamptz not null,
    reason        text not null,
    topic         text not null,
    detail        text not null,
    payload_bytes int not null,
    excerpt       text not null
);
create index quarantine_reason on quarantine (reason, id);
create index quarantine_at on quarantine (at);
