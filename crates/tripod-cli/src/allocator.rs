//! The allocator: where memory comes from, and that what is free goes back.
//!
//! glibc has up to eight heaps a processor and keeps what is freed in each: after a flood of samples a server holds twice the memory
//! that it needs. Two settings of glibc change that: a heap a processor, and what is free is given back once a minute. The price is a
//! thread that wakes once a minute, and pages that the next flood has to ask for again (some 10 ms for 100 MB).

/// The static build's: musl's own has one lock for all threads (`docs/decisions/0049-a-static-image.md`).
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// For a process that stays. Called before there are threads; what fails leaves things as they were.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back_what_is_free() {}

/// For a process that stays. Called before there are threads; what fails leaves things as they were.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub(crate) fn give_back_what_is_free() {
    const PAUSE: std::time::Duration = std::time::Duration::from_secs(60);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let heaps = libc::c_int::try_from(processors).unwrap_or(libc::c_int::MAX);
    // SAFETY: takes two numbers and changes a setting of the allocator, under the allocator's own lock.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, heaps) };
    let give_back = move || {
        loop {
            std::thread::sleep(PAUSE);
            // SAFETY: touches only pages without a live allocation, under the allocator's own locks; callable from any thread.
            unsafe { libc::malloc_trim(0) };
        }
    };
    let _ = std::thread::Builder::new().name("tripod-memory".into()).spawn(give_back);
}
