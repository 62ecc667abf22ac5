"""Payments and what they do to invoices, credit memos and customers."""

from __future__ import annotations

from .conftest import Books, line


def test_a_payment_closes_the_invoice_and_raises_its_token(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    books.later()
    payment = books.pay(customer, 100, (invoice, 100))
    paid = books.read("Invoice", invoice["Id"])
    assert (paid["Balance"], paid["SyncToken"]) == (0, "1")
    assert paid["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": "Payment"}]
    assert paid["MetaData"]["LastUpdatedTime"] == payment["MetaData"]["LastUpdatedTime"]
    touched = books.read("Customer", customer["Id"])
    assert (touched["Balance"], touched["SyncToken"]) == (0, "0")


def test_an_unapplied_payment_has_the_recorded_defaults(books: Books) -> None:
    customer = books.customer()
    payment = books.pay(customer, 65)
    assert (payment["UnappliedAmt"], payment["Line"], payment["ProcessPayment"]) == (65, [], False)
    assert (payment["DepositToAccountRef"], payment["TxnDate"]) == ({"value": "4"}, "2026-03-10")
    assert books.read("Customer", customer["Id"])["Balance"] == -65


def test_one_payment_settles_several_invoices_and_keeps_the_rest(books: Books) -> None:
    customer = books.customer()
    first, second = books.invoice(customer, 60), books.invoice(customer, 40)
    payment = books.pay(customer, 120, (first, 60), (second, 40))
    assert payment["UnappliedAmt"] == 20
    assert books.read("Customer", customer["Id"])["Balance"] == -20


def test_an_overpaid_line_is_cut_to_what_is_open(books: Books) -> None:
    customer = books.customer()
    payment = books.pay(customer, 30, (books.invoice(customer, 5), 30))
    assert (payment["Line"][0]["Amount"], payment["UnappliedAmt"]) == (5, 25)


def test_lines_above_the_total_are_refused_and_leave_nothing_behind(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    link = [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]
    body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 50, "Line": [{"Amount": 60, "LinkedTxn": link}]}
    assert books.code("POST", "/payment", body) == "6000"
    assert books.read("Invoice", invoice["Id"]) == invoice


def test_each_payment_line_tells_the_balance_before_it(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer, 459)
    payment = books.pay(customer, 220, (invoice, 220))
    values = {each["value"]["Name"]: each["value"]["Value"] for each in payment["Line"][0]["LineEx"]["any"]}
    assert values == {"txnId": invoice["Id"], "txnOpenBalance": "459.00", "txnReferenceNumber": "1001"}
    books.pay(customer, 100, (invoice, 100))
    shown = books.read("Payment", payment["Id"])["Line"][0]["LineEx"]["any"][1]["value"]["Value"]
    assert shown == "359.00"


def test_deleting_a_payment_opens_the_invoice_again(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    for token in ("2", "4"):
        payment = books.pay(customer, 100, (invoice, 100))
        key = {"Id": payment["Id"], "SyncToken": "0"}
        assert books.call("POST", "/payment", key, operation="delete").status == 200
        again = books.read("Invoice", invoice["Id"])
        assert (again["Balance"], again["LinkedTxn"], again["SyncToken"]) == (100, [], token)


def test_voiding_a_payment_keeps_it_with_zeros(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    payment = books.pay(customer, 100, (invoice, 100))
    key = {"Id": payment["Id"], "SyncToken": "0", "sparse": True}
    voided = books.save("Payment", key, operation="update", include="void")
    assert (voided["TotalAmt"], voided["UnappliedAmt"], voided["Line"]) == (0, 0, [])
    assert (voided["PrivateNote"], voided["SyncToken"]) == ("Voided", "1")
    assert books.read("Invoice", invoice["Id"])["Balance"] == 100
    assert books.read("Customer", customer["Id"])["Balance"] == 100


def test_moving_a_payment_to_another_invoice_updates_both(books: Books) -> None:
    customer = books.customer()
    first, second = books.invoice(customer), books.invoice(customer)
    payment = books.pay(customer, 100, (first, 100))
    link = [{"TxnId": second["Id"], "TxnType": "Invoice"}]
    books.edit("Payment", payment, Line=[{"Amount": 100, "LinkedTxn": link}])
    assert books.read("Invoice", first["Id"])["Balance"] == 100
    assert books.read("Invoice", second["Id"])["Balance"] == 0


def test_a_note_on_a_payment_does_not_touch_the_invoice(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    payment = books.pay(customer, 100, (invoice, 100))
    before = books.read("Invoice", invoice["Id"])
    books.later()
    assert books.edit("Payment", payment, PrivateNote="n")["SyncToken"] == "1"
    assert books.read("Invoice", invoice["Id"]) == before


def test_a_full_update_without_lines_unapplies(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    payment = books.pay(customer, 100, (invoice, 100))
    body = {"Id": payment["Id"], "SyncToken": "0", "CustomerRef": {"value": customer["Id"]}, "TotalAmt": 100}
    assert books.save("Payment", body)["UnappliedAmt"] == 100
    assert books.read("Invoice", invoice["Id"])["Balance"] == 100


def test_a_credit_memo_is_applied_by_a_payment_of_nothing(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    memo = books.save("CreditMemo", {"CustomerRef": {"value": customer["Id"]}, "Line": [line(30)]})
    assert (memo["RemainingCredit"], books.read("Customer", customer["Id"])["Balance"]) == (30, 70)
    links = [(invoice["Id"], "Invoice"), (memo["Id"], "CreditMemo")]
    lines = [{"Amount": 30, "LinkedTxn": [{"TxnId": id, "TxnType": kind}]} for id, kind in links]
    payment = books.save("Payment", {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 0, "Line": lines})
    assert payment["UnappliedAmt"] == 0
    assert "DepositToAccountRef" not in payment
    used, open_invoice = books.read("CreditMemo", memo["Id"]), books.read("Invoice", invoice["Id"])
    assert (used["RemainingCredit"], used["TotalAmt"], open_invoice["Balance"]) == (0, 30, 70)
    assert books.read("Customer", customer["Id"])["Balance"] == 70


def test_a_voided_invoice_lets_its_payment_go(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    payment = books.pay(customer, 100, (invoice, 100))
    books.save("Invoice", {"Id": invoice["Id"], "SyncToken": "1"}, operation="void")
    left = books.read("Payment", payment["Id"])
    assert (left["UnappliedAmt"], left["Line"]) == (100, [])
    assert books.read("Customer", customer["Id"])["Balance"] == -100


def test_a_shrinking_invoice_leaves_the_payment_a_rest(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    payment = books.pay(customer, 100, (invoice, 100))
    smaller = books.edit("Invoice", books.read("Invoice", invoice["Id"]), Line=[line(60)])
    assert (smaller["TotalAmt"], smaller["Balance"]) == (60, 0)
    assert books.read("Payment", payment["Id"])["UnappliedAmt"] == 40
    assert books.read("Customer", customer["Id"])["Balance"] == -40


def test_a_paid_invoice_is_not_deleted_unless_the_switch_says_so(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    payment = books.pay(customer, 100, (invoice, 100))
    key = {"Id": invoice["Id"], "SyncToken": "1"}
    assert books.code("POST", "/invoice", key, operation="delete") == "6000"
    books.control("PUT", "/state", {"behaviour": {"delete_paid_invoice": "unapply"}})
    assert books.call("POST", "/invoice", key, operation="delete").status == 200
    assert books.read("Payment", payment["Id"])["UnappliedAmt"] == 100
    assert books.read("Customer", customer["Id"])["Balance"] == -100


def test_a_payment_needs_a_total_a_customer_and_living_invoices_of_that_customer(books: Books) -> None:
    customer, other = books.customer(), books.customer("Other")
    invoice = books.invoice(customer)
    link = [{"Amount": 1, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}]
    assert books.code("POST", "/payment", {"CustomerRef": {"value": customer["Id"]}}) == "6000"
    assert books.code("POST", "/payment", {"TotalAmt": 5}) == "2020"
    body = {"CustomerRef": {"value": other["Id"]}, "TotalAmt": 5, "Line": link}
    assert books.code("POST", "/payment", body) == "6000"
    books.call("POST", "/invoice", {"Id": invoice["Id"], "SyncToken": "0"}, operation="delete")
    assert books.code("POST", "/payment", {**body, "CustomerRef": {"value": customer["Id"]}}) == "610"


def test_a_parent_may_pay_for_its_job(books: Books) -> None:
    parent = books.customer("Parent")
    child = books.customer("Child", ParentRef={"value": parent["Id"]})
    books.pay(parent, 100, (books.invoice(child), 100))
    assert books.read("Customer", parent["Id"])["BalanceWithJobs"] == 0


def test_the_whole_payment_is_demanded_for_a_void_when_the_switch_says_so(books: Books) -> None:
    payment = books.pay(books.customer(), 5)
    books.control("PUT", "/state", {"behaviour": {"payment_void_sparse": "refuse"}})
    key = {"Id": payment["Id"], "SyncToken": "0", "sparse": True}
    assert books.code("POST", "/payment", key, operation="update", include="void") == "2020"


def test_an_invoice_shrinking_below_its_older_payment_lets_the_newer_one_go(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer)
    older, newer = books.pay(customer, 60, (invoice, 60)), books.pay(customer, 40, (invoice, 40))
    smaller = books.edit("Invoice", books.read("Invoice", invoice["Id"]), Line=[line(10)])
    assert smaller["LinkedTxn"] == [{"TxnId": older["Id"], "TxnType": "Payment"}]
    assert (smaller["Balance"], smaller["SyncToken"]) == (0, "3")
    unapplied = [books.read("Payment", each["Id"])["UnappliedAmt"] for each in (older, newer)]
    assert unapplied == [50, 40]
    assert books.read("Customer", customer["Id"])["Balance"] == -90


def test_voiding_an_invoice_gives_an_applied_credit_back_to_its_memo(books: Books) -> None:
    customer = books.customer()
    invoice = books.invoice(customer, 100)
    memo = books.save("CreditMemo", {"CustomerRef": {"value": customer["Id"]}, "Line": [line(60)]})
    links = [("Invoice", invoice), ("CreditMemo", memo)]
    lines = [{"Amount": 60, "LinkedTxn": [{"TxnId": each["Id"], "TxnType": kind}]} for kind, each in links]
    payment = books.save("Payment", {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 0, "Line": lines})
    held = books.read("Invoice", invoice["Id"])
    books.save("Invoice", {"Id": held["Id"], "SyncToken": held["SyncToken"]}, operation="void")
    after = books.read("Payment", payment["Id"])
    assert (after["Line"], after["UnappliedAmt"]) == ([], 0)
    assert books.read("CreditMemo", memo["Id"])["Balance"] == 60
    assert books.edit("Payment", after, PrivateNote="seen", TotalAmt=0)["UnappliedAmt"] == 0
