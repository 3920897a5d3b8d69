-- Named queries of silences; see `queries.py`.

-- name: upsert_silence
insert into silence (silence_id, kind, matchers, from_at, until_at, owner, reason, created_at, recurrence, uid,
                     ended_at, ended_by, replaced_by)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (silence_id) do update
set ended_at = excluded.ended_at, ended_by = excluded.ended_by, replaced_by = excluded.replaced_by

-- name: silences
select silence_id, kind, matchers::text, to_us(from_at), to_us(until_at), owner, reason, to_us(created_at),
       recurrence::text, uid, to_us(ended_at), ended_by, replaced_by
from silence
