-- The processor is no owner any more and drops chunks by a function; TimescaleDB has its own.

create function drop_chunk(child text) returns void
    language plpgsql as $$
begin
    if not exists (select from chunk where name = child) then
        raise exception '% is no chunk', child;
    end if;
    execute format('drop table %I', child);
end $$;
comment on function drop_chunk is 'Drops a range partition, and nothing else.';

do $$ begin
    if exists (select from setting where name = 'engine' and value = 'timescale') then
        drop function drop_chunk;
    end if;
end $$;
