#define _GNU_SOURCE
#include "csystem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

int cs_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return mount(source, target, type, flags, data);
}
int cs_unmount(const char *target, int flags) { return umount2(target, flags); }
int cs_pivot_root(const char *root, const char *old) { return (int)syscall(SYS_pivot_root, root, old); }

// Headers of 6.1 and glibc 2.36 disagree about who declares struct mount_attr; the layout is ABI.
struct attributes { uint64_t set, clear, propagation, user_namespace; };
int cs_mount_set(const char *path, int recursive, uint64_t set, uint64_t clear, uint64_t propagation) {
    struct attributes attributes = {.set = set, .clear = clear, .propagation = propagation};
    return (int)syscall(
        SYS_mount_setattr, AT_FDCWD, path, recursive ? 0x8000 /* AT_RECURSIVE */ : 0, &attributes, sizeof attributes);
}
int cs_open_tree(const char *path, int recursive) {
    return (int)syscall(
        SYS_open_tree, AT_FDCWD, path,
        1 /* OPEN_TREE_CLONE */ | O_CLOEXEC | (recursive ? 0x8000 /* AT_RECURSIVE */ : 0));
}
int cs_move_mount(int tree, const char *target) {
    return (int)syscall(SYS_move_mount, tree, "", AT_FDCWD, target, 4 /* MOVE_MOUNT_F_EMPTY_PATH */);
}
unsigned long cs_mount_flags(const char *path) {
    struct statvfs status;
    return statvfs(path, &status) == 0 ? status.f_flag : 0;
}
int cs_unshare(int flags) { return unshare(flags); }
int cs_setns(int fd, int kind) { return setns(fd, kind); }

int cs_landlock_abi(void) {
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}
// Written out, since headers of 6.1 know ABI 2 only; a kernel takes a shorter structure of an older ABI.
struct ruleset { uint64_t filesystem, network, scoped; };
int cs_landlock_create(uint64_t filesystem, uint64_t network, uint64_t scoped) {
    struct ruleset ruleset = {filesystem, network, scoped};
    size_t size = scoped ? 24 : network ? 16 : 8;
    return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}
int cs_landlock_allow_path(int ruleset, int path, uint64_t access) {
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = path};
    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}
int cs_landlock_allow_port(int ruleset, uint16_t port, uint64_t access) {
    struct { uint64_t access, port; } rule = {access, port};
    return (int)syscall(SYS_landlock_add_rule, ruleset, 2 /* LANDLOCK_RULE_NET_PORT */, &rule, 0);
}
int cs_landlock_restrict(int ruleset, uint32_t flags) {
    return (int)syscall(SYS_landlock_restrict_self, ruleset, flags);
}
