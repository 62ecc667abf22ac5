"""Sales tax outside the US: a tax code on every line, prices with or without it (F3.8.6).

TaxExcluded: each rate is taken once from the sum of its lines. TaxInclusive: the tax is taken out of each line and
rounded there; Amount becomes the net, TaxInclusiveAmt keeps the gross. NotApplicable: no tax at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from .. import errors, refusals
from ..schema import money, shown
from ..store import Body, Company, Record
from . import bundles
from .rules import resolve

HUNDRED = Decimal(100)
Taxed = tuple[Decimal, Record]  # net amount and the tax code of one line


def calculate(books: Company, body: Body, sent: Body | None) -> None:
    """Sets GlobalTaxCalculation, TxnTaxDetail and, where prices include tax, the lines."""
    mode = body.setdefault("GlobalTaxCalculation", "TaxExcluded")
    if mode == "NotApplicable":
        if sent and (sent.get("TotalTax") or sent.get("TaxLine")):
            raise refusals.tax_detail_not_allowed()
        body["Line"] = [_without_gross(line) for line in body["Line"]]
        body["TxnTaxDetail"] = {"TotalTax": 0}
    elif mode == "TaxInclusive":
        _inclusive(books, body)
    else:
        body["Line"] = [_without_gross(line) for line in body["Line"]]
        _excluded(books, body)


def _excluded(books: Company, body: Body) -> None:
    taxed = [(Decimal(line["Amount"]), _code(books, line)) for line in _items(body)]
    total = sum((amount for amount, _ in taxed), Decimal(0))
    discount = sum((Decimal(line["Amount"]) for line in body["Line"] if "DiscountLineDetail" in line), Decimal(0))
    share = (total - discount) / total if total else Decimal(1)  # a discount lowers every line's tax alike
    bases = _bases(books, ((amount * share, code) for amount, code in taxed))
    lines = [tax_line(rate, base, base * _percent(rate)) for rate, base in bases]
    body["TxnTaxDetail"] = _summed(lines)


def _inclusive(books: Company, body: Body) -> None:
    if any("DiscountLineDetail" in line or bundles.GROUP in line for line in body["Line"]):
        raise errors.NotEmulated("Discounts and bundles on prices that include tax are not emulated.")
    taxes: dict[str, tuple[Record, Decimal, Decimal]] = {}  # rate id -> rate, net, tax
    lines, nets = [], Decimal(0)
    for line in body["Line"]:
        if "SalesItemLineDetail" in line:
            line, net = _split(books, line, taxes)
            nets += net
        lines.append(line)
    body["Line"] = [{**line, "Amount": shown(nets)} if "SubTotalLineDetail" in line else line for line in lines]
    body["TxnTaxDetail"] = _summed([tax_line(rate, net, tax) for rate, net, tax in taxes.values()])


def _split(books: Company, line: Body, taxes: dict[str, tuple[Record, Decimal, Decimal]]) -> tuple[Body, Decimal]:
    """One line into net and tax, rounded here; the last rate takes what rounding left over."""
    detail = line["SalesItemLineDetail"]
    gross = Decimal(detail.get("TaxInclusiveAmt", line["Amount"]))
    found = _rate_records(books, _code(books, line))
    net = money(gross / (1 + sum((_percent(rate) for rate in found), Decimal(0))))
    left = gross - net
    for number, rate in enumerate(found, 1):
        tax = left if number == len(found) else money(net * _percent(rate))
        left -= tax
        _, before_net, before_tax = taxes.get(rate.id, (rate, Decimal(0), Decimal(0)))
        taxes[rate.id] = (rate, before_net + net, before_tax + tax)
    return {**line, "Amount": shown(net), "SalesItemLineDetail": {**detail, "TaxInclusiveAmt": shown(gross)}}, net


def _bases(books: Company, taxed: Iterable[Taxed]) -> list[tuple[Record, Decimal]]:
    """What each rate is taken from."""
    bases: dict[str, tuple[Record, Decimal]] = {}
    for amount, code in taxed:
        for rate in _rate_records(books, code):
            bases[rate.id] = (rate, bases.get(rate.id, (rate, Decimal(0)))[1] + amount)
    return list(bases.values())


def _items(body: Body) -> list[Body]:
    return [line for line in bundles.leaves(body["Line"]) if "SalesItemLineDetail" in line]


def _code(books: Company, line: Body) -> Record:
    ref = line["SalesItemLineDetail"].get("TaxCodeRef")
    if ref is None:
        raise refusals.business("Make sure all your transactions have a tax rate before you save.")
    return resolve(books, ref, "TaxCode")


def _without_gross(line: Body) -> Body:
    """A price that no longer includes tax is its net amount."""
    detail = line.get("SalesItemLineDetail")
    if not detail or "TaxInclusiveAmt" not in detail:
        return line
    return {**line, "SalesItemLineDetail": {name: each for name, each in detail.items() if name != "TaxInclusiveAmt"}}


def rates(code: Record) -> list[Body]:
    return list(code.body.get("SalesTaxRateList", {}).get("TaxRateDetail", []))


def _rate_records(books: Company, code: Record) -> list[Record]:
    return [resolve(books, detail["TaxRateRef"], "TaxRate") for detail in rates(code)]


def _percent(rate: Record) -> Decimal:
    return Decimal(rate.body["RateValue"]) / HUNDRED


def tax_line(rate: Record, base: Decimal, tax: Decimal) -> Body:
    return {
        "Amount": shown(tax),
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": rate.id},
            "PercentBased": True,
            "TaxPercent": rate.body["RateValue"],
            "NetAmountTaxable": shown(base),
        },
    }


def _summed(lines: list[Body]) -> Body:
    return {"TotalTax": shown(sum((Decimal(line["Amount"]) for line in lines), Decimal(0))), "TaxLine": lines}
