//! Reading a tokenizer.json.
//!
//! The library's own reader copies the vocabulary through two generic JSON trees; reading each part
//! straight into its type is several times faster and gives the same tokenizer.

use serde::de::DeserializeOwned;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokenizers::models::bpe::BPE;
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::{
    AddedToken, DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper,
    PreTokenizerWrapper, TokenizerBuilder, TokenizerImpl,
};

use crate::error::{exhausted, foreign, invalid, Outcome};

pub type Inner = TokenizerImpl<
    ModelWrapper,
    NormalizerWrapper,
    PreTokenizerWrapper,
    PostProcessorWrapper,
    DecoderWrapper,
>;

const LARGEST_FILE_BYTES: usize = 256 << 20;
/// Longer words would take WordPiece minutes: its search is cubic.
const LONGEST_WORD_CHARS: usize = 1000;

/// `padding` and `truncation` are left out on purpose: they are the caller's.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    added_tokens: Option<Vec<AddedToken>>,
    #[serde(borrow, default)]
    normalizer: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pre_tokenizer: Option<&'a RawValue>,
    #[serde(borrow, default)]
    post_processor: Option<&'a RawValue>,
    #[serde(borrow, default)]
    decoder: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ModelKind<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<std::borrow::Cow<'a, str>>,
}

fn parse<T: DeserializeOwned>(part: &RawValue, name: &str) -> Outcome<T> {
    serde_json::from_str(part.get())
        .map_err(|error| invalid(format!("tokenizer.json: \"{name}\": {error}")))
}

fn parse_optional<T: DeserializeOwned>(part: Option<&RawValue>, name: &str) -> Outcome<Option<T>> {
    part.map(|part| parse(part, name)).transpose()
}

fn read_model(part: &RawValue) -> Outcome<ModelWrapper> {
    let kind: ModelKind = serde_json::from_str(part.get())
        .map_err(|error| invalid(format!("tokenizer.json: \"model\": {error}")))?;
    let mut model = match kind.kind.as_deref() {
        Some("BPE") => ModelWrapper::BPE(parse::<BPE>(part, "model")?),
        Some("WordPiece") => ModelWrapper::WordPiece(parse::<WordPiece>(part, "model")?),
        Some("WordLevel") => ModelWrapper::WordLevel(parse::<WordLevel>(part, "model")?),
        Some("Unigram") => ModelWrapper::Unigram(parse::<Unigram>(part, "model")?),
        // Old files name no type: the library then tries one after another.
        _ => parse::<ModelWrapper>(part, "model")?,
    };
    if let ModelWrapper::WordPiece(model) = &model {
        if model.max_input_chars_per_word > LONGEST_WORD_CHARS {
            return Err(invalid(format!(
                "tokenizer.json: \"max_input_chars_per_word\" is {}; at most {LONGEST_WORD_CHARS} \
                 is supported",
                model.max_input_chars_per_word
            )));
        }
    }
    model.resize_cache(0); // see word_cache.rs
    Ok(model)
}

/// Parts of a character map that their reader trusts: the size of the first section, for which it
/// reserves memory, and the length of a replacement, which every character of a text may become.
fn check_character_maps(part: &serde_json::Value) -> Outcome<()> {
    const LONGEST_REPLACEMENT_BYTES: usize = 256;
    match part {
        serde_json::Value::Array(parts) => parts.iter().try_for_each(check_character_maps),
        serde_json::Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            let (true, Some(text)) = (name == "precompiled_charsmap", value.as_str()) else {
                return check_character_maps(value);
            };
            let broken = |what: &str| {
                invalid(format!("tokenizer.json: \"precompiled_charsmap\" is broken: {what}"))
            };
            let map = base64::decode(text).map_err(|error| broken(&error.to_string()))?;
            let head: [u8; 4] = map
                .get(..4)
                .and_then(|head| head.try_into().ok())
                .ok_or_else(|| broken("it has fewer than 4 bytes"))?;
            let replacements = map[4..]
                .get(u32::from_le_bytes(head) as usize..)
                .ok_or_else(|| broken("its first section is longer than the whole"))?;
            let longest = replacements.split(|byte| *byte == 0).map(<[u8]>::len).max();
            if longest.unwrap_or(0) > LONGEST_REPLACEMENT_BYTES {
                return Err(broken("a replacement is longer than 256 bytes"));
            }
            Ok(())
        }),
        _ => Ok(()),
    }
}

/// Stops expressions that would search for hours ("(a|aa)+$"); their own limit is per position.
fn limit_searches() {
    const MOST_RETRIES: std::os::raw::c_ulong = 100_000_000;
    static ONCE: std::sync::Once = std::sync::Once::new();
    // SAFETY: sets one number of the C library, before any expression is made.
    ONCE.call_once(|| unsafe {
        onig_sys::onig_set_retry_limit_in_search(MOST_RETRIES);
    });
}

pub fn load(json: &[u8]) -> Outcome<Inner> {
    limit_searches();
    if json.len() > LARGEST_FILE_BYTES {
        return Err(exhausted(format!(
            "tokenizer.json: expected at most {LARGEST_FILE_BYTES} bytes, found {}",
            json.len()
        )));
    }
    let text = std::str::from_utf8(json).map_err(|error| {
        invalid(format!("tokenizer.json: not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    let file: File = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| invalid(format!("tokenizer.json: {error}")))?;
    if let Some(version) = file.version {
        if version != "1.0" {
            return Err(invalid(format!(
                "tokenizer.json: expected \"version\" 1.0, found {version:?}"
            )));
        }
    }
    let model = file.model.ok_or_else(|| {
        invalid("tokenizer.json: expected an object with \"model\"; this is no tokenizer file")
    })?;
    if let Some(normalizer) = file.normalizer {
        check_character_maps(&parse(normalizer, "normalizer")?)?;
    }
    let mut inner: Inner = TokenizerBuilder::new()
        .with_model(read_model(model)?)
        .with_normalizer(parse_optional(file.normalizer, "normalizer")?)
        .with_pre_tokenizer(parse_optional(file.pre_tokenizer, "pre_tokenizer")?)
        .with_post_processor(parse_optional(file.post_processor, "post_processor")?)
        .with_decoder(parse_optional(file.decoder, "decoder")?)
        .build()
        .map_err(foreign)?;
    inner
        .add_tokens(file.added_tokens.unwrap_or_default())
        .map_err(|error| foreign(error).within("tokenizer.json: \"added_tokens\""))?;
    Ok(inner)
}
