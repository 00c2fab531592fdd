// A process's last words: what the thread was at that it dies of. Only C has thread-local storage that a signal
// handler may read, and only calls of signal-safety(7) may be made there.
#define _GNU_SOURCE
#include "csystem.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HAND = 256, LINE = HAND + 32 };

static __thread char in_hand[HAND];
static __thread int has_stack;
// One for all threads: only one of them is the first to die.
static char emergency_stack[64 << 10];
static int record = -1;
static char *const *again;

static void last_words(int number) {
    int saved = errno;
    if (in_hand[0]) {
        char line[LINE];
        size_t at = sizeof(line);
        line[--at] = '\n';
        size_t count = strnlen(in_hand, HAND - 1);
        memcpy(line + (at -= count), in_hand, count);
        line[--at] = ' ';
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        for (unsigned long left = (unsigned long)now.tv_sec; left || line[at] == ' '; left /= 10)
            line[--at] = (char)('0' + left % 10);
        ssize_t written = write(record, line + at, sizeof(line) - at);
        (void)written;
    }
    // What dies of one piece of work goes on with all the others, as the same process: what it holds is closed by
    // exec, and its memory is made anew.
    if (in_hand[0] && again) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(again[0], again, environ);
    }
    errno = saved;
    // The disposition is the default again (SA_RESETHAND): this is delivered when we return, and ends the process.
    raise(number);
}

int cs_crash_record(int fd, char *const *command) {
    record = fd;
    again = command;
    static const int signals[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS};
    for (size_t index = 0; index < sizeof(signals) / sizeof(signals[0]); index++) {
        struct sigaction action = {.sa_handler = last_words, .sa_flags = SA_RESETHAND | SA_ONSTACK};
        sigemptyset(&action.sa_mask);
        if (sigaction(signals[index], &action, NULL) != 0) return -1;
    }
    return 0;
}

const char *cs_crash_in_hand(void) { return in_hand; }

void cs_crash_hand(const char *text) {
    // A stack that ran over cannot hold the handler.
    if (record >= 0 && !has_stack) {
        stack_t stack = {.ss_sp = emergency_stack, .ss_size = sizeof(emergency_stack)};
        has_stack = sigaltstack(&stack, NULL) == 0;
    }
    size_t count = strnlen(text, HAND - 1);
    memcpy(in_hand, text, count);
    in_hand[count] = 0;
}
