"""Words of which names are made, and which share of which people has a title, a middle name or a suffix."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_NAMES = (
    "Ada", "Agnes", "Aiko", "Alba", "Amir", "Anouk", "Arno", "Astrid", "Bela", "Bruno", "Carmen", "Ciro", "Dalia",
    "Dario", "Edda", "Elif", "Emre", "Enzo", "Esme", "Farah", "Felix", "Fiona", "Gero", "Greta", "Hana", "Hugo",
    "Ilse", "Imani", "Ines", "Ivo", "Jana", "Joris", "Kaito", "Katja", "Lale", "Leif", "Linnea", "Luca", "Maeve",
    "Malik", "Marta", "Mika", "Nadia", "Nils", "Noor", "Olga", "Otto", "Pavel", "Priya", "Quinn", "Rosa", "Ruben",
    "Saskia", "Selma", "Tarek", "Tilda", "Ugo", "Vera", "Wanda", "Yusuf", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Abela", "Ackermann", "Almeida", "Aydin", "Bakker", "Bergström", "Bianchi", "Brandt", "Castillo", "Cerny",
    "Dubois", "Dvorak", "Eriksen", "Fabre", "Farkas", "Fontana", "Gallo", "Georgiou", "Grau", "Haddad", "Hakala",
    "Horvat", "Ibarra", "Ivanova", "Jansen", "Kaya", "Keller", "Kimura", "Kowalski", "Lambert", "Larsson", "Lindqvist",
    "Lopes", "Maier", "Marchetti", "Mbeki", "Moreau", "Nakano", "Nowak", "O'Dell", "Okafor", "Olsen", "Pereira",
    "Petrov", "Quist", "Rahman", "Rossi", "Sato", "Schaefer", "Silva", "Solberg", "Tanaka", "Toth", "Urban",
    "Vasquez", "Vogel", "Weiss", "Yilmaz", "Zeman", "Zimmer",
)  # fmt: skip
MIDDLE_NAMES = (*"ABCDEFGHJKLMNPRSTW", "Lee", "Kai", "Mae")
TITLES = ("Ms.", "Mr.", "Mr.", "Ms.", "Mr.", "Mrs.", "Sra.")
SUFFIXES = ("Jr.", "Jr.", "Jr.", "II", "III", "Sr.", "PhD")


@dataclass(frozen=True)
class Group:
    """A kind of person: how many of a thousand have which part of a name."""

    type: str
    title: int
    middle: int
    suffix: int


EMPLOYEE = Group("EM", 20, 960, 7)
SALES_PERSON = Group("SP", 120, 940, 0)
STORE_CONTACT = Group("SC", 990, 587, 50)
VENDOR_CONTACT = Group("VC", 975, 550, 25)
GENERAL_CONTACT = Group("GC", 10, 45, 17)
INDIVIDUAL = Group("IN", 5, 576, 1)
GROUPS = (EMPLOYEE, SALES_PERSON, STORE_CONTACT, VENDOR_CONTACT, GENERAL_CONTACT, INDIVIDUAL)
