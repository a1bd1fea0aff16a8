-- Days whose prior-year revenue is not the revenue of their date one year before.
select
    summary.order_date,
    summary.revenue_prior_year,
    year_before.net_revenue as net_revenue_a_year_before
from {{ ref('gld_sales_summary') }} as summary
left join {{ ref('gld_sales_summary') }} as year_before
    on
        summary.order_year = year_before.order_year + 1
        and summary.order_month = year_before.order_month
        and day(summary.order_date) = day(year_before.order_date)
where
    -- A leap day has no such date; what it is compared with is the business of a unit test.
    not (summary.order_month = 2 and day(summary.order_date) = 29)
    and coalesce(summary.revenue_prior_year, -1) <> coalesce(year_before.net_revenue, -1)
