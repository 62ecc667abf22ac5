"""What a company's country decides: its money and, outside the US, its tax codes (invented ids, true rates)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ..schema import plain
from ..store import Body

HOME_CURRENCY = {"US": "USD", "CA": "CAD", "GB": "GBP"}
ZONES = {"US": "America/Los_Angeles", "CA": "America/Toronto", "GB": "Europe/London"}
# (id, name, percents of its rates); codes of several rates are what Canada's provinces have.
TAX_CODES: dict[str, tuple[tuple[int, str, tuple[str, ...]], ...]] = {
    "CA": (
        (2, "HST ON", ("13",)),
        (3, "GST", ("5",)),
        (4, "GST/PST BC", ("5", "7")),
        (5, "GST/QST QC", ("5", "9.975")),
        (6, "Zero-rated", ("0",)),
        (7, "Exempt", ()),
    ),
    "GB": (
        (2, "20.0% S", ("20",)),
        (3, "5.0% R", ("5",)),
        (4, "0.0% Z", ("0",)),
        (5, "Exempt", ("0",)),
        (6, "No VAT", ()),
    ),
}


def put_taxes(put: Any, country: str) -> None:
    """Every code has rates of its own, numbered on."""
    rate_id = 0
    for id, name, percents in TAX_CODES[country]:
        details = []
        for order, percent in enumerate(percents):
            rate_id += 1
            title = name if len(percents) == 1 else f"{name} {order + 1}"
            put("TaxRate", rate_id, _rate(title, percent))
            details.append({"TaxRateRef": {"value": str(rate_id)}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0})
        body = {"Name": name, "Description": name, "Active": True, "Hidden": False, "Taxable": bool(percents)}
        lists = {"SalesTaxRateList": {"TaxRateDetail": details}, "PurchaseTaxRateList": {"TaxRateDetail": []}}
        put("TaxCode", id, {**body, "TaxGroup": True, **lists})


def _rate(name: str, percent: str) -> Body:
    rate = {"Name": name, "Description": name, "Active": True, "RateValue": plain(Decimal(percent))}
    return {**rate, "SpecialTaxType": "NONE", "DisplayType": "ReadOnly"}
