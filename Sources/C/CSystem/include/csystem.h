// System calls and constants that Swift's Glibc module cannot express. Each function says why it is here:
//   [variadic]  Swift imports no variadic C functions.          [macro]   the call or its constants are C macros.
//   [gnu]       declared only under _GNU_SOURCE, or its header is not part of the Glibc module.
//   [raw]       glibc has no wrapper, or an old one.            [fork]    must not run Swift code.
// All return -1 with errno set unless they say otherwise; every descriptor made here is close-on-exec.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Errors
int cs_errno(void);                        // [macro]
const char *cs_error_name(int code);       // [gnu] "ENOENT"; NULL when unknown
const char *cs_error_text(int code);       // [gnu] "No such file or directory"; never localized, thread-safe

// Files
struct cs_stat { uint32_t mode, uid, gid, nlink; int64_t size; uint64_t device, inode; int64_t modified_ns; };
int cs_openat(int directory, const char *path, int flags, unsigned mode);              // [variadic]
// [raw] openat2; errno ENOSYS before Linux 5.6
int cs_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int cs_fcntl(int fd, int command, int argument);                                       // [variadic]
int cs_stat(int directory, const char *path, int follow, struct cs_stat *result);      // [macro] st_mtim, S_IS*
int cs_fstat(int fd, struct cs_stat *result);
int cs_rename(int from_directory, const char *from, int to_directory, const char *to, unsigned flags); // [gnu]
void *cs_directory_open(int fd);                 // fdopendir; takes the descriptor when it succeeds
const char *cs_directory_next(void *directory);  // NULL at the end with errno 0; d_name is a tuple in Swift
void cs_directory_close(void *directory);
int cs_memory_file(const char *name);                                                  // [gnu] memfd_create

// Descriptors
int cs_pipe(int *ends);                                                                // [gnu] pipe2
int cs_close_range(unsigned first, unsigned last, unsigned flags);                     // [raw]
int cs_ioctl(int fd, unsigned long request, void *argument);                           // [variadic]

// Processes
struct cs_spawn {
    const char *path;             // absolute, or relative to `directory`
    char *const *argv, *const *envp;
    const char *directory;        // NULL: unchanged
    const int *parent_fds, *child_fds; int fd_count;   // at most CS_SPAWN_MAX_FDS; all others are closed by exec
    int new_session, death_signal;
    int cgroup;                   // an open cgroup.procs that the child moves itself into; -1: none
};
enum { CS_SPAWN_MAX_FDS = 64 };
// [fork] vfork and exec. Returns the pid; on failure -1, errno, and *stage names the step that failed.
pid_t cs_spawn(const struct cs_spawn *command, const char **stage);
pid_t cs_fork(void);                                                                   // [fork] unavailable in Swift
// [gnu] process_vm_readv: bytes of another process's memory, up to the first page that is not there
ssize_t cs_read_memory(pid_t pid, uint64_t address, void *bytes, size_t count);
// [fork] clone with CLONE_NEW* flags; clone3 when into a cgroup (-1: none); no atfork handlers
pid_t cs_clone(uint64_t flags, int group);
// [fork] clone with CLONE_VM and CLONE_VFORK: a child in our memory, on a stack of its own, until it execs or ends
pid_t cs_lend(int flags, int (*body)(void *), void *context);
int cs_seccomp_load(const void *program, unsigned short instructions, unsigned flags);  // [raw] classic BPF
int cs_pidfd_open(pid_t pid);                                                          // [raw]
int cs_pidfd_signal(int pidfd, int signal);                                            // [raw]
int cs_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d); // [variadic]
int cs_setgroups(size_t count, const gid_t *groups);                                   // [gnu]
int cs_setresgid(gid_t real, gid_t effective, gid_t saved);                            // [gnu]
int cs_setresuid(uid_t real, uid_t effective, uid_t saved);                            // [gnu]
int cs_setrlimit(int resource, uint64_t soft, uint64_t hard);                          // [macro] enum-typed in glibc
int cs_getrlimit(int resource, uint64_t *soft, uint64_t *hard);
int cs_sethostname(const char *name);                                                  // [gnu]
int cs_reset_signals(void);   // [macro] SIG_DFL: every disposition to default, mask empty
int cs_ignore_signal(int number);
int cs_signal_descriptor(const int *signals, int count, int block);   // [gnu] signalfd of these; blocks them first
int cs_signal_read(int fd);   // the next signal number; 0 when there is none (EAGAIN)
void cs_thread_name(const char *name);                                                 // [gnu]
// [fork] A signal handler: deaths write what the thread had in hand to fd, and execute the command (NULL: none).
int cs_crash_record(int fd, char *const *command);
void cs_crash_hand(const char *text);       // of this thread; "" is nothing
const char *cs_crash_in_hand(void);

// Sockets
int cs_socket(int family, int type);                       // SOCK_CLOEXEC; type: 1 stream, 2 datagram, 3 raw
int cs_loopback_up(void);                                  // [macro] SIOCSIFFLAGS on lo
int cs_netlink_socket(void);                               // [gnu] NETLINK_ROUTE, bound
int cs_socket_pair(int type, int *ends);                    // type: 1 stream, 5 messages
int cs_accept(int fd);                                     // [gnu] accept4
int cs_unix_bind(int fd, const char *path);                // sun_path is a 108-tuple in Swift
int cs_unix_connect(int fd, const char *path);
int cs_inet_bind(int fd, int family, const void *address, uint16_t port);
int cs_inet_connect(int fd, int family, const void *address, uint16_t port);
int cs_local_port(int fd);
int cs_peer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid);                   // [gnu]
ssize_t cs_send(int fd, const void *bytes, size_t count, int passing);                 // [macro] CMSG_*; -1: nothing passed
ssize_t cs_receive(int fd, void *bytes, size_t count, int *passed);                    // [macro] CMSG_*; -1: none came

// Waiting
int cs_epoll_create(void);                                                             // [gnu]
int cs_epoll_control(int fd, int operation, int target, uint32_t mask, uint64_t token);
int cs_epoll_wait(int fd, uint64_t *tokens, uint32_t *masks, int count, int timeout_ms); // epoll_event is packed
int cs_event_descriptor(void);                                                         // [gnu] eventfd, non-blocking

// Mounts and namespaces
int cs_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int cs_unmount(const char *target, int flags);
int cs_pivot_root(const char *root, const char *old);                                  // [raw]
int cs_mount_set(const char *path, int recursive, uint64_t set, uint64_t clear, uint64_t propagation); // [raw]
int cs_open_tree(const char *path, int recursive);                                     // [raw] a detached clone
int cs_move_mount(int tree, const char *target);                                       // [raw]
unsigned long cs_mount_flags(const char *path);                                        // statvfs f_flag; 0 on error
int cs_unshare(int flags);                                                             // [gnu]
int cs_setns(int fd, int kind);                                                        // [gnu]

// Landlock: Linux 5.13, landlock(7)                                                      [raw]
int cs_landlock_abi(void);
int cs_landlock_create(uint64_t filesystem, uint64_t network, uint64_t scoped);
int cs_landlock_allow_path(int ruleset, int path, uint64_t access);
int cs_landlock_allow_port(int ruleset, uint16_t port, uint64_t access);
int cs_landlock_restrict(int ruleset, uint32_t flags);


// The machine, in a guest that owns one; and what a virtual machine is plugged into
int cs_load_module(int fd, const char *parameters, int flags);                         // [raw] finit_module
int cs_power_off(void);                                                                // [macro] reboot(2)
int cs_restart(void);
int cs_chroot(const char *path);                                                       // [gnu]
int cs_set_clock(int64_t nanoseconds);                                                 // clock_settime, CLOCK_REALTIME
int cs_tap_open(const char *device, const char *name);         // [macro] TUNSETIFF: a tap with virtio-net headers
uint64_t cs_time_stamp(void);                                  // the processor's counter; 0 where there is none
int cs_vsock_connect(int fd, uint32_t cid, uint32_t port);     // [gnu] sockaddr_vm; AF_VSOCK is 40
int cs_vsock_bind(int fd);                                     // any context, a port of the kernel's choice
int cs_vsock_local_port(int fd, uint32_t *port);
int cs_vsock_accept(int fd, uint32_t *cid);
int cs_vhost_vsock_set_cid(int fd, uint64_t cid);              // [macro] VHOST_VSOCK_SET_GUEST_CID

#endif
