# make run    builds everything, starts a vulnerable shop behind a gateway and attacks it
# make test   runs every test; make quick runs those that take seconds
# make bench-waf      measures inspection beside ModSecurity and Coraza, into bench/
# make bench-gateway  measures the gateway beside nginx, and ringwall up, into bench/
# make crs    runs the regression tests of the Core Rule Set
# make build  builds bin/ringwall, bin/ringwall-demo and the console
# Each target installs what it needs first; see tools/setup.sh.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
TOOL := go tool -modfile=tools/go.mod
CONSOLE_SOURCES := $(shell find console/web -path console/web/node_modules -prune -o -type f -print) api/openapi.yaml
LDFLAGS := -s -w

.PHONY: run test quick build console setup check e2e fmt generate clean bench-waf bench-gateway crs

run: build
	@echo "run: starting the demo, Ctrl-C ends it"
	@exec bin/ringwall-demo

build: console
	@mkdir -p bin
	@echo "build: bin/ringwall and bin/ringwall-demo"
	@go build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/ringwall ./cmd/ringwall-demo
	@echo "build: done"

console: console/dist/app/index.html

console/dist/app/index.html: $(CONSOLE_SOURCES)
	@tools/setup.sh run
	@echo "console: building"
	@npm --prefix console/web run --silent build

test: setup console check
	@echo "test: unit, golden, command line (race detector on)"
	@go test -race -short -timeout 20m $$(go list ./... | grep -v /test/)
	@echo "test: the engine's whole corpora (without the race detector, which makes them ten times slower)"
	@go test -timeout 20m ./waf/... ./cmd/ringwall-demo/traffic
	@$(MAKE) --no-print-directory e2e
	@echo "test: everything passed"

setup:
	@tools/setup.sh test

# check is everything that only reads: formats, vets, generated files, the console's own tests.
check: console
	@echo "check: gofumpt, vet, fix, staticcheck"
	@out=$$($(TOOL) gofumpt -l $$(git ls-files -co --exclude-standard '*.go' | grep -v /apigen/)); [ -z "$$out" ] || { echo "not formatted, run make fmt: $$out"; exit 1; }
	@go vet ./...
	@out=$$(go fix -diff ./... 2>&1) || { echo "$$out"; echo "outdated constructs, run go fix ./..."; exit 1; }
	@$(TOOL) staticcheck ./...
	@echo "check: generated code"
	@cd api && go run ./generate -check
	@echo "check: console"
	@npm --prefix console/web run --silent check

e2e: build
	@echo "test: end to end, with sqlmap, nginx, wrk and Chromium"
	@go test -count=1 -timeout 20m ./test/...

# Flags for a shorter or longer run: make bench-waf PEERS='-rounds 1 -slice 100ms'
bench-waf:
	@tools/setup.sh bench
	@mkdir -p bin
	@go build -o bin/ ./test/peers/cmd/peers
	@bin/peers waf -out bench $(PEERS)

bench-gateway: build
	@tools/setup.sh bench
	@go build -o bin/ ./test/peers/cmd/peers
	@bin/peers gateway -out bench -ringwall bin/ringwall $(PEERS)

# The regression tests of the Core Rule Set, first the engine alone, then as real
# HTTP through a gateway. The two last lines say how it went.
crs:
	@go test -count=1 -v -run TestCoreRuleSet ./waf/waftest ./test/crs 2>&1 | awk '/^crs /{last = last $$0 "\n"; next} /^(=== |--- PASS|PASS|ok )/{next} {print} END{printf "%s", last}'

quick:
	@go vet ./...
	@go test $$(go list ./... | grep -v /test/)

fmt:
	@$(TOOL) gofumpt -w $$(git ls-files -co --exclude-standard '*.go' | grep -v /apigen/)
	@npm --prefix console/web run --silent format

generate:
	@go generate ./...

clean:
	@rm -rf bin console/dist/app console/web/node_modules test/output
