"""How many of everything a scale means, and which ids they have."""

from __future__ import annotations

from dataclasses import dataclass

from dataops_cli.errors import UsageError

ORDERS, LINES = 31_465, 121_317
FIRST_ORDER = 43_659
EMPLOYEES, SALES_PEOPLE, VENDOR_CONTACTS = 273, 17, 156
# Ids below are those of employees and sales people.
FIRST_ENTITY = EMPLOYEES + SALES_PEOPLE + 1

_INDIVIDUALS, _STORES, _STORE_PEOPLE, _STORE_CUSTOMERS, _GENERAL_CONTACTS = 18_484, 701, 753, 635, 289
_FIRST_INDIVIDUAL = 11_000
_LARGEST_SCALE = 1000


@dataclass(frozen=True)
class Sizes:
    """Counts, and the first id of each block of ids."""

    orders: int
    lines: int
    individuals: int
    stores: int
    """Customers that are a store without a person."""
    store_people: int
    store_customers: int
    """Customers that are a store's person; they place the reseller orders."""
    general_contacts: int

    @classmethod
    def at(cls, scale: float) -> Sizes:
        """Raises UsageError for a scale that is not above 0 and at most 1000."""
        # Written so that NaN is refused too.
        if not 0 < scale <= _LARGEST_SCALE:
            raise UsageError(
                f"The scale must be above 0 and at most {_LARGEST_SCALE}, not {scale:g}",
                hint="1 is the size of AdventureWorks: 31,465 orders with 121,317 lines.",
            )
        orders = _scaled(ORDERS, scale)
        customers = _scaled(_STORE_CUSTOMERS, scale)
        return cls(
            orders=orders,
            lines=max(orders, _scaled(LINES, scale)),
            individuals=_scaled(_INDIVIDUALS, scale),
            stores=_scaled(_STORES, scale),
            store_people=max(customers, _scaled(_STORE_PEOPLE, scale)),
            store_customers=customers,
            general_contacts=_scaled(_GENERAL_CONTACTS, scale),
        )

    @property
    def first_individual(self) -> int:
        """The customer id of the first individual; stores come before."""
        return max(_FIRST_INDIVIDUAL, self.stores + 1)

    @property
    def first_store_customer(self) -> int:
        return self.first_individual + self.individuals

    @property
    def first_vendor_contact(self) -> int:
        """After the stores and their people, who take turns: a person has an odd id, the store the next."""
        return FIRST_ENTITY + 2 * max(self.store_people, self.stores)

    @property
    def first_general_contact(self) -> int:
        return self.first_vendor_contact + VENDOR_CONTACTS

    @property
    def first_individual_person(self) -> int:
        return self.first_general_contact + self.general_contacts


def _scaled(count: int, scale: float) -> int:
    return max(1, int(count * scale + 0.5))
