//! libdeflate: a gzip member inflated in one call, from one buffer into another, about twice as fast as a stream can be.
//!
//! Called through its C interface, because only that tells how much of the input a member took, and so whether anything comes after it.
//! The wrapper `libdeflater` does not: of two members of one size it inflates the first and reports success, and the records
//! of the second are lost. It also wants its output zeroed first.

use libdeflate_sys::{
    libdeflate_alloc_decompressor, libdeflate_decompressor, libdeflate_free_decompressor, libdeflate_gzip_decompress_ex,
    libdeflate_result_LIBDEFLATE_SUCCESS,
};
use std::ptr::NonNull;

/// Tables of the last block, kept because they are large and every file needs them.
#[derive(Debug)]
pub(super) struct Decompressor(NonNull<libdeflate_decompressor>);

// SAFETY: the C object is plain memory without ties to a thread, and only `&mut self` gets at it.
unsafe impl Send for Decompressor {}

impl Decompressor {
    /// `None` when there is no memory for it.
    pub(super) fn new() -> Option<Decompressor> {
        // SAFETY: has no preconditions; answers null when it cannot allocate.
        NonNull::new(unsafe { libdeflate_alloc_decompressor() }).map(Decompressor)
    }

    /// Inflates the gzip member that `gz` is, nothing before and nothing after it, into `out`, which is cleared first and
    /// must turn out to hold `size` bytes. False when anything is not as expected; what `out` holds then means nothing.
    pub(super) fn member(&mut self, gz: &[u8], size: usize, out: &mut Vec<u8>) -> bool {
        out.clear();
        out.reserve_exact(size);
        let (mut taken, mut written) = (0, 0);
        // SAFETY: the decompressor is live (freed in `drop` only) and ours alone for the call. The input is `gz.len()` readable bytes. The
        // output is memory of `out` behind its length 0: `reserve_exact` made at least `size` bytes of it, writable, and
        // libdeflate writes no more than it is told is there, reads only what it has written, and keeps no pointer. Both
        // results point to locals.
        let result = unsafe {
            libdeflate_gzip_decompress_ex(
                self.0.as_ptr(),
                gz.as_ptr().cast(),
                gz.len(),
                out.as_mut_ptr().cast(),
                size,
                &raw mut taken,
                &raw mut written,
            )
        };
        if result != libdeflate_result_LIBDEFLATE_SUCCESS || taken != gz.len() || written != size {
            return false;
        }
        // SAFETY: on success the first `written` bytes, which are `size`, are initialized, and the capacity is at least that.
        unsafe { out.set_len(size) };
        true
    }
}

impl Drop for Decompressor {
    fn drop(&mut self) {
        // SAFETY: came from `libdeflate_alloc_decompressor`, and is freed here only.
        unsafe { libdeflate_free_decompressor(self.0.as_ptr()) }
    }
}
