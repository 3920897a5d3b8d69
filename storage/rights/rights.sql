-- Named queries of roles and their rights; see `queries.py`.

-- name: present_roles
select rolname::text from pg_roles where rolname = any(%(roles)s) order by rolname

-- name: relations
select relname::text from pg_class
where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm') and not relispartition

-- name: granted
-- What roles, and everybody (an empty name), may do with whole tables, sequences and single columns.
select coalesce(role.rolname, '')::text, object.relname::text, acl.privilege_type
from pg_class object
cross join lateral aclexplode(object.relacl) acl
left join pg_roles role on role.oid = acl.grantee
where object.relnamespace = current_schema()::regnamespace and acl.grantee <> object.relowner
  and (acl.grantee = 0 or role.rolname = any(%(roles)s))
union
select role.rolname::text, object.relname || '.' || attname, acl.privilege_type
from pg_attribute
join pg_class object on object.oid = attrelid
cross join lateral aclexplode(attacl) acl
join pg_roles role on role.oid = acl.grantee
where object.relnamespace = current_schema()::regnamespace and role.rolname = any(%(roles)s)
order by 1, 2, 3

-- name: powers
-- What a role is beyond its grants.
select role.rolname::text, power
from pg_roles role
cross join lateral unnest(array[
    case when rolsuper then 'is a superuser' end,
    case when rolcreaterole then 'may create roles' end,
    case when rolcreatedb then 'may create databases' end,
    case when rolreplication then 'may replicate' end,
    case when rolbypassrls then 'goes around row security' end,
    case when has_schema_privilege(rolname, current_schema(), 'CREATE') then 'may create tables' end,
    (select 'is a member of ' || string_agg(parent.rolname, ', ') from pg_auth_members
     join pg_roles parent on parent.oid = roleid where member = role.oid),
    (select 'owns ' || string_agg(relname, ', ' order by relname) from pg_class
     where relowner = role.oid and relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm')
       and not (rolname = 'eduops_processor' and relname = any(%(owned)s)))
]) power
where rolname = any(%(roles)s) and power is not null
order by 1, 2

-- name: connected_as_owner
-- Connections to this database, but for our own, that may do everything with its tables.
select count(*) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
  and (usename = (select rolname from pg_class join pg_roles on pg_roles.oid = relowner where pg_class.oid = 'audit'::regclass)
       or (select rolsuper from pg_roles where rolname = usename))

-- name: owned_by_others
select relname::text from pg_class
where relnamespace = current_schema()::regnamespace and relname = any(%(relations)s)
  and relowner <> (select oid from pg_roles where rolname = %(role)s)

-- name: functions_of_the_owner
-- Those that do with the owner's rights what a service may not do by itself, as far as this engine has them.
select proname || '(' || pg_get_function_identity_arguments(oid) || ')' from pg_proc
where pronamespace = current_schema()::regnamespace and proname in ('ensure_chunks', 'drop_chunk')
