-- What people chose in a list and keep under a name.

create table saved_view (
    user_name text not null references app_user on delete cascade,
    page      text not null,
    name      text not null,
    query     text not null,
    saved_at  timestamptz not null default now(),
    primary key (user_name, page, name)
);
comment on table saved_view is
    'What a person chose in a list and keeps under a name; query: of the address of the page, without ?.';

insert into retention (table_name, time_column, keep) values ('saved_view', null, null);
