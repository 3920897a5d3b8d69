-- What a metric's values are in, for ever: a metric of before has none here until the next start notes it.

create table metric_unit (
    metric_id smallint primary key references metric,
    unit      text not null
);
comment on table metric_unit is 'The unit of a metric''s history; noted once, beside the metric, for no service may change that.';
insert into retention (table_name) values ('metric_unit');
