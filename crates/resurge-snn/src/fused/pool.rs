//! Buffers that outlive a pass.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers that one pass has used and the next can have: fresh memory costs as much as the arithmetic on it. Clones
/// share them.
#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Box<dyn Any + Send>>>>);

impl Pool {
    /// A buffer that has been given back, with whatever it holds, or a new one.
    pub(super) fn take<T: Any + Default>(&self) -> T {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = free.iter().position(|buffer| buffer.is::<T>()).map(|at| free.swap_remove(at));
        found.and_then(|buffer| buffer.downcast().ok()).map_or_else(T::default, |buffer| *buffer)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn give<T: Any + Send>(&self, buffer: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(buffer));
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

/// Buffers are no part of what a network is.
impl PartialEq for Pool {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_by_its_type() {
        let pool = Pool::default();
        pool.give(vec![1.0_f32]);
        pool.clone().give(vec![2.0_f64, 3.0]);
        assert_eq!(pool.take::<Vec<f64>>(), [2.0, 3.0]);
        assert_eq!(pool.take::<Vec<f64>>(), Vec::<f64>::new());
        assert_eq!(pool.take::<Vec<f32>>(), [1.0]);
    }
}
