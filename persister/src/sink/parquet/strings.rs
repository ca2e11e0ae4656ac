//! A column of text from the text of its values, without looking at every byte of it again.

use arrow_array::StringArray;
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

/// The values that end at each of `offsets` but the first, each beginning where the one before it ends. `nulls` has as many as there are.
///
/// # Panics
/// When the offsets do not climb from 0 to the end of `text`, when one of them lies within a character, or when there are more or fewer
/// nulls than values: a bug of the caller.
pub(super) fn strings(text: String, offsets: Vec<i32>, nulls: Option<NullBuffer>) -> StringArray {
    let whole = offsets.first() == Some(&0)
        && offsets.last().is_some_and(|&end| usize::try_from(end) == Ok(text.len()))
        && offsets.iter().all(|&end| usize::try_from(end).is_ok_and(|end| text.is_char_boundary(end)));
    assert!(whole, "offsets that are not of this text");
    assert!(nulls.as_ref().is_none_or(|nulls| nulls.len() + 1 == offsets.len()), "a null for each value");
    // Checks that they climb.
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    // SAFETY: `text` is a `String`, so all of it is UTF-8; the offsets climb from 0 to its end and none lies within a character, so each
    // value is UTF-8 within it; there are as many nulls as values. That is all that `StringArray::try_new` would check.
    unsafe { StringArray::new_unchecked(offsets, Buffer::from_vec(text.into_bytes()), nulls) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_text_between_their_offsets() {
        let nulls = NullBuffer::from(vec![true, false, true]);
        let made = strings("a\u{e9}b".to_owned(), vec![0, 1, 1, 4], Some(nulls.clone()));
        let checked = StringArray::try_new(made.offsets().clone(), made.values().clone(), Some(nulls)).expect("checked");
        assert_eq!(made, checked);
        assert_eq!(made.iter().collect::<Vec<_>>(), [Some("a"), None, Some("\u{e9}b")]);
    }

    #[test]
    fn offsets_that_are_not_of_the_text_are_refused() {
        for wrong in [vec![], vec![0, 1], vec![1, 4], vec![0, 5], vec![0, 2, 4], vec![0, 3, 1, 4], vec![0, -1, 4]] {
            let refused = std::panic::catch_unwind(|| strings("a\u{e9}b".to_owned(), wrong.clone(), None));
            assert!(refused.is_err(), "{wrong:?}");
        }
    }
}
