//! Long work: without the GIL, with progress, and ended by Ctrl-C.

use crate::errors::{exception, of_panic};
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How long a Ctrl-C may wait to be noticed.
const PATIENCE: Duration = Duration::from_millis(50);

/// Of a thread; the main one has as much.
const STACK: usize = 8 << 20;

enum Message<T> {
    Progress(u64),
    Done(std::thread::Result<T>),
}

/// By which work says how far it is.
pub(crate) struct Progress<T>(Sender<Message<T>>);

impl<T> Progress<T> {
    /// So much has been done. Ends the work where nobody waits for it any more.
    pub(crate) fn at(&self, done: u64) {
        if self.0.send(Message::Progress(done)).is_err() {
            resume_unwind(Box::new("interrupted"));
        }
    }
}

/// Runs work on a thread of its own. The caller hands on its progress and answers signals meanwhile: after Ctrl-C this
/// returns `KeyboardInterrupt`, and the thread ends with its next word of progress, or when it is done.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Progress<T>) -> T + Send + 'static,
) -> PyResult<T> {
    let (send, receive) = channel();
    let thread = std::thread::Builder::new().name("resurge".into()).stack_size(STACK);
    let spawned = thread.spawn(move || {
        let progress = Progress(send.clone());
        let result = catch_unwind(AssertUnwindSafe(|| work(&progress)));
        // Nobody listens after a Ctrl-C.
        let _ = send.send(Message::Done(result));
    });
    spawned.map_err(|error| exception(py, "InternalError", &format!("cannot start a thread: {error}")))?;
    let mut receive = receive;
    loop {
        let (back, message) = py.detach(move || {
            let message = receive.recv_timeout(PATIENCE);
            (receive, message)
        });
        receive = back;
        match message {
            Ok(Message::Done(result)) => return result.map_err(|panic| of_panic(py, &*panic)),
            Ok(Message::Progress(done)) => {
                if let Some(progress) = progress {
                    progress.call1((done,))?;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(of_panic(py, &"the thread is gone")),
        }
        py.check_signals()?;
    }
}
