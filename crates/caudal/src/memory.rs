//! The allocator, and how it treats memory that an epoch has freed.
//! Relies on epochs being alike: what one frees, the next one takes.
//! Never a bound on memory: the bounds are those of epochs, claims and reference data.

/// Epochs build and free large buffers on several threads; the system's allocator would contend. It takes the place of
/// `malloc` as well: the Kafka client makes a dozen pieces for each message, and another thread frees them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`, whose number the bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Keeps freed pages instead of returning them to the system after 10 ms: an epoch would only fault them in again,
/// and clearing pages costs more than rating what stands on them.
#[allow(unsafe_code)]
pub fn keep_freed_pages() {
    // SAFETY: sets one integer of the allocator, before any other thread exists.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) }
}
