#!/usr/bin/env python3
"""Shows what a store's objects say of themselves while they change, until all are ready.

usage: progress.py KUBECTL NAMESPACE SECONDS OBJECTS

Prints one line for each condition that changes. Ends with 0 once there are so many objects and every one is Ready;
otherwise with 1 after so many seconds, or soon after an object is Stalled, and says which object waits and for what.
"""
import json
import subprocess
import sys
import time

KINDS = "tenants,pools,tenantcertificates,tenantmonitors"
BOLD, GREEN, RED, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("",) * 4
COLOURS = {"True": GREEN, "False": RED}
# A stall that a moment later is none is not worth ending for.
STALL_SECONDS = 10


def objects(kubectl, namespace):
    command = [kubectl, "--namespace", namespace, "get", KINDS, "--output", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return json.loads(answer.stdout)["items"] if answer.returncode == 0 else []


def conditions(item):
    return {one["type"]: one for one in item.get("status", {}).get("conditions", [])}


def name(item):
    return f'{item["kind"]} {item["metadata"]["name"]}'


def is_ready(item):
    found = conditions(item).get("Ready", {})
    return found.get("status") == "True" and found.get("observedGeneration") == item["metadata"]["generation"]


def show_changes(items, shown, began):
    for item in items:
        for kind, one in conditions(item).items():
            key, said = (name(item), kind), (one["status"], one["reason"], one["message"])
            if shown.get(key) != said and kind not in ("Reconciling", "Stalled"):
                colour = COLOURS.get(one["status"], "")
                print(f'{time.monotonic() - began:6.1f}s  {name(item):<26} {kind:<17} '
                      f'{colour}{one["status"]:<7}{PLAIN} {one["reason"]}: {one["message"]}', flush=True)
            shown[key] = said


def explain(items):
    print(f"\n{BOLD}not ready:{PLAIN}")
    if not items:
        print("  the API server returned no object")
    for item in items:
        if not is_ready(item):
            found = conditions(item)
            print(f"  {name(item)}" + ("" if found else ": the operator has not looked at it"))
            for kind, one in found.items():
                if one["status"] != "True" and kind not in ("Reconciling", "Stalled"):
                    print(f'    {kind}={one["status"]} {one["reason"]}: {one["message"]}')


def main():
    kubectl, namespace, seconds, wanted = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    began, shown, stalled_since, items = time.monotonic(), {}, None, []
    while time.monotonic() - began < seconds:
        items = objects(kubectl, namespace)
        show_changes(items, shown, began)
        if len(items) >= wanted and all(map(is_ready, items)):
            return 0
        stalled = any(conditions(item).get("Stalled", {}).get("status") == "True" for item in items)
        stalled_since = (stalled_since or time.monotonic()) if stalled else None
        if stalled_since and time.monotonic() - stalled_since > STALL_SECONDS:
            break
        time.sleep(0.1)
    explain(items)
    return 1


if __name__ == "__main__":
    sys.exit(main())
