-- Pupil-minutes are lost where something is down or degraded; before, they counted for every open alert.

alter table incident add column affected_pupils int not null default 0;
comment on column incident.affected_pupils is 'Pupils of its schools with an open alert of priority 1 or 2.';
comment on column incident.lost_pupil_s is 'Affected pupils times seconds of log time up to counted_at.';

update incident set affected_pupils = now.pupils
from (
    select incident_id, sum(pupils) as pupils
    from (
        select m.incident_id, a.school_id, max(a.pupils) as pupils
        from incident_member m join alert a using (alert_id)
        where m.left_at is null and a.priority <= 2
        group by 1, 2
    ) school
    group by 1
) now
where incident.incident_id = now.incident_id and incident.ended_at is null;
