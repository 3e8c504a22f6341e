# p2pfs: the one build file (nginx's addon script `config` aside). The
# directories are the source lists: a new .c belongs to what it lies in.
#
#   make               module, daemon, client into build/
#   make deps          install the Debian packages that are missing
#   make up            build, then start NODES nodes that are linked
#   make down, wipe    stop them; stop them and remove their files
#   make check         all tests; make unit: only the C programs
#   make soak          the cluster tests again, and the module's, for longer
#   make asan, valgrind, lint, docker-check, format, install, clean
#   make bench         what it costs (QUICK=1: a try); bench-large: 10^7 files
#   make bench-replication  from acknowledged here to readable elsewhere
#   make bench-report  the last of bench as docs/performance/
#
# Another compiler or other flags: another directory, so that both stay
# built: make CC=clang BUILD=build-clang

BUILD ?= build
ifeq ($(origin CC),default)
CC = gcc
endif
OPT ?= -O2 -g
SANITIZE ?=
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
       -Wpointer-arith -Wwrite-strings -Wvla -Werror
ifeq ($(SANITIZE),)
HARDEN = -fstack-protector-strong -D_FORTIFY_SOURCE=2
HARDEN_LD = -Wl,-z,relro -Wl,-z,now
else # gcc takes what a sanitizer puts in for the program's own
WARN += -Wno-format-truncation -Wno-maybe-uninitialized
endif
ALL_CPPFLAGS = -I. -I$(BUILD)/gen -D_GNU_SOURCE $(CPPFLAGS)
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -fPIC -fno-strict-aliasing -pthread \
             $(HARDEN) $(SANITIZE) $(CFLAGS)
ALL_LDFLAGS = -pthread $(HARDEN_LD) $(SANITIZE) $(LDFLAGS)

CORE_SRC = $(wildcard core/*.c)
GOSSIPD_SRC = $(wildcard gossipd/*.c)
PROTO = $(wildcard gossipd/wire/*.proto)
CLIENT_SRC = $(wildcard client/*.c)
CLI_SRC = $(wildcard client/cli/*.c)
MODULE_SRC = $(wildcard ngx_p2pfs_module/*.c)
MODULE_DEPS = config $(CORE_SRC) $(MODULE_SRC) \
              $(wildcard core/*.h ngx_p2pfs_module/*.h ngx_p2pfs_module/*.map)
UNIT_SRC = $(wildcard t/unit/test_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
GEN_C = $(PROTO:gossipd/wire/%.proto=$(BUILD)/gen/%.pb-c.c)
CORE_OBJ = $(call obj,$(CORE_SRC))
GOSSIPD_OBJ = $(call obj,$(GOSSIPD_SRC)) \
              $(GEN_C:$(BUILD)/gen/%.c=$(BUILD)/obj/gen/%.o)
GOSSIPD_LIB_OBJ = $(filter-out %/gossipd/main.o,$(GOSSIPD_OBJ))
CLIENT_OBJ = $(call obj,$(CLIENT_SRC))
CLI_OBJ = $(call obj,$(CLI_SRC))
UNIT_OBJ = $(call obj,$(UNIT_SRC))
UNIT_BIN = $(UNIT_SRC:t/unit/%.c=$(BUILD)/unit/%)
TOOL_SRC = $(wildcard t/lib/*.c)
TOOL_OBJ = $(call obj,$(TOOL_SRC))
TOOL_BIN = $(TOOL_SRC:t/lib/%.c=$(BUILD)/t/%)
BENCH_SRC = $(wildcard t/bench/*.c)
BENCH_OBJ = $(call obj,$(BENCH_SRC))
BENCH_BIN = $(BENCH_SRC:t/bench/%.c=$(BUILD)/bench/%)

CORE_LIBS = -lsqlite3 -lcrypto -lcjson
GOSSIPD_LIBS = -lzmq -lsodium -lprotobuf-c $(CORE_LIBS)
CLIENT_LIBS = -lcurl $(CORE_LIBS)

MODULE = $(BUILD)/ngx_http_p2pfs_module.so

LIB_VERSION = 0.1.0
LIB_SO = $(BUILD)/lib/libp2pfs.so.$(LIB_VERSION)
LIB_A = $(BUILD)/lib/libp2pfs.a
PROGRAMS = $(BUILD)/bin/gossipd $(BUILD)/bin/p2pfs $(BUILD)/bin/p2pfs-roundtrip

all: module lib $(PROGRAMS)
.PHONY: all module lib unit unit-bin clean FORCE
.DELETE_ON_ERROR:

# What the build depends on beside the files: written only when it changed.
stamp = mkdir -p $(@D); printf '%s\n' '$(strip $(1))' | cmp -s - $@ \
        || printf '%s\n' '$(strip $(1))' >$@

$(BUILD)/stamp/flags: FORCE
	@$(call stamp,$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS))
$(BUILD)/stamp/sources: FORCE
	@$(call stamp,$(CORE_SRC) $(GOSSIPD_SRC) $(PROTO) $(CLIENT_SRC) $(CLI_SRC))

# Says which Debian package is missing before the compiler says it obscurely.
$(BUILD)/stamp/probe: tools/probe
	@tools/probe '$(CC)'
	@mkdir -p $(@D) && touch $@


# Archives and programs

$(BUILD)/libcore.a: $(CORE_OBJ)
$(BUILD)/libgossipd.a: $(GOSSIPD_LIB_OBJ)
$(BUILD)/libclient.a: $(CLIENT_OBJ)
$(BUILD)/%.a: $(BUILD)/stamp/sources
	@mkdir -p $(@D)
	@rm -f $@
	@echo 'archive $@'
	@ar rcs $@ $(filter %.o,$^)

link = @mkdir -p $(@D)
link += && echo 'link $@' && $(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^)

$(BUILD)/bin/gossipd: $(BUILD)/obj/gossipd/main.o $(BUILD)/libgossipd.a \
                      $(BUILD)/libcore.a
	$(link) $(GOSSIPD_LIBS)

$(BUILD)/bin/p2pfs: $(CLI_OBJ) $(BUILD)/libclient.a $(BUILD)/libcore.a
	$(link) $(CLIENT_LIBS)

# The example uses the library as any program would: one header, the archive.
$(BUILD)/bin/p2pfs-roundtrip: $(BUILD)/obj/client/examples/roundtrip.o $(LIB_A)
	$(link) $(CLIENT_LIBS)

# What is in core and used comes along, hidden; only client/p2pfs.h's names
# are left visible, in the shared library by its map, in the archive by objcopy.
lib: $(LIB_SO) $(LIB_A)
$(LIB_SO): $(BUILD)/libclient.a $(BUILD)/libcore.a client/libp2pfs.map
	@mkdir -p $(@D)
	@echo 'link $@'
	@$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libp2pfs.so.0 \
	    -Wl,--version-script=client/libp2pfs.map -o $@ \
	    -Wl,--whole-archive $(BUILD)/libclient.a -Wl,--no-whole-archive \
	    $(BUILD)/libcore.a $(CLIENT_LIBS)
	@ln -sf $(@F) $(@D)/libp2pfs.so.0
	@ln -sf libp2pfs.so.0 $(@D)/libp2pfs.so
$(LIB_A): $(CLIENT_OBJ) $(BUILD)/libcore.a
	@mkdir -p $(@D) && rm -f $@
	@echo 'archive $@'
	@ld -r -o $(BUILD)/lib/p2pfs.o $(CLIENT_OBJ) $(BUILD)/libcore.a
	@objcopy --wildcard --keep-global-symbol='p2pfs_client_*' \
	    --keep-global-symbol=p2pfs_verify $(BUILD)/lib/p2pfs.o
	@ar rcs $@ $(BUILD)/lib/p2pfs.o && rm -f $(BUILD)/lib/p2pfs.o

$(BUILD)/unit/%: $(BUILD)/obj/t/unit/%.o $(BUILD)/libclient.a \
                 $(BUILD)/libgossipd.a $(BUILD)/libcore.a
	$(link) -lcmocka $(GOSSIPD_LIBS) $(CLIENT_LIBS)

$(BUILD)/t/%: $(BUILD)/obj/t/lib/%.o $(BUILD)/libgossipd.a $(BUILD)/libcore.a
	$(link) $(GOSSIPD_LIBS)

$(BUILD)/bench/%: $(BUILD)/obj/t/bench/%.o $(BUILD)/libgossipd.a \
                  $(BUILD)/libcore.a
	$(link) $(GOSSIPD_LIBS)


# Objects

$(BUILD)/gen/%.pb-c.c: gossipd/wire/%.proto | $(BUILD)/stamp/probe
	@mkdir -p $(@D)
	protoc-c --proto_path=gossipd/wire --c_out=$(BUILD)/gen $<
$(GOSSIPD_OBJ) $(UNIT_OBJ) $(TOOL_OBJ) $(BENCH_OBJ): | $(GEN_C)
.SECONDARY: $(UNIT_OBJ) $(TOOL_OBJ) $(BENCH_OBJ) $(GEN_C)

compile = @mkdir -p $(@D)
compile += && echo 'cc $<' \
           && $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c $(BUILD)/stamp/flags
	$(compile)
$(BUILD)/obj/%.o: %.c $(BUILD)/stamp/flags | $(BUILD)/stamp/probe
	$(compile)


# The module: nginx's own build, out of Debian's nginx-dev, which writes only
# below $(BUILD)/nginx. Configured anew when the lists or the flags change.

NGX_SRC ?= /usr/share/nginx/src
NGX_OBJS = $(abspath $(BUILD))/nginx
NGX_CC_OPT = $(OPT) -fPIC $(HARDEN) $(SANITIZE)
NGX_LD_OPT = -fPIC $(HARDEN_LD) $(SANITIZE)

module: $(MODULE)

$(BUILD)/stamp/module: FORCE | $(BUILD)/stamp/probe
	@$(call stamp,$(CC) $(NGX_CC_OPT) $(NGX_LD_OPT) $(MODULE_DEPS) \
	    $(shell sha256sum $(NGX_SRC)/conf_flags $(NGX_SRC)/src/core/nginx.h \
	        2>/dev/null | cut -c 1-64))

$(BUILD)/nginx/Makefile: config $(BUILD)/stamp/module
	@echo 'configure nginx module (output in $(BUILD)/nginx.log)'
	@rm -rf $(NGX_OBJS)
	@cd $(NGX_SRC) && bash -c '. ./conf_flags && exec ./configure \
	    "$${NGX_CONF_FLAGS[@]}" --with-cc="$(CC)" \
	    --with-cc-opt="$(NGX_CC_OPT)" --with-ld-opt="$(NGX_LD_OPT)" \
	    --add-dynamic-module="$(CURDIR)" --builddir="$(NGX_OBJS)"' \
	    >$(abspath $(BUILD))/nginx.log 2>&1 \
	    || { tail -n 20 $(abspath $(BUILD))/nginx.log; exit 1; }

# Moved into place: a running nginx has the old file mapped.
$(MODULE): $(BUILD)/nginx/Makefile $(MODULE_DEPS)
	@echo 'build nginx module'
	@$(MAKE) -s -C $(NGX_SRC) -f $(NGX_OBJS)/Makefile modules
	@cp $(BUILD)/nginx/$(@F) $@.new && mv $@.new $@


# Packages and nodes

deps:
	@tools/deps $(FOR)
FOR = run test lint

NODES ?= 3
BASE_PORT ?= 8081
DIR ?= build/run
WORKERS ?= 1
CLUSTER = BUILD='$(BUILD)' tools/cluster

up:
	@tools/deps run
	@$(MAKE) --no-print-directory all
	@$(CLUSTER) up '$(DIR)' '$(NODES)' '$(BASE_PORT)' '$(WORKERS)'
down:
	@$(CLUSTER) down '$(DIR)' $(NODE)
wipe:
	@$(CLUSTER) wipe '$(DIR)'
.PHONY: deps up down wipe


# Tests: TESTS=t/some.t runs one of them

# not NGINX: nginx takes a variable of that name for inherited sockets
NGINX_BIN ?= nginx
TESTS ?= $(UNIT_BIN) $(sort $(wildcard t/*.t t/cluster/*.t))
TEST_ENV = CMOCKA_MESSAGE_OUTPUT=TAP P2PFS_BUILD='$(abspath $(BUILD))' \
           NGINX_BIN='$(NGINX_BIN)' TEST_NGINX_BINARY='$(NGINX_BIN)' \
           TEST_NGINX_LOAD_MODULES='$(abspath $(MODULE))'

unit-bin: $(UNIT_BIN) $(TOOL_BIN)
unit: $(UNIT_BIN)
	CMOCKA_MESSAGE_OUTPUT=TAP prove -j2 $(UNIT_BIN)

check:
	@tools/deps run test
	@$(MAKE) --no-print-directory all unit-bin
	@$(MAKE) --no-print-directory prove
prove:
	@$(TEST_ENV) prove -It/lib --timer $(TESTS)

# The same tests for longer: SOAK_SECONDS for each part that only takes time.
SOAK_SECONDS ?= 120
SOAK_TESTS ?= $(sort $(wildcard t/1?-*.t t/cluster/*.t))
soak:
	@tools/deps run test
	@$(MAKE) --no-print-directory all unit-bin
	@P2PFS_WAL_SECONDS=$(SOAK_SECONDS) P2PFS_IOERROR_ROUNDS=10 \
	    P2PFS_AWAY_SECONDS=$(SOAK_SECONDS) P2PFS_LONG=1 \
	    $(MAKE) --no-print-directory prove TESTS='$(SOAK_TESTS)'

# All of it again with the sanitizers, except what only takes time. A report is
# a file, whoever made it, and any report is a failure.
ASAN = $(BUILD)/asan
ASAN_REPORTS = $(abspath $(ASAN))/reports
ASAN_TESTS ?= $(UNIT_SRC:t/unit/%.c=$(ASAN)/unit/%) $(sort $(wildcard t/*.t \
              $(foreach t,$(ASAN_CLUSTER),t/cluster/$(t).t)))
ASAN_CLUSTER ?= *
ASAN_MAKE = $(MAKE) --no-print-directory CC=gcc BUILD='$(ASAN)' OPT='-O1 -g' \
    SANITIZE='-fsanitize=address,undefined -fno-omit-frame-pointer' \
    NGX_SRC='$(abspath $(BUILD))/nginx-asan/src' \
    NGINX_BIN='$(abspath $(BUILD))/nginx-asan/nginx' TESTS='$(ASAN_TESTS)'
asan:
	@tools/deps run test
	@tools/nginx-asan '$(BUILD)/nginx-asan'
	@$(ASAN_MAKE) all unit-bin
	@rm -rf '$(ASAN_REPORTS)' && mkdir -m 1777 '$(ASAN_REPORTS)'
	@ASAN_OPTIONS='log_path=$(ASAN_REPORTS)/report' \
	    UBSAN_OPTIONS='print_stacktrace=1:log_path=$(ASAN_REPORTS)/report' \
	    $(ASAN_MAKE) prove; rc=$$?; \
	    cat '$(ASAN_REPORTS)'/* 2>/dev/null && exit 1; exit $$rc

# The module under valgrind: it takes a package that nothing else does.
valgrind:
	@tools/deps run test valgrind
	@$(MAKE) --no-print-directory module unit-bin
	@$(MAKE) --no-print-directory prove TESTS=t/valgrind/module.t

lint:
	@tools/deps run test lint
	@MAKE='$(MAKE)' BUILD='$(BUILD)' tools/lint

docker-check:
	@docker/check

FORMATTED = $(wildcard $(foreach d,core gossipd client client/cli \
            client/examples t/bench t/lib t/unit,$(d)/*.[ch]))
format:
	@tools/deps lint
	clang-format -i $(FORMATTED)
.PHONY: check prove soak asan valgrind lint docker-check format install


# What it costs, beside what nginx and SQLite alone cost: docs/performance.md.
# The timer that looks for stalls is a module of its own, loaded only here.

BENCH_NGX = $(abspath $(BUILD))/nginx-bench
BENCH_STALL = $(BUILD)/bench/ngx_bench_stall_module.so
BENCH_RUN = t/bench/bench.pl --build='$(abspath $(BUILD))' \
            --nginx='$(NGINX_BIN)'

$(BENCH_STALL): $(wildcard t/bench/stall/*) $(BUILD)/stamp/module
	@echo 'build the stall timer (output in $(BUILD)/nginx-bench.log)'
	@mkdir -p $(@D) && rm -rf $(BENCH_NGX)
	@cd $(NGX_SRC) && bash -c '. ./conf_flags && ./configure \
	    "$${NGX_CONF_FLAGS[@]}" --with-cc="$(CC)" \
	    --with-cc-opt="$(NGX_CC_OPT)" --with-ld-opt="$(NGX_LD_OPT)" \
	    --add-dynamic-module="$(CURDIR)/t/bench/stall" \
	    --builddir="$(BENCH_NGX)" && make -f "$(BENCH_NGX)/Makefile" modules' \
	    >$(abspath $(BUILD))/nginx-bench.log 2>&1 \
	    || { tail -n 20 $(abspath $(BUILD))/nginx-bench.log; exit 1; }
	@cp $(BENCH_NGX)/$(@F) $@

bench-bin: module $(BUILD)/bin/gossipd $(BENCH_BIN) $(BENCH_STALL)
bench-deps:
	@tools/deps run bench
bench: bench-deps bench-bin
	@$(BENCH_RUN) $(if $(QUICK),--quick) $(BENCH)
bench-large: bench-deps bench-bin
	@$(BENCH_RUN) --large $(BENCH)

# From acknowledged to readable on two other nodes, and uploads a second while
# all three share this machine.
bench-replication: bench-deps all
	@t/bench/replication.pl $(ROUNDS)
bench-report:
	@t/bench/report.pl '$(BUILD)/bench.json' docs/performance
.PHONY: bench bench-deps bench-bin bench-large bench-replication bench-report


# Installation

PREFIX ?= /usr/local
NGX_MODULES ?= $(PREFIX)/lib/nginx/modules
install: all
	install -d $(DESTDIR)$(NGX_MODULES) $(DESTDIR)$(PREFIX)/bin \
	    $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include
	install -m 644 $(MODULE) $(DESTDIR)$(NGX_MODULES)
	install -m 755 $(filter-out %-roundtrip,$(PROGRAMS)) \
	    $(DESTDIR)$(PREFIX)/bin
	cp -P $(BUILD)/lib/libp2pfs.* $(DESTDIR)$(PREFIX)/lib
	install -m 644 client/p2pfs.h $(DESTDIR)$(PREFIX)/include

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
