# p2pfs: the one build file (nginx's addon script `config` aside). The
# directories are the source lists.

BUILD ?= build
CC ?= gcc
OPT ?= -O2 -g
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
       -Wpointer-arith -Wwrite-strings -Wvla -Werror
CPPFLAGS += -I. -I$(BUILD)/gen -D_GNU_SOURCE
CFLAGS += -std=gnu11 $(OPT) $(WARN) -fPIC -fno-strict-aliasing -pthread $(SANITIZE)
LDFLAGS += -pthread $(SANITIZE)

CORE_SRC = $(wildcard core/*.c)
GOSSIPD_SRC = $(wildcard gossipd/*.c)
PROTO = $(wildcard gossipd/wire/*.proto)
GEN_C = $(PROTO:gossipd/wire/%.proto=$(BUILD)/gen/%.pb-c.c)
CLIENT_SRC = $(wildcard client/*.c)
CLI_SRC = $(wildcard client/cli/*.c)
UNIT_SRC = $(wildcard t/unit/test_*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
CORE_OBJ = $(call obj,$(CORE_SRC))
GOSSIPD_OBJ = $(call obj,$(GOSSIPD_SRC)) $(GEN_C:$(BUILD)/gen/%.c=$(BUILD)/obj/gen/%.o)
GOSSIPD_LIB_OBJ = $(filter-out %/gossipd/main.o,$(GOSSIPD_OBJ))
CLIENT_OBJ = $(call obj,$(CLIENT_SRC))
CLI_OBJ = $(call obj,$(CLI_SRC))
UNIT_BIN = $(UNIT_SRC:t/unit/%.c=$(BUILD)/unit/%)

CORE_LIBS = -lsqlite3 -lcrypto -lcjson
GOSSIPD_LIBS = -lzmq -lsodium -lprotobuf-c $(CORE_LIBS)
CLIENT_LIBS = -lcurl $(CORE_LIBS)

all: $(BUILD)/bin/gossipd $(BUILD)/bin/p2pfs module
.PHONY: all module unit clean

$(BUILD)/libcore.a: $(CORE_OBJ)
$(BUILD)/libgossipd.a: $(GOSSIPD_LIB_OBJ)
$(BUILD)/libclient.a: $(CLIENT_OBJ)
%.a:
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/bin/gossipd: $(BUILD)/obj/gossipd/main.o $(BUILD)/libgossipd.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(GOSSIPD_LIBS)

$(BUILD)/bin/p2pfs: $(CLI_OBJ) $(BUILD)/libclient.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(CLIENT_LIBS)

$(BUILD)/unit/%: $(BUILD)/obj/t/unit/%.o $(BUILD)/libclient.a $(BUILD)/libgossipd.a $(BUILD)/libcore.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(GOSSIPD_LIBS) $(CLIENT_LIBS)

unit: $(UNIT_BIN)
	CMOCKA_MESSAGE_OUTPUT=TAP prove $(UNIT_BIN)

$(BUILD)/gen/%.pb-c.c: gossipd/wire/%.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=gossipd/wire --c_out=$(BUILD)/gen $<
$(GOSSIPD_OBJ): | $(GEN_C)
$(call obj,$(UNIT_SRC)): | $(GEN_C)

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
