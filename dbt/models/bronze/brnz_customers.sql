with customers as (

    select
        customer.CustomerID as customer_id,
        customer.PersonID as person_id,
        customer.StoreID as store_id,
        customer.TerritoryID as territory_id,
        {{ clean_text('customer.AccountNumber', 10) }} as account_number,
        {{ clean_text('person.PersonType', 2) }} as person_type,
        {{ clean_text('person.Title', 8) }} as title,
        {{ clean_text('person.FirstName', 50) }} as first_name,
        {{ clean_text('person.MiddleName', 50) }} as middle_name,
        {{ clean_text('person.LastName', 50) }} as last_name,
        {{ clean_text('person.Suffix', 10) }} as suffix,
        person.EmailPromotion as email_promotion,
        cast({{ later_of('person.ModifiedDate', 'customer.ModifiedDate') }} as datetime) as modified_at
    from {{ source('sales', 'Customer') }} as customer
    left join {{ source('person', 'Person') }} as person
        on customer.PersonID = person.BusinessEntityID

)

select
    customer_id,
    person_id,
    store_id,
    territory_id,
    account_number,
    cast(
        case
            when store_id is null then N'individual'
            when person_id is null then N'store'
            else N'store_contact'
        end as nvarchar(15)
    ) as customer_type,
    person_type,
    title,
    first_name,
    middle_name,
    last_name,
    suffix,
    -- Skips the parts that are missing; what is left of a customer without a person is empty.
    cast(
        nullif(concat_ws(N' ', title, first_name, middle_name, last_name, suffix), N'') as nvarchar(172)
    ) as full_name,
    email_promotion,
    modified_at
from customers
where
    person_id is not null
    or store_id is not null
