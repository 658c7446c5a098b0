//! Decoding ids one by one.

use std::sync::Arc;

use crate::error::Outcome;
use crate::tokenizer::Tokenizer;

const REPLACEMENT: char = '\u{fffd}';
/// Replacement characters that may still become something else: a character has at most four bytes,
/// but a byte-fallback decoder shows a whole run of bytes as broken until it is complete.
const MOST_HELD_BACK: usize = 32;

/// Decoders look at neighbours (leading spaces, bytes of one character), so the ids of the last
/// piece are decoded again together with the new ones.
pub struct Stream {
    tokenizer: Arc<Tokenizer>,
    skip_special_tokens: bool,
    ids: Vec<u32>,
    /// Ids of `ids` whose text has been handed out in full.
    settled: usize,
    /// Text of `ids` that has been handed out.
    given: String,
}

impl Stream {
    pub fn new(tokenizer: Arc<Tokenizer>, skip_special_tokens: bool) -> Self {
        Self { tokenizer, skip_special_tokens, ids: Vec::new(), settled: 0, given: String::new() }
    }

    pub fn push(&mut self, id: u32) -> Outcome<String> {
        if !self.tokenizer.shows(id, self.skip_special_tokens) {
            return Ok(String::new());
        }
        self.ids.push(id);
        let text = self.tokenizer.decode(&self.ids, self.skip_special_tokens)?;
        let mut certain = text.trim_end_matches(REPLACEMENT);
        if text.len() - certain.len() > MOST_HELD_BACK * REPLACEMENT.len_utf8() {
            certain = &text;
        }
        if certain.len() <= self.given.len() && text.len() != certain.len() {
            return Ok(String::new());
        }
        let piece = match certain.strip_prefix(self.given.as_str()) {
            Some(piece) => piece.to_owned(),
            // The decoder rewrote what was handed out: go on with the new ids alone.
            None => self.tokenizer.decode(&self.ids[self.settled..], self.skip_special_tokens)?,
        };
        if piece.is_empty() {
            return Ok(piece); // its context may still matter, e.g. a stripped space
        }
        if certain.len() == text.len() {
            self.settle()?;
        } else {
            self.given = certain.to_owned();
        }
        Ok(piece)
    }

    /// Keeps the ids since the last settling as context for the next ones.
    fn settle(&mut self) -> Outcome<()> {
        self.ids.drain(..self.settled);
        self.settled = self.ids.len();
        self.given = self.tokenizer.decode(&self.ids, self.skip_special_tokens)?;
        Ok(())
    }

    pub fn finish(&mut self) -> Outcome<String> {
        let text = self.tokenizer.decode(&self.ids, self.skip_special_tokens)?;
        let rest = match text.strip_prefix(self.given.as_str()) {
            Some(rest) => rest.to_owned(),
            None => self.tokenizer.decode(&self.ids[self.settled..], self.skip_special_tokens)?,
        };
        self.ids.clear();
        self.settled = 0;
        self.given.clear();
        Ok(rest)
    }
}
