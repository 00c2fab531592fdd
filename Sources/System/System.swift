// System: thin, typed Linux system calls, one file a family. It knows nothing of this project; everything
// above it calls the kernel through it. Every descriptor it makes is close-on-exec, every interrupted call
// is retried, and every failure is a `SystemError` that names the call and what it was tried on.
