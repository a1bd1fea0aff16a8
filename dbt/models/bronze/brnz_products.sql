select
    product.ProductID as product_id,
    {{ clean_text('product.ProductNumber', 25) }} as product_number,
    {{ clean_text('product.Name', 50) }} as product_name,
    category.ProductCategoryID as category_id,
    {{ clean_text('category.Name', 50) }} as category_name,
    subcategory.ProductSubcategoryID as subcategory_id,
    {{ clean_text('subcategory.Name', 50) }} as subcategory_name,
    {{ clean_text('product.Color', 15) }} as color,
    {{ clean_text('product.Size', 5) }} as size,
    {{ clean_text('product.ProductLine', 2) }} as product_line,
    {{ clean_text('product.Class', 2) }} as product_class,
    {{ clean_text('product.Style', 2) }} as product_style,
    cast(product.StandardCost as decimal(19, 4)) as standard_cost,
    cast(product.ListPrice as decimal(19, 4)) as list_price,
    cast(product.MakeFlag as {{ dbt.type_boolean() }}) as is_manufactured,
    cast(product.FinishedGoodsFlag as {{ dbt.type_boolean() }}) as is_finished_good,
    product.DaysToManufacture as days_to_manufacture,
    cast(product.SellStartDate as date) as sell_start_date,
    cast(product.SellEndDate as date) as sell_end_date,
    cast(product.DiscontinuedDate as date) as discontinued_date,
    {{ flag('product.SellEndDate is null and product.DiscontinuedDate is null') }} as is_currently_sold,
    cast(product.ModifiedDate as datetime) as modified_at
from {{ source('production', 'Product') }} as product
left join {{ source('production', 'ProductSubcategory') }} as subcategory
    on product.ProductSubcategoryID = subcategory.ProductSubcategoryID
left join {{ source('production', 'ProductCategory') }} as category
    on subcategory.ProductCategoryID = category.ProductCategoryID
