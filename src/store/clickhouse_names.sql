-- ClickHouse's names as DuckDB macros, so that one SQL text runs on both. They are made in every
-- connection (TEMP), so a workspace never holds an older set of them. A CASE inside an aggregate says the
-- same as FILTER and is faster: DuckDB cuts a chunk anew for every filter.
CREATE OR REPLACE TEMP MACRO countIf(p) AS count(CASE WHEN p THEN 1 END);
CREATE OR REPLACE TEMP MACRO sumIf(x,p) AS coalesce(sum(CASE WHEN p THEN x END),0);
CREATE OR REPLACE TEMP MACRO avgIf(x,p) AS avg(CASE WHEN p THEN x END);
CREATE OR REPLACE TEMP MACRO minIf(x,p) AS min(CASE WHEN p THEN x END);
CREATE OR REPLACE TEMP MACRO maxIf(x,p) AS max(CASE WHEN p THEN x END);
CREATE OR REPLACE TEMP MACRO argMax(a,b) AS arg_max(a,b);
CREATE OR REPLACE TEMP MACRO argMin(a,b) AS arg_min(a,b);
CREATE OR REPLACE TEMP MACRO groupArray(x) AS list(x);
CREATE OR REPLACE TEMP MACRO groupUniqArray(x) AS list(DISTINCT x);
CREATE OR REPLACE TEMP MACRO arraySort(x) AS list_sort(x);
CREATE OR REPLACE TEMP MACRO uniqExact(x) AS count(DISTINCT x);
CREATE OR REPLACE TEMP MACRO toStartOfDay(t) AS CAST(date_trunc('day',t) AS TIMESTAMP);
CREATE OR REPLACE TEMP MACRO toStartOfHour(t) AS date_trunc('hour',t);
CREATE OR REPLACE TEMP MACRO toStartOfMonth(t) AS CAST(date_trunc('month',t) AS DATE);
CREATE OR REPLACE TEMP MACRO toMonday(t) AS CAST(date_trunc('week',t) AS DATE);
CREATE OR REPLACE TEMP MACRO toDate(t) AS CAST(t AS DATE);
CREATE OR REPLACE TEMP MACRO toYYYYMM(t) AS year(t)*100+month(t);
CREATE OR REPLACE TEMP MACRO toHour(t) AS hour(t);
CREATE OR REPLACE TEMP MACRO toDayOfWeek(t) AS isodow(t);
CREATE OR REPLACE TEMP MACRO dateDiff(u,a,b) AS date_diff(u,a,b);
CREATE OR REPLACE TEMP MACRO toUnixTimestamp(t) AS CAST(epoch(t) AS BIGINT);
CREATE OR REPLACE TEMP MACRO toDateTime(t) AS CAST(t AS TIMESTAMP);
CREATE OR REPLACE TEMP MACRO toUInt32(x) AS CAST(trunc(x) AS UINTEGER);
CREATE OR REPLACE TEMP MACRO toFloat64(x) AS CAST(x AS DOUBLE);
CREATE OR REPLACE TEMP MACRO toString(x) AS CAST(x AS VARCHAR);
CREATE OR REPLACE TEMP MACRO intDiv(a,b) AS a // b;
CREATE OR REPLACE TEMP MACRO if(c,a,b) AS CASE WHEN c THEN a ELSE b END;
CREATE OR REPLACE TEMP MACRO has(a,x) AS list_contains(a,x);
CREATE OR REPLACE TEMP MACRO quantileExact(x) AS quantile_disc(x,0.5);
CREATE OR REPLACE TEMP MACRO stddevPop(x) AS stddev_pop(x);
CREATE OR REPLACE TEMP MACRO stddevSamp(x) AS stddev_samp(x);
CREATE OR REPLACE TEMP MACRO anyLast(x) AS last(x);
