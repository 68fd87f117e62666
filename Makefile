.DEFAULT_GOAL := help
CRASH ?= whole
.PHONY: help demo test crash e2e bench lint localkube crds docs chart clean

help: ## Show this help.
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Show a store becoming ready on a cluster built from source, with its trace. NODE=real runs real servers.
	@scripts/demo.sh

test: ## Run every test that needs no root, also against a real API server.
	@scripts/test.sh

crash: ## Cut the operator off at each of its writes, both ways: minutes. CRASH=faults or sight tries other mishaps.
	@CRASH=$(CRASH) bash -c '. scripts/lib.sh; need_builders; stop_if_missing; build_localkube kubernetes etcd kwok; exec cargo test --test crash'

e2e: ## Run the tests with real servers on a real node (Linux, root). LONG=1 adds five of half an hour.
	@scripts/e2e.sh

bench: ## Measure what the operator costs, beside a bare client: minutes. BENCH_TENANTS sets how many Tenants.
	@bash -c '. scripts/lib.sh; need_builders; stop_if_missing; build_localkube kubernetes etcd kwok; exec cargo bench --bench operator'

lint: ## Check format, lints, what depends on what, licenses and alert rules.
	@scripts/lint.sh

localkube: ## Build the local control plane the tests use.
	@bash -c '. scripts/lib.sh; need_builders; stop_if_missing; build_localkube kubernetes etcd kwok jaeger'

crds: ## Write config/crd, and the chart's copy, anew from the types.
	@UPDATE=1 cargo test --quiet --test generated -- definitions files_of_the_chart

docs: ## Write docs/api-reference.md anew from the types.
	@UPDATE=1 cargo test --quiet --test generated reference

chart: ## Write the files of the Helm chart, and its values in docs/helm.md, anew from config, kustomize and values.yaml.
	@UPDATE=1 cargo test --quiet --test generated chart

clean: ## End the demo's cluster and remove what was built.
	@if [ -x out/localkube ]; then out/localkube down --name demo; fi
	@rm -rf out
	@cargo clean
