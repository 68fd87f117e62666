#!/usr/bin/env python3
"""Stores an object in an S3 store and reads it back, with nothing but Python's own library.

usage: S3_ACCESS_KEY=… S3_SECRET_KEY=… s3.py URL [--ca FILE] [--name TLS_NAME]

URL is where the store answers, as https://10.0.0.1:9000; --name is the name its certificate must be valid for, when
that is not the URL's own. Ends with 0 when what was read is what was stored.
"""
import argparse
import datetime
import hashlib
import hmac
import http.client
import os
import secrets
import socket
import ssl
import sys
import urllib.parse

REGION = "us-east-1"


def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed_headers(method, host, path, body, keys, now):
    """AWS Signature Version 4 for the service s3."""
    day, stamp = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(headers)
    canonical = "\n".join([method, path, "", *(f"{key}:{value}" for key, value in headers.items()), "", names, digest])
    scope = f"{day}/{REGION}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{keys[1]}".encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = hmac_sha256(key, part)
    signature = hmac_sha256(key, text).hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope},SignedHeaders={names},Signature={signature}")
    return headers


class Store:
    """One S3 endpoint."""

    def __init__(self, url, keys, authority, tls_name):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 9000
        self.keys, self.tls_name, self.tls = keys, tls_name or parts.hostname, None
        if parts.scheme == "https":
            self.tls = ssl.create_default_context(cafile=authority)

    def call(self, method, path, body=b""):
        host = f"{self.tls_name}:{self.port}"
        now = datetime.datetime.now(datetime.timezone.utc)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        connection.sock = socket.create_connection((self.host, self.port), timeout=30)
        if self.tls:
            connection.sock = self.tls.wrap_socket(connection.sock, server_hostname=self.tls_name)
        try:
            connection.request(method, path, body, signed_headers(method, host, path, body, self.keys, now))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status not in (200, 204):
            sys.exit(f"error: {method} {path} answers {answer.status}: {content[:300].decode(errors='replace')}")
        return content


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--ca")
    parser.add_argument("--name")
    given = parser.parse_args()
    keys = os.environ["S3_ACCESS_KEY"], os.environ["S3_SECRET_KEY"]
    store = Store(given.url, keys, given.ca, given.name)
    bucket, content = f"demo-{secrets.token_hex(4)}", secrets.token_bytes(1 << 20)
    store.call("PUT", f"/{bucket}")
    store.call("PUT", f"/{bucket}/object", content)
    found = store.call("GET", f"/{bucket}/object")
    if found != content:
        sys.exit("error: what was read is not what was stored")
    print(f"stored and read back {len(content)} bytes as {bucket}/object, "
          f"SHA-256 {hashlib.sha256(content).hexdigest()[:16]}…")


if __name__ == "__main__":
    main()
