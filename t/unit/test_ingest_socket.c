/*
 * Guards the socket file: its mode, one that an earlier run left, one that is
 * in use, and paths that do not fit.
 */

#include "t/unit/ingest_rig.h"

static void
test_socket(void **state)
{
    char detail[256] = "";
    struct ingest *second;
    struct node n, m;
    struct stat st;
    int fd;

    (void)state;
    node_init(&n);
    assert_int_equal(stat(n.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(listen_on(&n, &second, detail, sizeof(detail)), P2PFS_IO);
    assert_non_null(strstr(detail, "in use"));

    /* What a killed daemon leaves is replaced, a file is not. */
    m = n;
    snprintf(m.path, sizeof(m.path), "%s/stale", n.f.dir);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    {
        struct sockaddr_un sa = {.sun_family = AF_UNIX};

        snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", m.path);
        assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    }
    close(fd);
    assert_int_equal(listen_on(&m, &second, detail, sizeof(detail)), P2PFS_OK);
    ingest_stop(second);
    snprintf(m.path, sizeof(m.path), "%s", n.f.path);
    assert_int_equal(listen_on(&m, &second, detail, sizeof(detail)), P2PFS_IO);
    assert_int_equal(access(n.f.path, F_OK), 0);
    node_fini(&n);
}

static void
test_long_path(void **state)
{
    char path[200];
    struct ingest_config c = {.path = path};
    struct ingest *in;
    char detail[256];

    (void)state;
    memset(path, 'a', sizeof(path));
    path[108] = '\0';
    assert_int_equal(ingest_start(&in, &c, NULL, NULL, detail, sizeof(detail)),
        P2PFS_IO);
    assert_non_null(strstr(detail, "longer than 107 bytes"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_socket),
        cmocka_unit_test(test_long_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
