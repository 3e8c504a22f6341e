/*
 * Guards the error table: its words, statuses and exit codes are an interface
 * that scripts and clients rely on, and its text goes into JSON as it stands.
 */

#include "t/unit/testing.h"

#include "core/error.h"

static void
rows_are_the_documented_ones(void **state)
{
    static const struct {
        enum p2pfs_err err;
        const char *code;
        int http_status;
        int exit_code;
    } row[] = {
        {P2PFS_OK, "ok", 200, 0},
        {P2PFS_BAD_SET_ID, "bad-set-id", 400, 2},
        {P2PFS_BAD_INDEX, "bad-index", 400, 2},
        {P2PFS_BAD_ROOT, "bad-root", 400, 2},
        {P2PFS_BAD_HASH, "bad-hash", 400, 2},
        {P2PFS_BAD_JSON, "bad-json", 400, 2},
        {P2PFS_BAD_FIELD, "bad-field", 400, 2},
        {P2PFS_BAD_HEX, "bad-hex", 400, 2},
        {P2PFS_BAD_SET_COUNT, "bad-set-count", 422, 2},
        {P2PFS_INDEX_OUT_OF_RANGE, "index-out-of-range", 422, 2},
        {P2PFS_NOT_IN_ROOT, "not-in-root", 422, 6},
        {P2PFS_FILE_CONFLICT, "file-conflict", 409, 4},
        {P2PFS_SET_COUNT_CONFLICT, "set-count-conflict", 409, 4},
        {P2PFS_SET_EXISTS, "set-exists", 409, 4},
        {P2PFS_SET_INCOMPLETE, "set-incomplete", 409, 5},
        {P2PFS_SET_NOT_FOUND, "set-not-found", 404, 3},
        {P2PFS_VERSION_NOT_FOUND, "version-not-found", 404, 3},
        {P2PFS_FILE_NOT_FOUND, "file-not-found", 404, 3},
        {P2PFS_METHOD_NOT_ALLOWED, "method-not-allowed", 405, 2},
        {P2PFS_BODY_TOO_LARGE, "body-too-large", 413, 2},
        {P2PFS_UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", 415, 2},
        {P2PFS_STORE_UNAVAILABLE, "store-unavailable", 503, 5},
        {P2PFS_STORE_BUSY, "store-unavailable", 503, 5},
        {P2PFS_OUTCOME_UNKNOWN, "outcome-unknown", 503, 5},
        {P2PFS_STORE_FULL, "store-full", 507, 7},
        {P2PFS_NETWORK, "network", 0, 5},
        {P2PFS_NOT_VERIFIED, "not-verified", 0, 6},
    };
    const struct p2pfs_err_row *got;
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(row); i++) {
        got = p2pfs_err_row(row[i].err);
        assert_string_equal(got->code, row[i].code);
        assert_int_equal(got->http_status, row[i].http_status);
        assert_int_equal(got->exit_code, row[i].exit_code);
    }
}

static void
every_row_is_well_formed(void **state)
{
    const struct p2pfs_err_row *row;
    size_t len;
    unsigned i;

    (void)state;

    for (i = 0; i < P2PFS_ERR_COUNT; i++) {
        row = p2pfs_err_row(i);

        len = strlen(row->code);
        assert_int_equal(strspn(row->code, "abcdefghijklmnopqrstuvwxyz-"), len);
        assert_in_range(len, 1, 40);

        /* needs no escapes in JSON */
        len = strlen(row->text);
        assert_int_equal(strcspn(row->text, "\"\\\n"), len);
        assert_in_range(len, 1, 80);
        assert_int_not_equal(row->text[len - 1], '.');

        assert_true(row->http_status == 0 || row->http_status == 200
            || (row->http_status >= 400 && row->http_status <= 599));
        assert_in_range(row->exit_code, 0, P2PFS_EXIT_NO_SPACE);
        assert_int_equal(row->exit_code == 0, i == P2PFS_OK);
    }
}

static void
values_off_a_wire_are_internal(void **state)
{
    const struct p2pfs_err_row *internal = p2pfs_err_row(P2PFS_INTERNAL);

    (void)state;

    assert_ptr_equal(p2pfs_err_row(P2PFS_ERR_COUNT), internal);
    assert_ptr_equal(p2pfs_err_row(65535), internal);
    assert_ptr_equal(p2pfs_err_row((unsigned)-1), internal);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_documented_ones),
        cmocka_unit_test(every_row_is_well_formed),
        cmocka_unit_test(values_off_a_wire_are_internal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
