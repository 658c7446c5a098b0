//! Limits on what a hostile tokenizer.json can make of a text. Sequences of steps are run one by
//! one, because each may multiply the text: forty times "a" -> "aa" would fill any memory.

use std::sync::Mutex;

use tokenizers::{
    Decoder, DecoderWrapper, NormalizedString, Normalizer, NormalizerWrapper, OffsetReferential,
    OffsetType, PreTokenizedString, PreTokenizer, PreTokenizerWrapper, Result,
};

use crate::error::{exhausted, Failure, Outcome};

/// The most bytes that steps may make of `bytes` bytes. Unicode's compatibility forms expand up to
/// 11 times, byte-level characters twice more.
fn limit_bytes(bytes: usize) -> usize {
    4 * bytes + (64 * bytes).min(64 << 20) + (64 << 10)
}

fn too_long(limit: usize) -> Failure {
    exhausted(format!(
        "the tokenizer's steps would make more than {limit} bytes of this text; check its file"
    ))
}

/// Normalizer that stops before growth gets out of hand. The library ignores a normalizer's
/// errors, so the failure is kept here for the caller to look at.
pub struct BoundedNormalizer<'a> {
    inner: &'a NormalizerWrapper,
    limit: usize,
    failure: Mutex<Option<Failure>>,
}

impl<'a> BoundedNormalizer<'a> {
    pub fn new(inner: &'a NormalizerWrapper, text_bytes: usize) -> Self {
        Self { inner, limit: limit_bytes(text_bytes), failure: Mutex::new(None) }
    }

    pub fn into_outcome(self) -> Outcome<()> {
        self.failure.into_inner().ok().flatten().map_or(Ok(()), Err)
    }

    fn step(&self, step: &NormalizerWrapper, text: &mut NormalizedString) -> Result<()> {
        let growth = match step {
            NormalizerWrapper::Sequence(sequence) => {
                for part in sequence.as_ref() {
                    self.step(part, text)?;
                }
                return Ok(());
            }
            // A pattern may match at every byte.
            NormalizerWrapper::Replace(replace) => replace.content.len().max(1),
            NormalizerWrapper::Prepend(prepend) => {
                if text.len() + prepend.prepend.len() > self.limit {
                    return Err(self.fail(too_long(self.limit)));
                }
                1
            }
            _ => 1,
        };
        if growth > 64 && text.len().saturating_mul(growth) > self.limit.saturating_mul(16) {
            return Err(self.fail(too_long(self.limit)));
        }
        step.normalize(text)?;
        if text.len() > self.limit {
            return Err(self.fail(too_long(self.limit)));
        }
        Ok(())
    }

    fn fail(&self, failure: Failure) -> tokenizers::Error {
        let message = failure.message.clone();
        if let Ok(mut held) = self.failure.lock() {
            held.get_or_insert(failure);
        }
        message.into()
    }
}

impl Normalizer for BoundedNormalizer<'_> {
    fn normalize(&self, text: &mut NormalizedString) -> Result<()> {
        self.step(self.inner, text)
    }
}

/// Runs the pre-tokenizer, checking the size after every part of a sequence.
pub fn pre_tokenize(
    step: &PreTokenizerWrapper,
    text: &mut PreTokenizedString,
    text_bytes: usize,
) -> Outcome<()> {
    if let PreTokenizerWrapper::Sequence(sequence) = step {
        let parts = sequence.as_ref();
        for (index, part) in parts.iter().enumerate() {
            pre_tokenize(part, text, text_bytes)?;
            if index >= 2 {
                let limit = limit_bytes(text_bytes);
                let size: usize = text
                    .get_splits(OffsetReferential::Normalized, OffsetType::None)
                    .iter()
                    .map(|(piece, _, _)| piece.len())
                    .sum();
                if size > limit {
                    return Err(too_long(limit));
                }
            }
        }
        return Ok(());
    }
    step.pre_tokenize(text).map_err(crate::error::foreign)
}

/// Runs the decoder, checking the size after every part of a sequence.
pub fn decode(step: &DecoderWrapper, tokens: Vec<String>, limit: usize) -> Outcome<Vec<String>> {
    if let DecoderWrapper::Sequence(sequence) = step {
        let mut tokens = tokens;
        for part in sequence.get_decoders() {
            tokens = decode(part, tokens, limit)?;
        }
        return Ok(tokens);
    }
    if let DecoderWrapper::Replace(replace) = step {
        let size: usize = tokens.iter().map(String::len).sum();
        if replace.content.len() > 64 && size.saturating_mul(replace.content.len()) > limit {
            return Err(too_long(limit));
        }
    }
    let tokens = step.decode_chain(tokens).map_err(crate::error::foreign)?;
    if tokens.iter().map(String::len).sum::<usize>() > limit {
        return Err(too_long(limit));
    }
    Ok(tokens)
}

pub fn decode_limit_bytes(tokens: &[String]) -> usize {
    limit_bytes(tokens.iter().map(String::len).sum())
}
