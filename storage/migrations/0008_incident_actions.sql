-- What engineers do with an incident. Those of before have nobody who was named, no reason and no words.

alter table incident add column assignee text;
alter table incident add column because text not null default '';
alter table incident add column split_from text;
comment on column incident.because is 'Why a dismissed incident is no problem: a code; else empty.';
comment on column incident.split_from is 'The incident that an engineer split it off from.';

alter table incident_event add column action_id text not null default '';
alter table incident_event add column note text not null default '';
alter table incident_event add column because text not null default '';
alter table incident_event add column assignee text not null default '';
alter table incident_event add column tried text not null default '';
alter table incident_event add column not_done text not null default '';
comment on column incident_event.other is 'The incident that was absorbed, merged into or split off, or split off from; else empty.';
comment on column incident_event.action_id is 'Of the action behind it; empty for what the fold decided.';
comment on column incident_event.tried is 'A deed that changed nothing, with why in the next column; else both empty.';
create index incident_event_action on incident_event (action_id) where action_id <> '';
