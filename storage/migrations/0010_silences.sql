-- Silences: of what nobody is told for a while; before, everything was told.

create table silence (
    silence_id  text primary key,
    kind        text not null check (kind in ('silence', 'maintenance')),
    matchers    json not null,
    from_at     timestamptz not null,
    until_at    timestamptz not null,
    owner       text not null,
    reason      text not null,
    created_at  timestamptz not null,
    recurrence  json not null,
    uid         text not null default '',
    ended_at    timestamptz,
    ended_by    text,
    replaced_by text
);
comment on table silence is 'Of what nobody is told for a while; all times are log time.';
comment on column silence.matchers is 'Conditions on the labels of an alert, of which all must hold.';
comment on column silence.until_at is 'When it ends by itself; of one that recurs, when its last occurrence does.';
comment on column silence.recurrence is 'A rule of RFC 5545 and words of the school calendar; null for one stretch.';
comment on column silence.uid is 'Of the calendar event that announced it; else empty.';
comment on column silence.ended_at is 'When somebody ended it before its time.';
comment on column silence.replaced_by is 'The changed one that it made way for.';
create index silence_end on silence (least(until_at, ended_at));
create index silence_uid on silence (uid) where uid <> '';

insert into retention (table_name, time_column, keep) values ('silence', 'until_at', interval '730 days');
