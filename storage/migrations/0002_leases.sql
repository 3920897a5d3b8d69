-- Processes share the logs by leases.

create table worker (
    id      text primary key,
    seen_at timestamptz not null
);
comment on table worker is 'Processes that own logs; each says every second that it lives.';

create table lease (
    log   text primary key,
    owner text not null,
    until timestamptz not null
);
comment on table lease is
    'Who works on each log, for how long. It spares needless work; that only one commits is seen to by position.';

insert into retention (table_name, time_column, keep, chunk) values
    ('worker', null, null, null),
    ('lease',  null, null, null);
