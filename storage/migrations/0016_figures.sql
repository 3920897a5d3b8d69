-- Figures of leadership by part of a day, area, level and provider; before, there were none.

create table figure (
    kind             text not null check (kind in ('city', 'cluster', 'ward', 'level', 'isp')),
    scope            text not null,
    member           text not null,
    day              date not null,
    part             text not null check (part in ('morning', 'afternoon', 'day')),
    through_at       timestamptz not null,
    schools          float8 not null,
    pupils           float8 not null,
    session_schools  float8 not null,
    open_schools     float8 not null,
    all_schools      float8 not null,
    scheduled_min    float8 not null,
    up_min           float8 not null,
    lost_min         float8 not null,
    maintenance_min  float8 not null,
    pupil_min        float8 not null,
    lost_pupil_min   float8 not null,
    down_schools     float8 not null,
    down_pupils      float8 not null,
    unknown_schools  float8 not null,
    observed_min     float8 not null,
    impaired_min     float8 not null,
    submitted        float8 not null,
    told_schools     float8 not null,
    enrolled         float8 not null,
    present          float8 not null,
    measured         float8 not null,
    adequate         float8 not null,
    good             float8 not null,
    excellent        float8 not null,
    proven           float8 not null,
    contracted_bps   float8 not null,
    peak_bps         float8 not null,
    learning         float8 not null,
    learning_pupils  float8 not null,
    active_min       float8 not null,
    day_users        float8 not null,
    week_users       float8 not null,
    month_users      float8 not null,
    answering        float8 not null,
    success          float8 not null,
    response_ms      float8 not null,
    synced           float8 not null,
    profile          float8[] not null,
    primary key (kind, scope, day, part, member)
);
comment on table figure is
    'Sums over the schools of a group in a part of a local day, by area, level and provider of that time; what '
    'they mean stands in contract/figures/sums.py.';
comment on column figure.scope is 'Code of the cluster within which groups are compared; empty for the city.';
comment on column figure.through_at is 'Up to when the sums know: the end of a quarter hour of log time.';
comment on column figure.profile is 'Pupil-minutes lost by quarter hour, of the city''s whole day; else empty.';
create index figure_by_day on figure (day);

create table figure_day (
    day        date primary key,
    made_at    timestamptz not null,
    through_at timestamptz not null
);
comment on table figure_day is 'Which days have their rows in figure.';
comment on column figure_day.made_at is 'Log time at which they were made last.';
comment on column figure_day.through_at is 'Up to when they know.';

insert into retention (table_name, time_column, keep) values
    ('figure', 'day', interval '800 days'),
    ('figure_day', 'day', interval '800 days');
