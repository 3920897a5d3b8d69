-- Another value for a (series, time) that is stored is a correction: its row says it, the earlier word is kept.

alter table position add column corrected bigint not null default 0;

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
insert into retention (table_name, time_column, keep) values ('correction', 'corrected_at', interval '730 days');
