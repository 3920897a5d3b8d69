-- Swaps of duty; before, rotas and their overrides stood in routes.toml alone.

create table duty_swap (
    swap_id    text primary key,
    rota       text not null,
    person     text not null,
    from_at    timestamptz not null,
    until_at   timestamptz not null,
    actor      text not null,
    reason     text not null,
    created_at timestamptz not null,
    ended_at   timestamptz,
    ended_by   text
);
comment on table duty_swap is 'Who has the duty of a rota for a while, beside routes.toml; all times are log time.';
comment on column duty_swap.rota is 'Its name in routes.toml, which may have it no longer: then the swap does nothing.';
comment on column duty_swap.until_at is 'When it ends by itself.';
comment on column duty_swap.ended_at is 'When somebody ended it before its time.';
create index duty_swap_end on duty_swap (least(until_at, ended_at));

insert into retention (table_name, time_column, keep) values ('duty_swap', 'until_at', interval '730 days');
