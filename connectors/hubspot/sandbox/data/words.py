"""Words for names, places and work; some with letters that are not ASCII, as in every real account."""

from __future__ import annotations

FIRST_NAMES = (
    "Ada", "Amara", "Anaïs", "Arjun", "Beatriz", "Björn", "Carlos", "Chen", "Chloé", "Daniel", "Elena", "Emeka", "Emma",
    "Fatima", "Felix", "Grace", "Hana", "Hugo", "Ingrid", "Isaac", "Jan", "Jamila", "João", "Kofi", "Lars", "Leïla",
    "Łukasz", "Maria", "Mateo", "Mei", "Mina", "Noah", "Nora", "Olga", "Oscar", "Priya", "Ravi", "Rosa", "Sam", "Sofía",
    "Søren", "Tariq", "Thandiwe", "Tomáš", "Uma", "Vera", "Wei", "Yara", "Yusuf", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Abara", "Almeida", "Bauer", "Becker", "Chandra", "Costa", "Dubois", "Eriksson", "Fischer", "García", "Haddad",
    "Hansen", "Ito", "Jansen", "Kaya", "Khan", "Kowalski", "Kumar", "Lindqvist", "Lopez", "Martin", "Mbeki", "Moreau",
    "Müller", "Nakamura", "Ng", "Novák", "O'Brien", "Okafor", "Olsen", "Park", "Pereira", "Petrov", "Quispe", "Rossi",
    "Said", "Santos", "Schmidt", "Silva", "Smith", "Tanaka", "Thompson", "Torres", "Usman", "Van den Berg", "Walker",
    "Wang", "Weber", "Yilmaz", "Zhang",
)  # fmt: skip
PLACES = (
    ("Amsterdam", "NH", "Netherlands", "1012 AB"),
    ("Austin", "TX", "United States", "73301"),
    ("Berlin", "BE", "Germany", "10115"),
    ("Boston", "MA", "United States", "02108"),
    ("Dublin", "L", "Ireland", "D02 X285"),
    ("København", "", "Denmark", "1050"),
    ("London", "", "United Kingdom", "SW1A 1AA"),
    ("Málaga", "AN", "Spain", "29001"),
    ("Nairobi", None, "Kenya", "00100"),
    ("Osaka", "大阪府", "Japan", "530-0001"),
    ("Paris", "IDF", "France", "75001"),
    ("São Paulo", "SP", "Brazil", "01000-000"),
    ("Toronto", "ON", "Canada", "M5H 2N2"),
    ("Warszawa", "MZ", "Poland", "00-001"),
    ("Zürich", "ZH", "Switzerland", "8001"),
    (None, None, None, None),
)
CITIES, STATES, COUNTRIES, POSTCODES = zip(*PLACES, strict=True)
STREETS = (
    "1 Harbour Street",
    "12 Mill Lane",
    "220 Market Street",
    "5 Rue de l'Église",
    "77 Station Road",
    "9 Kirchweg",
)
JOBS = (
    "Account Manager", "CEO", "CFO", "CTO", "Data Engineer", "Founder", "Head of Operations", "Marketing Manager",
    "Office Manager", "Product Owner", "Sales Director", 'Senior "Growth" Lead', "Software Engineer", "VP Sales",
)  # fmt: skip
COMPANY_NAMES = (
    "Acme", "Alder", "Blue Harbour", "Brightwater", "Cedar & Sons", "Delta", "Eastgate", "Fjord", "Granite", "Hillside",
    "Ironbridge", "Juniper", "Kestrel", "Lumen", "Meridian", "Northwind", "Orchard", "Pioneer", "Quarry", "Riverside",
    "Sable", "Tidewater", "Umbra", "Vantage", "Willow", "Zephyr",
)  # fmt: skip
TRADES = ("Analytics", "Bakery", "Energy", "Foods", "Insurance", "Labs", "Logistics", "Media", "Software", "Studios")
DOMAINS = ("example.com", "example.net", "example.org", "mail.example", "work.example", "post.example")
INDUSTRIES = (
    "ACCOUNTING", "AUTOMOTIVE", "COMPUTER_SOFTWARE", "CONSTRUCTION", "EDUCATION_MANAGEMENT", "FOOD_PRODUCTION",
    "HOSPITAL_HEALTH_CARE", "INSURANCE", "LOGISTICS_AND_SUPPLY_CHAIN", "RETAIL",
)  # fmt: skip
STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
LEAD_STATUSES = (
    "NEW",
    "OPEN",
    "IN_PROGRESS",
    "OPEN_DEAL",
    "UNQUALIFIED",
    "ATTEMPTED_TO_CONTACT",
    "CONNECTED",
    "BAD_TIMING",
)
SOURCES = (
    "ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "SOCIAL_MEDIA", "REFERRALS", "OTHER_CAMPAIGNS", "DIRECT_TRAFFIC",
    "OFFLINE", "PAID_SOCIAL",
)  # fmt: skip
SENTENCES = (
    "Met at the spring fair; wants a call back in the new quarter.",
    "<p>Asked for <strong>pricing</strong> &amp; terms.</p>",
    'Two lines:\nthe second one says "thank you".',
    "Prefers e-mail. Tab\there, backslash \\ there.",
    "Ευχαριστώ, 谢谢, 🙂",
)
OWNER_IDS = tuple(str(41_629_701 + 13 * n) for n in range(10))
