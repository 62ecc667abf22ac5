"""Departments (locations) and classes: names that forms point to, and nothing that follows from them.

A form keeps any DepartmentRef or ClassRef it is given, known here or not; a known one shows its name.
"""

from __future__ import annotations

from .. import refusals, schema
from ..schema import FLAG, READ_ONLY, REF, text
from ..store import Body
from .reference import NAMED_LIST_FILTERS, NamedList
from .rules import Draft, resolve


class TrackingRules(NamedList):
    """One tree of names."""

    sub: str
    filters = NAMED_LIST_FILTERS | {"FullyQualifiedName": "text"}

    def prepare(self, draft: Draft) -> Body:
        body = super().prepare(draft)
        if body.get(self.sub) and "ParentRef" not in body:
            raise refusals.parent_required()
        body[self.sub] = "ParentRef" in body
        body["FullyQualifiedName"] = body["Name"]
        if "ParentRef" in body:
            parent = resolve(draft.books, body["ParentRef"], self.name)
            body["FullyQualifiedName"] = f"{parent.body['FullyQualifiedName']}:{body['Name']}"
        return body


class DepartmentRules(TrackingRules):
    name = "Department"
    counter = "department"
    sub = "SubDepartment"
    properties = schema.COMMON | {
        "Name": text(100),
        "Active": FLAG,
        "ParentRef": REF,
        "SubDepartment": FLAG,
        "FullyQualifiedName": READ_ONLY,
    }


class ClassRules(TrackingRules):
    name = "Class"
    counter = "class"
    sub = "SubClass"
    properties = schema.COMMON | {
        "Name": text(100),
        "Active": FLAG,
        "ParentRef": REF,
        "SubClass": FLAG,
        "FullyQualifiedName": READ_ONLY,
    }
