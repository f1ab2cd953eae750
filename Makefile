# The commands of this repository. `cargo fmt`, `cargo clippy` and `cargo bench` work as everywhere.
.PHONY: help run test bench prompts

help:
	@echo "make run      build the release binary and start a working center from config/"
	@echo "make test     install what the tests need, then check and test everything"
	@echo "make prompts  speak the prompts whose text in prompts/texts.toml changed"
	@echo "make bench    run all benchmarks and refresh the tables of benches/README.md"

run:
	cargo build --release --bin hotline
	"$${CARGO_TARGET_DIR:-target}/release/hotline" serve

test:
	@tests/install.sh
	@tests/run.sh

bench:
	cargo build --release --bin hotline
	cargo bench -q -p hotline-benches --no-run
	python3 benches/run.py

prompts:
	python3 prompts/make.py
