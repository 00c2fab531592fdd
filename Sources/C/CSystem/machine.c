// What only the owner of a machine does: its modules, its power, its clock; and the ends of a virtual machine's cables.
#define _GNU_SOURCE
#include "csystem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/reboot.h>
#include <linux/vhost.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int cs_load_module(int fd, const char *parameters, int flags) {
    return (int)syscall(SYS_finit_module, fd, parameters, flags);
}
int cs_power_off(void) { return reboot(RB_POWER_OFF); }
int cs_restart(void) { return reboot(RB_AUTOBOOT); }
int cs_chroot(const char *path) { return chroot(path); }
int cs_set_clock(int64_t nanoseconds) {
    struct timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    return clock_settime(CLOCK_REALTIME, &time);
}

int cs_tap_open(const char *device, const char *name) {
    int fd = open(device, O_RDWR | O_CLOEXEC);
    if (fd < 0) return -1;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(fd, TUNSETIFF, &request) != 0) {
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

uint64_t cs_time_stamp(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

int cs_vsock_connect(int fd, uint32_t cid, uint32_t port) {
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port};
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

int cs_vsock_bind(int fd) {
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};
    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

int cs_vsock_local_port(int fd, uint32_t *port) {
    struct sockaddr_vm address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return -1;
    *port = address.svm_port;
    return 0;
}

int cs_vsock_accept(int fd, uint32_t *cid) {
    struct sockaddr_vm address;
    socklen_t length = sizeof address;
    int socket = accept4(fd, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
    if (socket >= 0) *cid = address.svm_cid;
    return socket;
}

int cs_vhost_vsock_set_cid(int fd, uint64_t cid) { return ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid); }
