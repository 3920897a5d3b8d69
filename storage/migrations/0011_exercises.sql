-- Exercises; before, there were none.

alter table incident add column exercise text not null default '';
comment on column incident.exercise is 'The exercise that all of its open alerts are of; else empty.';

create table exercise (
    exercise_id text primary key,
    actor       text not null,
    note        text not null,
    school_ids  int[] not null,
    from_at     timestamptz not null,
    until_at    timestamptz not null,
    at          timestamptz not null
);
comment on table exercise is 'Faults that were injected to practise; all times are log time.';
create index exercise_until on exercise (until_at);

insert into retention (table_name, time_column, keep) values ('exercise', 'until_at', interval '760 days');
