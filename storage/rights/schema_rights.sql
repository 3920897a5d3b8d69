-- What services do by the owner's rights, `rights.sql` says for whom; a part of `schema.sql`.

create function drop_chunk(child text) returns void
    language plpgsql as $$
begin
    if not exists (select from chunk where name = child) then
        raise exception '% is no chunk', child;
    end if;
    execute format('drop table %I', child);
end $$;
comment on function drop_chunk is 'Drops a range partition, and nothing else.';
