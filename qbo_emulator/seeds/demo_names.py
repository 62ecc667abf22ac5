"""Who the demo company sells to, and what. Plain data for ``demo``; every name and address is invented."""

from __future__ import annotations

COMPANIES = (
    "Alder & Birch Interiors", "Bayside Bakery", "Cascade Cycles", "Dockside Diner", "Eastgate Dental",
    "Fernwood School", "Granite Peak Gym", "Harbor Lights Hotel", "Ironwood Furniture", "Juniper Landscaping",
    "Kestrel Aviation", "Lakeview Apartments", "Mariner's Rest", "Northwind Coffee", "Old Mill Brewing",
    "Pine Street Pharmacy", "Quarry Road Garage", "Redwood Realty", "Saltwater Kayaks", "Tidewater Marina",
    "Union Square Books", "Valley Veterinary", "Westbrook Winery", "Yellow House Studio",
)  # fmt: skip
PEOPLE = (
    ("Ana", "Delgado"), ("Ben", "Okafor"), ("Chloé", "Marsh"), ("Dev", "Raman"), ("Elif", "Aydın"),
    ("Finn", "O'Hara"), ("Grace", "Liu"), ("Hugo", "Brandt"), ("Inés", "Moreau"), ("Jonas", "Weber"),
)  # fmt: skip
JOBS = (
    ("Harbor Lights Hotel", "Lobby refit"), ("Harbor Lights Hotel", "Pool house"),
    ("Lakeview Apartments", "Building A"), ("Lakeview Apartments", "Building B"),
    ("Redwood Realty", "Elm St. listing"), ("Tidewater Marina", "Dock 7"),
)  # fmt: skip
FOREIGN = (
    ("Maison Lavande", "EUR", "1.08"),
    ("Thames Chandlery", "GBP", "1.27"),
    ("Maple Harbour Co-op", "CAD", "0.73"),
)
FORMER = ("Seabird Cafe", "Old Town Toys")
NOTES = (
    "Deliveries at the back door, before 10.", "Wants one invoice a month.", "Pays by check only.",
    "Ask for Sam in purchasing.", "Tax exemption on file.",
)  # fmt: skip
MESSAGES = ("Thank you for your business!", "Thank you, it was a pleasure.", "Please pay within the terms above.")
STREETS = ("Pier", "Oak", "Hill", "Mill", "Harbor", "Front")
CITIES = (("Oakland", "94607"), ("Berkeley", "94710"), ("Alameda", "94501"), ("Sausalito", "94965"), ("Napa", "94559"))
SERVICES = (
    ("Consulting", "150"), ("Design", "95"), ("Installation", "80"), ("Delivery", "45"), ("Maintenance", "70"),
    ("Training", "120"), ("Inspection", "60"), ("Repair", "85"),
)  # fmt: skip
GOODS = (
    ("Oak Shelf", "129.50"), ("Brass Lamp", "74.95"), ("Wool Rug", "310"), ("Canvas Awning", "485"),
    ("Cedar Planter", "58.25"), ("Deck Chair", "99"), ("Rope, per foot", "0.75"), ("Marine Varnish", "32.40"),
)  # fmt: skip
STOCK = (
    ("Dock Cleat", "18.40"), ("Fender", "41.15"), ("Anchor 10kg", "139"), ("LED Strip", "22.90"), ("Hinge Set", "7.35"),
)  # fmt: skip
