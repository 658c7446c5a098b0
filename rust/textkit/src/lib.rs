//! Tokenizers and chat templates behind the C ABI of `include/accel_textkit.h`, the manual.

mod abi_case;
mod abi_template;
mod abi_tokenizer;
mod bounds;
mod encode;
mod encodings;
mod error;
mod ffi;
mod load;
mod python_json;
mod python_methods;
mod stream;
mod stretch;
mod strftime;
mod template;
mod tokenizer;
mod word_cache;
