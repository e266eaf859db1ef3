-- Sample data for `partctl demo`: three tables that the policies beside this file know, each a little behind
-- what its policy asks for, and two surprises that no policy explains.
--
-- Plain SQL, one transaction, the same rows every time; only the months depend on today.

begin;

-- Months begin at midnight in Berlin, as in orders.yaml.
set local time zone 'Europe/Berlin';

create schema shop;
create schema crm;
create schema app;
create schema audit;


-- shop.orders: by month. The last twelve months are there, the coming ones are not: the plan creates them.

create table shop.channels (
    channel text primary key
);
insert into shop.channels values ('app'), ('phone'), ('shop'), ('web');

create table shop.orders (
    id          bigint not null,
    order_date  timestamptz not null,
    customer_id bigint not null,
    channel     text not null default 'web',
    status      text not null default 'open',
    amount      numeric(10, 2) not null check (0 <= amount)
) partition by range (order_date);

do $$
declare
    this_month timestamptz := date_trunc('month', now());
    first      timestamptz;
begin
    for back in reverse 11..0 loop
        first := this_month - make_interval(months => back);
        execute format('create table shop.%I partition of shop.orders for values from (%L) to (%L)',
            to_char(first, '"orders_"YYYY_MM'), first, first + interval '1 month');
    end loop;

    -- The first surprise: somebody once imported two weeks of older orders, by hand and off the grid.
    first := this_month - interval '11 months';
    execute format('create table shop.orders_import partition of shop.orders for values from (%L) to (%L)',
        first - interval '14 days', first);
end
$$;

-- A million orders, evenly from the oldest bound until now.
insert into shop.orders (id, order_date, customer_id, channel, status, amount)
select n,
       to_timestamp(oldest + (n - 0.5::float8) / 1000000 * (today - oldest)),
       1 + n * 7919 % 20000,
       (array['web', 'app', 'web', 'shop', 'web', 'app', 'phone'])[1 + n % 7],
       case when n <= 980000 then 'paid' else 'open' end,
       (500 + n * 48271 % 30000)::numeric / 100
from generate_series(1::bigint, 1000000) as n,
     (select extract(epoch from date_trunc('month', now()) - interval '11 months' - interval '14 days')::float8 as oldest,
             extract(epoch from now())::float8 as today) as span;

-- Built after the load: filling them row by row would double its time.
alter table shop.orders add primary key (id, order_date);
create index on shop.orders (customer_id, order_date);
alter table shop.orders add foreign key (channel) references shop.channels;


-- crm.customers: by country, with a DEFAULT partition. The one for Asia and the Pacific is missing.

create table crm.customers (
    id         bigint not null,
    region     text,
    name       text not null,
    signed_up  date not null,
    unique (id, region)
) partition by list (region);

create table crm.customers_na partition of crm.customers for values in ('US', 'CA', 'MX');
create table crm.customers_eu partition of crm.customers for values in ('DE', 'ES', 'FR', 'IT', 'NO', 'PL', null);
create table crm.customers_other partition of crm.customers default;

insert into crm.customers (id, region, name, signed_up)
select n,
       (array['US', 'DE', 'NO', 'CA', 'BR', 'FR', 'US', 'IT', null, 'MX', 'ES', 'ZA', 'PL'])[1 + n % 13],
       'customer ' || n,
       current_date - n % 1000
from generate_series(1, 20000) as n;


-- app.events: eight by hash, but remainder 5 is missing, so that the events of some users cannot be stored.

create table app.events (
    id          bigint not null,
    user_id     bigint not null,
    happened_at timestamptz not null,
    kind        text not null,
    primary key (id, user_id)
) partition by hash (user_id);

do $$
begin
    for remainder in 0..7 loop
        continue when remainder = 5;
        execute format('create table app.%I partition of app.events for values with (modulus 8, remainder %s)',
            'events_p' || remainder, remainder);
    end loop;
end
$$;

insert into app.events (id, user_id, happened_at, kind)
select row_number() over (order by n),
       n % 10007,
       now() - n * interval '1 minute',
       (array['login', 'view', 'view', 'buy'])[1 + n % 4]
from generate_series(1::bigint, 120000) as n
where not satisfies_hash_partition('app.events'::regclass, 8, 5, n % 10007)
limit 100000;


-- The second surprise: a partitioned table that has no policy at all.

create table audit.log (
    logged_at timestamptz not null,
    entry     text not null
) partition by range (logged_at);

create table audit.log_old partition of audit.log for values from (minvalue) to ('2026-01-01');
create table audit.log_new partition of audit.log for values from ('2026-01-01') to (maxvalue);

insert into audit.log
select now() - n * interval '1 day', 'entry ' || n
from generate_series(1, 1000) as n;


-- The row counts that plans show come from here.
analyze shop.channels, shop.orders, crm.customers, app.events, audit.log;

commit;
