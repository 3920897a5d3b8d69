-- Named queries of swaps of duty; see `queries.py`.

-- name: upsert_swap
insert into duty_swap (swap_id, rota, person, from_at, until_at, actor, reason, created_at, ended_at, ended_by)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (swap_id) do update
set ended_at = excluded.ended_at, ended_by = excluded.ended_by

-- name: swaps
select swap_id, rota, person, to_us(from_at), to_us(until_at), actor, reason, to_us(created_at),
       to_us(ended_at), ended_by
from duty_swap
