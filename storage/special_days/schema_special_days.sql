-- Days that the calendar file does not have, a part of `schema.sql`.

create table special_day (
    day_id     text primary key,
    kind       text not null check (kind in ('closure', 'half_day', 'event')),
    place_kind text not null check (place_kind in ('city', 'level', 'cluster', 'ward', 'school')),
    place_code text not null,
    first_day  date not null,
    last_day   date not null check (last_day >= first_day),
    name       text not null,
    verdict    text not null check (verdict in ('accepted', 'rejected', 'withdrawn')),
    decided_at timestamptz not null,
    decided_by text not null,
    evidence   json not null
);
comment on table special_day is
    'Closures, half days and events that history proposed and somebody decided; the last word about each.';
comment on column special_day.day_id is 'That of the proposal: a hash of kind, place and first day.';
comment on column special_day.place_code is 'Of the level, cluster, ward or school; empty for the city.';
comment on column special_day.decided_at is 'Log time.';
comment on column special_day.evidence is 'What was seen; see contract/special_days/special_day.py.';

insert into retention (table_name, time_column, keep) values ('special_day', null, null);
