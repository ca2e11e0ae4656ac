//! Where a Parquet file is decoded whose bytes may be anything. The library promises an error for a file that was damaged, but may panic
//! all the same; here that becomes an error too.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// This thread reads bytes that may be damaged: a panic becomes an answer, and is not printed.
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// What `read` comes to; an error, in words, when it panics. Nothing that `read` changes outside may be used then.
pub(crate) fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_READING.get() {
                print(panic);
            }
        }));
    });
    IS_READING.set(true);
    let answer = catch_unwind(AssertUnwindSafe(read));
    IS_READING.set(false);
    answer.map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        format!("the Parquet reader cannot cope with it ({})", said.unwrap_or("no reason given"))
    })
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn a_panic_becomes_an_error_with_its_words() {
        assert_eq!(guarded(|| 7), Ok(7));
        let at = usize::MAX;
        assert!(guarded(|| [1, 2][at]).unwrap_err().contains("out of bounds"));
        assert_eq!(guarded(|| "again"), Ok("again"));
    }
}
