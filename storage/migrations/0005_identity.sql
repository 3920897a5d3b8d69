-- Schools and devices keep their numbers for ever, closed or not, and what held of a school from when on.

alter table cluster drop constraint cluster_ordinal_key;
alter table ward drop constraint ward_ordinal_key;

alter table school add column closed_at timestamptz, add column merged_into int references school;
comment on table school is 'Every school there ever was: a number is given once, by its code, and never again.';
comment on column school.closed_at is 'Log time from which it is no longer expected; null while it is.';

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
insert into school_period
select id, timestamptz '1970-01-01 00:00+00', name, level, ward_code, pupils, isp, contracted_down_bps,
       contracted_up_bps
from school;
insert into retention (table_name) values ('school_period'), ('metric');

alter table device drop constraint device_school_id_code_key, add column retired_at timestamptz;
comment on table device is 'Every device there ever was; its number is in its series and is never given again.';
create unique index device_current on device (school_id, code) where retired_at is null;

create table metric (
    id     smallint primary key check (id between 1 and 255),
    stream text not null,
    name   text not null,
    unique (stream, name)
);
comment on table metric is 'Every metric there ever was: its number is in its series and is never given again.';
