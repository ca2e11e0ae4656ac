//! Fetching memory into the processor's cache before it is read.

/// Bytes of a cache line; where they are more, some lines are asked for twice.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Asks for what will be read soon. Changes nothing but the time that reading it takes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) fn prefetch<T>(soon: &[T]) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in soon.chunks((LINE / size_of::<T>()).max(1)) {
        // SAFETY: a prefetch reads nothing into the program and cannot fault, whatever it is given; this is a valid address. It
        // needs SSE, which every x86-64 processor has.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(super) fn prefetch<T>(_soon: &[T]) {}
