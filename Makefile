# Every task of the project. `make demo` and `make test` are the two to know; both need python3, python3-venv and make.
PYTHON ?= python3
VENV := .venv
# Of the tests; most of them wait for programs part of their time.
WORKERS ?= 2
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Images of containers set it; every program that starts would compile all of the project anew, which takes a second.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check format bench chaos truth fuzz proto texts diagram lock clean packages deb rpm built vm-test

demo: $(VENV)/.runtime
	@ONCE=$(ONCE) $(BIN)/python -m deploy.demo.demo

test: $(VENV)/.dev packages check built
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

# dist/hardcase-{agent,collector}_VERSION-REVISION_ARCH.deb, for Debian 12. ONLY=agent or ONLY=collector makes one of them.
deb: $(VENV)/.runtime
	$(BIN)/python -m deploy.packages deb $(if $(ONLY),--only $(ONLY)) $(if $(REVISION),--revision $(REVISION))

# dist/hardcase-agent-VERSION-REVISION.ARCH.rpm, for Enterprise Linux 9 and openEuler; needs rpmbuild (Debian package rpm).
rpm: $(VENV)/.runtime
	$(BIN)/python -m deploy.packages rpm $(if $(REVISION),--revision $(REVISION))

# The same before the tests, so that these fetch nothing; what this machine cannot make is named, and its tests skip.
built: $(VENV)/.dev packages
	@$(BIN)/python -m deploy.packages --where-possible

# Debian packages that the tests need; as root they are installed, otherwise what is missing is named and skipped.
packages:
	@sh tests/install_packages.sh

# The package on a server that is real in all but metal: QEMU guest with systemd, a BMC, an NVMe and a SATA disk. As root.
vm-test: $(VENV)/.dev packages built
	$(BIN)/python -m pytest tests/vm -rP

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench $(BENCH)

chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos $(CHAOS)

# What is decoded and judged of captured hardware, against what is known of it; HARDCASE_FIXTURES names the captures.
truth: $(VENV)/.dev
	$(BIN)/python -m tests.truth $(TRUTH)

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz $(FUZZ)

proto: $(VENV)/.dev
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m grpc_tools.protoc -I protos --python_out=protos --grpc_python_out=protos \
		--mypy_out=quiet:protos --mypy_grpc_out=quiet:protos protos/hardcase_protos/v1/*.proto

# Catalogues of messages: extracts from the sources, updates, compiles, and lists what is not translated yet.
texts: $(VENV)/.dev
	$(BIN)/python -m tests.texts

# The states of a case and who may do what, as ARCHITECTURE.md shows them.
diagram: $(VENV)/.dev
	$(BIN)/python -m tests.diagram

# Lock files: exact versions with hashes, no registry address.
lock: $(VENV)/.dev
	$(BIN)/uv pip compile -q --no-emit-index-url --no-header --universal --python-version 3.11 --generate-hashes --all-extras \
		--group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --no-emit-index-url --no-header --universal --python-version 3.11 --generate-hashes --all-extras \
		--group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

$(VENV)/.runtime: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@ $(VENV)/.runtime

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
