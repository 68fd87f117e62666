#!/usr/bin/env bash
# Checks the operator's own alert rules with promtool, and runs their tests.
. "$(dirname "$0")/lib.sh"
python3 - kustomize/components/monitoring/prometheus-rule.yaml >out/operator-rules.yaml <<'PY'
import sys
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
spec = lines[lines.index("spec:") + 1:]
print("\n".join(line[2:] for line in spec))
PY
promtool check rules out/operator-rules.yaml
promtool test rules tests/rules/operator.yaml
