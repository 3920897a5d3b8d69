-- Named queries of the outbox as whoever decides notices and the notifiers use it; see `queries.py`.

-- name: claim_notice
-- What waits for one recipient about one incident is one claim, a digest one of its own: whoever has locked its
-- oldest row has all of it. The most urgent row that is due says which claim is next; an index has them in order.
select oldest.notice_id, oldest.incident_id, oldest.recipient, oldest.reason = 'digest'
from notice due
join notice oldest on oldest.fate = 'waiting'
    and oldest.incident_id = due.incident_id and oldest.recipient = due.recipient
    and (oldest.notice_id = due.notice_id or 'digest' not in (oldest.reason, due.reason))
where due.fate = 'waiting' and due.next_try_at <= clock_timestamp()
  and not exists (
    select from notice older
    where older.fate = 'waiting' and 'digest' not in (older.reason, oldest.reason)
      and older.incident_id = oldest.incident_id and older.recipient = oldest.recipient
      and (older.decided_at, older.notice_id) < (oldest.decided_at, oldest.notice_id))
order by due.priority, due.decided_at desc
limit 1
for update of oldest skip locked

-- name: claimed_notices
select notice_id, incident_id, recipient, contact, reason, priority::int, to_us(decided_at), route, step::int,
       incidents, attempts, channel, tries, unreachable_at is not null,
       extract(epoch from clock_timestamp() - made_at)::float8
from notice
where fate = 'waiting' and incident_id = %(incident_id)s and recipient = %(recipient)s
  and (notice_id = %(notice_id)s or not %(is_digest)s and reason <> 'digest')
order by decided_at, notice_id
for update

-- name: insert_notice_attempt
insert into notice_attempt (notice_id, number, at, channel, outcome, answer, title, body)
values (%(notice_id)s, %(number)s, clock_timestamp(), %(channel)s, %(outcome)s, %(answer)s, %(title)s, %(body)s)

-- name: count_notice_attempt
update notice set attempts = %(attempts)s, channel = %(channel)s, tries = %(tries)s where notice_id = %(notice_id)s

-- name: put_off_notices
update notice
set next_try_at = clock_timestamp() + %(wait)s,
    unreachable_at = case when %(unreachable)s then coalesce(unreachable_at, clock_timestamp()) else unreachable_at end
where notice_id = any(%(notice_ids)s)

-- name: end_notices
update notice set fate = %(fate)s, over_at = clock_timestamp(), said_with = %(said_with)s
where notice_id = any(%(notice_ids)s)

-- name: said_late
-- The notice before, if it was sent so late that less than half of the time from one to the other was left.
select before.notice_id
from notice own
cross join lateral (
    select notice_id, fate, made_at, over_at from notice
    where notice.incident_id = own.incident_id and notice.recipient = own.recipient and notice.reason <> 'digest'
      and (notice.decided_at, notice.notice_id) < (own.decided_at, own.notice_id)
    order by decided_at desc, notice_id desc limit 1) before
where own.notice_id = %(notice_id)s and own.reason = 'repeat_interval' and before.fate = 'sent'
  and before.over_at > before.made_at + (own.made_at - before.made_at) / 2

-- name: hurry_notices
update notice set next_try_at = clock_timestamp()
where notice_id in (
    select notice_id from notice where fate = 'waiting' and next_try_at > clock_timestamp() for update skip locked)

-- name: next_notice_due
select extract(epoch from min(next_try_at) - clock_timestamp())::float8 from notice
where fate = 'waiting' and next_try_at > clock_timestamp()

-- name: outbox_load
select count(*), coalesce(extract(epoch from clock_timestamp() - min(made_at)), 0)::float8
from notice where fate = 'waiting'

-- name: notice_records
select notice_id, incident_id, recipient, contact, reason, priority::int, to_us(decided_at), route, step::int,
       incidents, fate, to_us(made_at), to_us(next_try_at), to_us(unreachable_at), to_us(over_at),
       coalesce(said_with, ''),
       number, to_us(at), attempt.channel, outcome, answer, title, body
from notice left join notice_attempt attempt using (notice_id)
where incident_id = any(%(incident_ids)s) or incidents && %(incident_ids)s::text[]
order by decided_at, notice_id, number

-- name: insert_notice
insert into notice (notice_id, incident_id, recipient, contact, reason, priority, decided_at, route, step, incidents)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: insert_report
-- Of several notifiers one has the row back, and it alone adds the notices.
insert into scheduled_report (report_id, name, span, last, formats, language, due_at)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (report_id) do nothing
returning report_id

-- name: scheduled_report
select report_id, name, span, last, formats, language, to_us(due_at) from scheduled_report
where report_id = %(report_id)s

-- name: lost_reports
select scheduled_report.report_id, name, span, last, formats, language, to_us(due_at), recipient, fate,
       coalesce(attempt.channel, ''), coalesce(attempt.answer, '')
from scheduled_report
join notice on incident_id = scheduled_report.report_id and reason = 'report'
left join notice_attempt attempt on attempt.notice_id = notice.notice_id and attempt.number = notice.attempts
where (fate = 'given_up' or fate = 'waiting' and unreachable_at is not null)
  and due_at >= %(after)s and (%(report_id)s::text is null or scheduled_report.report_id = %(report_id)s)
order by due_at, name, recipient

-- name: figures_through
select to_us(through_at) from figure_day where day = %(day)s

-- name: upsert_notice_state
insert into notice_state (key, state) values (%s, %s)
on conflict (key) do update set state = excluded.state

-- name: delete_notice_state
delete from notice_state where key = %s

-- name: notice_states
select key, state from notice_state

-- name: tell_notices
select pg_notify('notices', '')
