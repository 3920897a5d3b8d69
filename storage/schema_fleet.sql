-- The fleet and the catalogue, a part of `schema.sql`: a number is given once.

create table cluster (
    code    text primary key,
    name    text not null,
    ordinal int not null
);
comment on column cluster.ordinal is 'Place in the fleet''s own order.';

create table ward (
    code         text primary key,
    name         text not null,
    short_name   text not null,
    cluster_code text not null references cluster,
    ordinal      int not null
);

create table school (
    id                  int primary key,
    code                text not null unique,
    name                text not null,
    level               text not null,
    ward_code           text not null references ward,
    pupils              int not null,
    isp                 text not null,
    contracted_down_bps float8 not null,
    contracted_up_bps   float8 not null,
    closed_at           timestamptz,
    merged_into         int references school,
    lat                 float8 check (lat between -90 and 90),
    lon                 float8 check (lon between -180 and 180),
    constraint school_place check ((lat is null) = (lon is null))
);
comment on table school is 'Every school there ever was: a number is given once, by its code, and never again.';
comment on column school.closed_at is 'Log time from which it is no longer expected; null while it is.';
comment on column school.lat is 'Degrees of WGS 84, as lon; both or neither. Where it stands now: no past minute needs it.';

create table school_period (
    school_id           int not null references school,
    from_at             timestamptz not null,
    name                text not null,
    level               text not null,
    ward_code           text not null,
    pupils              int not null,
    isp                 text not null,
    contracted_down_bps float8 not null,
    contracted_up_bps   float8 not null,
    primary key (school_id, from_at)
);
comment on table school_period is
    'What held of a school from when on, 1970 for what was known first: last month''s outage counts for '
    'the provider, the name and the ward of last month.';

create table device (
    id         int primary key check (id between 1 and 8388607),
    school_id  int not null references school,
    code       text not null,
    kind       text not null,
    retired_at timestamptz
);
comment on table device is 'Every device there ever was; its number is in its series and is never given again.';
create unique index device_current on device (school_id, code) where retired_at is null;

create table metric (
    id     smallint primary key check (id between 1 and 255),
    stream text not null,
    name   text not null,
    unique (stream, name)
);
comment on table metric is 'Every metric there ever was: its number is in its series and is never given again.';

create table metric_unit (
    metric_id smallint primary key references metric,
    unit      text not null
);
comment on table metric_unit is 'The unit of a metric''s history; noted once, beside the metric, for no service may change that.';
