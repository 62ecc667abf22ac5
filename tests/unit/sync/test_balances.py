"""Two books held against each other: every cent of a difference is made up by the records that are named."""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from qbsync.engine.balances import COMPARED, OWED, Amounts, Books, Debtor, Document
from qbsync.engine.comparison import compare
from tests.unit.sync.examples import quick

CENTS = st.integers(0, 10**6).map(lambda cents: Decimal(cents) / 100)
CUSTOMERS = ("1", "2", "3")


@st.composite
def books(draw: st.DrawFn, kinds: tuple[str, ...]) -> Books:
    """Any books: documents of three customers, balances that may or may not be what the documents add up to."""
    documents = {}
    for kind in kinds:
        for id in draw(st.sets(st.sampled_from(["1", "2", "3", "4", "5"]))):
            customer = draw(st.sampled_from(CUSTOMERS))
            documents[kind, id] = Document(
                kind=kind, id=id, customer=customer, label=id, currency="USD", total=draw(CENTS), open=draw(CENTS)
            )
    owed = defaultdict(Decimal)
    for document in documents.values():
        owed[document.customer] += OWED[document.kind] * document.open
    debtors = {
        id: Debtor(
            id=id, name=id, currency="USD", balance=owed[id] + draw(st.sampled_from([Decimal(0), Decimal("7.01")]))
        )
        for id in CUSTOMERS
    }
    return Books(debtors=debtors, documents=documents)


OURS, THEIRS = books(COMPARED), books((*COMPARED, "credit_memo"))
LINKS = st.dictionaries(
    st.tuples(st.sampled_from(["customer", *COMPARED]), st.sampled_from("12345")), st.sampled_from("12345"), max_size=12
).map(lambda links: {place: id for place, id in links.items() if list(links.values()).count(id) == 1})


@quick
@given(ours=OURS, theirs=THEIRS, pairs=LINKS)
def test_the_differences_of_a_customer_add_up_to_the_difference_of_its_balance(ours, theirs, pairs) -> None:
    found = compare(ours, theirs, pairs)
    effects = defaultdict(Decimal)
    for difference in found.differences:
        effects[difference.customer] += difference.effect
    for key, customer in found.customers.items():
        assert customer.quickbooks - customer.batchly == effects[key]
    assert sum(effects.values()) == sum(d.balance for d in theirs.debtors.values()) - sum(
        d.balance for d in ours.debtors.values()
    )


@quick
@given(ours=OURS, theirs=THEIRS, pairs=LINKS)
def test_the_differences_of_a_kind_add_up_to_the_difference_of_count_total_and_open(ours, theirs, pairs) -> None:
    found = compare(ours, theirs, pairs)
    for kind in COMPARED:
        by_customer = defaultdict(Amounts)
        for difference in found.differences:
            if difference.entity == kind:
                by_customer[difference.customer] += difference.quickbooks - difference.batchly
        for key, customer in found.customers.items():
            position = customer.positions[kind]
            assert position.quickbooks - position.batchly == by_customer[key]
        company = found.positions.get((kind, "USD"))
        if company is not None:
            assert company.quickbooks - company.batchly == sum(by_customer.values(), Amounts())


@quick
@given(theirs=books(COMPARED))
def test_equal_books_tie(theirs: Books) -> None:
    """Whatever ids the other side uses, if all of it is linked and each balance is the sum of its documents."""
    mine = {
        (kind, f"our {id}"): replace(document, id=f"our {id}", customer=f"our {document.customer}")
        for (kind, id), document in theirs.documents.items()
    }
    owed = defaultdict(Decimal)
    for document in theirs.documents.values():
        owed[document.customer] += OWED[document.kind] * document.open
    theirs = replace(theirs, debtors={id: replace(d, balance=owed[id]) for id, d in theirs.debtors.items()})
    debtors = {f"our {id}": replace(debtor, id=f"our {id}") for id, debtor in theirs.debtors.items()}
    pairs = {place: f"our {place[1]}" for place in [*theirs.documents, *(("customer", id) for id in theirs.debtors)]}
    found = compare(Books(debtors=debtors, documents=mine), theirs, pairs)
    assert found.differences == ()
    assert found.tied


@quick
@given(ours=OURS, theirs=THEIRS, pairs=LINKS)
def test_what_batchly_keeps_ties_only_if_no_document_differs(ours, theirs, pairs) -> None:
    found = compare(ours, theirs, pairs)
    if found.tied:
        assert all(position.batchly == position.quickbooks for position in found.positions.values())


def invoice(**changes) -> Document:
    return replace(
        Document(
            kind="invoice", id="1", customer="1", label="Invoice 1", currency="USD", total=Decimal(9), open=Decimal(9)
        ),
        **changes,
    )


def side(*documents: Document) -> Books:
    return Books(debtors={}, documents={(document.kind, document.id): document for document in documents})


def kinds(ours: Books, theirs: Books) -> list[str]:
    found = compare(ours, theirs, {("invoice", "1"): "1", ("customer", "1"): "1", ("customer", "2"): "2"})
    return [difference.kind for difference in found.differences if difference.entity != "customer"]


def test_each_way_to_differ_has_its_name() -> None:
    assert kinds(side(invoice()), side()) == ["only_in_batchly"]
    assert kinds(side(), side(invoice())) == ["only_in_quickbooks"]
    assert kinds(side(invoice()), side(invoice(open=Decimal(8)))) == ["different"]
    assert kinds(side(invoice()), side(invoice(total=Decimal("9.01")))) == ["different"]
    assert kinds(side(invoice()), side(invoice(customer="2"))) == ["other_customer"] * 2
    assert kinds(side(invoice()), side(invoice(currency="EUR"))) == ["different"] * 2
    assert kinds(side(), side(invoice(kind="credit_memo"))) == ["not_kept"]
    assert kinds(side(), side(invoice(kind="credit_memo", open=Decimal(0)))) == []
