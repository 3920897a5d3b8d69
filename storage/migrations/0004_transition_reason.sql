-- A transition says why it resolved: a stretch of the alerts log that is told again says it too.

alter table transition add column reason text not null default '';
comment on column transition.reason is 'Why it resolved, if not because all is as before: a code; else empty.';
