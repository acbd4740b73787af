//! Memory that is about to be read, loaded for a batch: the waits for it overlap.
//! Relies on the values of one call not depending on each other; what one names is for the next call.
//! Never changes what anything gives.

use std::hint::black_box;
use std::ops::BitXor;

/// Reads the values, so that they are near when they are needed.
#[inline]
pub fn load<T: BitXor<Output = T> + Default>(values: impl Iterator<Item = T>) {
    black_box(values.fold(T::default(), |all, value| all ^ value));
}
