-- Alerts that others report; before, there were none.

alter table alert add column outside json;
comment on column alert.outside is 'Labels, annotations and link of an alert that was reported from outside; else null.';

create table outside_alert (
    fingerprint text primary key,
    alert_id    text not null,
    ends_at     timestamptz not null,
    heard_at    timestamptz not null,
    is_open     boolean not null
);
comment on table outside_alert is 'How far the reports from outside are, by the labels of each alert; all times are log time.';
comment on column outside_alert.ends_at is 'When it is over unless it is reported again; if it is over, when that was.';
create index outside_alert_open on outside_alert (ends_at) where is_open;
create index outside_alert_end on outside_alert (ends_at);

insert into retention (table_name, time_column, keep) values ('outside_alert', 'ends_at', interval '760 days');
