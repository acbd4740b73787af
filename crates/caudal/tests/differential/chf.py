"""Random CHF records: elements with the record's own tags, and some of releases to come, in any order.

usage: chf.py RECORDS SEED FOLDER
Writes FOLDER/records.ber. Never asks the code that it helps to test.
"""

import random
import sys

import tlv

# What stands in an element: a list of elements by number, a list of one kind, or octets of so many.
TIME = 9, 9
NUMBER = 1, 5
TEXT = 1, 40

PDU_CONTAINER = {0: TEXT, 2: TIME, 3: TIME, 5: TEXT, 7: NUMBER, 11: (2, 2), 14: TEXT}
CONTAINER = {
    0: NUMBER, 1: NUMBER, 2: [{1: NUMBER}], 3: TIME, 4: NUMBER, 5: NUMBER, 6: NUMBER, 7: NUMBER, 8: TIME,
    9: NUMBER, 10: (1, 1), 11: PDU_CONTAINER, 12: (1, 1), 13: (1, 1), 15: [TIME],
}
UNIT = {0: NUMBER, 1: [CONTAINER], 2: TEXT, 3: {0: (4, 4)}, 4: {1: NUMBER, 2: NUMBER}, 5: TEXT}
SESSION = {
    0: NUMBER, 1: {3: TEXT}, 2: {0: (8, 8)}, 3: TEXT, 4: (1, 1), 6: NUMBER, 7: {0: (1, 1), 1: (3, 3)}, 8: (1, 1),
    10: (3, 3), 12: (1, 1), 13: TEXT, 14: {0: (4, 4), 1: (16, 16)}, 15: {1: NUMBER}, 16: (2, 2), 17: TIME, 18: TIME,
    20: (2, 2), 23: [{0: (1, 1), 1: [TIME]}], 27: (3, 3), 30: NUMBER, 45: TEXT,
}
RECORD = {
    1: TEXT, 2: {0: (1, 1), 1: TEXT}, 3: {0: (1, 1), 1: TEXT, 2: {0: (4, 4)}, 3: (3, 3), 5: TEXT}, 4: [{1: NUMBER}],
    5: [UNIT], 6: TIME, 7: NUMBER, 8: NUMBER, 9: (1, 1), 10: {0: NUMBER}, 11: NUMBER, 13: SESSION,
    14: {0: [{0: NUMBER}]}, 15: {0: TEXT}, 16: TEXT, 17: TEXT, 22: {0: (1, 1), 1: (1, 1), 2: (1, 1)}, 27: NUMBER,
    39: TEXT, 300: TEXT, 5000: {0: TEXT}, 2000000: TEXT,
}

SEQUENCE = tlv.tag(16, True, 0)
OCTET_STRING = tlv.tag(4, False, 0)


def write(tag_octets, content, rng):
    """An element in a form of length that openssl reads too: it wants a content behind a long form."""
    if 0 < len(content) < 128 and rng.random() < 0.05:
        return tag_octets + b"\x82" + len(content).to_bytes(2, "big") + content
    if tag_octets[0] & 0x20 and rng.random() < 0.05:
        return tag_octets + b"\x80" + content + b"\0\0"
    return tlv.write(tag_octets, content)


def content(kind, rng):
    """The octets of a value, and whether it is made of elements."""
    if isinstance(kind, dict):
        eager = rng.choice([0.3, 0.7, 1.0])
        picked = [number for number in kind if rng.random() < eager]
        rng.shuffle(picked)
        return b"".join(element(number, kind[number], rng) for number in picked), True
    if isinstance(kind, list):
        inner = [content(kind[0], rng) for _ in range(rng.choice([0, 1, 1, 2, 5]))]
        return b"".join(write(SEQUENCE if nested else OCTET_STRING, octets, rng) for octets, nested in inner), True
    low, high = kind
    return rng.randbytes(rng.randrange(low, high + 1)), False


def element(number, kind, rng):
    octets, constructed = content(kind, rng)
    return write(tlv.tag(number, constructed), octets, rng)


def record(rng):
    octets, _ = content(RECORD, rng)
    return write(tlv.tag(200, True), tlv.tag(0) + b"\x02\x00\xc8" + octets, rng)


def main():
    count, seed, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    rng = random.Random(seed)
    with open(f"{folder}/records.ber", "wb") as ber:
        for _ in range(count):
            ber.write(record(rng))


main()
