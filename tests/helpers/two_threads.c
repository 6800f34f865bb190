/* The hooks of nets for two cores, by a second thread; nets.h, written by the test, lists the nets. */
#define _POSIX_C_SOURCE 200809L
#include "nets.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void (*todo)(void *job); /* null when the second thread has nothing to do */
static void *todo_job;

static void *second(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (todo == NULL) {
            pthread_cond_wait(&changed, &lock);
        }
        pthread_mutex_unlock(&lock);
        todo(todo_job);
        pthread_mutex_lock(&lock);
        todo = NULL;
        pthread_cond_broadcast(&changed);
    }
    return NULL;
}

static void start(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, second, NULL) != 0 || pthread_detach(thread) != 0) {
        abort();
    }
}

static void fork_job(void (*work)(void *job), void *job)
{
    pthread_once(&once, start);
    pthread_mutex_lock(&lock);
    if (todo != NULL) {
        abort(); /* nobody joined */
    }
    todo_job = job;
    todo = work;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void join_job(void)
{
    pthread_mutex_lock(&lock);
    while (todo != NULL) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

#define HOOKS(net, NET) \
    void net##_fork(void (*work)(void *job), void *job) { fork_job(work, job); } \
    void net##_join(void) { join_job(); }

NETS(HOOKS, HOOKS)
