-- What each did is on record; before, nothing was.

create table audit (
    seq     bigint primary key,
    at      timestamptz not null,
    actor   text not null,
    grade   text not null,
    session text not null,
    address text not null,
    action  text not null,
    subject text not null,
    result  text not null,
    detail  text not null,
    hash    bytea not null
);
comment on table audit is 
    'Who did what, append-only. hash: SHA-256 of the hash before it and of all other fields, each behind its length.';

create function audit_part(field text) returns bytea
    language sql immutable strict parallel safe
    return convert_to(octet_length(field) || ':' || field, 'utf8');

create function audit_chain() returns trigger language plpgsql as $$
declare
    last record;
begin
    perform pg_advisory_xact_lock(hashtext('eduops/audit'));
    select seq, hash into last from audit order by seq desc limit 1;
    new.seq := coalesce(last.seq, 0) + 1;
    new.at := clock_timestamp();
    new.hash := sha256(
        coalesce(last.hash, ''::bytea) || audit_part(new.seq::text) || audit_part(to_us(new.at)::text)
        || audit_part(new.actor) || audit_part(new.grade) || audit_part(new.session) || audit_part(new.address)
        || audit_part(new.action) || audit_part(new.subject) || audit_part(new.result) || audit_part(new.detail));
    return new;
end $$;
comment on function audit_chain is 'Number, time and hash of an entry are the database''s, whoever inserts it.';

create function audit_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the record is append-only';
end $$;

create trigger audit_chain before insert on audit for each row execute function audit_chain();
create trigger audit_stays before update or delete on audit for each row execute function audit_stays();
create trigger audit_stays_whole before truncate on audit for each statement execute function audit_stays();
revoke all on audit from public;

create index audit_actor on audit (actor, seq);

insert into retention (table_name, time_column, keep) values ('audit', null, null);
