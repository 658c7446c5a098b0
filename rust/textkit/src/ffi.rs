//! Types and conversions of the C border.

use crate::error::{invalid, Outcome};

/// Borrowed bytes of the caller.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct View {
    data: *const u8,
    size: usize,
}

/// Owned bytes handed to the caller.
#[repr(C)]
pub struct Text {
    data: *mut u8,
    size: usize,
    capacity: usize,
}

impl View {
    pub const fn of(text: &str) -> Self {
        Self { data: text.as_ptr(), size: text.len() }
    }

    /// # Safety
    /// The bytes live as long as the caller's call.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        slice(self.data, self.size)
    }
}

/// # Safety
/// As `View::bytes`.
pub unsafe fn text_of<'a>(view: View) -> Outcome<&'a str> {
    std::str::from_utf8(view.bytes()).map_err(|error| {
        invalid(format!("expected UTF-8, found an invalid byte at {}", error.valid_up_to()))
    })
}

/// # Safety
/// `data` points to `size` values, or `size` is 0.
pub unsafe fn slice<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if size == 0 {
        return &[];
    }
    std::slice::from_raw_parts(data, size)
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let mut bytes = std::mem::ManuallyDrop::new(text.into_bytes());
        Self { data: bytes.as_mut_ptr(), size: bytes.len(), capacity: bytes.capacity() }
    }
}

pub fn handle<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// # Safety
/// `value` is null or came from `handle` and is not used again.
pub unsafe fn free<T>(value: *mut T) {
    if !value.is_null() {
        drop(Box::from_raw(value));
    }
}

/// Stores the value, or the message, and says which.
///
/// # Safety
/// `error` may be written.
pub unsafe fn finish<T>(outcome: Outcome<T>, error: *mut Text, store: impl FnOnce(T)) -> i32 {
    match outcome {
        Ok(value) => {
            store(value);
            0
        }
        Err(failure) => {
            *error = Text::from(failure.message);
            failure.code as i32
        }
    }
}

/// # Safety
/// `text` is null or was filled by this library.
#[no_mangle]
pub unsafe extern "C" fn accel_textkit_text_free(text: *mut Text) {
    if text.is_null() || (*text).data.is_null() {
        return;
    }
    drop(Vec::from_raw_parts((*text).data, (*text).size, (*text).capacity));
    *text = Text { data: std::ptr::null_mut(), size: 0, capacity: 0 };
}

#[no_mangle]
pub extern "C" fn accel_textkit_versions() -> View {
    View::of("tokenizers 0.23.2, minijinja 3.0.5")
}
