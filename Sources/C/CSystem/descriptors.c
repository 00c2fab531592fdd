#define _GNU_SOURCE
#include "csystem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int cs_errno(void) { return errno; }
const char *cs_error_name(int code) { return strerrorname_np(code); }
const char *cs_error_text(int code) { return strerrordesc_np(code); }

int cs_openat(int directory, const char *path, int flags, unsigned mode) {
    return openat(directory, path, flags | O_CLOEXEC, mode);
}
int cs_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct { uint64_t flags, mode, resolve; } how = {flags | O_CLOEXEC, mode, resolve};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}
int cs_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }
int cs_ioctl(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }

static void fill(struct cs_stat *to, const struct stat *from) {
    *to = (struct cs_stat){
        .mode = from->st_mode, .uid = from->st_uid, .gid = from->st_gid, .nlink = (uint32_t)from->st_nlink,
        .size = from->st_size, .device = from->st_dev, .inode = from->st_ino,
        .modified_ns = (int64_t)from->st_mtim.tv_sec * 1000000000 + from->st_mtim.tv_nsec,
    };
}
int cs_stat(int directory, const char *path, int follow, struct cs_stat *result) {
    struct stat status;
    if (fstatat(directory, path, &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return -1;
    fill(result, &status);
    return 0;
}
int cs_fstat(int fd, struct cs_stat *result) {
    struct stat status;
    if (fstat(fd, &status) != 0) return -1;
    fill(result, &status);
    return 0;
}
int cs_rename(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    return renameat2(from_directory, from, to_directory, to, flags);
}

void *cs_directory_open(int fd) { return fdopendir(fd); }
const char *cs_directory_next(void *directory) {
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(directory);
        if (entry == NULL) return NULL;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) return entry->d_name;
    }
}
void cs_directory_close(void *directory) { closedir(directory); }
int cs_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int cs_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }
int cs_close_range(unsigned first, unsigned last, unsigned flags) {
    return (int)syscall(SYS_close_range, first, last, flags);
}

int cs_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
int cs_epoll_control(int fd, int operation, int target, uint32_t mask, uint64_t token) {
    struct epoll_event event = {.events = mask, .data.u64 = token};
    return epoll_ctl(fd, operation, target, &event);
}
int cs_epoll_wait(int fd, uint64_t *tokens, uint32_t *masks, int count, int timeout_ms) {
    struct epoll_event events[64];
    int ready = epoll_wait(fd, events, count < 64 ? count : 64, timeout_ms);
    for (int i = 0; i < ready; i++) {
        tokens[i] = events[i].data.u64;
        masks[i] = events[i].events;
    }
    return ready;
}
int cs_event_descriptor(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
