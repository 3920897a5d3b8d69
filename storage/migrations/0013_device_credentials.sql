-- Devices' credentials; before, all devices shared one password of the broker's configuration.

create table device_credential (
    name          text primary key,
    digest        bytea not null check (length(digest) = 32),
    mosquitto     text not null,
    former_digest bytea check (length(former_digest) = 32),
    former_until  timestamptz,
    origin        text not null check (origin in ('issued', 'claimed', 'simulated')),
    issued_at     timestamptz not null,
    revoked_at    timestamptz,
    check ((former_digest is null) = (former_until is null))
);
comment on table device_credential is 'What is kept of the secret of each device: its SHA-256.';
comment on column device_credential.name is 'SCHOOL/DEVICE, user and client id at the broker.';
comment on column device_credential.mosquitto is 'The secret as the password file of mosquitto keeps it.';
comment on column device_credential.former_until is 'Until when the secret before the last rotation is valid, too.';
comment on column device_credential.issued_at is 'When the secret that is valid now was drawn.';

create table device_seen (
    name         text primary key,
    connected_at timestamptz,
    address      text not null default '',
    refused_at   timestamptz,
    refused_for  text not null default '',
    refusals     bigint not null default 0,
    twice_at     timestamptz
);
comment on table device_seen is 'How the broker saw the devices that have a credential.';
comment on column device_seen.address is 'From where it connected last.';
comment on column device_seen.refusals is 'How often it was not let in.';
comment on column device_seen.twice_at is 'When two connections last took its name from each other.';

create table device_claim (
    digest     bytea primary key check (length(digest) = 32),
    name       text not null,
    issued_at  timestamptz not null,
    until_at   timestamptz not null,
    claimed_at timestamptz
);
comment on table device_claim is 'Codes with which a device gets its secret once; of a code its SHA-256 is kept.';

insert into retention (table_name, time_column, keep) values
    ('device_credential', null, null), ('device_seen', null, null), ('device_claim', null, null);
