# Every target a developer needs; `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO ?= cargo

.PHONY: help run build release fmt lint test test-long test-compose ci bench env certs deb image image-dev

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build and start the whole platform on embedded defaults, data under ./data
	$(CARGO) run --package ferroflux -- run

build: ## debug binary, target/debug/ferroflux
	$(CARGO) build --package ferroflux

release: ## optimised binary, target/release/ferroflux
	$(CARGO) build --release --package ferroflux

deb: release ## Debian package of the single-process shape in target/debian
	packaging/deb/build.sh

fmt: ## format everything
	$(CARGO) fmt --all

lint: ## formatting, clippy, documentation, layers, file sizes, dependencies
	$(CARGO) fmt --all --check
	scripts/check-layers.sh
	scripts/check-sizes.sh
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny check bans licenses sources; else echo "cargo-deny is not installed: dependency rules not checked"; fi

test: ## all tests in both shapes; installs the servers and clients they need when it may
	scripts/install-test-tools.sh
	docker/test/config.sh
	$(CARGO) build --package ferroflux
	scripts/with-services.sh $(CARGO) test --workspace

test-long: ## what takes minutes by itself: many kills, crowds, loss of power and network, scans of every TLS port
	scripts/install-test-tools.sh long
	$(CARGO) build --package ferroflux
	$(CARGO) build --release --manifest-path bench/load/Cargo.toml
	ulimit -n 16384 && scripts/with-services.sh $(CARGO) test --package e2e --features long

test-compose: ## the real composition in its four modes, with kills; takes an engine, or root and dockerd
	scripts/install-test-tools.sh compose
	$(CARGO) build --package ferroflux
	docker/dev/engine.sh docker/test/run.sh

ci: lint test ## exactly what CI runs

bench: release ## us and the peers side by side in one run, as ratios; ROWS="B2 B15" chooses
	bench/run.sh $(ROWS)

env: ## rewrite the configuration tables of the READMEs from the code
	UPDATE=1 $(CARGO) test --workspace --quiet readme

image: ## the container image, from the sources
	docker build --tag ferroflux/ferroflux --file docker/Dockerfile .

image-dev: release ## the same image from the binary that this machine builds
	docker/dev/image.sh target/release/ferroflux ferroflux/ferroflux

certs: ## a CA and certificates for every service under ssl/certs; more targets in ssl/Makefile
	$(MAKE) -C ssl all
