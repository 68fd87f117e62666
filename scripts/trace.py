#!/usr/bin/env python3
"""Prints what the operator did for a change, read back from Jaeger, as a tree.

usage: trace.py JAEGER_QUERY_URL [NAMESPACE]

Each reconcile is a trace of its own; the write that woke it is a link. Reconciles that changed nothing and woke nobody
are counted, not shown.
"""
import json
import sys
import time
import urllib.parse
import urllib.request

SERVICE = "rustfs-operator"
# Told by the steps inside them.
QUIET = {"observe", "plan", "enact"}
STATUS = "status.write"
# A read that finds nothing is an answer; one that fails fails its reconcile, which tells.
READS = ("get", "list")


def fetch(base):
    query = urllib.parse.urlencode({"service": SERVICE, "limit": 1500, "lookback": "1h"})
    with urllib.request.urlopen(f"{base.rstrip('/')}/api/traces?{query}", timeout=20) as answer:
        return json.load(answer)["data"]


def tags(span):
    return {tag["key"]: tag["value"] for tag in span["tags"]}


class Forest:
    """All spans, who is whose child, and which trace was woken by which span."""

    def __init__(self, traces):
        self.spans = {span["spanID"]: span for trace in traces for span in trace["spans"]}
        self.children, self.woken, self.roots = {}, {}, []
        for span in self.spans.values():
            parent = next((ref for ref in span["references"]
                           if ref["refType"] == "CHILD_OF" and ref["traceID"] == span["traceID"]), None)
            if parent and parent["spanID"] in self.spans:
                self.children.setdefault(parent["spanID"], []).append(span)
                continue
            links = [ref["spanID"] for ref in span["references"] if ref["traceID"] != span["traceID"]]
            cause = next((link for link in links if link in self.spans), None)
            if cause:
                self.woken.setdefault(cause, []).append(span)
            else:
                self.roots.append(span)
        for group in [*self.children.values(), *self.woken.values(), self.roots]:
            group.sort(key=lambda span: span["startTime"])

    def matters(self, span):
        """Whether it changed or failed something itself, or holds or woke something that did."""
        if span["operationName"].split()[0] in READS:
            return False
        if failed(span) or span["operationName"] == STATUS or tags(span).get("changed") in (True, "true"):
            return True
        below = self.children.get(span["spanID"], []) + self.woken.get(span["spanID"], [])
        return any(map(self.matters, below))

    def show(self, span, began, indent=0):
        """Prints a span, what it did, and what that woke."""
        for line, depth in self.lines(span, began, indent):
            print("  " * depth + line)

    def lines(self, span, began, depth):
        below = [child for child in self.children.get(span["spanID"], []) if self.matters(child)]
        quiet = span["operationName"] in QUIET and not failed(span)
        if not quiet:
            yield describe(span, began), depth
        for child in below:
            yield from self.lines(child, began, depth if quiet else depth + 1)
        for woken in self.woken.get(span["spanID"], []):
            if self.matters(woken):
                yield from self.lines(woken, began, depth + 1)


def failed(span):
    return str(tags(span).get("error", "false")).lower() not in ("false", "")


def describe(span, began):
    found = tags(span)
    what = "write the status" if span["operationName"] == STATUS else found.get("action") or span["operationName"]
    if "k8s.object.name" in found:
        what += f' {found.get("k8s.namespace.name")}/{found["k8s.object.name"]}'
    problem = f'  FAILED: {found.get("otel.status_description") or found["error"]}' if failed(span) else ""
    return f'{what}  (+{(span["startTime"] - began) / 1e6:.2f} s, {span["duration"] / 1e3:.1f} ms){problem}'


def main():
    base = sys.argv[1]
    forest, count = None, -1
    # Spans are exported in batches: read until no more arrive.
    for _ in range(20):
        forest = Forest(fetch(base))
        if forest.spans and len(forest.spans) == count:
            break
        count = len(forest.spans)
        time.sleep(1.5)
    if not forest.spans:
        print("Jaeger has no trace of the service rustfs-operator", file=sys.stderr)
        return 1
    began = min(span["startTime"] for span in forest.spans.values())
    shown = [root for root in forest.roots if forest.matters(root)]
    for root in shown:
        forest.show(root, began)
    rest = len({span["traceID"] for span in forest.spans.values()})
    print(f"\n{len(forest.spans)} spans in {rest} traces; {len(forest.roots) - len(shown)} reconciles changed nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
