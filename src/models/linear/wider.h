/* Inner loops that are worth wider vectors where the processor has them. Every sum keeps its order
 * whatever the width, and nothing is fused: the bits do not change. */
#ifndef CLADE_LINEAR_WIDER_H
#define CLADE_LINEAR_WIDER_H

#if defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__) && defined(__x86_64__)
#define CLADE__WIDER __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLADE__WIDER
#endif

#endif
