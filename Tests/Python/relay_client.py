#!/usr/bin/python3
"""A client of the relay, written from Wire/PROTOCOL.md alone: relay_client.py URL GROUP_ID_HEX EPOCH FILE
Registers, creates the group, publishes each line of FILE (an MLSMessage in hex), reads the log and verifies all of it."""
import asyncio, hashlib, json, sys
import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
HELLO, REGISTER, PING, PONG, CREATE_GROUP, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, ACKNOWLEDGE = 1, 2, 4, 5, 16, 17, 18, 19, 21
CHALLENGE, READY, ERROR, DONE, GROUP_CREATED, PUBLISHED, SUBSCRIBED, ENTRY = 65, 66, 67, 68, 80, 81, 82, 96
UNLIMITED, MAX_MESSAGE = 2**64 - 1, (16 << 20) + 4
def check(condition, what):
    if not condition:
        raise ValueError(what)

def uint(size, value):
    return value.to_bytes(size, "big")

def vector(content):
    for size, prefix in ((1, 0), (2, 1), (4, 2)):
        if len(content) < 1 << 8 * size - 2:
            return uint(size, prefix << 8 * size - 2 | len(content)) + content
    raise ValueError("a vector is too long")

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0
    def bytes(self, count):
        check(self.at + count <= len(self.data), "truncated")
        self.at += count
        return self.data[self.at - count:self.at]
    def uint(self, size):
        return int.from_bytes(self.bytes(size), "big")
    def opaque(self):
        first = self.uint(1)
        check(first >> 6 < 3, "a length with the prefix 11")
        rest = (1 << (first >> 6)) - 1
        count = (first & 0x3F) << 8 * rest | self.uint(rest)
        check(count >= (0, 1 << 6, 1 << 14)[first >> 6], "a length that is not in its shortest form")
        return self.bytes(count)
    def all(self, element):
        while self.at < len(self.data):
            yield element(self)
    def __enter__(self):
        return self
    def __exit__(self, kind, *_):
        check(kind or self.at == len(self.data), "trailing bytes")

class Connection:
    def __init__(self, socket):
        self.socket, self.request_id, self.answers, self.entries = socket, 0, {}, []
    async def send(self, kind, body):
        self.request_id += 1
        await self.socket.send(vector(uint(1, kind) + uint(4, self.request_id) + body))
        return self.request_id
    async def receive(self):
        for frame in Reader(await self.socket.recv()).all(Reader.opaque):
            body = Reader(frame)
            kind, request_id = body.uint(1), body.uint(4)
            if kind == ERROR:
                raise ValueError(f"error {body.uint(2)} for request {request_id}: {body.opaque().decode()}")
            elif kind == PING:
                await self.socket.send(vector(uint(1, PONG) + uint(4, 0) + vector(body.opaque())))
            elif kind == ENTRY:
                self.entries.append(body)
            elif request_id:
                check(request_id not in self.answers, "a second answer")
                self.answers[request_id] = (kind, body)
    async def answer(self, request_id, expected):
        while request_id not in self.answers:
            await self.receive()
        kind, body = self.answers.pop(request_id)
        check(kind == expected, f"a frame of type {kind} instead of {expected}")
        return body
    async def request(self, kind, body, expected):
        return await self.answer(await self.send(kind, body), expected)

async def authenticate(connection):
    with await connection.request(HELLO, vector(uint(2, 1)), CHALLENGE) as challenge:
        version, server_name, nonce = challenge.uint(2), challenge.opaque(), challenge.bytes(32)
        check(version == 1 and all([challenge.uint(4) for _ in range(6)]), "another version, or a limit of 0")
    key = Ed25519PrivateKey.generate()
    public_key = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    claim = vector(b"python-" + public_key.hex().encode()) + uint(2, 0x0807) + vector(public_key) + bytes(2)
    tbs = uint(2, version) + vector(server_name) + nonce + uint(1, REGISTER) + claim  # unnamed, admission open
    signature = key.sign(vector(b"mlsrelay 1.0 Authentication") + vector(tbs))
    with await connection.request(REGISTER, claim + vector(signature), READY) as ready:
        return [ready.uint(8) for _ in ("client", "time")][0]

async def publish(connection, messages):
    # 100 at a time, and the last again, which must change nothing.
    receipts, messages = [], messages + messages[-1:]
    for start in range(0, len(messages), 100):
        bodies = [vector(vector(message)) for message in messages[start:start + 100]]
        for request_id in [await connection.send(PUBLISH, body) for body in bodies]:
            with await connection.answer(request_id, PUBLISHED) as published:
                receipts.append(list(Reader(published.opaque()).all(
                    lambda reader: [reader.uint(size) for size in (4, 8, 8, 8)] + [reader.bytes(32)])))
    check(receipts[-2:-1] == receipts[-1:], "a repeated Publish has another receipt")
    return receipts[:-1]

async def verify(connection, log, name, client, expected):
    head = sha256(b"mlsrelay log", name)
    with await connection.request(SUBSCRIBE, vector(name + uint(8, 0) + uint(8, UNLIMITED)), SUBSCRIBED) as subscribed:
        with Reader(subscribed.opaque()) as result:
            found = [result.uint(size) for size in (2, 8, 8, 8, 8)]
            check(found[:4] == [0, log, 1, len(expected)], f"subscribed with {found}")
            check(result.bytes(32) == head, "chain(0) is another")
    last_time = 0
    for seq in range(1, len(expected) + 1):
        while not connection.entries:
            await connection.receive()
        with connection.entries.pop(0) as entry:
            header, chain, payload = entry.bytes(33), entry.bytes(32), entry.opaque()
        message, receipt = expected[seq]
        fields = Reader(header)
        found = [fields.uint(size) for size in (8, 8, 8, 8, 1)]
        check(found == [log, seq, receipt[3], client, 1] and found[2] >= last_time, f"the header of entry {seq}")
        last_time, head = found[2], sha256(head, header, sha256(payload))
        check(payload == message, f"the payload of entry {seq}")
        check(head == chain == receipt[4], f"the chain at entry {seq}")
    return head

async def run(url, group_id, epoch, messages):
    async with websockets.connect(
            url, subprotocols=["mlsrelay.v1"], compression=None, max_size=MAX_MESSAGE, max_queue=None) as socket:
        connection = Connection(socket)
        client = await authenticate(connection)
        untracked = vector(group_id) + uint(8, epoch) + bytes(32)  # without name, alias, policy and messages
        log = (await connection.request(CREATE_GROUP, untracked, GROUP_CREATED)).uint(8)
        receipts = await publish(connection, messages)
        pairs = [(message, own) for message, each in zip(messages, receipts) for own in each if own[1] == log]
        expected = {own[2]: (message, own) for message, own in pairs}
        head = await verify(connection, log, uint(1, 1) + vector(group_id), client, expected)
        await connection.request(ACKNOWLEDGE, vector(uint(8, log) + uint(8, len(expected))), DONE)
        await connection.request(UNSUBSCRIBE, vector(uint(8, log)), DONE)
        return {"ok": True, "entries": len(expected), "head": head.hex()}

if __name__ == "__main__":
    try:
        url, group_id, epoch, file = sys.argv[1:]
        messages = [bytes.fromhex(line) for line in open(file) if line.strip()]
        outcome = asyncio.run(asyncio.wait_for(run(url, bytes.fromhex(group_id), int(epoch), messages), 30))
    except Exception as failure:
        outcome = {"ok": False, "error": f"{type(failure).__name__}: {failure}"}
    print(json.dumps(outcome))
    sys.exit(not outcome["ok"])
