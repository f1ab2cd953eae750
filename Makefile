# The commands of this repository. `cargo fmt`, `cargo clippy` and `cargo bench` work as everywhere.
.PHONY: help run test prompts

help:
	@echo "make run      build the release binary and start a working center from config/"
	@echo "make test     install what the tests need, then check and test everything"
	@echo "make prompts  speak the prompts whose text in prompts/texts.toml changed"
	@echo "cargo bench   run the benchmarks; benches/README.md explains the figures"

run:
	cargo build --release --bin hotline
	"$${CARGO_TARGET_DIR:-target}/release/hotline" serve

test:
	@tests/install.sh
	@tests/run.sh

prompts:
	python3 prompts/make.py
