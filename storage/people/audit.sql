-- Named queries of the record; see `queries.py`.

-- name: add_audit
insert into audit (actor, grade, session, address, action, subject, result, detail)
values (%(actor)s, %(grade)s, %(session)s, %(address)s, %(action)s, %(subject)s, %(result)s, %(detail)s)

-- name: audit
select seq, to_us(at), actor, grade, session, address, action, subject, result, detail, hash
from audit
where seq > %(after)s and (%(before)s::bigint is null or seq < %(before)s)
    and (%(actor)s = '' or actor = %(actor)s) and (%(action)s = '' or strpos(action, %(action)s) > 0)
    and (%(result)s = '' or result = %(result)s)

-- name: hold_audit
select pg_advisory_xact_lock(hashtext('eduops/audit'))

-- name: files_on_record
-- By the grade as well: whoever tries to sign in types any name, and no grade.
select distinct on (subject) subject, result, detail
from audit where actor = %(actor)s and grade = %(grade)s
order by subject, seq desc
