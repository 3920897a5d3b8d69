-- Incidents that were merged by hand: those of before may have alerts beyond their cause, so all count as such.

alter table incident add column beyond_cause boolean not null default false;
comment on column incident.beyond_cause is 'Whether somebody merged into it what its cause does not explain.';
update incident set beyond_cause = true
where incident_id in (select incident_id from incident_event where kind = 'absorbed' and action_id <> '');
