// Attempts, one a line on standard input: "ID PROBE ARGUMENTS…". Each runs in a child of its own and is answered by
// "ID RESULT": OK, the name of an errno, a signal, or "=VALUE". Static, so that it runs in any box; no libc wrapper
// stands between an attempt and the kernel where that matters.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 16, SECONDS = 20 };
static char *words[WORDS];
static int count;

static void fail(void) {
    const char *name = strerrorname_np(errno);
    printf("%s", name ? name : "E?");
}
static void result(long value) {
    if (value < 0) fail(); else printf("OK");
}
static const char *word(int index) { return index < count ? words[index] : ""; }
static long number(int index) { return index < count ? strtol(words[index], NULL, 0) : 0; }

static int flags(const char *text) {
    int flags = O_CLOEXEC;
    for (; *text; text++) {
        if (*text == 'r') flags |= O_RDONLY;
        if (*text == 'w') flags |= O_WRONLY;
        if (*text == 'b') flags |= O_RDWR;
        if (*text == 'c') flags |= O_CREAT;
        if (*text == 't') flags |= O_TRUNC;
        if (*text == 'n') flags |= O_NONBLOCK;
        if (*text == 'y') flags |= O_NOCTTY;
    }
    return flags;
}

// Arguments of a raw system call: a number, s:TEXT, z (a buffer of zeros), p (our pid).
static void raw(void) {
    static char zeros[WORDS][4096];
    long arguments[6] = {0};
    for (int i = 0; i < 6 && i + 2 < count; i++) {
        const char *text = word(i + 2);
        if (strncmp(text, "s:", 2) == 0) arguments[i] = (long)(text + 2);
        else if (strcmp(text, "z") == 0) arguments[i] = (long)zeros[i];
        else if (strcmp(text, "p") == 0) arguments[i] = getpid();
        else arguments[i] = strtol(text, NULL, 0);
    }
    long answer = syscall(
        number(1), arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    // The child of a clone that got through has nothing to say.
    if (answer == 0 && (number(1) == SYS_clone || number(1) == SYS_clone3)) _exit(0);
    result(answer);
}

static void read_file(void) {
    char bytes[4096];
    int fd = open(word(1), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail();
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got < 0) return fail();
    printf(got > 0 ? "OK" : "=empty");
}
static void write_file(void) {
    int fd = open(word(1), flags("w"));
    if (fd < 0) return fail();
    result(write(fd, word(2), strlen(word(2))));
}

static int name_socket(struct sockaddr_un *address, socklen_t *length, const char *name, int abstract) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    strncpy(address->sun_path + abstract, name, sizeof address->sun_path - 2);
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + (abstract ? 1 : 1));
    if (abstract) *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}
static void connect_unix(int abstract) {
    struct sockaddr_un address;
    socklen_t length;
    int fd = name_socket(&address, &length, word(1), abstract);
    result(fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, length));
}
static void connect_internet(int type) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number(2))};
    inet_pton(AF_INET, word(1), &address.sin_addr);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = 2};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return fail();
    result(type == SOCK_DGRAM ? send(fd, "?", 1, 0) : 0);
}

// A number of children at once; says how many there could be.
static void fork_bomb(void) {
    long wanted = number(1), made = 0;
    int gate[2], code = 0;
    if (pipe(gate) != 0) return fail();
    for (; made < wanted; made++) {
        pid_t pid = fork();
        if (pid < 0) { code = errno; break; }
        if (pid == 0) { char byte; close(gate[1]); (void)!read(gate[0], &byte, 1); _exit(0); }
    }
    close(gate[1]);
    while (wait(NULL) > 0 || errno == EINTR) {}
    errno = code;
    result(code ? -1 : 0);
}
static void memory_bomb(void) {
    for (long i = 0; i < number(1); i++) {
        char *bytes = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED) return fail();
        bytes[0] = 1;
    }
    printf("OK");
}
static void fill(void) {
    static char bytes[1 << 20];
    int fd = open(word(1), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return fail();
    for (long i = 0; i < number(2); i++)
        if (write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes) { unlink(word(1)); return fail(); }
    unlink(word(1));
    printf("OK");
}

#if defined(__x86_64__)
static void other_architecture(void) {
    long answer;
    __asm__ volatile("int $0x80" : "=a"(answer) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    if (answer < 0) { errno = (int)-answer; fail(); } else printf("OK");
}
#else
static void other_architecture(void) { errno = ENOSYS; fail(); }
#endif

static void *loose_thread(void *argument) { return argument; }

static void terminal(unsigned long request) {
    int leader, follower;
    char byte[2] = {3, 'x'};
    if (strcmp(word(1), "own") == 0) { result(ioctl(0, request, byte)); return; }
    if (openpty(&leader, &follower, NULL, NULL, NULL) != 0) return fail();
    setsid();
    ioctl(follower, TIOCSCTTY, 0);
    result(ioctl(follower, request, byte));
}

// Turns a name between two things while another process goes through it; says whether the wrong one was met.
static void race(void) {
    const char *link = word(1), *good = word(2), *bad = word(3), *through = word(4);
    long rounds = number(5);
    char temporary[512];
    snprintf(temporary, sizeof temporary, "%s.next", link);
    pid_t pid = fork();
    if (pid == 0) {
        for (long i = 0;; i++) {
            unlink(temporary);
            if (symlink(i % 2 ? good : bad, temporary) == 0) rename(temporary, link);
        }
    }
    long escaped = 0;
    for (long i = 0; i < rounds && !escaped; i++) {
        int fd = open(through, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        char path[64], target[512];
        if (fd < 0) continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length > 0 ? length : 0] = 0;
        if (strncmp(target, bad, strlen(bad)) == 0) escaped++;
        close(fd);
    }
    kill(pid, SIGKILL);
    printf(escaped ? "OK" : "=never");
}

static void user_of_program(void) {
    int ends[2];
    char text[64] = "";
    if (pipe(ends) != 0) return fail();
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        execl(word(1), word(1), "euid", NULL);
        printf("%s", strerrorname_np(errno));
        fflush(stdout);
        _exit(1);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], text, sizeof text - 1);
    waitpid(pid, NULL, 0);
    text[got > 0 ? got : 0] = 0;
    printf(strcmp(text, "0") == 0 ? "OK" : "=%s", text);
}

// CAP_SYS_ADMIN into the sets of this process: "permitted", or "ambient" too.
static void raise_capability(void) {
    struct { uint32_t version; int pid; } header = {0x20080522, 0};
    struct { uint32_t effective, permitted, inheritable; } sets[2] = {{0, 0, 0}, {0, 0, 0}};
    if (syscall(SYS_capget, &header, sets) != 0) return fail();
    sets[0].effective |= 1u << 21;
    sets[0].permitted |= 1u << 21;
    int is_ambient = strcmp(word(1), "ambient") == 0;
    if (is_ambient) sets[0].inheritable |= 1u << 21;
    if (syscall(SYS_capset, &header, sets) != 0) return fail();
    result(is_ambient ? prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0) : 0);
}

static void attempt(void) {
    const char *probe = word(0);
    struct rlimit limit;
#define IS(name) if (strcmp(probe, name) == 0)
    IS("sys") return raw();
    IS("open") return result(open(word(1), flags(word(2)), 0600));
    IS("read") return read_file();
    IS("write") return write_file();
    IS("mkdir") return result(mkdir(word(1), 0700));
    IS("rmdir") return result(rmdir(word(1)));
    IS("unlink") return result(unlink(word(1)));
    IS("rename") return result(rename(word(1), word(2)));
    IS("link") return result(link(word(1), word(2)));
    IS("symlink") return result(symlink(word(1), word(2)));
    IS("stat") { struct stat status; return result(stat(word(1), &status)); }
    IS("chmod") return result(chmod(word(1), (mode_t)number(2)));
    IS("chown") return result(chown(word(1), (uid_t)number(2), (gid_t)number(3)));
    IS("truncate") return result(truncate(word(1), 0));
    IS("mknod") return result(mknod(word(1), (mode_t)number(2), (dev_t)number(3)));
    IS("exec") { execl(word(1), word(1), NULL); return fail(); }
    IS("socket") return result(socket((int)number(1), (int)number(2), (int)number(3)));
    IS("unix") return connect_unix(0);
    IS("abstract") return connect_unix(1);
    IS("tcp") return connect_internet(SOCK_STREAM);
    IS("udp") return connect_internet(SOCK_DGRAM);
    IS("kill") return result(kill((pid_t)number(1), (int)number(2)));
    IS("fd") return result(fcntl((int)number(1), F_GETFD));
    IS("env") { const char *value = getenv(word(1)); printf(value ? "OK" : "=unset"); return; }
    IS("rlimit") { getrlimit((int)number(1), &limit); printf(limit.rlim_max == 0 ? "=0" : "OK"); return; }
    IS("raise-limit") {
        getrlimit((int)number(1), &limit);
        limit.rlim_max = limit.rlim_cur = limit.rlim_max + 1;
        return result(setrlimit((int)number(1), &limit));
    }
    IS("prctl") return result(prctl((int)number(1), number(2), number(3), number(4), number(5)));
    IS("bounding") {
        for (int i = 0; i < 41; i++) if (prctl(PR_CAPBSET_READ, i) == 1) { printf("OK"); return; }
        printf("=empty");
        return;
    }
    IS("fork-bomb") return fork_bomb();
    IS("memory-bomb") return memory_bomb();
    IS("fill") return fill();
    IS("i386") return other_architecture();
    IS("tiocsti") return terminal(TIOCSTI);
    IS("tioclinux") return terminal(0x541C);
    IS("race") return race();
    IS("euid-of") return user_of_program();
    IS("controlling") {
        int leader, follower;
        // Outside, the attempt is made with a terminal to find.
        if (strcmp(word(1), "own") == 0 && openpty(&leader, &follower, NULL, NULL, NULL) == 0) {
            // The leader of a process group cannot lead a session.
            pid_t pid = fork();
            if (pid > 0) { waitpid(pid, NULL, 0); return; }
            setsid();
            if (ioctl(follower, TIOCSCTTY, 0) != 0) return fail();
        }
        return result(open("/dev/tty", O_RDWR | O_CLOEXEC));
    }
    IS("raise") return raise_capability();
    IS("realtime") {
        struct sched_param parameters = {.sched_priority = 1};
        return result(sched_setscheduler(0, SCHED_FIFO, &parameters));
    }
    IS("thread") { pthread_t thread; errno = pthread_create(&thread, NULL, loose_thread, NULL); return result(-!!errno); }
    printf("=unknown probe %s", probe);
}

// Makes this a kernel without Landlock, for us and what we become: its first call does not exist.
static int without_landlock(char **command) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    // Privileged callers need not give up what the sandbox is about to use.
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) { perror("seccomp"); return 70; }
    execv(command[0], command);
    perror(command[0]);
    return 70;
}

static int write_map(pid_t pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_WRONLY);
    return fd < 0 ? -1 : write(fd, "0 100000 65536\n", 15) == 15 ? close(fd) : -1;
}

// Root of a user namespace with all ids, as the harness is in a guest; newuidmap(1) wants a file in /etc for that.
static int as_guest(char **command) {
    int made[2], mapped[2], status = 0;
    char byte = 0;
    if (pipe(made) != 0 || pipe(mapped) != 0) return 70;
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWUSER) != 0) _exit(70);
        (void)!write(made[1], "x", 1);
        if (read(mapped[0], &byte, 1) != 1 || setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0) _exit(70);
        for (int i = 0; i < 2; i++) close(made[i]), close(mapped[i]);
        execvp(command[0], command);
        _exit(70);
    }
    if (read(made[0], &byte, 1) != 1 || write_map(pid, "uid_map") != 0 || write_map(pid, "gid_map") != 0) return 70;
    (void)!write(mapped[1], "x", 1);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "as-guest") == 0) return as_guest(argv + 2);
    if (argc > 2 && strcmp(argv[1], "without-landlock") == 0) return without_landlock(argv + 2);
    if (argc > 1 && strcmp(argv[1], "euid") == 0) { printf("%d", geteuid()); return 0; }
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *id = strtok(line, " ");
        if (id == NULL) continue;
        for (count = 0; count < WORDS && (words[count] = strtok(NULL, " ")); count++) {}
        printf("%s ", id);
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            setpgid(0, 0);
            alarm(SECONDS);
            attempt();
            fflush(stdout);
            _exit(0);
        }
        int status = 0;
        if (pid < 0) fail();
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
        // Whatever an attempt left running must not be there for the next.
        if (pid > 0) kill(-pid, SIGKILL);
        if (WIFSIGNALED(status)) printf("SIG%s", sigabbrev_np(WTERMSIG(status)));
        printf("\n");
        fflush(stdout);
    }
    return 0;
}
