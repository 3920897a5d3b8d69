-- Named queries of leadership's figures; see `queries.py`.

-- name: forget_figures
delete from figure where day = %(day)s

-- name: copy_figures
copy figure from stdin (format binary)

-- name: note_figures
insert into figure_day (day, made_at, through_at) values (%(day)s, %(made_at)s, %(through_at)s)
on conflict (day) do update set made_at = excluded.made_at, through_at = excluded.through_at

-- name: figure_days
select day, to_us(made_at), to_us(through_at) from figure_day where day >= %(first)s order by day

-- name: corrected_since
-- Quarter hours of which anything was corrected since, and when last.
select to_us(date_bin(interval '15 minutes', time, timestamptz '2000-01-01 00:00+00')),
       to_us(max(corrected_at))
from correction where corrected_at > %(after)s group by 1 order by 1

-- name: quarters_since
select to_us(min(from_at)) from chunk where table_name in ('reading', 'reading_15m_rolled')

-- name: figure_sums
select member,
       max(schools), max(pupils), sum(session_schools), sum(open_schools), sum(all_schools),
       sum(scheduled_min), sum(up_min), sum(lost_min), sum(maintenance_min), sum(pupil_min),
       sum(lost_pupil_min), sum(down_schools), sum(down_pupils), sum(unknown_schools),
       sum(observed_min), sum(impaired_min), sum(submitted), sum(told_schools), sum(enrolled),
       sum(present), sum(measured), sum(adequate), sum(good), sum(excellent), sum(proven),
       sum(contracted_bps), sum(peak_bps), sum(learning), sum(learning_pupils), sum(active_min),
       sum(day_users), sum(week_users), sum(month_users), sum(answering), sum(success),
       sum(response_ms), sum(synced)
from figure
where kind = %(kind)s and scope = %(scope)s and day >= %(first)s and day <= %(last)s
  and part = any(%(parts)s::text[]) and (%(member)s::text is null or member = %(member)s)
group by member order by member

-- name: figure_sums_inside
-- Within every cluster: the index gives each cluster's days.
select scope, member,
       max(schools), max(pupils), sum(session_schools), sum(open_schools), sum(all_schools),
       sum(scheduled_min), sum(up_min), sum(lost_min), sum(maintenance_min), sum(pupil_min),
       sum(lost_pupil_min), sum(down_schools), sum(down_pupils), sum(unknown_schools),
       sum(observed_min), sum(impaired_min), sum(submitted), sum(told_schools), sum(enrolled),
       sum(present), sum(measured), sum(adequate), sum(good), sum(excellent), sum(proven),
       sum(contracted_bps), sum(peak_bps), sum(learning), sum(learning_pupils), sum(active_min),
       sum(day_users), sum(week_users), sum(month_users), sum(answering), sum(success),
       sum(response_ms), sum(synced)
from figure
where kind = %(kind)s and scope in (select code from cluster) and day >= %(first)s and day <= %(last)s
group by scope, member order by scope, member

-- name: figure_rows
select day, part, kind, scope, member, to_us(through_at),
       schools, pupils, session_schools, open_schools, all_schools, scheduled_min, up_min, lost_min,
       maintenance_min, pupil_min, lost_pupil_min, down_schools, down_pupils, unknown_schools,
       observed_min, impaired_min, submitted, told_schools, enrolled, present, measured, adequate,
       good, excellent, proven, contracted_bps, peak_bps, learning, learning_pupils, active_min,
       day_users, week_users, month_users, answering, success, response_ms, synced,
       profile
from figure
where kind = %(kind)s and scope = %(scope)s and day >= %(first)s and day <= %(last)s
  and (%(member)s::text is null or member = %(member)s)
order by day, part, member

-- name: last_online_before
-- Of each series the least value of the last quarter hour with readings, at most 30 days before.
select asked.series, found.min
from unnest(%(series)s::int[]) asked (series)
cross join lateral (
    select min from reading_15m
    where reading_15m.series = asked.series and bucket < %(at)s and bucket >= %(at)s - interval '30 days'
    order by bucket desc limit 1
) found
