-- Reports that come by themselves: their notices stand in the outbox beside those of incidents.

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

comment on column notice.incident_id is 'Of a report its report_id.';
