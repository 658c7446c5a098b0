//! The tokenizer half of the C ABI. Safety of every function: pointers are as
//! `include/accel_textkit.h` demands.

use std::sync::Arc;

use crate::encode::{Offsets, Options, Strategy};
use crate::encodings::{Encodings, Padding};
use crate::error::{guard, invalid, Code, Outcome};
use crate::ffi::{finish, handle, slice, text_of, Text, View};
use crate::stream::Stream;
use crate::stretch::Side;
use crate::tokenizer::Tokenizer;

#[repr(C)]
pub struct EncodeOptions {
    max_length: usize,
    add_special_tokens: u8,
    truncation_side: u8,
    truncation_strategy: u8,
    offsets: u8,
    tokens: u8,
    pad: u8,
    pad_side: u8,
    pad_length: usize,
    pad_multiple_of: usize,
    pad_id: u32,
    pad_type_id: u32,
    pad_token: View,
}

#[repr(C)]
pub struct EncodingsView {
    count: usize,
    starts: *const usize,
    ids: *const u32,
    type_ids: *const u32,
    attention_mask: *const u8,
    special_tokens_mask: *const u8,
    sequences: *const i8,
    offsets: *const u32,
    words: *const i32,
    token_bytes: *const u8,
    token_ends: *const usize,
    truncated: *const u8,
}

#[repr(C)]
pub struct AddedTokenView {
    id: u32,
    special: u8,
    single_word: u8,
    lstrip: u8,
    rstrip: u8,
    normalized: u8,
    content: View,
}

unsafe fn of<'a>(handle: *const Arc<Tokenizer>) -> &'a Tokenizer {
    &*handle
}

fn side(value: u8) -> Outcome<Side> {
    match value {
        0 => Ok(Side::Right),
        1 => Ok(Side::Left),
        _ => Err(invalid(format!("expected side 0 or 1, found {value}"))),
    }
}

impl EncodeOptions {
    fn read(&self) -> Outcome<Options> {
        Ok(Options {
            max_length: self.max_length,
            add_special_tokens: self.add_special_tokens != 0,
            cut: side(self.truncation_side)?,
            strategy: match self.truncation_strategy {
                0 => Strategy::LongestFirst,
                1 => Strategy::OnlyFirst,
                2 => Strategy::OnlySecond,
                other => return Err(invalid(format!("expected strategy 0 to 2, found {other}"))),
            },
            offsets: match self.offsets {
                0 => Offsets::None,
                1 => Offsets::CodePoints,
                2 => Offsets::Bytes,
                other => return Err(invalid(format!("expected offsets 0 to 2, found {other}"))),
            },
            tokens: self.tokens != 0,
        })
    }
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_tokenizer_load(
    json: View,
    out: *mut *mut Arc<Tokenizer>,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::InvalidArgument, || Tokenizer::load(json.bytes()));
    finish(outcome, error, |tokenizer| *out = handle(Arc::new(tokenizer)))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_tokenizer_free(tokenizer: *mut Arc<Tokenizer>) {
    crate::ffi::free(tokenizer);
}

unsafe fn encode_all(
    tokenizer: &Tokenizer,
    texts: &[View],
    pairs: Option<&[View]>,
    raw: &EncodeOptions,
) -> Outcome<Encodings> {
    let options = raw.read()?;
    let mut out = Encodings::new(&options);
    for (index, text) in texts.iter().enumerate() {
        let context = |failure: crate::error::Failure| match texts.len() {
            1 => failure,
            _ => failure.within(&format!("text {index}")),
        };
        let first = text_of(*text).map_err(context)?;
        let second = pairs.map(|pairs| text_of(pairs[index])).transpose().map_err(context)?;
        tokenizer.encode(first, second, &options, &mut out).map_err(context)?;
    }
    if raw.pad == 0 {
        return Ok(out);
    }
    Ok(out.padded(&Padding {
        side: side(raw.pad_side)?,
        length: raw.pad_length,
        multiple_of: raw.pad_multiple_of,
        id: raw.pad_id,
        type_id: raw.pad_type_id,
        token: text_of(raw.pad_token)?,
    }))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_encode(
    tokenizer: *const Arc<Tokenizer>,
    texts: *const View,
    pairs: *const View,
    count: usize,
    options: *const EncodeOptions,
    out: *mut *mut Encodings,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::InvalidArgument, || {
        let pairs = (!pairs.is_null()).then(|| slice(pairs, count));
        encode_all(of(tokenizer), slice(texts, count), pairs, &*options)
    });
    finish(outcome, error, |encodings| *out = handle(encodings))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_encodings_free(encodings: *mut Encodings) {
    crate::ffi::free(encodings);
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_encodings_get(
    encodings: *const Encodings,
    out: *mut EncodingsView,
) {
    let from = &*encodings;
    *out = EncodingsView {
        count: from.truncated.len(),
        starts: from.starts.as_ptr(),
        ids: from.ids.as_ptr(),
        type_ids: from.type_ids.as_ptr(),
        attention_mask: from.attention_mask.as_ptr(),
        special_tokens_mask: from.special_tokens_mask.as_ptr(),
        sequences: from.sequences.as_ptr(),
        offsets: if from.has_offsets { from.offsets.as_ptr() } else { std::ptr::null() },
        words: if from.has_offsets { from.words.as_ptr() } else { std::ptr::null() },
        token_bytes: if from.has_tokens { from.token_bytes.as_ptr() } else { std::ptr::null() },
        token_ends: if from.has_tokens { from.token_ends.as_ptr() } else { std::ptr::null() },
        truncated: from.truncated.as_ptr(),
    };
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_decode(
    tokenizer: *const Arc<Tokenizer>,
    ids: *const u32,
    count: usize,
    skip_special_tokens: u8,
    out: *mut Text,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::InvalidArgument, || {
        of(tokenizer).decode(slice(ids, count), skip_special_tokens != 0)
    });
    finish(outcome, error, |text| *out = Text::from(text))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_join(
    tokenizer: *const Arc<Tokenizer>,
    tokens: *const View,
    count: usize,
    out: *mut Text,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::InvalidArgument, || {
        let tokens = slice(tokens, count)
            .iter()
            .map(|token| text_of(*token).map(str::to_owned))
            .collect::<Outcome<Vec<String>>>()?;
        of(tokenizer).join(tokens)
    });
    finish(outcome, error, |text| *out = Text::from(text))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_stream_create(
    tokenizer: *const Arc<Tokenizer>,
    skip_special_tokens: u8,
    out: *mut *mut Stream,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::Internal, || {
        Ok(Stream::new(Arc::clone(&*tokenizer), skip_special_tokens != 0))
    });
    finish(outcome, error, |stream| *out = handle(stream))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_stream_push(
    stream: *mut Stream,
    id: u32,
    piece: *mut Text,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::InvalidArgument, || (&mut *stream).push(id));
    finish(outcome, error, |text| *piece = Text::from(text))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_stream_finish(
    stream: *mut Stream,
    piece: *mut Text,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::InvalidArgument, || (&mut *stream).finish());
    finish(outcome, error, |text| *piece = Text::from(text))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_stream_free(stream: *mut Stream) {
    crate::ffi::free(stream);
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_vocabulary_size(
    tokenizer: *const Arc<Tokenizer>,
    with_added_tokens: u8,
) -> usize {
    guard(Code::Internal, || Ok(of(tokenizer).inner.get_vocab_size(with_added_tokens != 0)))
        .unwrap_or(0)
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_largest_id(tokenizer: *const Arc<Tokenizer>) -> i64 {
    guard(Code::Internal, || Ok(of(tokenizer).largest_id())).unwrap_or(-1)
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_token_to_id(
    tokenizer: *const Arc<Tokenizer>,
    token: View,
) -> i64 {
    let find = || {
        let vocabulary = of(tokenizer).inner.get_added_vocabulary();
        Ok(vocabulary.token_to_id(text_of(token)?, of(tokenizer).inner.get_model()))
    };
    guard(Code::Internal, find).ok().flatten().map_or(-1, i64::from)
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_id_to_token(
    tokenizer: *const Arc<Tokenizer>,
    id: u32,
    out: *mut Text,
    error: *mut Text,
) -> i32 {
    let outcome = guard(Code::Internal, || of(tokenizer).id_to_token(id));
    finish(outcome, error, |text| *out = Text::from(text))
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_special_tokens_added(
    tokenizer: *const Arc<Tokenizer>,
    pair: u8,
) -> usize {
    of(tokenizer).frame(pair != 0, true).map_or(0, |frame| frame.added)
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_added_token_count(
    tokenizer: *const Arc<Tokenizer>,
) -> usize {
    of(tokenizer).added_tokens.len()
}

#[no_mangle]
pub unsafe extern "C" fn accel_textkit_added_token_at(
    tokenizer: *const Arc<Tokenizer>,
    index: usize,
) -> AddedTokenView {
    let tokens = &of(tokenizer).added_tokens;
    // Out of range is a caller's bug; an empty token is better than a panic through C.
    let Some((id, token)) = tokens.get(index) else {
        return AddedTokenView {
            id: 0,
            special: 0,
            single_word: 0,
            lstrip: 0,
            rstrip: 0,
            normalized: 0,
            content: View::of(""),
        };
    };
    AddedTokenView {
        id: *id,
        special: u8::from(token.special),
        single_word: u8::from(token.single_word),
        lstrip: u8::from(token.lstrip),
        rstrip: u8::from(token.rstrip),
        normalized: u8::from(token.normalized),
        content: View::of(&token.content),
    }
}
