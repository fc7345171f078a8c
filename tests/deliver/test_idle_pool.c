/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "deliver/idle_pool.h"

#define THREADS 8
#define ROUNDS 5000

static atomic_size_t shared; /* items that somebody was given while another had them */

struct item {
    atomic_bool is_held;
    size_t uses; /* by whoever holds it */
};

static void *use_items(void *arg)
{
    struct idle_pool *pool = arg;

    for (size_t i = 0; i < ROUNDS; i++) {
        struct item *item = idle_pool_take(pool);

        if (!item)
            item = calloc(1, sizeof *item);
        if (atomic_exchange(&item->is_held, true))
            atomic_fetch_add(&shared, 1);
        item->uses++;
        atomic_store(&item->is_held, false);
        if (!idle_pool_put(pool, item))
            free(item);
    }
    return NULL;
}

static void idle_pool__gives_an_item_to_one_thread_at_a_time(void **state)
{
    struct idle_pool pool;
    pthread_t threads[THREADS];

    (void)state;
    idle_pool_init(&pool);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_items, &pool), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&shared), 0);
    assert_in_range(pool.count, 1, THREADS);
    idle_pool_clear(&pool, free);
    assert_int_equal(pool.count, 0);
    assert_null(idle_pool_take(&pool));
}

static void idle_pool__keeps_as_many_as_it_has_room_for(void **state)
{
    struct idle_pool pool;
    int items[IDLE_POOL_MAX + 1];

    (void)state;
    idle_pool_init(&pool);
    for (size_t i = 0; i < IDLE_POOL_MAX; i++)
        assert_true(idle_pool_put(&pool, &items[i]));
    assert_false(idle_pool_put(&pool, &items[IDLE_POOL_MAX]));
    assert_ptr_equal(idle_pool_take(&pool), &items[IDLE_POOL_MAX - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_pool__gives_an_item_to_one_thread_at_a_time),
        cmocka_unit_test(idle_pool__keeps_as_many_as_it_has_room_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
