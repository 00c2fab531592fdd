#define _GNU_SOURCE
#include "csystem.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

int cs_reset_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        if (number != SIGKILL && number != SIGSTOP) sigaction(number, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}
int cs_ignore_signal(int number) {
    struct sigaction action = {.sa_handler = SIG_IGN};
    return sigaction(number, &action, NULL);
}

// What the child reports. It shares our memory until it execs, so no pipe is needed.
struct report { volatile int code; const char *volatile stage; };

// Runs in the child of a vfork: our memory, its own descriptors and signal table. Only async-signal-safe calls.
__attribute__((noinline, noreturn)) static void become(
    const struct cs_spawn *command, pid_t parent, struct report *report) {
    int moved[CS_SPAWN_MAX_FDS];
    int first_free = 3;
    const char *stage = "setsid";
    if (command->new_session && setsid() < 0) goto failed;
    stage = "prctl(PR_SET_PDEATHSIG)";
    if (command->death_signal) {
        if (prctl(PR_SET_PDEATHSIG, command->death_signal) != 0) goto failed;
        // The parent may have died before the call; then nobody would send the signal.
        if (getppid() != parent && parent != 0) _exit(127);
    }
    // "0" is the writer; before exec, so that nothing it starts can escape.
    stage = "cgroup.procs";
    if (command->cgroup >= 0 && write(command->cgroup, "0", 1) != 1) goto failed;
    stage = "chdir";
    if (command->directory != NULL && chdir(command->directory) != 0) goto failed;
    stage = "dup";
    for (int i = 0; i < command->fd_count; i++)
        if (command->child_fds[i] >= first_free) first_free = command->child_fds[i] + 1;
    // First out of the way of every target number, then into place: any permutation works.
    for (int i = 0; i < command->fd_count; i++) {
        moved[i] = fcntl(command->parent_fds[i], F_DUPFD_CLOEXEC, first_free);
        if (moved[i] < 0) goto failed;
    }
    stage = "close_range";
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) goto failed;
    stage = "dup2";
    for (int i = 0; i < command->fd_count; i++)
        if (dup2(moved[i], command->child_fds[i]) < 0) goto failed;
    cs_reset_signals();
    stage = "execve";
    execve(command->path, command->argv, command->envp);
failed:
    report->code = errno;
    report->stage = stage;
    _exit(127);
}

pid_t cs_spawn(const struct cs_spawn *command, const char **stage) {
    struct report report = {0, NULL};
    if (command->fd_count > CS_SPAWN_MAX_FDS) { *stage = "spawn"; errno = EINVAL; return -1; }
    sigset_t all, before;
    sigfillset(&all);
    // A handler must not run in the child while it borrows our memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = vfork();
    if (pid == 0) become(command, parent, &report);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) { *stage = "vfork"; errno = code; return -1; }
    if (report.code != 0) {
        siginfo_t ignored;
        while (waitid(P_PID, (id_t)pid, &ignored, WEXITED) != 0 && errno == EINTR) {}
        *stage = report.stage;
        errno = report.code;
        return -1;
    }
    return pid;
}

pid_t cs_fork(void) { return fork(); }
ssize_t cs_read_memory(pid_t pid, uint64_t address, void *bytes, size_t count) {
    struct iovec local = {.iov_base = bytes, .iov_len = count};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = count};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}
pid_t cs_clone(uint64_t flags, int group) {
    // The old call where it is enough: outer sandboxes say that there is no clone3.
    if (group < 0) return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
    struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
        cgroup; } arguments = {.flags = flags | 0x200000000ULL /* CLONE_INTO_CGROUP */, .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)group};
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}
pid_t cs_lend(int flags, int (*body)(void *), void *context) {
    // Of its own: frames of ours must still be there when we go on.
    const size_t size = 1 << 20;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) return -1;
    pid_t pid = clone(body, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD | flags, context);
    int code = errno;
    munmap(stack, size);
    errno = code;
    return pid;
}
int cs_seccomp_load(const void *program, unsigned short instructions, unsigned flags) {
    struct { unsigned short count; const void *instructions; } filter = {instructions, program};
    return (int)syscall(SYS_seccomp, 1u /* SECCOMP_SET_MODE_FILTER */, flags, &filter);
}
int cs_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
int cs_pidfd_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
int cs_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return prctl(option, a, b, c, d);
}
int cs_setgroups(size_t count, const gid_t *groups) { return setgroups(count, groups); }
int cs_setresgid(gid_t real, gid_t effective, gid_t saved) { return setresgid(real, effective, saved); }
int cs_setresuid(uid_t real, uid_t effective, uid_t saved) { return setresuid(real, effective, saved); }
int cs_setrlimit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit(resource, &limit);
}
int cs_getrlimit(int resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0) return -1;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}
int cs_sethostname(const char *name) { return sethostname(name, strlen(name)); }

int cs_signal_descriptor(const int *signals, int count, int block) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    if (block && (errno = pthread_sigmask(SIG_BLOCK, &set, NULL)) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
int cs_signal_read(int fd) {
    struct signalfd_siginfo info;
    ssize_t count = read(fd, &info, sizeof info);
    if (count == (ssize_t)sizeof info) return (int)info.ssi_signo;
    return count < 0 && errno == EAGAIN ? 0 : -1;
}
void cs_thread_name(const char *name) {
    char short_name[16];
    strncpy(short_name, name, 15);
    short_name[15] = 0;
    pthread_setname_np(pthread_self(), short_name);
}
