/*
 * Guards gossipd/link_queue.h: order and priority of what waits for a peer,
 * and that no class grows beyond its cap.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gossipd/link_queue.h"

static int
push(struct link_queue *q, enum link_class class, uint8_t value, size_t body,
    uint64_t deadline)
{
    static uint8_t bytes[131072];
    struct payload *p = body == 0 ? NULL : payload_new(bytes, body);

    return link_queue_push(q, class, &value, 1, p, deadline);
}

/* 0 where nothing waits. */
static int
pop(struct link_queue *q, int bulk, uint64_t now)
{
    struct link_item *item = link_queue_pop(q, bulk, now);
    int value = item == NULL ? 0 : item->head[0];

    link_item_free(item);
    return value;
}

static void
test_strict_priority_in_order(void **state)
{
    size_t shared = 0;
    struct link_queue q;

    (void)state;
    link_queue_init(&q, &shared);
    assert_int_equal(push(&q, LINK_PUSH, 1, 5, 0), 0);
    assert_int_equal(push(&q, LINK_REQUEST, 2, 0, 0), 0);
    assert_int_equal(push(&q, LINK_REQUEST, 3, 0, 0), 0);
    assert_int_equal(push(&q, LINK_BULK, 4, 5, 0), 0);
    assert_int_equal(push(&q, LINK_CONTROL, 5, 0, 0), 0);
    assert_int_equal(push(&q, LINK_URGENT, 6, 0, 0), 0);
    assert_false(link_queue_empty(&q, 0));
    assert_int_equal(pop(&q, 0, 0), 6);
    assert_int_equal(pop(&q, 0, 0), 5);
    assert_int_equal(pop(&q, 0, 0), 2);
    assert_int_equal(pop(&q, 0, 0), 3);
    assert_int_equal(pop(&q, 0, 0), 0);
    assert_true(link_queue_empty(&q, 0));
    assert_int_equal(pop(&q, 1, 0), 4);
    assert_int_equal(pop(&q, 1, 0), 1);
    assert_int_equal(pop(&q, 1, 0), 0);
    assert_int_equal(shared, 0);
    link_queue_fini(&q);
}

static void
test_unpop_is_first_again(void **state)
{
    size_t shared = 0, before;
    struct link_item *item;
    struct link_queue q;

    (void)state;
    link_queue_init(&q, &shared);
    assert_int_equal(push(&q, LINK_BULK, 1, 100, 0), 0);
    before = shared;
    item = link_queue_pop(&q, 1, 0);
    assert_int_equal(shared, 0);
    link_queue_unpop(&q, item);
    assert_int_equal(shared, before);
    assert_int_equal(push(&q, LINK_BULK, 2, 100, 0), 0);
    assert_int_equal(pop(&q, 1, 0), 1);
    assert_int_equal(pop(&q, 1, 0), 2);
    link_queue_fini(&q);
}

static void
test_deadline_is_asked_at_the_end(void **state)
{
    size_t shared = 0;
    struct link_queue q;

    (void)state;
    link_queue_init(&q, &shared);
    assert_int_equal(push(&q, LINK_PUSH, 1, 10, 100), 0);
    assert_int_equal(push(&q, LINK_PUSH, 2, 10, 200), 0);
    assert_int_equal(push(&q, LINK_PUSH, 3, 10, 0), 0);
    assert_int_equal(pop(&q, 1, 101), 2);
    assert_int_equal(q.class[LINK_PUSH].expired, 1);
    assert_int_equal(pop(&q, 1, 1000000), 3);
    link_queue_fini(&q);
    assert_int_equal(shared, 0);
}

static size_t
fill(struct link_queue *q, enum link_class class, size_t body)
{
    size_t n = 0;

    while (push(q, class, 1, body, 0) == 0) {
        n++;
        assert_true(n < 100000);
    }
    return n;
}

static void
test_every_class_has_a_cap(void **state)
{
    static const struct {
        enum link_class class;
        size_t cap;
        size_t body;
    } row[] = {
        {LINK_CONTROL, QUEUE_CONTROL_MAX, 0},
        {LINK_REQUEST, QUEUE_REQUEST_MAX, 0},
        {LINK_BULK, QUEUE_BULK_MAX, 131072},
        {LINK_PUSH, QUEUE_PUSH_MAX, 1000},
    };
    struct link_queue q;
    size_t shared = 0, i;

    (void)state;
    link_queue_init(&q, &shared);
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        size_t each = QUEUE_ITEM_BYTES + 1 + row[i].body;

        assert_int_equal(fill(&q, row[i].class, row[i].body),
            row[i].cap / each);
        assert_int_equal(q.class[row[i].class].bytes, row[i].cap / each * each);
    }
    /* URGENT shares with CONTROL */
    assert_int_equal(push(&q, LINK_URGENT, 1, 0, 0), -1);
    link_queue_fini(&q);
    assert_int_equal(shared, 0);
}

static void
test_all_peers_share_a_budget(void **state)
{
    static struct link_queue q[40];
    size_t shared = 0, i;

    (void)state;
    for (i = 0; i < 40; i++) {
        link_queue_init(&q[i], &shared);
        (void)fill(&q[i], LINK_BULK, 131072);
    }
    assert_true(shared <= QUEUE_SHARED_MAX);
    assert_true(shared > QUEUE_SHARED_MAX - 140000);
    /* what closes a link at its cap is not in the budget */
    assert_int_equal(push(&q[39], LINK_CONTROL, 1, 0, 0), 0);
    for (i = 0; i < 40; i++) {
        link_queue_fini(&q[i]);
    }
    assert_int_equal(shared, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict_priority_in_order),
        cmocka_unit_test(test_unpop_is_first_again),
        cmocka_unit_test(test_deadline_is_asked_at_the_end),
        cmocka_unit_test(test_every_class_has_a_cap),
        cmocka_unit_test(test_all_peers_share_a_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
