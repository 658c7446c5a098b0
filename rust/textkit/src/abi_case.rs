//! Letter case in the C ABI. Safety: pointers are as `include/accel_textkit.h` demands.

use crate::error::{guard, Code};
use crate::ffi::{finish, text_of, Text, View};

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_lowercase(
    text: View,
    out: *mut Text,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::InvalidArgument, || Ok(text_of(text)?.to_lowercase()));
    finish(outcome, error, |lower| *out = Text::from(lower))
}
