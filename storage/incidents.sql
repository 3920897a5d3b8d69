-- Named queries of incidents; see `queries.py`.

-- name: upsert_incident
insert into incident (incident_id, state, cause, isp, cluster_code, ward_code, school_id, rule, rules, cause_rules,
                      priority, worst_priority, alerts, all_alerts, unacknowledged, schools, most_schools, pupils,
                      most_pupils, lost_pupil_s, counted_at, began_at, opened_at, last_opened_at,
                      acknowledged_at, acknowledged_by, quiet_at, ended_at, merged_into, assignee, because,
                      split_from, exercise, beyond_cause, affected_pupils)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
        %s, %s, %s, %s, %s)
on conflict (incident_id) do update
set state = excluded.state, cause = excluded.cause, isp = excluded.isp, cluster_code = excluded.cluster_code,
    ward_code = excluded.ward_code, school_id = excluded.school_id, rule = excluded.rule, rules = excluded.rules,
    cause_rules = excluded.cause_rules, priority = excluded.priority, worst_priority = excluded.worst_priority,
    alerts = excluded.alerts, all_alerts = excluded.all_alerts, unacknowledged = excluded.unacknowledged,
    schools = excluded.schools, most_schools = excluded.most_schools, pupils = excluded.pupils,
    most_pupils = excluded.most_pupils, lost_pupil_s = excluded.lost_pupil_s, counted_at = excluded.counted_at,
    opened_at = excluded.opened_at, last_opened_at = excluded.last_opened_at,
    acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by,
    quiet_at = excluded.quiet_at, ended_at = excluded.ended_at, merged_into = excluded.merged_into,
    assignee = excluded.assignee, because = excluded.because, split_from = excluded.split_from,
    exercise = excluded.exercise, beyond_cause = excluded.beyond_cause, affected_pupils = excluded.affected_pupils

-- name: insert_incident_member
insert into incident_member (alert_id, incident_id, joined_at) values (%s, %s, %s)
on conflict (alert_id) do update set incident_id = excluded.incident_id, joined_at = excluded.joined_at

-- name: move_incident_members
update incident_member set incident_id = %s where incident_id = %s

-- name: leave_incident
update incident_member set left_at = %s where alert_id = %s

-- name: insert_incident_event
insert into incident_event (incident_id, kind, at, actor, alerts, other, cause, isp, cluster_code, ward_code,
                            action_id, note, because, assignee, tried, not_done, told, why)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: incidents
select incident_id, state, cause, isp, cluster_code, ward_code, school_id, rule, rules, cause_rules, priority,
       worst_priority, alerts, all_alerts, unacknowledged, schools, most_schools, pupils, most_pupils,
       lost_pupil_s, to_us(counted_at), to_us(began_at), to_us(opened_at), to_us(last_opened_at),
       to_us(acknowledged_at), acknowledged_by, to_us(quiet_at), to_us(ended_at), merged_into,
       assignee, because, split_from, exercise, beyond_cause, affected_pupils
from incident

-- name: survivor
with recursive way as (
    select incident_id, merged_into from incident where incident_id = %(incident_id)s
    union
    select incident.incident_id, incident.merged_into from incident join way on incident.incident_id = way.merged_into
)
select incident_id from way where merged_into is null

-- name: incident_aliases
with recursive alias as (
    select incident_id, began_at from incident where merged_into = %(incident_id)s
    union
    select incident.incident_id, incident.began_at from incident join alias on incident.merged_into = alias.incident_id
)
select incident_id from alias order by began_at, incident_id

-- name: shared_alerts
select alert_id, incident_id from incident_member join incident using (incident_id)
where incident.ended_at is null and incident_member.left_at is null and incident.cause <> all(%(alone)s::text[])

-- name: incident_history
select incident_id, kind, to_us(at), actor, alerts, other, cause, isp, cluster_code, ward_code,
       action_id, note, because, assignee, tried, not_done, told, why
from incident_event where incident_id = %(incident_id)s order by id

-- name: actions_done
-- An empty id is of what the fold decided.
select distinct action_id from incident_event where action_id <> '' and action_id = any(%(action_ids)s)

-- name: school_spans
select alert.school_id, to_us(opened_at), to_us(left_at)
from incident_member join alert using (alert_id) where incident_id = %(incident_id)s and alert.school_id <> 0

-- name: last_words
-- The latest words that somebody wrote about each incident.
select distinct on (incident_id) incident_id, note
from incident_event where incident_id = any(%(incident_ids)s) and note <> '' order by incident_id, id desc

-- name: memberships
select member.incident_id, to_us(member.joined_at), to_us(member.left_at),
       alert_id, rule, series, alert.school_id, priority, to_us(opened_at), to_us(detected_at), value, expected_low,
       expected_high, score, pupils, to_us(acknowledged_at), acknowledged_by, note, to_us(resolved_at), outside::text
from incident_member member join alert using (alert_id)

-- name: insert_exercise
insert into exercise (exercise_id, actor, note, school_ids, from_at, until_at, at)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (exercise_id) do nothing

-- name: exercises
select exercise_id, actor, note, school_ids, to_us(from_at), to_us(until_at), to_us(at)
from exercise where until_at >= %(until_at)s order by from_at, exercise_id
