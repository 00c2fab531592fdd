#include "csystem.h"
#include <stdlib.h>
#include <unistd.h>

// The static Swift runtime resolves /proc/self/exe in a constructor and aborts when /proc is not mounted, which is
// the state in which PID 1 starts. SWIFT_ROOT makes it skip that look-up. Priority 101 runs before the runtime's own
// constructors. Gone when swift_initRuntimePath no longer calls fatalError without /proc.
__attribute__((constructor(101))) static void give_swift_a_root_before_proc_is_mounted(void) {
    if (access("/proc/self/exe", F_OK) != 0) setenv("SWIFT_ROOT", "/", 0);
}
