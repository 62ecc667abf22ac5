"""What the pages of the four synchronised kinds of record share: saving through the services, with the revision seen.

The form carries the revision it was opened at. If the record has moved since, nothing is saved and the page says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from ledger.admin.scope import ScopedAdmin, by_organization, offered, organizations
from ledger.data import Address, Entity
from ledger.services import Change, InvalidRecord, StaleRecord, read_many, save_many
from ledger.services.rows import record_data

STALE = (
    "Somebody changed this record while you were editing it; nothing was saved. Check it and enter your change again."
)


class RecordForm(forms.ModelForm):
    """A form that remembers which revision it shows."""

    seen_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.instance._state.adding:
            self.fields["seen_revision"].initial = self.instance.revision

    def clean_billing_address(self) -> Any:
        return self._address("billing_address")

    def clean_shipping_address(self) -> Any:
        return self._address("shipping_address")

    def _address(self, name: str) -> Any:
        """An address is an object of texts, such as {"line1": "1 High St", "city": "Ely"}."""
        value = self.cleaned_data.get(name)
        known = Address.__dataclass_fields__
        if value is None or value == "":
            return None
        if not isinstance(value, dict) or not all(k in known and isinstance(v, str) for k, v in value.items()):
            raise forms.ValidationError(f"Write an object of texts with the names {', '.join(known)}.")
        return value


class RecordAdmin(ScopedAdmin):
    """A page of one kind of record."""

    entity: Entity
    form = RecordForm
    computed: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    list_per_page = 50
    list_select_related: tuple[str, ...] = ("organization",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        facts = [*self.computed, "revision", "origin", "actor", "created_at", "updated_at"]
        return [*super().get_readonly_fields(request, obj), *facts, *(self.fixed if obj is not None else ())]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Turn a refusal into a message; what was begun is rolled back by then."""
        try:
            answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
            return answer
        except StaleRecord:
            self.message_user(request, STALE, messages.ERROR)
        except InvalidRecord as refusal:
            self.message_user(request, f"Not saved. {refusal.field}: {refusal.message}", messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing yet: the record is saved in one piece with its lines, see `save_related`."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the record as the form and its lines describe it."""
        row = form.instance
        row.id = row.id or uuid4()  # Django blanks the id of a new row that has an inline formset
        data = record_data(self.entity, row, [child for formset in formsets for child in kept_rows(formset)])
        expected = form.cleaned_data.get("seen_revision") if change else None
        wanted = Change(id=row.id, data=data, expected_revision=expected)
        save_many(row.organization_id, self.entity, [wanted], actor=request.user)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """The names of the fields; the lines are not saved by their formset and so cannot be told apart here."""
        return super().construct_change_message(request, form, [], add)

    def apply(self, request: HttpRequest, rows: QuerySet[Any], **values: Any) -> None:
        """Set the same fields on the selected records, as far as the user may edit them."""
        allowed = rows.filter(organization_id__in=organizations(request, self.editors).values("id"))
        count = 0
        for organization_id, ids in by_organization(allowed).items():
            changes = [
                Change(id=id, data=replace(record.data, **values), expected_revision=record.revision)
                for id, record in read_many(organization_id, self.entity, ids).items()
            ]
            try:
                count += len(save_many(organization_id, self.entity, changes, actor=request.user))
            except (InvalidRecord, StaleRecord) as refusal:
                self.message_user(request, f"Nothing was changed: {refusal}", messages.ERROR)
        self.message_user(request, f"Done for {count} of {rows.count()} selected.")


class ChildInline:
    """Rows that are part of a record; whoever may edit the record may edit them."""

    extra = 0
    ordering = ("position",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request, obj)

    def _may_edit(self, request: HttpRequest, obj: Any) -> bool:
        allowed = organizations(request, RecordAdmin.editors)
        return (allowed if obj is None else allowed.filter(id=obj.organization_id)).exists()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Offer only what belongs to organizations in which the user may edit."""
        options.setdefault("queryset", offered(db_field, organizations(request, RecordAdmin.editors)))
        return super().formfield_for_foreignkey(db_field, request, **options)  # type: ignore[misc]


def kept_rows(formset: Any) -> list[Any]:
    """The rows of a formset as they are wanted: without the deleted ones and the empty forms."""
    return [
        form.instance
        for form in formset.forms
        if not form.cleaned_data.get("DELETE") and (not form.instance._state.adding or form.has_changed())
    ]
