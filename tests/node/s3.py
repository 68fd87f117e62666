#!/usr/bin/env python3
"""An S3 client that knows nothing of the operator: stores objects, reads them back, and counts what goes wrong.

usage: S3_ACCESS_KEY=… S3_SECRET_KEY=… PACE=0.02 s3.py URL ADDRESS CA|- put|check|traffic BUCKET COUNT

The name in URL is reached at ADDRESS, and its certificate must be signed by CA. `put` stores COUNT objects and reads
them back, `check` only reads, `traffic` overwrites and reads COUNT objects until standard input ends, with PACE seconds
in between. The last line of the output is a JSON object. Takes boto3 if it is installed, otherwise scripts/s3.py.
"""
import hashlib
import json
import os
import socket
import sys
import threading
import time
import urllib.parse

# Within a server's own record of the object, beside it, and in several blocks.
SIZES = [1, 700, 70_000, 1 << 20, 5 << 19]
TRAFFIC_SIZE = 24_000
PACE = float(os.environ.get("PACE", "0.02"))


class Missing(Exception):
    """The store says that there is no such object."""


class Failed(Exception):
    """The store gave no answer, or a wrong one."""


class Boto:
    """boto3 without its own repetitions, so that every failed request is seen."""

    def __init__(self, url, authority, keys):
        import boto3
        import botocore.config
        import botocore.exceptions
        self.name = f"boto3 {boto3.__version__}"
        self.refused, self.broken = botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
        self.client = boto3.client(
            "s3", endpoint_url=url, aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
            region_name="us-east-1", verify=authority or True,
            config=botocore.config.Config(
                retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=15,
                s3={"addressing_style": "path"}))

    def tell(self, call):
        try:
            return call()
        except self.refused as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise Missing(str(error)) from error
            raise Failed(str(error)) from error
        except (self.broken, OSError) as error:
            raise Failed(f"{type(error).__name__}: {error}") from error

    def make(self, bucket):
        self.tell(lambda: self.client.create_bucket(Bucket=bucket))

    def put(self, bucket, key, body):
        self.tell(lambda: self.client.put_object(Bucket=bucket, Key=key, Body=body))

    def get(self, bucket, key):
        return self.tell(lambda: self.client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def list(self, bucket, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return self.tell(lambda: {found["Key"] for page in pages for found in page.get("Contents", [])})


class Plain:
    """Python's own library, by the script the demo uses."""

    def __init__(self, url, authority, keys):
        sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../scripts"))
        import s3
        self.name, self.store = "scripts/s3.py", s3.Store(url, keys, authority, None)

    def call(self, *request):
        try:
            return self.store.call(*request)
        except SystemExit as error:
            raise (Missing if " answers 404" in str(error) else Failed)(str(error)) from error
        except Exception as error:  # noqa: BLE001
            raise Failed(f"{type(error).__name__}: {error}") from error

    def make(self, bucket):
        self.call("PUT", f"/{bucket}")

    def put(self, bucket, key, body):
        self.call("PUT", f"/{bucket}/{key}", body)

    def get(self, bucket, key):
        return self.call("GET", f"/{bucket}/{key}")

    def list(self, bucket, prefix):
        keys, start = set(), ""
        while True:
            path = f"/{bucket}?list-type=2&prefix={prefix}&start-after={start}"
            found = [part.split("</Key>")[0] for part in self.call("GET", path).decode().split("<Key>")[1:]]
            if not found:
                return keys
            keys.update(found)
            start = max(found)


def content(bucket, index):
    """The bytes an object of `put` holds: the same at every run."""
    return hashlib.shake_256(f"{bucket}/{index}".encode()).digest(SIZES[index % len(SIZES)])


def wrong(client, bucket, count):
    """The objects that are not what was stored, with the reason."""
    found = []
    for index in range(count):
        try:
            read = patiently(lambda: client.get(bucket, f"object-{index}"))
        except (Missing, Failed) as error:
            found.append(f"object-{index}: {error}")
            continue
        if hashlib.sha256(read).digest() != hashlib.sha256(content(bucket, index)).digest():
            found.append(f"object-{index}: read {len(read)} bytes that are not what was stored")
    return found


class Traffic:
    """One writer per object: what was acknowledged last, or was tried since, is what a read may give."""

    def __init__(self, client, readers, bucket, count):
        self.client, self.readers, self.bucket, self.count = client, readers, bucket, count
        self.counts = {"writes": 0, "reads": 0, "lists": 0, "failedWrites": 0, "failedReads": 0, "failedLists": 0,
                       "lost": 0, "stale": 0}
        self.fresh = []
        self.seen, self.lock, self.end = [], threading.Lock(), threading.Event()
        self.acknowledged, self.tried = [0] * count, [0] * count

    def count_one(self, what, why=None):
        with self.lock:
            self.counts[what] += 1
            if why and len(self.seen) < 12:
                self.seen.append(f"{time.strftime('%H:%M:%S')} {what} {why}"[:300])

    def write(self, index):
        self.tried[index] += 1
        version = self.tried[index]
        try:
            self.client.put(self.bucket, f"live-{index}", f"{version:012d}".encode() * (TRAFFIC_SIZE // 12))
        except (Missing, Failed) as error:
            return self.count_one("failedWrites", error)
        self.acknowledged[index] = version
        self.count_one("writes")

    def read(self, index):
        oldest = self.acknowledged[index]
        if not oldest:
            return None
        try:
            body = self.client.get(self.bucket, f"live-{index}")
        except Missing as error:
            return self.count_one("lost", error)
        except Failed as error:
            return self.count_one("failedReads", error)
        version = int(body[:12])
        if body != f"{version:012d}".encode() * (TRAFFIC_SIZE // 12) or not oldest <= version <= self.tried[index]:
            return self.count_one("stale", f"live-{index} has version {version}, acknowledged is {oldest}")
        return self.count_one("reads")

    def create(self, worker):
        """A new object, asked for at once through another connection: every server must know where it is."""
        with self.lock:
            key = f"fresh-{worker}-{len(self.fresh)}"
        try:
            self.client.put(self.bucket, key, key.encode())
        except (Missing, Failed) as error:
            return self.count_one("failedWrites", error)
        with self.lock:
            self.fresh.append(key)
        self.count_one("writes")
        return self.find(key, self.readers[worker])

    def find(self, key, client):
        try:
            body = client.get(self.bucket, key)
        except Missing as error:
            return self.count_one("lost", f"{key}: {error}")
        except Failed as error:
            return self.count_one("failedReads", error)
        if body != key.encode():
            return self.count_one("stale", f"{key} is {body[:40]}")
        return self.count_one("reads")

    def list(self):
        with self.lock:
            known = set(self.fresh)
        try:
            listed = self.client.list(self.bucket, "fresh-")
        except Failed as error:
            return self.count_one("failedLists", error)
        for key in sorted(known - listed)[:3]:
            self.count_one("lost", f"{key} is not listed")
        return self.count_one("lists")

    def work(self, own):
        worker = own[0] % 2
        while not self.end.is_set():
            self.create(worker)
            self.list()
            for index in own:
                self.write(index)
                self.read(index)
                self.read(own[(own.index(index) + 3) % len(own)])
                self.end.wait(PACE)

    def run(self):
        every = list(range(self.count))
        workers = [threading.Thread(target=self.work, args=(every[part::2],)) for part in range(2)]
        for worker in workers:
            worker.start()
        sys.stdin.read()
        self.end.set()
        for worker in workers:
            worker.join()
        for index in every:
            self.read(index)
        for key in self.fresh:
            try:
                patiently(lambda: self.find_or_fail(key))
            except Failed as error:
                self.count_one("lost", f"{key}: {error}")
        return {**self.counts, "fresh": len(self.fresh), "seen": self.seen}

    def find_or_fail(self, key):
        """At the end nothing is in the way any more: what is not found now is lost."""
        try:
            if self.client.get(self.bucket, key) != key.encode():
                self.count_one("stale", key)
        except Missing as error:
            self.count_one("lost", f"{key}: {error}")


def patiently(call):
    """Repeats what failed, as clients do: a new Service may not be routed yet, and a busy server says "please retry".
    An object that is not found is no failure, and is never asked for again."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return call()
        except Failed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def main():
    url, address, authority, verb, bucket, count = sys.argv[1:]
    name, count, resolve = urllib.parse.urlsplit(url).hostname, int(count), socket.getaddrinfo
    socket.getaddrinfo = lambda host, *rest, **more: resolve(address if host == name else host, *rest, **more)
    keys = os.environ["S3_ACCESS_KEY"], os.environ["S3_SECRET_KEY"]
    authority = None if authority == "-" else authority
    try:
        client = Boto(url, authority, keys)
    except ImportError:
        client = Plain(url, authority, keys)
    if verb != "check":
        patiently(lambda: client.make(bucket))
    if verb == "traffic":
        # Whoever started this may now disturb the store: a bucket that is cut off half way keeps a drain from its end.
        print("begun", flush=True)
        readers = [type(client)(url, authority, keys) for _ in range(2)]
        result = Traffic(client, readers, bucket, count).run()
    else:
        if verb == "put":
            for index in range(count):
                patiently(lambda: client.put(bucket, f"object-{index}", content(bucket, index)))
        result = {"objects": count, "wrong": wrong(client, bucket, count)}
    print(json.dumps({"client": client.name, **result}))


if __name__ == "__main__":
    main()
