-- People of the city's own sign-in; before, all were local users.

alter table app_user add column subject text unique;
comment on table app_user is 
    'People. folded: the name in one case. password: argon2id, PHC string; null: no password was chosen yet. '
    'code_secret: of the second factor (RFC 6238), base32; null: there is none. code_step: of the last code taken. '
    'subject: issuer and sub of who signs in at the city''s provider (OpenID Connect Core, 2); null: a local user.';

alter table credential add column id_token text;
comment on table credential is 
    'What proves who somebody is, as the SHA-256 of 256 random bits. name, grade and area: those of a screen or a '
    'token; of sessions and links the user''s name alone. idle: how long it lasts unused. id_token: what the city''s '
    'provider wants back when a person signs out; gone when the session ends.';

create table oidc_sign_in (
    secret_hash bytea primary key,
    next_path   text not null,
    address     text not null,
    expires_at  timestamptz not null
);
comment on table oidc_sign_in is 
    'Browsers that were sent to the city''s provider and are expected back, once; secret_hash: of the browser.';

insert into retention (table_name, time_column, keep) values ('oidc_sign_in', null, null);
