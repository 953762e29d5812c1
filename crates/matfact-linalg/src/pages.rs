//! Large pages for what is read at random.
//!
//! Rows that lie far apart are each on a page of their own, and the processor knows where a few thousand pages are;
//! beyond these, finding the page costs more than reading the row. Large pages are 512 times fewer. They change no result.

/// Memory below this size has few pages anyway.
const LEAST_BYTES: usize = 4 << 20;

/// Asks the system for large pages where `values` are, before they are first written; a no-op for little memory, and
/// where the system has none.
pub(crate) fn prefer_large<T>(values: &mut [T]) {
    let bytes = size_of_val(values);
    if bytes < LEAST_BYTES {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        const SMALL_PAGE: usize = 4096;
        let start = values.as_mut_ptr() as usize;
        let first = start.next_multiple_of(SMALL_PAGE);
        let length = (start + bytes - first) / SMALL_PAGE * SMALL_PAGE;
        // SAFETY: the pages lie within `values`. The advice changes no content, and an error means that it was not taken.
        unsafe { libc::madvise(first as *mut libc::c_void, length, libc::MADV_HUGEPAGE) };
    }
}
