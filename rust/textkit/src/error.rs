//! Failures as values, and the border that turns panics into them.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Numbers of `accel_textkit_code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    InvalidArgument = 3,
    ResourceExhausted = 8,
    OutOfRange = 11,
    Internal = 13,
}

#[derive(Clone, Debug)]
pub struct Failure {
    pub code: Code,
    pub message: String,
}

pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn within(mut self, context: &str) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }
}

pub fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(Code::InvalidArgument, message)
}

pub fn exhausted(message: impl Into<String>) -> Failure {
    Failure::new(Code::ResourceExhausted, message)
}

/// Errors of the tokenizers crate: all come from the file or the text given.
pub fn foreign(error: impl std::fmt::Display) -> Failure {
    invalid(error.to_string())
}

thread_local! {
    static QUIET: RefCell<usize> = const { RefCell::new(0) };
}

/// Keeps the default hook from printing the panics that `guard` turns into values; panics of other
/// Rust code in the process still print.
fn install_hook() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if QUIET.with(|depth| *depth.borrow() == 0) {
                previous(info);
            }
        }));
    });
}

fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    };
    // The destructor of a payload may itself panic.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    text
}

/// Runs `body`; a panic becomes a failure with `code`.
pub fn guard<T>(code: Code, body: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    install_hook();
    QUIET.with(|depth| *depth.borrow_mut() += 1);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    QUIET.with(|depth| *depth.borrow_mut() -= 1);
    outcome.unwrap_or_else(|payload| {
        Err(Failure::new(code, format!("the tokenizer library stopped: {}", panic_text(payload))))
    })
}
