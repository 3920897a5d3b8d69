-- What the notifier may know of users: whether and where they may be told.

create view contact_user as
select folded, area, disabled_at is not null as disabled from app_user;
comment on view contact_user is 'What who sends notices may know of a user: neither password nor second factor.';
