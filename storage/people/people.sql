-- Named queries of people and what they prove themselves with; see `queries.py`. All times are real time.

-- name: add_user
insert into app_user (name, folded, role, area, subject)
values (%(name)s, %(folded)s, %(role)s, %(area)s, %(subject)s)
on conflict do nothing returning name

-- name: users
select name, role, area, to_us(created_at), password is not null, disabled_at is not null, to_us(signed_in_at),
    code_secret is not null, coalesce(subject, '')
from app_user

-- name: contact_user
select area, disabled from contact_user where folded = %(folded)s

-- name: change_user
update app_user set role = %(role)s, area = %(area)s,
    disabled_at = case when %(disabled)s then coalesce(disabled_at, now()) end
where name = %(name)s

-- name: password_of
select password from app_user where name = %(name)s

-- name: save_password
update app_user set password = %(password)s where name = %(name)s

-- name: note_sign_in
update app_user set signed_in_at = now() where name = %(name)s

-- name: add_credential
insert into credential (credential_id, secret_hash, kind, name, grade, area, created_by, address, agent, seen_at,
                        idle, expires_at, id_token)
values (%(credential_id)s, %(secret_hash)s, %(kind)s, %(name)s, %(grade)s, %(area)s, %(created_by)s, %(address)s,
        %(agent)s, case when %(kind)s = 'session' then now() end, %(idle_s)s * interval '1 second',
        now() + %(whole_s)s * interval '1 second', %(id_token)s)

-- name: find_credentials
select c.secret_hash, c.kind, c.credential_id, c.name, coalesce(u.role, c.grade), coalesce(u.area, c.area),
    u.code_secret is not null or u.subject is not null
from credential c left join app_user u on c.kind = 'session' and u.name = c.name
where c.secret_hash = any(%(hashes)s) and c.kind <> 'link' and c.ended_at is null and c.expires_at > now()
    and coalesce(c.seen_at, c.created_at) + c.idle > now() and u.disabled_at is null

-- name: touch_credentials
update credential set seen_at = now()
where secret_hash = any(%(hashes)s) and coalesce(seen_at < now() - interval '1 minute', true)

-- name: find_link
select name from credential
where secret_hash = %(secret_hash)s and kind = 'link' and ended_at is null and expires_at > now()

-- name: take_link
update credential set ended_at = now(), ended_by = name
where secret_hash = %(secret_hash)s and kind = 'link' and ended_at is null and expires_at > now()
returning name

-- name: access_credentials
select credential_id, kind, name, grade, area, to_us(created_at), created_by, address, agent, to_us(seen_at),
    to_us(least(expires_at, coalesce(seen_at, created_at) + idle))
from credential
where kind = %(kind)s and (%(name)s::text is null or name = %(name)s) and ended_at is null and expires_at > now()
    and coalesce(seen_at, created_at) + idle > now()
order by created_at desc

-- name: end_credentials
update credential set ended_at = now(), ended_by = %(by)s, id_token = null
where kind = any(%(kinds)s) and ended_at is null and (%(name)s::text is null or name = %(name)s)
    and (%(credential_id)s::text is null or credential_id = %(credential_id)s)
    and credential_id is distinct from %(but)s

-- name: end_secret
update credential set ended_at = now(), ended_by = %(by)s, id_token = null
where secret_hash = %(secret_hash)s and kind = 'session' and ended_at is null

-- name: forget_credentials
delete from credential where expires_at < now() - interval '90 days'

-- name: forget_id_tokens
update credential set id_token = null
where id_token is not null and (expires_at < now() or coalesce(seen_at, created_at) + idle < now())

-- name: is_known_browser
select 1 from known_browser where secret_hash = %(secret_hash)s and user_name = %(name)s

-- name: know_browser
insert into known_browser (secret_hash, user_name) values (%(secret_hash)s, %(name)s)
on conflict (secret_hash, user_name) do update set seen_at = now()

-- name: forget_browsers
delete from known_browser
where seen_at < now() - interval '180 days' or (%(name)s::text is not null and user_name = %(name)s)

-- name: lock_tries
select pg_advisory_xact_lock(hashtext('eduops/try/' || key)) from unnest(%(keys)s::text[]) as key order by key

-- name: sign_in_failures
-- Not now(): who waited for the lock began before the try that it waited for, and would count from its future.
select failures, extract(epoch from clock_timestamp() - last_at)::float8 from sign_in_failure where key = any(%(keys)s)

-- name: add_failure
insert into sign_in_failure (key, failures) select unnest(%(keys)s::text[]), 1
on conflict (key) do update
set failures = case when sign_in_failure.last_at < now() - interval '1 day' then 1
               else sign_in_failure.failures + 1 end, last_at = now()

-- name: forget_failures
delete from sign_in_failure where key = any(%(keys)s) or last_at < now() - interval '1 day'

-- name: ended_kind
select kind from credential where secret_hash = %(secret_hash)s and ended_at is not null

-- name: forget_pairings
delete from screen_pairing where expires_at < now()

-- name: count_pairings
select count(*), count(*) filter (where address = %(address)s) from screen_pairing

-- name: add_pairing
insert into screen_pairing (code, secret_hash, address, expires_at)
values (%(code)s, %(secret_hash)s, %(address)s, now() + %(whole_s)s * interval '1 second')
on conflict do nothing

-- name: find_pairing
select code, name, area, approved_by from screen_pairing where secret_hash = %(secret_hash)s and expires_at > now()

-- name: approve_pairing
update screen_pairing set name = %(name)s, area = %(area)s, approved_by = %(by)s
where code = %(code)s and expires_at > now() and approved_by is null

-- name: take_pairing
delete from screen_pairing where secret_hash = %(secret_hash)s and approved_by is not null
returning name, area, approved_by

-- name: code_secret
select code_secret from app_user where name = %(name)s

-- name: save_code_secret
update app_user set code_secret = %(secret)s, code_step = null where name = %(name)s

-- name: take_code_step
update app_user set code_step = %(step)s
where name = %(name)s and code_secret is not null and coalesce(code_step < %(step)s, true)

-- name: forget_recovery_codes
delete from recovery_code where user_name = %(name)s

-- name: add_recovery_codes
insert into recovery_code (code_hash, user_name) select unnest(%(hashes)s::bytea[]), %(name)s

-- name: take_recovery_code
delete from recovery_code where user_name = %(name)s and code_hash = %(code_hash)s

-- name: subject_of
select subject from app_user where name = %(name)s

-- name: id_token_of
select id_token from credential where credential_id = %(credential_id)s and ended_at is null

-- name: city_sessions
select credential_id, name, id_token, to_us(created_at) from credential
where kind = 'session' and id_token is not null and ended_at is null

-- name: forget_oidc_sign_ins
delete from oidc_sign_in where expires_at < now()

-- name: begin_oidc_sign_in
insert into oidc_sign_in (secret_hash, next_path, address, expires_at)
select %(secret_hash)s, %(next_path)s, %(address)s, now() + %(whole_s)s * interval '1 second'
where (select count(*) from oidc_sign_in) < %(most)s
    and (select count(*) from oidc_sign_in where address = %(address)s) < %(most_of_address)s

-- name: take_oidc_sign_in
delete from oidc_sign_in where secret_hash = %(secret_hash)s
returning next_path, expires_at > now()

-- name: saved_views
select name, query from saved_view where user_name = %(user_name)s and page = %(page)s order by saved_at, name

-- name: add_saved_view
insert into saved_view (user_name, page, name, query) values (%(user_name)s, %(page)s, %(name)s, %(query)s)
on conflict (user_name, page, name) do nothing returning name

-- name: rename_saved_view
update saved_view set name = %(name)s
where user_name = %(user_name)s and page = %(page)s and name = %(former)s
  and not exists (select from saved_view other where other.user_name = %(user_name)s and other.page = %(page)s
                  and other.name = %(name)s and other.name <> %(former)s)
returning name

-- name: drop_saved_view
delete from saved_view where user_name = %(user_name)s and page = %(page)s and name = %(name)s
