//! The chat template half of the C ABI. Safety of every function: pointers are as
//! `include/accel_textkit.h` demands.

use crate::error::{guard, Code};
use crate::ffi::{finish, handle, text_of, Text, View};
use crate::template::Template;

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_template_compile(
    source: View,
    out: *mut *mut Template,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::InvalidArgument, || Template::compile(text_of(source)?));
    finish(outcome, error, |template| *out = handle(template))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_template_free(compiled: *mut Template) {
    crate::ffi::free(compiled);
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_template_render(
    compiled: *const Template,
    context_json: View,
    now_unix_seconds: i64,
    out: *mut Text,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::InvalidArgument, || {
        (&*compiled).render(text_of(context_json)?, now_unix_seconds)
    });
    finish(outcome, error, |text| *out = Text::from(text))
}
