// System calls and constants that Swift's Glibc module cannot express. Each function says why it is here.
#ifndef CSYSTEM_H
#define CSYSTEM_H
#endif
