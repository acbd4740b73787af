"""Random PGW records: octets of one encoder's making, and what its decoder finds in them.

usage: pgw.py RECORDS SEED FOLDER
Writes FOLDER/records.ber and FOLDER/expected.jsonl, one line a record: where it stands, the numbers of its unknown
elements, its values, each with the tags and the names that lead to it, its type and its text, and the usage in it.
Relies on pycrate and the module of charging types that it ships. Never asks the code that it helps to test.
"""

import datetime
import json
import random
import sys

import tlv
from pycrate_asn1dir import CDR
from pycrate_asn1rt.codecs import ASN1CodecBER

RECORD = CDR.GPRSChargingDataTypes.PGWRecord
CHOICE = CDR.GPRSChargingDataTypes.GPRSRecord

# Deeper than this, only what is mandatory is filled in.
DEPTH = 4

# What a vendor says in them, no decoder of the standard knows.
OPEN = {"recordExtensions", "networkSpecificCause", "manufacturerSpecificCause"}

# Numbers that no release has given to a field of the record.
UNKNOWN = range(90, 4000)


def bcd(two_digits):
    return int(f"{two_digits:02}", 16)


def timestamp(rng):
    east = rng.randrange(2) == 1
    year, month, day = rng.randrange(15, 60), rng.randrange(1, 13), rng.randrange(1, 29)
    clock = rng.randrange(24), rng.randrange(60), rng.randrange(60)
    offset = rng.choice([(0, 0), (1, 0), (3, 30), (5, 45), (12, 0)])
    head = bytes(map(bcd, (year, month, day) + clock))
    return head + (b"+" if east else b"-") + bytes(map(bcd, offset))


def semi_octets(rng, digits):
    """Decimal digits, first in the low half of the octet, filled up with F."""
    text = "".join(rng.choice("0123456789") for _ in range(digits))
    if digits % 2:
        text += "F"
    return bytes(int(text[at + 1] + text[at], 16) for at in range(0, len(text), 2))


def plmn(rng):
    digits = [rng.randrange(10) for _ in range(5)]
    third = rng.choice([0xF, rng.randrange(10)])
    return bytes([digits[1] << 4 | digits[0], third << 4 | digits[2], digits[4] << 4 | digits[3]])


# What a plausible record stays below.
NUMBERS = {"ratingGroup": 1 << 32, "serviceIdentifier": 1 << 32, "duration": 1 << 20}

BY_NAME = {
    "servedIMSI": lambda rng: semi_octets(rng, rng.randrange(6, 16)),
    "servedMSISDN": lambda rng: b"\x91" + semi_octets(rng, rng.randrange(5, 16)),
    "servedIMEI": lambda rng: semi_octets(rng, rng.choice([15, 16])),
}


def octets(name, kind, rng):
    low, high = bounds(kind._const_sz, (1, 12))
    if name in BY_NAME:
        return BY_NAME[name](rng)
    if (low, high) == (9, 9):
        return timestamp(rng)
    if (low, high) == (3, 3):
        return plmn(rng)
    return rng.randbytes(rng.randrange(low, min(high, low + 40) + 1))


def bounds(constraint, otherwise):
    if constraint is None:
        return otherwise
    root = constraint.root[0]
    return (root, root) if isinstance(root, int) else (root.lb, root.ub)


def integer(name, kind, rng):
    if name in NUMBERS:
        return rng.randrange(NUMBERS[name])
    low, high = bounds(kind._const_val, (0, 1 << rng.choice([1, 7, 8, 15, 16, 31, 32, 33, 40, 47])))
    if rng.random() < 0.2:
        return rng.choice([low, high])
    return rng.randrange(low, high + 1)


def text(kind, rng):
    low, high = bounds(kind._const_sz, (1, 20))
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.-@:+"
    return "".join(rng.choice(letters) for _ in range(rng.randrange(low, min(high, low + 30) + 1)))


def fields(kind, rng, depth):
    """Values of a SEQUENCE or SET: all that is mandatory, and some of the rest."""
    eager = rng.choice([0.15, 0.5, 0.9]) if depth < DEPTH else 0.0
    made = {}
    for name, inner in kind._cont.items():
        if name in OPEN:
            continue
        if name in kind._root_mand or rng.random() < eager:
            made[name] = value(name, inner, rng, depth + 1)
    return made


def value(name, kind, rng, depth=0):
    shape = kind.TYPE
    if shape in ("SEQUENCE", "SET"):
        return fields(kind, rng, depth)
    if shape == "CHOICE":
        picked = rng.choice([name for name in kind._cont if name not in OPEN])
        return picked, value(picked, kind._cont[picked], rng, depth + 1)
    if shape in ("SEQUENCE OF", "SET OF"):
        return [value(name, kind._cont, rng, depth + 1) for _ in range(rng.choice([1, 1, 2, 3, 7]))]
    if shape == "OCTET STRING":
        return octets(name, kind, rng)
    if shape == "INTEGER":
        return 85 if name == "recordType" else integer(name, kind, rng)
    if shape == "ENUMERATED":
        return rng.choice(list(kind._cont))
    if shape == "BOOLEAN":
        return rng.random() < 0.5
    if shape == "NULL":
        return 0
    if shape == "BIT STRING":
        width = rng.randrange(1, 33)
        return rng.getrandbits(width), width
    return text(kind, rng)


def written(kind, found):
    """The text of a value: octets in hexadecimal digits, a word of an enumeration as its number."""
    shape = kind.TYPE
    if shape == "OCTET STRING":
        return found.hex()
    if shape == "ENUMERATED":
        return str(kind._cont[found])
    if shape == "NULL":
        return ""
    if shape == "BIT STRING":
        return format(found[0], f"0{found[1]}b")
    if shape == "BOOLEAN":
        return "true" if found else "false"
    return str(found)


def values(kind, found, tags, names, out):
    """All values beneath one, each with the tags and the names that lead to it."""
    shape = kind.TYPE
    tags = tags + [("u" if number_class == 0 else "") + str(number) for number_class, number in kind._tagc]
    if shape in ("SEQUENCE", "SET"):
        for name, inner in found.items():
            values(kind._cont[name], inner, tags, names + [name], out)
    elif shape == "CHOICE":
        values(kind._cont[found[0]], found[1], tags, names + [found[0]], out)
    elif shape in ("SEQUENCE OF", "SET OF"):
        for inner in found:
            values(kind._cont, inner, tags, names, out)
    else:
        out.append([".".join(tags), ".".join(names), shape, written(kind, found)])


def digits(octets):
    """Digits of TBCD: the low half of an octet first."""
    return "".join(f"{octet & 15:X}{octet >> 4:X}" for octet in octets).rstrip("F")


def clock(octets):
    """Seconds that the clock showed since 2000, and its offset from UTC in seconds."""
    year, month, day, hour, minute, second = (int(f"{octet:02x}") for octet in octets[:6])
    shown = datetime.datetime(2000 + year, month, day, hour, minute, second) - datetime.datetime(2000, 1, 1)
    offset = int(f"{octets[7]:02x}") * 3600 + int(f"{octets[8]:02x}") * 60
    return int(shown.total_seconds()), -offset if octets[6:7] == b"-" else offset


def usage(found):
    """What is billed of a record: flows where they count octets, else bearers."""
    flows, bearers = found.get("listOfServiceData"), found.get("listOfTrafficVolumes")
    octets = lambda container, names: sum(container.get(name, 0) for name in names)
    of_flows, of_bearers = ("datavolumeFBCUplink", "datavolumeFBCDownlink"), ("dataVolumeGPRSUplink", "dataVolumeGPRSDownlink")
    counted = any(name in container for container in flows or () for name in of_flows)
    parts = []
    if flows is not None and (counted or bearers is None):
        parts = [[container["ratingGroup"], octets(container, of_flows)] for container in flows]
    elif bearers is not None:
        parts = [[None, octets(container, of_bearers)] for container in bearers]
    seconds, offset = clock(found["recordOpeningTime"])
    return {
        "imsi": digits(found.get("servedIMSI", b"")),
        "number": "+" + digits(found["servedMSISDN"][1:]) if "servedMSISDN" in found else "",
        "apn": found.get("accessPointNameNI", ""),
        "imei": digits(found.get("servedIMEI", b"")),
        "sequence": found.get("localSequenceNumber"),
        "opened": [seconds, offset],
        "duration": found["duration"],
        "parts": parts,
    }


def unknown(rng):
    """Elements of a release to come: their octets, and what they are known by."""
    made = []
    for number in rng.sample(UNKNOWN, rng.choice([0, 0, 1, 3])):
        constructed = rng.random() < 0.3
        content = rng.randbytes(rng.randrange(0, 200))
        if constructed:
            content = tlv.write(tlv.tag(0), content)
        made.append((number, tlv.tag(number, constructed), content))
    return made


def record(rng):
    """One record: its octets, and what the other decoder reads in them."""
    ASN1CodecBER.ENC_LUNDEF = rng.random() < 0.1
    ASN1CodecBER.ENC_LLONG = rng.choice([0, 0, 0, 0, 2, 4])
    CHOICE.set_val(("pGWRecord", fields(RECORD, rng, 0)))
    made = CHOICE.to_ber()
    (root, content), = tlv.elements(made)
    known = [tlv.write(*inner) for inner in tlv.elements(content)]
    rng.shuffle(known)
    if rng.random() < 0.5:
        known = [tlv.rewrite(inner, rng) for inner in known]
    # The other decoder reads the same octets but those of releases to come, which it would refuse.
    CHOICE.from_ber(tlv.write(root, b"".join(known)))
    name, found = CHOICE.get_val()
    assert name == "pGWRecord", name
    extra = unknown(rng)
    for number, tag, inner in extra:
        known.insert(rng.randrange(len(known) + 1), tlv.write(tag, inner, rng))
    octets = tlv.write(root, b"".join(known), rng)
    read = []
    for name, inner in found.items():
        values(RECORD._cont[name], inner, [], [name], read)
    return octets, {"usage": usage(found), "values": read, "unknown": sorted(number for number, _, _ in extra)}


def main():
    count, seed, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    rng = random.Random(seed)
    with open(f"{folder}/records.ber", "wb") as ber, open(f"{folder}/expected.jsonl", "w") as expected:
        for index in range(count):
            octets, found = record(rng)
            found["offset"], found["length"] = ber.tell(), len(octets)
            ber.write(octets)
            expected.write(json.dumps(found) + "\n")


main()
