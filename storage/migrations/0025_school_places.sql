-- Where schools stand, for the map; nobody has said so yet.

alter table school
    add column lat float8 check (lat between -90 and 90),
    add column lon float8 check (lon between -180 and 180),
    add constraint school_place check ((lat is null) = (lon is null));
comment on column school.lat is 'Degrees of WGS 84, as lon; both or neither. Where it stands now: no past minute needs it.';
