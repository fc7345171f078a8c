# The usual words for CMake's presets; `make help` lists them. Each build is in build/<preset>.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := release
.PHONY: release install docs run test load torture check asan tsan clang coverage bench bench-scale bench-growth fuzz tidy fmt clean help

PREFIX ?= /usr/local
DESTDIR ?=

# $(call build,preset[,options]): configuring again costs little, and picks up new files.
define build
@command -v cmake >/dev/null || { echo "cmake is missing; run: tools/setup build" >&2; exit 1; }
@cmake --preset $(1) $(2) >/dev/null
@cmake --build --preset $(1)
endef

define test
$(call build,$(1))
@ctest --preset $(1)
endef

release: ## build the programs and libraries: build/release/bin, build/release/lib (the default)
	$(call build,release)

install: ## install the release build into PREFIX (/usr/local), under DESTDIR if given
	$(call build,release,-DCMAKE_INSTALL_PREFIX="$(PREFIX)")
	@DESTDIR="$(DESTDIR)" cmake --install build/release

docs: ## the reference as HTML: build/docs/index.html (needs mandoc)
	$(call build,release)
	@tools/manual --html build/release/man build/docs

run: ## build, start the service, record two runs: ./run.sh
	@./run.sh

test: ## build for development and run all tests
	$(call test,dev)

load: ## load of many kinds for a minute, then a minute of kills, against the release build
	$(call build,release)
	@cd tests/e2e && TELEMETRY_BUILD_DIR="$(CURDIR)/build/release" TELEMETRY_LOAD_SECONDS=60 \
	    python3 test_service_load.py

torture: ## kills, failing calls, histories, damaged files, power cuts, with a seed that is printed: SECONDS=60 SEED=1
	$(call build,test)
	@tools/torture build/test $(or $(SECONDS),30) $(SEED)

check: ## format, layers, then all tests under the address and undefined-behaviour sanitizers
	@tools/check format || [ $$? = 77 ]
	@tools/check layers
	@tools/check banned
	$(call test,asan)

asan: ## all tests under the address and undefined-behaviour sanitizers
	$(call test,asan)

tsan: ## all tests under the thread sanitizer
	$(call test,tsan)

clang: ## all tests, compiled by clang
	$(call test,clang)

fuzz: ## build the fuzz targets, replay what they found, run each for 20 s
	$(call test,fuzz)

bench: ## measure the release build beside its baselines: bench/results/REPORT.md (QUICK=1: shorter)
	$(call build,release,-DTEL_BENCH=ON)
	@bench/run $(if $(QUICK),--size quick)

bench-scale: ## the same on ten million rows (ROWS=1000000: on one), which are made once and kept
	$(call build,release,-DTEL_BENCH=ON)
	@bench/run --size scale $(if $(ROWS),--rows $(ROWS))

bench-growth: ## what each operation costs at 10,000 rows, ten times as many, ... ten million
	$(call build,release,-DTEL_BENCH=ON)
	@bench/run --size growth $(if $(ROWS),--rows $(ROWS))

# Where the aim is 98 % of lines; it is 95 % elsewhere.
KEPT_SAFE := src/deliver/buffer src/deliver/ndjson src/store/ src/http/auth
REPORT := gcovr --root . --add-tracefile build/coverage/report/lines.json
coverage: ## all tests; which lines they reach is in build/coverage/report/index.html
	@command -v gcovr >/dev/null || { echo "gcovr is missing; run: tools/setup dev" >&2; exit 1; }
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	$(call test,coverage)
	@mkdir -p build/coverage/report
	@gcovr --root . --filter src/ --json build/coverage/report/lines.json build/coverage
	@$(REPORT) --filter src/ --html-details build/coverage/report/index.html --print-summary
	@echo "buffer, NDJSON, store and authentication:"
	@$(REPORT) $(addprefix --filter ,$(KEPT_SAFE)) --print-summary | grep ^lines

tidy: ## clang-tidy over src
	$(call build,clang)
	@# One file a process: clang-tidy 14 mistakes va_lists in all files after the first.
	@# What it writes to stderr is how much it did not print, unless it failed.
	@find src -name '*.c' | xargs -r -n 1 -P 2 clang-tidy --quiet -p build/clang \
		2>build/clang/tidy.log || { cat build/clang/tidy.log >&2; exit 1; }

fmt: ## format the C sources as .clang-format says
	@tools/check format --apply

clean: ## remove all builds
	@rm -rf build

help: ## list these
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
