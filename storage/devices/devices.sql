-- Named queries of devices' credentials; see `queries.py`.

-- name: device_credentials
select name, digest, to_us(issued_at), former_digest, to_us(former_until), revoked_at is not null
from device_credential

-- name: device_credentials_of
select name, digest, to_us(issued_at), former_digest, to_us(former_until), revoked_at is not null
from device_credential
where name = any(%(names)s)

-- name: issue_device_credential
-- A simulated one makes way for any other; a real one, once it is revoked, for a real one.
insert into device_credential as held (name, digest, mosquitto, origin, issued_at)
values (%(name)s, %(digest)s, %(mosquitto)s, %(origin)s, now())
on conflict (name) do update
set digest = excluded.digest, mosquitto = excluded.mosquitto, origin = excluded.origin, issued_at = now(), revoked_at = null,
    former_digest = null, former_until = null
where case when excluded.origin = 'simulated'
           then held.origin = 'simulated' and held.revoked_at is null and held.digest <> excluded.digest
           else held.origin = 'simulated' or held.revoked_at is not null end

-- name: rotate_device_credential
update device_credential
set former_digest = case when %(overlap)s > interval '0' then digest end,
    former_until = case when %(overlap)s > interval '0' then now() + %(overlap)s end,
    digest = %(digest)s, mosquitto = %(mosquitto)s, issued_at = now()
where name = %(name)s and revoked_at is null

-- name: revoke_device_credentials
update device_credential set revoked_at = now(), former_digest = null, former_until = null
where revoked_at is null and name = any(%(names)s)
returning name

-- name: tell_devices
select pg_notify('eduops_devices', %(names)s)

-- name: device_list
select c.name, c.origin, to_us(c.issued_at), to_us(c.former_until), to_us(c.revoked_at),
       to_us(s.connected_at), coalesce(s.address, ''), to_us(s.refused_at), coalesce(s.refused_for, ''),
       coalesce(s.refusals, 0), to_us(s.twice_at)
from device_credential c left join device_seen s using (name)
where %(like)s = '' or starts_with(c.name, %(like)s)
order by c.name

-- name: device_troubles
select count(*) filter (where revoked_at is null),
       count(*) filter (where origin = 'simulated' and revoked_at is null),
       count(*) filter (where refused_at > now() - interval '1 day'),
       count(*) filter (where twice_at > now() - interval '1 day'),
       count(*) filter (where refused_at > now() - interval '1 day' and refused_for = 'over_share'),
       count(*) filter (where is_gone), coalesce(min(name) filter (where is_gone), '')
from device_credential left join device_seen using (name)
cross join lateral (
    select revoked_at is null and not exists (
        select from device join school on school.id = device.school_id
        where retired_at is null and closed_at is null and school.code || '/' || device.code = device_credential.name
    ) as is_gone
) fleet

-- name: troubled_devices
select name, to_us(refused_at), refused_for, refusals, to_us(twice_at) from device_seen
where refused_at > now() - interval '1 day' or twice_at > now() - interval '1 day'
order by greatest(refused_at, twice_at) desc, name limit %(limit)s

-- name: saw_device
insert into device_seen as held (name, connected_at, address, refused_at, refused_for, refusals, twice_at)
select %(name)s, from_us(%(connected)s), %(address)s, from_us(%(refused)s), %(refused_for)s, %(refusals)s,
       from_us(%(twice)s)
where exists (select from device_credential where name = %(name)s)
on conflict (name) do update
set connected_at = coalesce(excluded.connected_at, held.connected_at),
    address = case when excluded.connected_at is null then held.address else excluded.address end,
    refused_at = coalesce(excluded.refused_at, held.refused_at),
    refused_for = case when excluded.refused_at is null then held.refused_for else excluded.refused_for end,
    refusals = held.refusals + excluded.refusals,
    twice_at = coalesce(excluded.twice_at, held.twice_at)

-- name: mosquitto_users
select name, mosquitto from device_credential where revoked_at is null order by name

-- name: end_claims
update device_claim set until_at = now()
where claimed_at is null and until_at > now() and name = any(%(names)s)
returning name

-- name: keep_claim
insert into device_claim (digest, name, issued_at, until_at)
values (%(digest)s, %(name)s, now(), now() + %(valid)s)

-- name: take_claim
update device_claim set claimed_at = now()
where digest = %(digest)s and claimed_at is null and until_at > now()
returning name
