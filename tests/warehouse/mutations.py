"""One way each to break the data, and the data tests that must notice.

A statement that changes a bronze view has its SQL as `{name}`. What is changed is one row, the one with the lowest
key, unless the statement says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

KEYS = {
    "silver.slvr_sales_orders": "sales_order_detail_id",
    "silver.slvr_customers": "customer_id",
    "silver.slvr_products": "product_id",
    "gold.gld_sales_summary": "order_date",
    "gold.gld_customer_metrics": "customer_id",
    "gold.gld_product_performance": "product_id",
    "Sales.SalesOrderHeader": "SalesOrderID",
    "Sales.SalesOrderDetail": "SalesOrderDetailID",
    "Sales.Customer": "CustomerID",
    "Person.Person": "BusinessEntityID",
    "Production.Product": "ProductID",
    "Production.ProductSubcategory": "ProductSubcategoryID",
    "Production.ProductCategory": "ProductCategoryID",
}

ORDERS, CUSTOMERS, PRODUCTS = "silver.slvr_sales_orders", "silver.slvr_customers", "silver.slvr_products"
SUMMARY, METRICS = "gold.gld_sales_summary", "gold.gld_customer_metrics"
PERFORMANCE = "gold.gld_product_performance"
HEADER, DETAIL, CUSTOMER = "Sales.SalesOrderHeader", "Sales.SalesOrderDetail", "Sales.Customer"
PERSON, PRODUCT = "Person.Person", "Production.Product"
SUBCATEGORY, CATEGORY = "Production.ProductSubcategory", "Production.ProductCategory"


@dataclass(frozen=True)
class Mutation:
    description: str
    statement: str
    noticed_by: tuple[str, ...]


def table(name: str) -> str:
    return name if name.startswith(("silver.", "gold.")) else f"AdventureWorks2014.{name}"


def first(name: str, where: str) -> str:
    key = KEYS[name]
    return f"{key} = (select min({key}) from {table(name)} where {where})"


def change(name: str, assignment: str, where: str = "true") -> str:
    return f"update {table(name)} set {assignment} where {first(name, where)}"


def remove(name: str, where: str = "true") -> str:
    return f"delete from {table(name)} where {first(name, where)}"


def add(name: str, replacing: str = "", where: str = "true") -> str:
    """A copy of a row, with some of its values replaced."""
    replaced = f"replace ({replacing})" if replacing else ""
    return f"insert into {table(name)} select * {replaced} from {table(name)} where {first(name, where)}"


def broken(name: str, selected: str, where: str = "true") -> str:
    """A bronze view that selects something else from what it had."""
    return f"create or replace view bronze.{name} as select {selected} from ({{{name}}}) where {where}"


A_DAY_LATER_IN_ITS_YEAR = "revenue_ytd > net_revenue"
A_DAY_LATER_IN_ITS_MONTH = "revenue_mtd > net_revenue"
BOUGHT = "total_orders > 0"
NEVER = "total_orders = 0"
OF_SEVERAL_LINES = (
    "sales_order_id in (select sales_order_id from silver.slvr_sales_orders group by 1 having count(*) > 1)"
)

SOURCES = (
    Mutation(
        "an order twice",
        add(HEADER),
        (
            "source_orders_have_unique_ids",
            "brnz_sales_orders_lines_are_unique",
        ),
    ),
    Mutation(
        "an order is gone, its lines are not",
        remove(HEADER),
        ("source_order_lines_belong_to_an_order",),
    ),
    Mutation(
        "an order without a date",
        change(HEADER, "OrderDate = null"),
        ("source_orders_have_a_date",),
    ),
    Mutation(
        "an order of an unknown customer",
        change(HEADER, "CustomerID = 999999"),
        ("source_orders_belong_to_a_customer", "brnz_sales_orders_customers_are_known"),
    ),
    Mutation(
        "a line whose total is not in the subtotal",
        change(DETAIL, "LineTotal = LineTotal + 1"),
        (
            "source_orders_subtotal_is_the_sum_of_their_lines",
            "brnz_sales_orders_line_total_is_gross_less_discount",
        ),
    ),
    Mutation(
        "a line without a quantity above zero",
        change(DETAIL, "OrderQty = 0"),
        ("source_order_lines_have_a_quantity",),
    ),
    Mutation(
        "a line with a negative price",
        change(DETAIL, "UnitPrice = -1"),
        ("source_order_lines_have_no_negative_price",),
    ),
    Mutation(
        "a line of an unknown product",
        change(DETAIL, "ProductID = 999999"),
        ("source_order_lines_name_a_product", "brnz_sales_orders_products_are_known"),
    ),
    Mutation(
        "a line without an id",
        change(DETAIL, "SalesOrderDetailID = null"),
        ("brnz_sales_orders_lines_have_an_id",),
    ),
    Mutation(
        "a customer with an unknown person",
        change(CUSTOMER, "PersonID = 999999", "PersonID is not null"),
        ("source_customers_name_a_known_person", "brnz_customers_with_a_person_have_a_name"),
    ),
    Mutation(
        "a person twice",
        add(PERSON, where="BusinessEntityID in (select PersonID from AdventureWorks2014.Sales.Customer)"),
        ("source_persons_have_unique_ids", "brnz_customers_are_unique"),
    ),
    Mutation(
        "a person of an unknown type",
        change(
            PERSON,
            "PersonType = 'XX'",
            "BusinessEntityID in (select PersonID from AdventureWorks2014.Sales.Customer)",
        ),
        ("brnz_customers_person_type_is_known",),
    ),
    Mutation(
        "an account number twice",
        f"update {table(CUSTOMER)} set AccountNumber = 'AW'",
        ("brnz_customers_account_numbers_are_unique",),
    ),
    Mutation(
        "a product of an unknown subcategory",
        change(PRODUCT, "ProductSubcategoryID = 999"),
        ("source_products_name_a_known_subcategory",),
    ),
    Mutation(
        "a subcategory twice, in two categories",
        add(SUBCATEGORY, "2 as ProductCategoryID", "ProductCategoryID = 1"),
        (
            "source_subcategories_have_unique_ids",
            "brnz_products_are_unique",
            "brnz_products_keeps_every_product_of_the_source",
            "brnz_products_one_category_per_subcategory",
        ),
    ),
    Mutation(
        "a subcategory of an unknown category",
        change(SUBCATEGORY, "ProductCategoryID = 99"),
        ("source_subcategories_belong_to_a_category", "brnz_products_have_a_category_with_a_subcategory"),
    ),
    Mutation(
        "a category twice", add(CATEGORY), ("source_categories_have_unique_ids", "brnz_products_are_unique")
    ),
    Mutation(
        "all products have one number",
        f"update {table(PRODUCT)} set ProductNumber = 'A'",
        ("brnz_products_numbers_are_unique",),
    ),
    Mutation(
        "all products have one name",
        f"update {table(PRODUCT)} set Name = 'A'",
        ("brnz_products_names_are_unique",),
    ),
    Mutation(
        "an unknown product line", change(PRODUCT, "ProductLine = 'X '"), ("brnz_products_line_is_known",)
    ),
    Mutation("an unknown product class", change(PRODUCT, "Class = 'X '"), ("brnz_products_class_is_known",)),
    Mutation("a negative cost", change(PRODUCT, "StandardCost = -1"), ("brnz_products_cost_not_negative",)),
    Mutation(
        "a negative list price", change(PRODUCT, "ListPrice = -1"), ("brnz_products_price_not_negative",)
    ),
    Mutation(
        "a product withdrawn before its start",
        change(PRODUCT, "SellEndDate = SellStartDate - interval 1 day"),
        ("brnz_products_not_withdrawn_before_their_start",),
    ),
    Mutation("an unknown status", change(HEADER, "Status = 9"), ("brnz_sales_orders_status_is_known",)),
    Mutation(
        "a discount of more than everything",
        change(DETAIL, "UnitPriceDiscount = 2"),
        ("brnz_sales_orders_discount_is_a_fraction",),
    ),
    Mutation(
        "an order due before it was placed",
        change(HEADER, "DueDate = OrderDate - interval 1 day"),
        ("brnz_sales_orders_due_on_or_after_the_order_date",),
    ),
    Mutation(
        "a total due that is not the sum of its parts",
        change(HEADER, "TotalDue = TotalDue + 1"),
        ("brnz_sales_orders_total_due_is_the_sum_of_its_parts",),
    ),
)

BRONZE = (
    Mutation(
        "bronze loses lines",
        broken("brnz_sales_orders", "*", "sales_order_detail_id % 10 > 0"),
        ("brnz_sales_orders_keeps_every_valid_line",),
    ),
    Mutation(
        "bronze has lines of its own",
        broken("brnz_sales_orders", "* replace (-sales_order_detail_id as sales_order_detail_id)"),
        ("brnz_sales_orders_has_valid_lines_only", "slvr_sales_orders_keeps_every_line_up_to_as_of_date"),
    ),
    Mutation(
        "bronze has orders of its own",
        broken("brnz_sales_orders", "* replace (-sales_order_id as sales_order_id)"),
        ("brnz_sales_orders_are_orders_of_the_source",),
    ),
    Mutation(
        "bronze rounds the line total",
        broken("brnz_sales_orders", "* replace (round(line_total, 0) as line_total)"),
        ("brnz_sales_orders_line_total_is_that_of_the_source", "slvr_sales_orders_amounts_equal_bronze"),
    ),
    Mutation(
        "lines of one order with different subtotals",
        broken("brnz_sales_orders", "* replace (line_total as order_subtotal)"),
        ("brnz_sales_orders_one_subtotal_per_order",),
    ),
    Mutation(
        "bronze loses customers",
        broken("brnz_customers", "*", "store_id is null"),
        (
            "brnz_customers_keeps_every_customer_with_a_person_or_store",
            "slvr_customers_keeps_every_customer_of_bronze",
        ),
    ),
    Mutation(
        "customers without a person and a store",
        broken("brnz_customers", "* replace (null as person_id, null as store_id)"),
        ("brnz_customers_are_a_person_or_a_store",),
    ),
    Mutation(
        "names with a blank at the end",
        broken("brnz_customers", "* replace (full_name || ' ' as full_name)"),
        ("brnz_customers_full_name_is_trimmed",),
    ),
    Mutation(
        "bronze loses products",
        broken("brnz_products", "*", "category_id is not null"),
        ("brnz_products_keeps_every_product_of_the_source", "slvr_products_keeps_every_product_of_bronze"),
    ),
)

SILVER_ORDERS = (
    Mutation("a line twice", add(ORDERS), ("slvr_sales_orders_lines_are_unique",)),
    Mutation(
        "a line without an id",
        change(ORDERS, "sales_order_detail_id = null"),
        ("slvr_sales_orders_lines_have_an_id",),
    ),
    Mutation(
        "a line is lost",
        remove(ORDERS),
        (
            "slvr_sales_orders_keeps_every_line_up_to_as_of_date",
            "slvr_customers_lifetime_values_equal_the_orders",
            "slvr_products_revenue_equals_the_orders",
            "slvr_products_cost_equals_the_orders",
            "gld_sales_summary_lines_equal_silver",
        ),
    ),
    Mutation(
        "a quantity that is not bronze's",
        change(ORDERS, "order_quantity = order_quantity + 1"),
        ("slvr_sales_orders_amounts_equal_bronze", "gld_sales_summary_quantity_equals_silver_day_by_day"),
    ),
    Mutation(
        "a line total a millionth off",
        change(ORDERS, "line_total = line_total + 0.000001"),
        ("slvr_sales_orders_amounts_equal_bronze",),
    ),
    Mutation(
        "lines of one order on different days",
        change(ORDERS, "order_date = order_date + 1", OF_SEVERAL_LINES),
        ("slvr_sales_orders_one_date_per_order",),
    ),
    Mutation(
        "lines of one order of different customers",
        change(ORDERS, "customer_id = -1", OF_SEVERAL_LINES),
        ("slvr_sales_orders_one_customer_per_order", "slvr_sales_orders_customers_are_known"),
    ),
    Mutation(
        "lines of one order with different totals due",
        change(ORDERS, "order_total_due = order_total_due + 1", OF_SEVERAL_LINES),
        ("slvr_sales_orders_one_total_due_per_order",),
    ),
    Mutation(
        "an unknown product", change(ORDERS, "product_id = -1"), ("slvr_sales_orders_products_are_known",)
    ),
    Mutation(
        "an online order with a sales person",
        change(ORDERS, "sales_person_id = 1", "sales_channel = 'online'"),
        ("slvr_sales_orders_only_resellers_have_a_sales_person",),
    ),
    Mutation(
        "a reseller's order without a sales person",
        change(ORDERS, "sales_person_id = null", "sales_channel = 'reseller'"),
        ("slvr_sales_orders_only_resellers_have_a_sales_person",),
    ),
    Mutation(
        "a year of two digits", change(ORDERS, "order_year = 13"), ("slvr_sales_orders_year_is_plausible",)
    ),
    Mutation(
        "a month without its zero",
        change(ORDERS, "order_year_month = '2013-7'"),
        ("slvr_sales_orders_year_month_is_written_as_2013_07",),
    ),
    Mutation(
        "shipped before ordered",
        change(ORDERS, "days_to_ship = -1"),
        ("slvr_sales_orders_ship_within_a_year",),
    ),
    Mutation(
        "an unknown channel", change(ORDERS, "sales_channel = 'fax'"), ("slvr_sales_orders_channel_is_known",)
    ),
    Mutation(
        "a channel in capitals",
        change(ORDERS, "sales_channel = 'Online'"),
        ("slvr_sales_orders_channel_is_known",),
    ),
    Mutation(
        "an unknown status",
        change(ORDERS, "order_status_name = 'unknown'"),
        ("slvr_sales_orders_status_is_known",),
    ),
    Mutation(
        "nothing ordered", change(ORDERS, "order_quantity = 0"), ("slvr_sales_orders_quantity_is_positive",)
    ),
    Mutation("no cost", change(ORDERS, "product_cost = null"), ("slvr_sales_orders_have_a_cost",)),
    Mutation(
        "more profit than revenue",
        change(ORDERS, "gross_margin_pct = 100.0001"),
        ("slvr_sales_orders_margin_is_at_most_100",),
    ),
    Mutation(
        "a discount that is not in the line total",
        change(ORDERS, "discount_amount = discount_amount + 1"),
        (
            "slvr_sales_orders_discount_and_line_total_make_the_gross_amount",
            "slvr_sales_orders_discounted_lines_have_an_amount",
        ),
    ),
    Mutation(
        "a profit that is not net less cost",
        change(ORDERS, "gross_profit = gross_profit + 0.0001"),
        ("slvr_sales_orders_profit_is_net_less_cost",),
    ),
    Mutation(
        "a quarter that does not hold the month",
        change(ORDERS, "order_quarter = order_quarter % 4 + 1"),
        ("slvr_sales_orders_quarter_holds_the_month",),
    ),
    Mutation(
        "the weekend on other days",
        change(ORDERS, "is_weekend = not is_weekend"),
        ("slvr_sales_orders_weekends_are_saturday_and_sunday",),
    ),
    Mutation(
        "late, but shipped when due",
        change(ORDERS, "is_shipped_late = true, ship_date = due_date"),
        ("slvr_sales_orders_late_means_shipped_after_due",),
    ),
    Mutation(
        "shipped late and not called so",
        change(ORDERS, "is_shipped_late = false, ship_date = due_date + 1"),
        ("slvr_sales_orders_late_means_shipped_after_due",),
    ),
    Mutation(
        "shipped without a date",
        change(ORDERS, "ship_date = null", "order_status_name = 'shipped'"),
        ("slvr_sales_orders_shipped_orders_have_a_ship_date",),
    ),
    Mutation(
        "an order that costs less than its line",
        change(ORDERS, "order_total_due = net_amount - 1"),
        ("slvr_sales_orders_total_due_covers_the_line",),
    ),
)

SILVER_CUSTOMERS = (
    Mutation(
        "a customer twice",
        add(CUSTOMERS),
        ("slvr_customers_are_unique", "slvr_customers_keeps_every_customer_of_bronze"),
    ),
    Mutation(
        "a customer without an id", change(CUSTOMERS, "customer_id = null"), ("slvr_customers_have_an_id",)
    ),
    Mutation(
        "a customer is lost",
        remove(CUSTOMERS, BOUGHT),
        (
            "slvr_customers_keeps_every_customer_of_bronze",
            "slvr_sales_orders_customers_are_known",
            "gld_sales_summary_new_customers_are_all_customers_with_orders",
            "gld_customer_metrics_keeps_every_customer_of_silver",
        ),
    ),
    Mutation(
        "an unknown type", change(CUSTOMERS, "customer_type = 'robot'"), ("slvr_customers_type_is_known",)
    ),
    Mutation(
        "orders without a first date",
        change(CUSTOMERS, "first_order_date = null", BOUGHT),
        ("slvr_customers_with_orders_have_a_first_one",),
    ),
    Mutation(
        "orders without an average",
        change(CUSTOMERS, "average_order_value = null", BOUGHT),
        (
            "slvr_customers_average_only_with_orders",
            "slvr_customers_average_times_orders_is_the_lifetime_value",
        ),
    ),
    Mutation(
        "an average that is off",
        change(CUSTOMERS, "average_order_value = average_order_value + 0.01", BOUGHT),
        ("slvr_customers_average_times_orders_is_the_lifetime_value",),
    ),
    Mutation(
        "an order in the future",
        change(CUSTOMERS, "days_since_last_order = -1"),
        ("slvr_customers_last_order_is_not_in_the_future",),
    ),
    Mutation(
        "all are most recent",
        f"update {CUSTOMERS} set recency_score = case when customer_id % 9 = 0 then 4 else 5 end"
        " where recency_score is not null",
        ("slvr_customers_recency_scores_are_fifths",),
    ),
    Mutation(
        "nearly all are most frequent",
        f"update {CUSTOMERS} set frequency_score = case when customer_id % 9 = 0 then 4 else 5 end"
        " where frequency_score is not null",
        ("slvr_customers_frequency_scores_are_fifths",),
    ),
    Mutation(
        "nearly all spent most",
        f"update {CUSTOMERS} set monetary_score = case when customer_id % 9 = 0 then 4 else 5 end"
        " where monetary_score is not null",
        ("slvr_customers_monetary_scores_are_fifths",),
    ),
    Mutation(
        "frequency upside down",
        f"update {CUSTOMERS} set frequency_score = 6 - frequency_score",
        ("slvr_customers_frequency_score_grows_with_orders", "slvr_customers_rfm_score_is_made_of_its_parts"),
    ),
    Mutation(
        "recency upside down",
        f"update {CUSTOMERS} set recency_score = 6 - recency_score",
        ("slvr_customers_scores_follow_their_measures",),
    ),
    Mutation(
        "monetary value upside down",
        f"update {CUSTOMERS} set monetary_score = 6 - monetary_score",
        ("slvr_customers_scores_follow_their_measures",),
    ),
    Mutation(
        "a score without orders",
        change(CUSTOMERS, "monetary_score = 1", NEVER),
        ("slvr_customers_scores_only_with_orders",),
    ),
    Mutation(
        "an unknown segment",
        change(CUSTOMERS, "rfm_segment = 'Champions'"),
        ("slvr_customers_segment_is_known",),
    ),
    Mutation(
        "an unknown tier", change(CUSTOMERS, "value_tier = 'gold'"), ("slvr_customers_value_tier_is_known",)
    ),
    Mutation(
        "more value than in the orders",
        change(CUSTOMERS, "lifetime_value = lifetime_value + 1"),
        ("slvr_customers_lifetime_values_equal_the_orders",),
    ),
    Mutation(
        "the first order after the last",
        change(CUSTOMERS, "first_order_date = last_order_date + 1", BOUGHT),
        ("slvr_customers_first_order_is_not_after_the_last",),
    ),
    Mutation(
        "units without orders",
        change(CUSTOMERS, "total_quantity = 1", NEVER),
        ("slvr_customers_without_orders_have_no_value",),
    ),
)

SILVER_PRODUCTS = (
    Mutation(
        "a product twice",
        add(PRODUCTS),
        ("slvr_products_are_unique", "slvr_products_keeps_every_product_of_bronze"),
    ),
    Mutation("a product without an id", change(PRODUCTS, "product_id = null"), ("slvr_products_have_an_id",)),
    Mutation(
        "a product is lost",
        remove(PRODUCTS, BOUGHT),
        (
            "slvr_products_keeps_every_product_of_bronze",
            "slvr_sales_orders_products_are_known",
            "gld_product_performance_keeps_every_product_of_silver",
        ),
    ),
    Mutation(
        "more profit than revenue",
        change(PRODUCTS, "gross_margin_pct = 101"),
        ("slvr_products_margin_is_at_most_100",),
    ),
    Mutation(
        "sold without a price",
        change(PRODUCTS, "average_selling_price = null", BOUGHT),
        ("slvr_products_average_price_only_when_sold",),
    ),
    Mutation(
        "a sale in the future",
        change(PRODUCTS, "days_since_last_sale = -1"),
        ("slvr_products_last_sale_is_not_in_the_future",),
    ),
    Mutation(
        "two first ranks",
        change(PRODUCTS, "revenue_rank = 1", "revenue_rank = 2"),
        ("slvr_products_ranks_have_no_gaps",),
    ),
    Mutation(
        "a rank without a sale",
        change(PRODUCTS, "revenue_rank = 0", NEVER),
        ("slvr_products_ranked_only_when_sold",),
    ),
    Mutation(
        "an unknown tier", change(PRODUCTS, "performance_tier = 'Top'"), ("slvr_products_tier_is_known",)
    ),
    Mutation(
        "half of the products at the top",
        f"update {PRODUCTS} set performance_tier = 'top' where performance_tier = 'strong'",
        ("slvr_products_tiers_are_quarters",),
    ),
    Mutation(
        "revenue that no order has",
        change(PRODUCTS, "total_revenue = total_revenue + 1"),
        ("slvr_products_revenue_equals_the_orders", "slvr_products_profit_is_revenue_less_cost"),
    ),
    Mutation(
        "cost that no order has",
        change(PRODUCTS, "total_cost = total_cost + 1"),
        ("slvr_products_cost_equals_the_orders", "slvr_products_profit_is_revenue_less_cost"),
    ),
)

GOLD_SUMMARY = (
    Mutation(
        "a day twice",
        add(SUMMARY),
        (
            "gld_sales_summary_days_are_unique",
            "gld_sales_summary_revenue_equals_silver",
            "gld_sales_summary_lines_equal_silver",
            "gld_sales_summary_orders_equal_the_customers_orders",
            "gld_sales_summary_orders_to_date_differ_every_day",
        ),
    ),
    Mutation(
        "a day without a date", change(SUMMARY, "order_date = null"), ("gld_sales_summary_days_have_a_date",)
    ),
    Mutation(
        "a day is lost",
        remove(SUMMARY),
        ("gld_sales_summary_revenue_equals_the_source", "gld_sales_summary_revenue_equals_silver"),
    ),
    Mutation(
        "a day without orders",
        change(SUMMARY, "total_orders = 0"),
        ("gld_sales_summary_every_day_has_orders",),
    ),
    Mutation(
        "one order too many",
        change(SUMMARY, "total_orders = total_orders + 1"),
        (
            "gld_sales_summary_orders_equal_the_customers_orders",
            "gld_sales_summary_channels_make_all_orders",
            "gld_sales_summary_revenue_equals_the_source",
        ),
    ),
    Mutation(
        "the month to date falls",
        change(SUMMARY, "revenue_mtd = 0", A_DAY_LATER_IN_ITS_MONTH),
        ("gld_sales_summary_month_to_date_only_grows",),
    ),
    Mutation(
        "the year to date falls",
        change(SUMMARY, "revenue_ytd = 0", A_DAY_LATER_IN_ITS_YEAR),
        ("gld_sales_summary_year_to_date_only_grows",),
    ),
    Mutation(
        "revenue from nowhere",
        change(SUMMARY, "net_revenue = net_revenue + 1"),
        (
            "gld_sales_summary_revenue_equals_silver",
            "gld_sales_summary_revenue_equals_the_source",
            "gld_sales_summary_channels_make_all_revenue",
            "gld_sales_summary_profit_is_revenue_less_cost",
            "gld_sales_summary_discount_and_revenue_make_the_gross_revenue",
            "gld_product_performance_revenue_equals_the_days",
        ),
    ),
    Mutation(
        "one line too many",
        change(SUMMARY, "total_line_items = total_line_items + 1"),
        ("gld_sales_summary_lines_equal_silver",),
    ),
    Mutation(
        "one new customer too many",
        change(SUMMARY, "new_customers = new_customers + 1"),
        (
            "gld_sales_summary_new_customers_are_all_customers_with_orders",
            "gld_sales_summary_never_more_customers_than_orders",
        ),
    ),
    Mutation(
        "orders to date stand still",
        f"update {SUMMARY} set orders_ytd = 1",
        ("gld_sales_summary_orders_to_date_differ_every_day",),
    ),
    Mutation(
        "an online order too many",
        change(SUMMARY, "online_orders = online_orders + 1"),
        ("gld_sales_summary_channels_make_all_orders",),
    ),
    Mutation(
        "profit from nowhere",
        change(SUMMARY, "gross_profit = gross_profit + 1"),
        ("gld_sales_summary_profit_is_revenue_less_cost", "gld_customer_metrics_profit_equals_the_days"),
    ),
    Mutation(
        "more customers than orders",
        change(SUMMARY, "total_customers = total_orders + 1"),
        ("gld_sales_summary_never_more_customers_than_orders",),
    ),
    Mutation(
        "one unit too many",
        change(SUMMARY, "total_quantity = total_quantity + 1"),
        ("gld_sales_summary_quantity_equals_silver_day_by_day",),
    ),
    Mutation(
        "a prior year that was not",
        change(SUMMARY, "revenue_prior_year = 1", "revenue_prior_year is null"),
        ("gld_sales_summary_prior_year_is_the_day_a_year_before",),
    ),
    Mutation(
        "a prior year that is forgotten",
        change(SUMMARY, "revenue_prior_year = null", "revenue_prior_year is not null"),
        ("gld_sales_summary_prior_year_is_the_day_a_year_before",),
    ),
)

GOLD_CUSTOMERS = (
    Mutation(
        "a customer twice",
        add(METRICS),
        ("gld_customer_metrics_are_unique", "gld_customer_metrics_keeps_every_customer_of_silver"),
    ),
    Mutation(
        "a customer without an id",
        change(METRICS, "customer_id = null"),
        ("gld_customer_metrics_have_an_id",),
    ),
    Mutation(
        "orders without a favourite",
        change(METRICS, "favourite_category = null", BOUGHT),
        ("gld_customer_metrics_favourite_only_with_orders",),
    ),
    Mutation(
        "an unknown risk",
        change(METRICS, "churn_risk = 'asleep'"),
        ("gld_customer_metrics_churn_risk_is_known",),
    ),
    Mutation(
        "two first ranks",
        change(METRICS, "revenue_rank = 1", "revenue_rank = 2"),
        ("gld_customer_metrics_ranks_have_no_gaps",),
    ),
    Mutation(
        "more than 100 percent",
        change(METRICS, "revenue_share_pct = revenue_share_pct + 1", BOUGHT),
        ("gld_customer_metrics_shares_make_100",),
    ),
    Mutation(
        "the second share above the first",
        change(METRICS, "revenue_share_pct = 99", "revenue_rank = 2"),
        ("gld_customer_metrics_share_falls_with_the_rank",),
    ),
    Mutation(
        "the running share falls",
        change(METRICS, "cumulative_revenue_share_pct = 0", "revenue_rank = 2"),
        ("gld_customer_metrics_cumulative_share_grows_with_the_rank",),
    ),
    Mutation(
        "the running share ends below 100",
        change(
            METRICS,
            "cumulative_revenue_share_pct = 99",
            f"revenue_rank = (select max(revenue_rank) from {METRICS})",
        ),
        ("gld_customer_metrics_last_rank_holds_the_whole_revenue",),
    ),
    Mutation(
        "profit from nowhere",
        change(METRICS, "gross_profit = gross_profit + 1"),
        ("gld_customer_metrics_profit_equals_the_days",),
    ),
    Mutation(
        "value from nowhere",
        change(METRICS, "lifetime_value = lifetime_value + 1"),
        ("gld_customer_metrics_value_equals_the_lines_of_each_customer",),
    ),
    Mutation(
        "value for the wrong customers",
        f"update {METRICS} set lifetime_value = (select lifetime_value from {METRICS} where revenue_rank = 1)"
        " where revenue_rank = 2",
        ("gld_customer_metrics_value_equals_the_lines_of_each_customer",),
    ),
    Mutation(
        "an order too many",
        change(METRICS, "reseller_orders = reseller_orders + 1"),
        ("gld_customer_metrics_channels_make_all_orders",),
    ),
    Mutation(
        "a prospect who ordered",
        change(METRICS, "churn_risk = 'prospect'", BOUGHT),
        ("gld_customer_metrics_prospects_are_those_without_orders",),
    ),
)

GOLD_PRODUCTS = (
    Mutation(
        "a product twice",
        add(PERFORMANCE),
        ("gld_product_performance_are_unique", "gld_product_performance_keeps_every_product_of_silver"),
    ),
    Mutation(
        "a product without an id",
        change(PERFORMANCE, "product_id = null"),
        ("gld_product_performance_have_an_id",),
    ),
    Mutation(
        "two first ranks",
        change(PERFORMANCE, "revenue_rank = 1", "revenue_rank = 2"),
        ("gld_product_performance_ranks_have_no_gaps",),
    ),
    Mutation(
        "a gap in the ranks of a category",
        change(PERFORMANCE, "revenue_rank_in_category = 99", "revenue_rank_in_category = 1"),
        ("gld_product_performance_category_ranks_have_no_gaps",),
    ),
    Mutation(
        "more than 100 percent",
        change(PERFORMANCE, "revenue_share_pct = revenue_share_pct + 1", BOUGHT),
        ("gld_product_performance_shares_make_100",),
    ),
    Mutation(
        "a category of more than 100 percent",
        change(PERFORMANCE, "category_revenue_share_pct = category_revenue_share_pct + 1", BOUGHT),
        ("gld_product_performance_category_shares_make_100",),
    ),
    Mutation(
        "an unknown class",
        change(PERFORMANCE, "abc_class = 'A'"),
        ("gld_product_performance_abc_class_is_known",),
    ),
    Mutation(
        "the best product in the last class",
        change(PERFORMANCE, "abc_class = 'c'", "revenue_rank = 1"),
        ("gld_product_performance_classes_follow_the_rank",),
    ),
    Mutation(
        "growth is forgotten",
        change(PERFORMANCE, "revenue_growth_pct = null", "revenue_prior_12m <> 0"),
        ("gld_product_performance_growth_only_on_prior_revenue",),
    ),
    Mutation(
        "revenue from nowhere",
        change(PERFORMANCE, "total_revenue = total_revenue + 1"),
        (
            "gld_product_performance_revenue_equals_the_days",
            "gld_product_performance_revenue_equals_the_lines_of_each_product",
        ),
    ),
    Mutation(
        "sold and without a class",
        change(PERFORMANCE, "abc_class = 'none'", BOUGHT),
        ("gld_product_performance_only_sold_products_have_a_class",),
    ),
    Mutation(
        "more in two years than ever",
        change(PERFORMANCE, "revenue_prior_12m = total_revenue + 1"),
        ("gld_product_performance_periods_are_part_of_the_revenue",),
    ),
    Mutation(
        "recent revenue without a recent sale",
        change(PERFORMANCE, "revenue_last_12m = 1", "days_since_last_sale >= 365"),
        ("gld_product_performance_no_recent_revenue_without_recent_sales",),
    ),
)

MUTATIONS = (
    *SOURCES,
    *BRONZE,
    *SILVER_ORDERS,
    *SILVER_CUSTOMERS,
    *SILVER_PRODUCTS,
    *GOLD_SUMMARY,
    *GOLD_CUSTOMERS,
    *GOLD_PRODUCTS,
)
