-- Who may sign in, and with what; a part of `schema.sql`. All times are real time.

create table app_user (
    name         text primary key,
    folded       text not null unique,
    role         text not null,
    area         text not null,
    password     text,
    code_secret  text,
    code_step    bigint,
    created_at   timestamptz not null default now(),
    signed_in_at timestamptz,
    disabled_at  timestamptz,
    subject      text unique
);
comment on table app_user is 
    'People. folded: the name in one case. password: argon2id, PHC string; null: no password was chosen yet. '
    'code_secret: of the second factor (RFC 6238), base32; null: there is none. code_step: of the last code taken. '
    'subject: issuer and sub of who signs in at the city''s provider (OpenID Connect Core, 2); null: a local user.';

create view contact_user as
select folded, area, disabled_at is not null as disabled from app_user;
comment on view contact_user is 'What who sends notices may know of a user: neither password nor second factor.';

create table credential (
    credential_id text primary key,
    secret_hash   bytea not null unique,
    kind          text not null check (kind in ('session', 'screen', 'token', 'link')),
    name          text not null,
    grade         text not null default '',
    area          text not null default '',
    created_at    timestamptz not null default now(),
    created_by    text not null,
    address       text not null default '',
    agent         text not null default '',
    seen_at       timestamptz,
    idle          interval not null,
    expires_at    timestamptz not null,
    ended_at      timestamptz,
    ended_by      text,
    id_token      text
);
comment on table credential is 
    'What proves who somebody is, as the SHA-256 of 256 random bits. name, grade and area: those of a screen or a '
    'token; of sessions and links the user''s name alone. idle: how long it lasts unused. id_token: what the city''s '
    'provider wants back when a person signs out; gone when the session ends.';

create index credential_name on credential (kind, name);

create table known_browser (
    secret_hash bytea not null,
    user_name   text not null references app_user on delete cascade,
    seen_at     timestamptz not null default now(),
    primary key (secret_hash, user_name)
);
comment on table known_browser is 'Browsers in which a person has signed in: nobody else can make these wait.';

create table sign_in_failure (
    key      text primary key,
    failures int not null,
    last_at  timestamptz not null default now()
);
comment on table sign_in_failure is 
    'Failed sign-ins in a row by name, address or known browser: how long the next one has to wait.';

create table recovery_code (
    code_hash bytea primary key,
    user_name text not null references app_user on delete cascade
);
comment on table recovery_code is 'Codes that stand in for the second factor, once each, as SHA-256 of 80 random bits.';

create table screen_pairing (
    code        text primary key,
    secret_hash bytea not null unique,
    address     text not null,
    expires_at  timestamptz not null,
    name        text,
    area        text,
    approved_by text
);
comment on table screen_pairing is 
    'Walls that show a code and wait; secret_hash: of the browser that shows it. name: once somebody let it in.';

create table oidc_sign_in (
    secret_hash bytea primary key,
    next_path   text not null,
    address     text not null,
    expires_at  timestamptz not null
);
comment on table oidc_sign_in is 
    'Browsers that were sent to the city''s provider and are expected back, once; secret_hash: of the browser.';

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

insert into retention (table_name, time_column, keep) values
    ('app_user', null, null),
    ('credential', null, null),
    ('known_browser', null, null),
    ('sign_in_failure', null, null),
    ('recovery_code', null, null),
    ('screen_pairing', null, null),
    ('oidc_sign_in', null, null),
    ('saved_view', null, null);
