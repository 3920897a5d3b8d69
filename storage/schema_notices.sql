-- The outbox of notices and what becomes of them, a part of `schema.sql`.

create table notice (
    notice_id   text primary key,
    incident_id text not null,
    recipient   text not null,
    contact     text not null,
    reason      text not null,
    priority    smallint not null,
    decided_at  timestamptz not null,
    route       text not null,
    step        smallint not null,
    incidents   text[] not null default '{}',
    made_at     timestamptz not null default clock_timestamp(),
    fate        text not null default 'waiting' check (fate in ('waiting', 'sent', 'said_with', 'given_up')),
    attempts    int not null default 0,
    next_try_at timestamptz not null default clock_timestamp(),
    channel     int not null default 0,
    tries       int not null default 0,
    unreachable_at timestamptz,
    over_at     timestamptz,
    said_with   text
) with (fillfactor = 80);
comment on table notice is 'One message to one contact about one incident; written with the state that decided it.';
comment on column notice.incident_id is 'Of a report its report_id.';
comment on column notice.decided_at is 'Log time.';
comment on column notice.incidents is 'Of a digest; else empty.';
comment on column notice.made_at is 'By the clock of the database, as the columns below; those above speak of log time.';
comment on column notice.channel is 'Position of the channel to try next among those of the recipient, from 0.';
comment on column notice.tries is 'Tries of that channel so far.';
comment on column notice.unreachable_at is 'Since when no channel of the recipient takes it, as the alerts log was told.';
comment on column notice.over_at is 'When its fate was decided; null while it waits.';
comment on column notice.said_with is 'The later notice that said it as well.';
create index notice_waiting on notice (priority, decided_at desc) where fate = 'waiting';
create index notice_incident on notice (incident_id, decided_at);
create index notice_incidents on notice using gin (incidents);
create index notice_decided on notice (decided_at);

create table notice_attempt (
    notice_id text not null,
    number    int not null,
    at        timestamptz not null,
    channel   text not null,
    outcome   text not null check (outcome in ('sent', 'refused', 'failed')),
    answer    text not null,
    title     text not null,
    body      text not null,
    primary key (notice_id, number)
);
comment on table notice_attempt is 'Every try to send a notice, with the answer and what was said.';
comment on column notice_attempt.channel is 'Scheme of the address, such as mailto: the rest is secret.';
comment on column notice_attempt.outcome is 'refused: this channel never will; failed: it may, later.';

create table scheduled_report (
    report_id text primary key,
    name      text not null,
    span      text not null check (span in ('day', 'week', 'term')),
    last      date not null,
    formats   text[] not null,
    language  text,
    due_at    timestamptz not null
);
comment on table scheduled_report is 'Reports that were due: whoever adds the row adds its notices with it.';
comment on column scheduled_report.report_id is 'Stands as incident_id in its notices.';
comment on column scheduled_report.last is 'The last school day of its span.';
comment on column scheduled_report.language is 'Null for that of each contact.';
comment on column scheduled_report.due_at is 'Log time.';
create index scheduled_report_due on scheduled_report (due_at);
insert into retention (table_name, time_column, keep) values ('scheduled_report', 'due_at', interval '730 days');

create table notice_state (
    key   text primary key,
    state bytea not null
);
comment on table notice_state is 'What the fold of notices remembers of each incident and each contact.';
