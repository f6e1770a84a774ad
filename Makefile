# A thin front for CMake's presets: everything a newcomer types. `make help` lists it.
#
# The first run installs what is missing (scripts/setup); after that each target takes as long as
# there is something to do.

JOBS         ?= $(shell nproc)
CTEST        := ctest --output-on-failure --parallel $(JOBS)
FUZZ_SECONDS ?= 30
DEMO_OPTIONS ?=

export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)

.PHONY: all build demo check check-fast check-all format format-check analyse asan tsan fuzz bench clean help setup

## make            build the command, ./build/clade
all: build

build:
	@scripts/setup --build
	@scripts/build release clade

## make demo       make a shop, load it, find its segments, write the report (DEMO_OPTIONS=--customers 5000)
demo: build
	@scripts/demo $(DEMO_OPTIONS)

## make setup      install what building and testing need
setup:
	@scripts/setup

## make check      every test
check: setup
	@scripts/build release
	@$(CTEST) --test-dir build/release

## make check-fast the tests that take a moment
check-fast: setup
	@scripts/build release
	@$(CTEST) --test-dir build/release -L fast

## make check-all  what continuous integration runs: tests, formatting, analyser, sanitizers
check-all:
	@.ci/run

## make format     lay out every source as .clang-format says
format: setup
	@scripts/format

## make format-check say which sources differ from it
format-check: setup
	@scripts/format --check

## make analyse    the static analyser
analyse: setup
	@scripts/analyse

## make asan       the fast tests under the address and undefined-behaviour sanitizers
asan: setup
	@scripts/build asan
	@$(CTEST) --test-dir build/asan -L fast

## make tsan       the fast tests under the thread sanitizer
tsan: setup
	@scripts/build tsan
	@$(CTEST) --test-dir build/tsan -L fast

## make fuzz       every fuzz target from its corpus (FUZZ_SECONDS=30 each)
fuzz: setup
	@scripts/fuzz $(FUZZ_SECONDS)

## make bench      every benchmark; results go to bench/results by hand
bench: setup
	@scripts/build release
	@scripts/bench

## make clean      remove what was built; what was installed stays
clean:
	rm -rf build demo

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)
