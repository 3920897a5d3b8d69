-- An engineer says that an alert is no problem, and why.

alter table alert_event add column because text not null default '';
comment on column alert_event.because is 'Why a dismissed alert is no problem: a code; empty for other kinds.';
create index alert_event_dismissed on alert_event (alert_id) where kind = 'dismissed';
