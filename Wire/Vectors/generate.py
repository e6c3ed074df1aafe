#!/usr/bin/env python3
"""Writes frames.json, structures.json, chain.json and authentication.json.

The encoder here is made from the structures in PROTOCOL.md, not from the Swift code: the two check each other.
Needs python3-cryptography. Run it after a change of PROTOCOL.md; the tests fail until the Swift code agrees.

Values: opaque is a string of hexadecimal digits, uint64 a string of decimal digits (not every JSON reader keeps 64
bits), other integers and enumerations are numbers, a vector is a list, a structure an object.
"""

import hashlib
import json
import pathlib
import re

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HERE = pathlib.Path(__file__).parent
DOCUMENT = (HERE.parent / "PROTOCOL.md").read_text()

# MARK: The presentation language

LANGUAGE = re.sub(r"/\*.*?\*/", "", "\n".join(re.findall(r"^```tls\n(.*?)^```", DOCUMENT, re.S | re.M)))
FIELD = re.compile(r"(\w+)\s+(\w+)\s*(<V>|\[\d+\])?\s*;")
SELECT = re.compile(r"select \(\w+\.(\w+)\) {(.*)};", re.S)
STRUCTS = {}  # the fields of each: type, name, shape
SELECTS = {}  # the field that selects, and the fields of each case
for text_of_body, struct_name in re.findall(r"struct\s*{(.*?)}\s*(\w+);", LANGUAGE, re.S):
    select = SELECT.search(text_of_body)
    if select:
        cases = re.findall(r"case (\w+):((?:(?!case ).)*)", select[2].replace("struct {};", ""), re.S)
        SELECTS[struct_name] = select[1], {case: FIELD.findall(fields) for case, fields in cases}
    STRUCTS[struct_name] = FIELD.findall(SELECT.sub("", text_of_body))
INTEGERS = {f"uint{bits}": bits // 8 for bits in (8, 16, 32, 64)}
INTEGERS |= {name: int(bits) // 8 for bits, name in re.findall(r"^uint(\d+) (\w+);", LANGUAGE, re.M)}
ENUMS = {name: {case: int(number) for case, number in re.findall(r"(\w+)\((\d+)\)", cases)}
         for cases, name in re.findall(r"enum\s*{([^}]*),\s*\(255\)\s*}\s*(\w+);", LANGUAGE)}
INTEGERS |= {name: 1 for name in ENUMS}
TYPES = {name: (int(number), struct, sender) for number, name, struct, sender in re.findall(
    r"^\| (\d+) \| `(\w+)` \| (\w+) \| (client|relay|both) \|", DOCUMENT, re.M)}
ERRORS = re.findall(r"^\| (\d+) \| `(\w+)` \| (?:yes|no) \|", DOCUMENT, re.M)


def length(count):
    """A variable-size integer. RFC 9420 section 2.1.2."""
    for size, prefix in ((1, 0), (2, 1), (4, 2)):
        if count < 1 << (8 * size - 2):
            return (prefix << (8 * size - 2) | count).to_bytes(size, "big")
    raise ValueError(count)


def encode(kind, value):
    if kind in INTEGERS:
        return int(value).to_bytes(INTEGERS[kind], "big")
    fields = fields_of(kind, value)
    assert value.keys() == {name for _, name, _ in fields}, (kind, value.keys())
    return b"".join(field(kind, value[name], shape) for kind, name, shape in fields)


def fields_of(kind, value):
    """The fields of a structure, with those of the case that the value's own fields select."""
    if kind not in SELECTS:
        return STRUCTS[kind]
    selector, cases = SELECTS[kind]
    enumeration = next(field_kind for field_kind, name, _ in STRUCTS[kind] if name == selector)
    return STRUCTS[kind] + next(fields for case, fields in cases.items()
                                if ENUMS[enumeration][case] == value[selector])


def field(kind, value, shape):
    if not shape:
        return encode(kind, value)
    content = bytes.fromhex(value) if kind == "opaque" else b"".join(encode(kind, element) for element in value)
    if shape == "<V>":
        return length(len(content)) + content
    assert len(content) == int(shape[1:-1])
    return content


def frame(name, request_id, body):
    number, struct, _ = TYPES[name]
    content = encode("FrameHeader", {"type": number, "request_id": request_id}) + encode(struct, body)
    return length(len(content)) + content


def smallest(kind):
    """The value with the shortest encoding: zero, or the lowest that an enumeration has, and every vector empty."""
    if kind in ENUMS:
        return min(ENUMS[kind].values())
    if kind in INTEGERS:
        return "0" if kind == "uint64" else 0
    value = {}
    for of, name, shape in STRUCTS[kind]:
        value[name] = smallest(of) if not shape else "00" * int(shape[1:-1]) if shape != "<V>" else \
            "" if of == "opaque" else []
    for of, name, shape in fields_of(kind, value)[len(value):]:
        value[name] = {"opaque": "", "uint64": "0"}.get(of, 0)
    return value


def run(first, count):
    """`count` bytes, each one more than that before it."""
    return bytes((first + index) % 256 for index in range(count))


def filled(kind, case=None, counter=None):
    """A value in which every field has another content and no vector is empty; `case` is what a field selects."""
    counter = counter or iter(range(1, 256))
    if kind in ENUMS:
        values = [value for value in ENUMS[kind].values() if value]
        return values[next(counter) % len(values)]
    if kind in INTEGERS:
        number = int.from_bytes(run(next(counter), INTEGERS[kind]), "big")
        return str(number) if kind == "uint64" else 1 if kind == "uint8" else number
    value = {}
    if kind in SELECTS:
        selector = SELECTS[kind][0]
        enumeration = next(of for of, name, _ in STRUCTS[kind] if name == selector)
        value[selector] = ENUMS[enumeration][case or "client"]
        fields = fields_of(kind, value)
    else:
        fields = STRUCTS[kind]
    for of, name, shape in fields:
        if name in value:
            continue
        if of == "opaque":
            number = next(counter)
            value[name] = run(number, int(shape[1:-1]) if shape != "<V>" else number % 5 + 1).hex()
        else:
            value[name] = [filled(of, case, counter) for _ in range(2)] if shape else filled(of, case, counter)
    return value


# MARK: Values that several frames have

def text(string):
    return string.encode().hex()


def digest(string):
    return hashlib.sha256(string.encode()).hexdigest()


MAX = str(2**64 - 1)
ZERO = "00" * 32
LIMITS = {"max_frame_byte_count": 4 << 20, "max_message_byte_count": 1 << 20, "max_messages_per_publish": 256,
          "max_requests_in_flight": 1024, "max_subscriptions": 20000, "idle_timeout_ms": 60000}
CHALLENGE = {"version": 1, "server_name": text("r"), "nonce": bytes(range(32)).hex(), "limits": LIMITS}
TIME = "1767225600000"  # 2026-01-01
# RFC 8032 section 7.1, test 1. A key that everybody knows.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC_KEY = KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
PRIVATE_MESSAGE = "00010002" "03616263" "0000000000000000" "01" "00" "0101" "0102"


def identity(name, key=None):
    return {"name": text(name), "scheme": 0x0807, "signature_key": key or PUBLIC_KEY}


def signed(title, label, struct, tbs):
    content = encode(struct, tbs)
    to_sign = encode("SignContent", {"label": text("mlsrelay 1.0 " + label), "content": content.hex()})
    return {"name": title, "seed": SEED.hex(), "structure": struct, "tbs": tbs, "content": content.hex(),
            "sign_content": to_sign.hex(), "signature": KEY.sign(to_sign).hex()}


def authentication(title, purpose, **more):
    tbs = {key: CHALLENGE[key] for key in ("version", "server_name", "nonce")}
    tbs |= {"purpose": TYPES[purpose][0], "identity": identity("alice")} | more
    return signed(title, "Authentication", "AuthenticationTBS", tbs)


# MARK: Chains

def notice(struct, **fields):
    return encode(struct, fields).hex()


def chain(title, log, kind, name, *entries):
    """`entries`: time, sender, kind and payload of each."""
    log_name = {"kind": kind, "name": name}
    start = last = hashlib.sha256(b"mlsrelay log" + encode("LogName", log_name)).hexdigest()
    result = []
    for seq, (time, sender, entry_kind, payload) in enumerate(entries, 1):
        payload_hash = hashlib.sha256(bytes.fromhex(payload)).hexdigest()
        header = {"log": log, "seq": str(seq), "time": time, "sender": sender, "kind": entry_kind}
        tbh = encode("EntryTBH", header | {"previous": last, "payload_hash": payload_hash})
        last = hashlib.sha256(tbh).hexdigest()
        entry = header | {"chain": last, "payload": payload}
        result.append({"entry": entry, "payload_hash": payload_hash, "entry_tbh": tbh.hex(),
                       "frame": frame("entry", 0, entry).hex()})
    return {"name": title, "log_name": log_name, "start": start, "entries": result}


OPEN = {"type": 0}
NOT_AFTER = str(int(TIME) + 3_600_000)
IDENTITY_NOTICE = notice(
    "IdentityNotice", client="7", user="7", identity=identity("alice"), client_name="", admission=OPEN)
GROUP_NOTICE = notice("GroupNotice", log="5", creator="7", epoch="0", group_id=text("abc"), mode=0)
CHAINS = [
    chain("group abc", "5", 1, text("abc"), (TIME, "7", 1, PRIVATE_MESSAGE),
          (str(int(TIME) + 1), "8", 1, PRIVATE_MESSAGE[:-2] + "03")),
    chain("group with the longest id", MAX, 1, "ff" * 255, ("0", MAX, 1, ""), ("1", MAX, 1, "00" * 63),
          ("1", "0", 200, "01" * 64), (MAX, "1", 1, "02" * 17000)),
    chain("inbox of client 7", "3", 2, "%016x" % 7, (TIME, "8", 1, "00010003" "0001" "00" "00")),
    chain("directory", "1", 3, "", (TIME, "0", 2, IDENTITY_NOTICE), (TIME, "0", 2, notice(
        "IdentityNotice", client="8", user="8", client_name=text("Laptop"), admission={"type": 1, "token": "%016x" % 3},
        identity={"name": text("b\u00f6b"), "scheme": 0x0403, "signature_key": "04" + "11" * 64})),
          *((TIME, "0", ENUMS["EntryKind"][kind], encode(struct, filled(struct)).hex()) for kind, struct in (
              ("credential_issued", "CredentialNotice"), ("key_rotated", "KeyRotationNotice"),
              ("client_revoked", "RevocationNotice"), ("user_suspended", "SuspensionNotice")))),
    chain("KeyPackages of client 7", "4", 4, "%016x" % 7, (TIME, "7", 1, "00010005" "0001" + "33" * 40),
          (str(int(TIME) + 5), "0", 4, notice("KeyPackageNotice", seq="1", recipient="8"))),
    chain("groups", "2", 5, "", (TIME, "0", 3, GROUP_NOTICE)),
    chain("group without entries", "6", 1, "00"),
]

# MARK: Frames

FRAMES = []


def good(name, kind, request_id, body, **more):
    FRAMES.append({"name": name, "direction": TYPES[kind][2], "hex": frame(kind, request_id, body).hex(),
                   "meaning": {"type": kind, "request_id": request_id, "body": body}} | more)


def bad(name, sender, reason, code, *parts, limit=None):
    """A frame that is refused: `reason` is the decoder's, `code` the relay's to a client that may send the type now."""
    content = b"".join(bytes.fromhex(part) if isinstance(part, str) else part for part in parts)
    FRAMES.append({"name": name, "direction": sender, "hex": content.hex(), "error": reason}
                  | ({"code": code} if code else {}) | ({"limit": limit} if limit is not None else {}))


def body(kind, content):
    """A frame of this type with request id 1 and any content."""
    inner = TYPES[kind][0].to_bytes(1, "big") + bytes.fromhex("00000001") + bytes.fromhex(content)
    return length(len(inner)) + inner


REGISTER = authentication("register alice", "register", client_name="", admission=OPEN)
REGISTER_BY_TOKEN = authentication(
    "register alice by a token", "register", client_name=text("Laptop"), admission={"type": 1, "token": "77" * 16})
AUTHENTICATE = authentication("authenticate alice", "authenticate")
ADMISSION = signed("admission of a second client", "Admission", "AdmissionTBS", {
    "server_name": text("r"), "identity": identity("alice", "22" * 32), "client_name": text("Phone"), "client": "7",
    "not_after": NOT_AFTER})
ROTATION = signed("rotation of alice's key", "Rotation", "RotationTBS", {
    "server_name": text("r"), "client": "7", "old": identity("alice"), "new": identity("alice", "22" * 32)})
good("hello without versions", "hello", 1, {"versions": []})
good("hello of version 1", "hello", 1, {"versions": [1]})
good("hello of 63 bytes, the longest", "hello", 2**32 - 1, {"versions": list(range(28))})
good("challenge, smallest", "challenge", 0, dict(
    version=0, server_name="", nonce=ZERO, limits={key: 0 for key in LIMITS}))
good("challenge", "challenge", 1, CHALLENGE)
good("challenge with the longest name and limits", "challenge", 1, dict(
    version=65535, server_name="61" * 255, nonce="ff" * 32, limits={key: 2**32 - 1 for key in LIMITS}))
good("register, smallest", "register", 2, smallest("Register"))
good("authenticate, smallest", "authenticate", 2, smallest("Authenticate"))
for case in (REGISTER, REGISTER_BY_TOKEN, AUTHENTICATE):
    keys = ("identity", "client_name", "admission") if "admission" in case["tbs"] else ("identity",)
    good(case["name"], case["name"].split()[0], 2,
         {key: case["tbs"][key] for key in keys} | {"signature": case["signature"]})
good("register a second client of alice", "register", 2, {
    "identity": ADMISSION["tbs"]["identity"], "client_name": text("Phone"), "signature": "99" * 64,
    "admission": {"type": 2, "client": "7", "not_after": NOT_AFTER, "signature": ADMISSION["signature"]}})
good("ready, all zero", "ready", 0, {"client": "0", "time": "0"})
good("ready", "ready", 2, {"client": "7", "time": TIME})
for kind in ("ping", "pong"):
    good(f"{kind} without data", kind, 0, {"data": ""})
    good(f"{kind} of 64 bytes of data", kind, 9, {"data": bytes(range(64)).hex()})
good("go_away at once", "go_away", 0, {"grace_ms": 0, "text": ""})
good("go_away", "go_away", 0, {"grace_ms": 5000, "text": text("The relay restarts \u2013 come back.")})
UNTRACKED = {"name": "", "alias": "", "policy": smallest("GroupPolicy"), "messages": []}
POLICY = {"mode": 1, "may_add": 1, "may_remove": 2, "may_rename": 2, "join": 1, "approval_above": 50, "denials": 3,
          "retention_ms": str(30 * 86_400_000), "retention_bytes": str(1 << 30)}
good("create_group, smallest", "create_group", 3, {"group_id": "", "epoch": "0"} | UNTRACKED)
good("create_group abc", "create_group", 3, {"group_id": text("abc"), "epoch": "0"} | UNTRACKED)
good("create_group with the longest id", "create_group", 3, {"group_id": "ff" * 255, "epoch": MAX} | UNTRACKED)
good("create_group of a tracked group", "create_group", 3, {
    "group_id": text("abc"), "epoch": "0", "name": text("Caf\u00e9"), "alias": text("cafe"), "policy": POLICY,
    "messages": [{"mls_message": "00010001" + "44" * 90}, {"mls_message": "00010004" + "66" * 200},
                 {"mls_message": "00010003" + "55" * 70}]})
good("create_group with the longest name and alias", "create_group", 3, {
    "group_id": text("abc"), "epoch": "0", "name": "61" * 255, "alias": "62" * 255, "policy": POLICY, "messages": []})
good("group_created, all zero", "group_created", 0, {"log": "0", "receipts": []})
good("group_created", "group_created", 3, {"log": "5", "receipts": []})
good("publish of nothing", "publish", 4, {"messages": []})
good("publish of an empty message", "publish", 4, {"messages": [{"mls_message": ""}]})
good("publish of a PrivateMessage", "publish", 4, {"messages": [{"mls_message": PRIVATE_MESSAGE}]})
good("publish of three messages", "publish", 2**32 - 1, {"messages": [
    {"mls_message": PRIVATE_MESSAGE}, {"mls_message": "00010003" + "55" * 70}, {"mls_message": "00010004" + "66" * 3}]})
good("publish with a body of 63 bytes: the longest length of one byte", "publish", 4,
     {"messages": [{"mls_message": "aa" * 56}]})
good("publish with a body of 64 bytes: the shortest length of two bytes", "publish", 4,
     {"messages": [{"mls_message": "aa" * 57}]})
good("publish with a body of 16383 bytes: the longest length of two bytes", "publish", 4,
     {"messages": [{"mls_message": "aa" * 16374}]})
good("publish with a body of 16384 bytes: the shortest length of four bytes", "publish", 4,
     {"messages": [{"mls_message": "aa" * 16375}]})
good("published without receipts", "published", 4, {"receipts": []})
good("published with a commit's receipt and two of a Welcome", "published", 4, {"receipts": [
    {"message": 0, "log": "5", "seq": "1", "time": TIME, "chain": CHAINS[0]["entries"][0]["entry"]["chain"]},
    {"message": 1, "log": "3", "seq": "17", "time": TIME, "chain": digest("a")},
    {"message": 1, "log": MAX, "seq": MAX, "time": MAX, "chain": "ff" * 32}]})
good("subscribe to nothing", "subscribe", 5, {"subscriptions": []})
good("subscribe to a log of each kind", "subscribe", 5, {"subscriptions": [
    {"log": {"kind": 1, "name": text("abc")}, "after": "0", "until": MAX},
    {"log": {"kind": 2, "name": ""}, "after": "17", "until": "117"},
    {"log": {"kind": 3, "name": ""}, "after": MAX, "until": "0"},
    {"log": {"kind": 4, "name": ""}, "after": "1", "until": "1"},
    {"log": {"kind": 5, "name": ""}, "after": "0", "until": MAX}]})
good("subscribe to the longest name", "subscribe", 5, {"subscriptions": [
    {"log": {"kind": 1, "name": "ff" * 255}, "after": "0", "until": MAX}]})
good("subscribed to nothing", "subscribed", 5, {"results": []})
good("subscribed to one of two", "subscribed", 5, {"results": [
    {"error": 0, "log": "5", "first": "1", "last": "2", "epoch": "9", "chain": CHAINS[0]["start"]},
    {"error": 49, "log": "0", "first": "0", "last": "0", "epoch": "0", "chain": ZERO}]})
good("unsubscribe from nothing", "unsubscribe", 6, {"logs": []})
good("unsubscribe from three", "unsubscribe", 6, {"logs": ["5", "0", MAX]})
for kind, key in (("credit", "until"), ("acknowledge", "positions")):
    good(f"{kind} of nothing", kind, 7, {key: []})
    good(f"{kind} of two", kind, 7, {key: [{"log": "5", "seq": "100"}, {"log": MAX, "seq": MAX}]})
good("done", "done", 7, {})
good("done with the largest request id", "done", 2**32 - 1, {})
good("fetch_key_packages of nobody", "fetch_key_packages", 8, {"requests": []})
good("fetch_key_packages of three", "fetch_key_packages", 8, {"requests": [
    {"name": text("alice"), "cipher_suites": [1]}, {"name": text("b\u00f6b"), "cipher_suites": [0x0A0A, 2, 1]},
    {"name": "", "cipher_suites": []}]})
good("key_packages of nobody", "key_packages", 8, {"results": []})
good("key_packages of two clients, none of another user", "key_packages", 8, {"results": [
    {"request": 0, "error": 0, "client": "7", "mls_message": "00010005" "0001" + "33" * 100},
    {"request": 0, "error": 0, "client": "9", "mls_message": "00010005" "0001" + "34" * 100},
    {"request": 1, "error": 76, "client": "0", "mls_message": ""}]})
good("count_key_packages", "count_key_packages", 10, {})
good("count_key_packages with the largest request id", "count_key_packages", 2**32 - 1, {})
good("key_package_counts without any", "key_package_counts", 10, {"counts": []})
good("key_package_counts of three suites", "key_package_counts", 10, {"counts": [
    {"cipher_suite": 1, "count": 100, "last_resort": 1}, {"cipher_suite": 2, "count": 0, "last_resort": 0},
    {"cipher_suite": 0xF123, "count": 2**32 - 1, "last_resort": 1}]})
good("fetch_group_info, smallest", "fetch_group_info", 11, {"group_id": ""})
good("fetch_group_info of abc", "fetch_group_info", 11, {"group_id": text("abc")})
good("group_info, smallest", "group_info", 11, smallest("GroupInfoAnswer"))
good("group_info", "group_info", 11, {
    "log": "5", "mls_message": "00010004" + "66" * 200, "ratchet_tree": "", "proposals": []})
good("group_info with a ratchet tree and proposals", "group_info", 11, {
    "log": "5", "mls_message": "00010004" + "66" * 200, "ratchet_tree": "01" * 300, "proposals": [
        {"mls_message": "00010001" + "88" * 60}, {"mls_message": "00010001" + "89" * 61}]})
WINNER = encode("Entry", CHAINS[0]["entries"][0]["entry"]).hex()
RETRY = ("RetryDetail", {"retry_after_ms": 1500, "limit": text("publish-rate")})
RULE = ("RuleDetail", {"rule": text("12.2-committer-remove")})
DETAILS = {
    "version_unsupported": ("VersionDetail", {"lowest": 2, "highest": 3}),
    "stale_epoch": ("EpochDetail", {"log": "5", "epoch": "9", "commit_seq": "1", "entry": WINNER}),
    "future_epoch": ("EpochDetail", {"log": "5", "epoch": "9", "commit_seq": "0", "entry": ""}),
    "rate_limited": RETRY, "quota_exceeded": RETRY, "commit_reserved": RETRY,
    "group_info_invalid": RULE, "commit_invalid": RULE, "proposal_invalid": RULE, "key_package_invalid": RULE}
good("error, smallest", "error", 0, {"code": 0, "text": "", "detail": ""})
for number, name in ERRORS:
    detail, content = {}, ""
    if name in DETAILS:
        struct, value = DETAILS[name]
        detail, content = {"detail": value}, encode(struct, value).hex()
    good(f"error {name}", "error", 0 if int(number) < 4 else 12, {
        "code": int(number), "text": text(name.replace("_", " ").capitalize() + "."), "detail": content}, **detail)
good("error with a code of the future", "error", 12, {"code": 40000, "text": text("?"), "detail": "0102"})
good("entry, smallest", "entry", 0, dict(
    log="0", seq="0", time="0", sender="0", kind=0, chain=ZERO, payload=""))
good("entry of the group abc", "entry", 0, CHAINS[0]["entries"][0]["entry"])
good("entry of a kind of the future", "entry", 0, CHAINS[1]["entries"][2]["entry"])
good("entry of the directory", "entry", 0, CHAINS[3]["entries"][1]["entry"])

# All that came with tracked groups and the Authentication Service, with nothing in it and with all fields set.
NEW = [kind for kind, (number, *_) in TYPES.items() if not any(frame["meaning"]["type"] == kind for frame in FRAMES)]
for kind in NEW:
    number, struct, sender = TYPES[kind]
    good(f"{kind}, smallest", kind, 13 if sender == "client" else 0, smallest(struct))
    for case in SELECTS[struct][1] if struct in SELECTS else [None]:
        title = f"{kind} with all fields set" if case is None else f"{kind}: {case}"
        good(title, kind, 2**32 - 14, filled(struct, case))
good("group_created with receipts", "group_created", 3, filled("GroupCreated"))

MALFORMED, TOO_LARGE = "malformed_frame", "frame_too_large"
HELLO = frame("hello", 1, {"versions": [1]})
bad("a frame without a body", "client", "invalid_length", MALFORMED, "00")
bad("a body shorter than a header", "client", "invalid_length", MALFORMED, "04", "04000000")
bad("a length that begins with the prefix 11", "client", "invalid_varint_prefix", MALFORMED,
    "c000000000000008", HELLO[1:])
bad("a length of two bytes where one does", "client", "non_minimal_varint", MALFORMED, "4008", HELLO[1:])
bad("a length of four bytes where one does", "client", "non_minimal_varint", MALFORMED, "80000008", HELLO[1:])
bad("a length of four bytes where two do", "client", "non_minimal_varint", MALFORMED, "80003fff")
bad("a length of 16 MiB and one byte", "client", "invalid_length", TOO_LARGE, "81000001")
bad("the longest length there is", "client", "invalid_length", TOO_LARGE, "bfffffff")
bad("hello of 65 bytes", "client", "invalid_length", TOO_LARGE,
    frame("hello", 1, {"versions": list(range(29))}), limit=62)
bad("a body one byte above the limit", "client", "invalid_length", TOO_LARGE, HELLO, limit=7)
bad("nothing", "client", "truncated", MALFORMED, "")
bad("half of a length", "client", "truncated", MALFORMED, "40")
bad("a body that ends too early", "client", "truncated", MALFORMED, HELLO[:-1])
bad("a header alone, of a type that has more", "client", "truncated", MALFORMED, body("hello", ""))
bad("a vector longer than its frame", "client", "truncated", MALFORMED, body("hello", "040001"))
bad("a vector that ends inside its element", "client", "truncated", MALFORMED, body("hello", "03000100"))
bad("logs that are not of 8 bytes", "client", "truncated", MALFORMED, body("unsubscribe", "07" + "00" * 7))
bad("a message longer than its vector", "client", "truncated", MALFORMED, body("publish", "0205aa" + "aa" * 4))
bad("a vector's length with the prefix 11", "client", "invalid_varint_prefix", MALFORMED, body("hello", "c20001"))
bad("a vector's length in two bytes where one does", "client", "non_minimal_varint", MALFORMED,
    body("hello", "40020001"))
bad("a message's length in four bytes where one does", "client", "non_minimal_varint", MALFORMED,
    body("publish", "0580000001aa"))
bad("a byte after the body", "client", "trailing_bytes", MALFORMED, body("hello", "02000100"))
bad("a byte after an empty body", "client", "trailing_bytes", MALFORMED, body("count_key_packages", "00"))
bad("a byte after a vector at the end", "client", "trailing_bytes", MALFORMED,
    body("create_group", encode("CreateGroup", smallest("CreateGroup")).hex() + "00"))
bad("ping with 65 bytes of data", "client", "invalid_length", MALFORMED, body("ping", "4041" + "00" * 65))
bad("pong with 65 bytes of data", "client", "invalid_length", MALFORMED, body("pong", "4041" + "00" * 65))
for kind in (0, 6, 255):
    bad(f"a log of kind {kind}", "client", "unknown_value", MALFORMED,
        body("subscribe", "12" + f"{kind:02x}" + "00" * 17))


def spoiled(kind, reason, *path, value):
    """The smallest frame of this type with another value in one field."""
    number, struct, sender = TYPES[kind]
    content = inner = smallest(struct)
    for name in path[:-1]:
        inner = inner[name][0] if isinstance(inner[name], list) else inner[name]
    inner[path[-1]] = value
    shown = value if isinstance(value, int) else f"{len(value) // 2} bytes"
    bad(f"{kind} with {'.'.join(path)} of {shown}", sender, reason, MALFORMED if sender == "client" else None,
        frame(kind, 1, content))


bad("register with an admission of type 3", "client", "unknown_value", MALFORMED,
    body("register", "00" "0000" "00" "00" "03" "00"))
for number in (0, 9):
    bad(f"administer of type {number}", "client", "unknown_value", MALFORMED, body("administer", f"{number:02x}"))
for kind, path, values in (
        ("revoke_client", ["reason"], [5, 255]), ("set_visibility", ["visibility"], [0, 4]),
        ("create_group", ["policy", "mode"], [3]), ("create_group", ["policy", "may_add"], [3]),
        ("create_group", ["policy", "may_remove"], [255]), ("update_group", ["policy", "may_rename"], [3]),
        ("update_group", ["policy", "join"], [4]), ("set_role", ["role"], [3]), ("list_groups", ["listing"], [0, 3]),
        ("answer_invitation", ["answer"], [0, 6]), ("authority", ["credentials"], [0, 4]),
        ("invited", ["state"], [0, 8])):
    for value in values:
        spoiled(kind, "unknown_value", *path, value=value)
for kind, of, name, values in (
        ("group_description", "MemberDescription", "state", [0, 3]),
        ("group_description", "MemberDescription", "role", [3]),
        ("group_list", "GroupSummary", "mode", [3]), ("group_list", "GroupSummary", "join", [4]),
        ("heads_checked", "HeadCheck", "status", [6])):
    for value in values:
        vector = next(field for field_kind, field, _ in STRUCTS[TYPES[kind][1]] if field_kind == of)
        content = smallest(TYPES[kind][1]) | {vector: [smallest(of) | {name: value}]}
        bad(f"{kind} with a {name} of {value}", "relay", "unknown_value", None, frame(kind, 1, content))
for kind, field_name, longest in (
        ("register", "client_name", 64), ("create_group", "name", 255), ("create_group", "alias", 255),
        ("update_group", "name", 255), ("update_group", "alias", 255), ("deny_commit", "text", 1024),
        ("invite", "info", 1024), ("administered", "token", 64), ("group_description", "alias", 255)):
    good(f"{kind} with the longest {field_name}", kind, 1, smallest(TYPES[kind][1]) | {field_name: "61" * longest})
    spoiled(kind, "invalid_length", field_name, value="61" * (longest + 1))
TOKEN_HEAD = encode("Identity", smallest("Identity")).hex() + "00" "01"
bad("register with a token of 65 bytes", "client", "invalid_length", MALFORMED,
    body("register", TOKEN_HEAD + "4041" + "77" * 65 + "00"))
bad("administer: create_token with a note of 256 bytes", "client", "invalid_length", MALFORMED,
    frame("administer", 1, {"type": 1, "uses": 1, "not_after": "0", "note": "61" * 256}))
bad("administer: void_commit with a text of 1025 bytes", "client", "invalid_length", MALFORMED,
    frame("administer", 1, {"type": 7, "log": "5", "seq": "2", "text": "61" * 1025}))
spoiled("ban", "invalid_presence", "is_banned", value=2)
spoiled("follow_receipts", "invalid_presence", "follow", value=255)
bad("administer: list_tokens with a token", "client", "trailing_bytes", MALFORMED,
    body("administer", "03" "0000000000000001"))
bad("administer: delete_group without its log", "client", "truncated", MALFORMED, body("administer", "08"))
bad("publish_commit with a removed client of 7 bytes", "client", "truncated", MALFORMED,
    body("publish_commit", "00" "00" "07" + "00" * 7))
bad("an entry_digest with a payload", "relay", "trailing_bytes", None, body("entry_digest", "00" * 97 + "01aa"))
bad("a frame of type 0", "client", "unknown_value", "unknown_frame_type", "0500" "00000001")
bad("a frame of type 63 with content", "client", "unknown_value", "unknown_frame_type", "073f" "00000001" "abcd")
bad("a frame of type 255", "relay", "unknown_value", None, "05ff" "00000000")
bad("a last_resort of 2", "relay", "invalid_presence", None, body("key_package_counts", "07" "0001" "00000001" "02"))
bad("a nonce of 31 bytes", "relay", "truncated", None, body("challenge", "0001" "00" + "00" * 31 + "00" * 24))
bad("an entry without its payload", "relay", "truncated", None, body("entry", "00" * 65))
bad("an entry with a byte after its payload", "relay", "trailing_bytes", None, body("entry", "00" * 65 + "01aabb"))
bad("done with a byte", "relay", "trailing_bytes", None, body("done", "00"))

# MARK: Structures inside of others: the payloads of entries, the details of errors

STRUCTURES = [
    {"structure": struct, "meaning": value, "hex": encode(struct, value).hex()}
    for struct in STRUCTS if struct.endswith(("Notice", "Detail"))
    for value in [smallest(struct)] + ([filled(struct, case) for case in ("open", "token", "client")]
                                       if struct == "IdentityNotice" else [filled(struct)])]

SIGNED = [REGISTER, REGISTER_BY_TOKEN, AUTHENTICATE, ADMISSION, ROTATION]
for name, content in (
        ("frames", FRAMES), ("structures", STRUCTURES), ("chain", CHAINS), ("authentication", SIGNED)):
    lines = ",\n".join(json.dumps(value, ensure_ascii=False) for value in content)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")
