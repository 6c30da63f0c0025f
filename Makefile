# make demo        a query from application to database and back, as one trace; Ctrl-C ends it
# make demo ONCE=1 the same, ends by itself
# make demo DB=mysql  the same on MariaDB, which it installs if it may
# make tutorial    the two incidents of docs/tutorial.rst, planted and solved; Ctrl-C ends it
# make tutorial ONCE=1  the same, ends by itself
# make test        every test, against real servers that the tests start themselves; how much of
#                  the code the unit tests run
# make coverage    the same, with daemons and tools that tests start: takes twice as long
# make compiled    build/compiled, in which the hot path is compiled; make test-compiled tests it
# make test-forms  test-plain, and the tests that touch compiled modules on these
# make test-plain  drivers, link and database with native_transports = off: Twisted's transports
# make lint        ruff and mypy
# make dist        a release in dist: source archive, wheels (one compiled), hashes, SBOM
# make changelog   put the news fragments into CHANGELOG.rst, and remove them
# make docs        write what is generated: etc/*.ini, docs/{options,events,spans,functions}.rst
# make html        the pages in docs as a site with a search: build/html
# make fuzz        one target led by coverage (SECONDS=600 TARGET=decisions); CI tries numbered inputs
#                  (docs/architecture.rst); targets:
#                  decisions (lexers and the firewall), wire (protocols, containers, keys),
#                  pgsession, mysqlsession (whole sessions with stages that judge), mysql,
#                  mysqlrequests, mysqllogin (a database's, a client's and a login's bytes),
#                  mysqlfiles (files of LOAD DATA),
#                  columns, mycolumns (protected columns, at a database that refuses plaintext)
# make mutants     small changes to the code, each of which a test must notice; one module with
#                  MUTANTS=acra_twisted/crypto/cells.py, some of them with SAMPLE=100
# make soak        the whole chain under a mixed load (SECONDS=180), checked, and drawn to soak.png
# make bench       direct, pgbouncer, HAProxy, server, connector and server: side by side, as
#                  ratios; with DB=mysql sysbench asks MariaDB, directly, by HAProxy, by bare relays,
#                  and by the server;
#                  with BENCH=--bursts the console's cost on a machine that others use (root)
.PHONY: html demo tutorial test coverage test-forms test-plain compiled test-compiled lint dist changelog docs fuzz mutants soak bench clean
.DEFAULT_GOAL := test
PLAIN = $(addprefix tests/integration/test_,drivers.py link.py database_tls.py life.py)
TOUCHING = tests/unit tests/fuzz/test_wire.py $(addprefix tests/integration/test_,drivers.py \
    life.py protection.py tracing.py censor.py encryption.py protected_copies.py)

demo:
	@.ci/install-venv demo
	@$(if $(filter mysql,$(DB)),.ci/install-mariadb)
	@.venv/bin/python examples/demo/demo.py --database=$(or $(DB),postgresql) $(if $(ONCE),--once)

tutorial:
	@.ci/install-venv demo
	@.venv/bin/python examples/tutorial/incidents.py $(if $(ONCE),--once)

test:
	@.ci/install-venv test
	@.ci/install-servers
	@$(if $(TESTS),exec .venv/bin/python -m pytest -q $(TESTS),.ci/test)

coverage:
	@.ci/install-venv test
	@.ci/install-servers
	@rm -f .coverage .coverage.*
	COVERAGE_FILE="$(CURDIR)/.coverage" exec .venv/bin/coverage run -m pytest -q $(TESTS)
	@.venv/bin/coverage combine -q
	@.venv/bin/coverage report --skip-covered

test-forms: test-plain
	@$(MAKE) test-compiled TESTS="$(TOUCHING)"

test-plain:
	@.ci/install-venv test
	@.ci/install-servers
	ACRA_NATIVE_TRANSPORTS=off exec .venv/bin/python -m pytest -q $(or $(TESTS),$(PLAIN))

compiled:
	@.ci/install-venv dev
	@.ci/compile

test-compiled: compiled
	@.ci/install-servers
	cd build/compiled && ACRA_TWISTED_COMPILED=1 PYTHONPATH="$(CURDIR)/build/compiled" exec .venv/bin/python -m pytest -q $(or $(TESTS),tests)

lint:
	@.ci/install-venv dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

dist:
	@.ci/install-venv dev
	@.ci/install-compiler
	@.venv/bin/python -m release.build --out dist

changelog:
	@.ci/install-venv dev
	@.venv/bin/python -m release.changelog

docs:
	@.ci/install-venv test
	.venv/bin/python docs/generate.py

html:
	@.ci/install-venv test
	.venv/bin/sphinx-build -q -W --keep-going -b html docs build/html

fuzz:
	@.ci/install-venv test
	@mkdir -p .fuzz/$(or $(TARGET),decisions)
	.venv/bin/python -m tests.fuzz.$(or $(TARGET),decisions) .fuzz/$(or $(TARGET),decisions) -max_total_time=$(or $(SECONDS),600) -artifact_prefix=.fuzz/

mutants:
	@.ci/install-venv dev
	.venv/bin/python -m tests.mutants.run $(if $(SAMPLE),--sample $(SAMPLE)) $(MUTANTS)

soak:
	@.ci/install-venv test
	.venv/bin/python -m tests.soak.run --seconds $(or $(SECONDS),180) --picture $(or $(PICTURE),soak.png)

bench:
	@.ci/install-venv dev
	@.ci/install-servers bench $(filter mysql,$(DB))
	@.ci/compile
	.venv/bin/python bench/run$(filter mysql,$(DB)).py $(BENCH)

clean:
	rm -rf .venv .venv-datadog .servers build *.egg-info .coverage* .fuzz .hypothesis .mypy_cache .ruff_cache bench/results
