-- The tables of incidents, a part of `schema.sql`.

create table incident (
    incident_id     text primary key,
    state           text not null check (state in ('open', 'acknowledged', 'resolved', 'merged')),
    cause           text not null,
    isp             text not null,
    cluster_code    text not null,
    ward_code       text not null,
    school_id       int,
    rule            text not null,
    rules           text[] not null,
    cause_rules     text[] not null,
    priority        smallint not null,
    worst_priority  smallint not null,
    alerts          int not null,
    all_alerts      int not null,
    unacknowledged  int not null,
    schools         int not null,
    most_schools    int not null,
    pupils          int not null,
    most_pupils     int not null,
    lost_pupil_s    bigint not null,
    counted_at      timestamptz not null,
    began_at        timestamptz not null,
    opened_at       timestamptz not null,
    last_opened_at  timestamptz not null,
    acknowledged_at timestamptz,
    acknowledged_by text,
    quiet_at        timestamptz,
    ended_at        timestamptz,
    merged_into     text,
    assignee        text,
    because         text not null default '',
    split_from      text,
    exercise        text not null default '',
    beyond_cause    boolean not null default false,
    affected_pupils int not null default 0,
    check ((state = 'merged') = (merged_into is not null)),
    check ((state in ('resolved', 'merged')) = (ended_at is not null))
) with (fillfactor = 80);
comment on column incident.incident_id is 'Id of its first alert.';
comment on column incident.school_id is 'Of one school by itself; null for a shared cause and for the center itself.';
comment on column incident.lost_pupil_s is 'Affected pupils times seconds of log time up to counted_at.';
comment on column incident.quiet_at is 'Log time since which none of its alerts is open.';
comment on column incident.merged_into is 'The incident that has its alerts now; that one may have been merged since.';
comment on column incident.because is 'Why a dismissed incident is no problem: a code; else empty.';
comment on column incident.split_from is 'The incident that an engineer split it off from.';
comment on column incident.exercise is 'The exercise that all of its open alerts are of; else empty.';
comment on column incident.beyond_cause is 'Whether somebody merged into it what its cause does not explain.';
comment on column incident.affected_pupils is 'Pupils of its schools with an open alert of priority 1 or 2.';
create index incident_open on incident (began_at) where ended_at is null;
create index incident_began on incident (began_at desc, incident_id);
create index incident_ended on incident (ended_at) where ended_at is not null;
create index incident_merged on incident (merged_into) where merged_into is not null;

create table incident_member (
    alert_id    text primary key,
    incident_id text not null,
    joined_at   timestamptz not null,
    left_at     timestamptz
) with (fillfactor = 80);
comment on table incident_member is 'The incident of each alert; it goes over when its incident is merged.';
create index incident_member_incident on incident_member (incident_id);
create index incident_member_left on incident_member (left_at);

create table incident_event (
    id           bigint generated always as identity primary key,
    incident_id  text not null,
    kind         text not null,
    at           timestamptz not null,
    actor        text not null,
    alerts       int not null,
    other        text not null,
    cause        text,
    isp          text,
    cluster_code text,
    ward_code    text,
    action_id    text not null default '',
    note         text not null default '',
    because      text not null default '',
    assignee     text not null default '',
    tried        text not null default '',
    not_done     text not null default '',
    told         text not null default '',
    why          text not null default ''
);
comment on column incident_event.other is 'The incident that was absorbed, merged into or split off, or split off from; else empty.';
comment on column incident_event.action_id is 'Of the action behind it; empty for what the fold decided.';
comment on column incident_event.tried is 'A deed that changed nothing, with why in the next column; else both empty.';
comment on column incident_event.told is 'The contact that was told, or was not; else empty.';
comment on column incident_event.why is 'Why it was, or was not: a code; else empty.';
comment on column incident_event.cause is 'The new one, with the three columns after it, where it changed.';
create index incident_event_incident on incident_event (incident_id, id);
create index incident_event_at on incident_event (at);
create index incident_event_action on incident_event (action_id) where action_id <> '';

create table exercise (
    exercise_id text primary key,
    actor       text not null,
    note        text not null,
    school_ids  int[] not null,
    from_at     timestamptz not null,
    until_at    timestamptz not null,
    at          timestamptz not null
);
comment on table exercise is 'Faults that were injected to practise; all times are log time.';
create index exercise_until on exercise (until_at);

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
