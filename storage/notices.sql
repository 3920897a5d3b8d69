-- Named queries of notices as the alerts log's owner writes them; see `queries.py`.

-- name: insert_notice
insert into notice (notice_id, incident_id, recipient, contact, reason, priority, decided_at, route, step, incidents)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: upsert_notice_state
insert into notice_state (key, state) values (%s, %s)
on conflict (key) do update set state = excluded.state

-- name: delete_notice_state
delete from notice_state where key = %s

-- name: notice_states
select key, state from notice_state

-- name: tell_notices
select pg_notify('notices', '')
