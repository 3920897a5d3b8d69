-- Named queries of the fleet and of what is kept beside it; see `queries.py`.

-- name: setting
select value from setting where name = %(name)s

-- name: save_setting
insert into setting (name, value) values (%(name)s, %(value)s)
on conflict (name) do update set value = excluded.value

-- name: clusters
select code, name from cluster order by ordinal

-- name: wards
select code, name, short_name, cluster_code from ward order by ordinal

-- name: schools
select id, code, name, level, ward_code, pupils, isp, contracted_down_bps, contracted_up_bps,
       lat, lon, to_us(closed_at), merged_into
from school order by id

-- name: devices
select id, school_id, code, kind, retired_at is not null from device order by id

-- name: metrics
select id::int, stream, name, unit from metric left join metric_unit on metric_id = id

-- name: claim_metric
insert into metric (id, stream, name) values (%(id)s, %(stream)s, %(name)s)

-- name: claim_metric_unit
insert into metric_unit (metric_id, unit) values (%(id)s, %(unit)s)

-- name: lost_school
select code from school where id not in (select id from given_school) order by id limit 1

-- name: lost_device
select code from device where id not in (select id from given_device) order by id limit 1

-- name: keep_areas
with new_cluster as (
    insert into cluster (code, name, ordinal) select code, name, ordinal from given_cluster
    on conflict (code) do update set name = excluded.name, ordinal = excluded.ordinal)
insert into ward (code, name, short_name, cluster_code, ordinal)
select code, name, short_name, cluster_code, ordinal from given_ward
on conflict (code) do update set (name, short_name, cluster_code, ordinal) =
    (excluded.name, excluded.short_name, excluded.cluster_code, excluded.ordinal)

-- name: keep_schools
insert into school
select id, code, name, level, ward_code, pupils, isp, contracted_down_bps, contracted_up_bps, closed_at, merged_into,
       lat, lon
from given_school
on conflict (id) do update set
    (code, name, level, ward_code, pupils, isp, contracted_down_bps, contracted_up_bps, closed_at, merged_into,
     lat, lon) =
    (excluded.code, excluded.name, excluded.level, excluded.ward_code, excluded.pupils, excluded.isp,
     excluded.contracted_down_bps, excluded.contracted_up_bps, excluded.closed_at, excluded.merged_into,
     excluded.lat, excluded.lon)

-- name: keep_periods
insert into school_period
-- What is said last holds last, also where the clock was set back since the time before.
select g.id, case when p.school_id is null then timestamptz '1970-01-01 00:00+00'
                  else greatest(%(at)s, p.from_at) end,
       g.name, g.level, g.ward_code, g.pupils, g.isp, g.contracted_down_bps, g.contracted_up_bps
from given_school g
left join lateral (
    select * from school_period q where q.school_id = g.id order by from_at desc limit 1) p on true
where (g.name, g.level, g.ward_code, g.pupils, g.isp, g.contracted_down_bps, g.contracted_up_bps)
    is distinct from
      (p.name, p.level, p.ward_code, p.pupils, p.isp, p.contracted_down_bps, p.contracted_up_bps)
on conflict (school_id, from_at) do update set
    (name, level, ward_code, pupils, isp, contracted_down_bps, contracted_up_bps) =
    (excluded.name, excluded.level, excluded.ward_code, excluded.pupils, excluded.isp,
     excluded.contracted_down_bps, excluded.contracted_up_bps)

-- name: free_device_codes
-- One code has one device at a time, and rows are written one after the other: whoever gives its code up
-- goes first, and comes back with `keep_devices` under its new one.
update device set retired_at = %(at)s
from given_device g
where g.id = device.id and device.retired_at is null and (g.retired or g.code <> device.code)

-- name: keep_devices
insert into device
select id, school_id, code, kind, case when retired then %(at)s::timestamptz end from given_device
on conflict (id) do update set
    (code, kind, retired_at) = (excluded.code, excluded.kind,
     case when excluded.retired_at is null then null else coalesce(device.retired_at, excluded.retired_at) end)

-- name: drop_areas
with gone as (delete from ward where code not in (select code from given_ward))
delete from cluster where code not in (select code from given_cluster)

-- name: tell_fleet
select pg_notify('eduops_fleet', %(version)s)

-- name: schools_then
select distinct on (school_id) school_id, name, level, ward_code, pupils, isp,
       contracted_down_bps, contracted_up_bps
from school_period where from_at <= %(at)s order by school_id, from_at desc
