//! Ids of a text up to a limit, without tokenizing much more of it than needed.
//!
//! A stretch of the text at the kept end is tokenized, and a longer one until the kept tokens are
//! certain. Later text can change earlier tokens only through the pre-tokens next to the cut
//! (models see one pre-token at a time; normalizers, added tokens and splitting patterns look a few
//! characters around), so the kept tokens are final when `MARGIN` whole pre-tokens lie between them
//! and the cut.
//!
//! What no language needs is not looked at: text beyond `most_bytes` counts as more tokens, unseen.
//! So time and memory depend on the limit, not on the text.

use std::ops::Range;

use tokenizers::{Model, ModelWrapper, OffsetReferential, OffsetType};

use crate::error::{foreign, Outcome};
use crate::tokenizer::Tokenizer;

/// Pre-tokens between the kept tokens and the cut.
const MARGIN: usize = 8;
/// Texts up to here are tokenized as a whole rather than cut inside a pre-token.
const WHOLE_BYTES: usize = 64 << 10;
/// What may be encoded to see whether a text is settled inside a pre-token.
const CHECKED_BYTES: usize = 4 << 20;
/// Characters next to the cut which normalizers may see differently in the whole text.
const EDGE_CHARS: usize = 64;

pub struct Collected {
    pub ids: Vec<u32>,
    /// The text has more tokens than these.
    pub more: bool,
    /// The part of the text that was tokenized.
    pub stretch: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Right,
    Left,
}

/// The longest stretch for `limit` tokens: far more than the longest pieces of any vocabulary.
fn most_bytes(limit: usize) -> usize {
    limit.saturating_mul(256).max(1 << 20)
}

impl Tokenizer {
    /// The first (`cut` right) or last (`cut` left) `limit` ids of the text.
    pub fn collect(&self, text: &str, limit: usize, cut: Side) -> Outcome<Collected> {
        let most = most_bytes(limit);
        let mut bytes = limit.saturating_mul(6).saturating_add(512).min(most);
        if cut == Side::Left && !self.cuts_from_the_left() {
            bytes = most;
        }
        loop {
            let stretch = choose_stretch(text, bytes, cut);
            let last = bytes == most || stretch.len() == text.len();
            if let Some(collected) = self.collect_stretch(text, stretch, limit, cut, last)? {
                return Ok(collected);
            }
            bytes = bytes.saturating_mul(4).min(most);
        }
    }

    fn collect_stretch(
        &self,
        text: &str,
        stretch: Range<usize>,
        limit: usize,
        cut: Side,
        last: bool,
    ) -> Outcome<Option<Collected>> {
        let pieces = self.pre_tokenize(&text[stretch.clone()])?;
        let splits = pieces.get_splits(OffsetReferential::Normalized, OffsetType::None);
        let mut ids = Vec::with_capacity(splits.len() * 2);
        let mut used = 0; // splits
        let mut before = 0; // ids before the last used split
        let mut word = Vec::new();
        while used < splits.len() && ids.len() <= limit {
            before = ids.len();
            let index = if cut == Side::Right { used } else { splits.len() - 1 - used };
            let (piece, _, tokens) = &splits[index];
            word.clear();
            match tokens {
                Some(tokens) => word.extend(tokens.iter().map(|token| token.id)),
                None => self.word_ids(piece, &mut word)?,
            }
            match cut {
                Side::Right => ids.extend_from_slice(&word),
                Side::Left => ids.extend(word.iter().rev()),
            }
            used += 1;
        }
        let more = ids.len() > limit;
        let certain = last
            || (more && splits.len() - used >= MARGIN)
            || (more
                && cut == Side::Right
                && text.len() > WHOLE_BYTES
                && self.settled(splits[used - 1].0, &ids[before..=limit])?);
        if !certain {
            return Ok(None);
        }
        ids.truncate(limit);
        if cut == Side::Left {
            ids.reverse();
        }
        let unseen = stretch.len() < text.len();
        Ok(Some(Collected { ids, more: more || unseen, stretch }))
    }

    /// Whether the first tokens of a long pre-token would be `ids` however it went on.
    ///
    /// For Unigram this is proof: a best path passes through one of any `longest_piece` consecutive
    /// positions, and the best path to a position does not depend on what follows. For BPE, whose
    /// merges have no such bound in theory but reach a few tokens in practice, a few cuts agree.
    fn settled(&self, piece: &str, ids: &[u32]) -> Outcome<bool> {
        let model = self.inner.get_model();
        let cuts = match model {
            ModelWrapper::Unigram(_) => self.longest_piece_chars(),
            ModelWrapper::BPE(bpe) if bpe.dropout.is_none() => 4,
            _ => return Ok(false), // the end of a word can change all of its tokens
        };
        if cuts.saturating_mul(piece.len()) > CHECKED_BYTES {
            return Ok(false);
        }
        let ends = piece.char_indices().rev().skip(EDGE_CHARS).map(|(at, _)| at).take(cuts);
        let mut checked = 0;
        for end in ends {
            let tokens = model.tokenize(&piece[..end]).map_err(foreign)?;
            // The last token of a cut may be shorter than it would have been.
            if tokens.len() <= ids.len() || !tokens.iter().zip(ids).all(|(a, b)| a.id == *b) {
                return Ok(false);
            }
            checked += 1;
        }
        Ok(checked == cuts)
    }
}

/// About `bytes` bytes at the kept end of the text, cut before white space where some is near.
fn choose_stretch(text: &str, bytes: usize, cut: Side) -> Range<usize> {
    if bytes >= text.len().div_ceil(2) && text.len() <= WHOLE_BYTES || bytes >= text.len() {
        return 0..text.len();
    }
    match cut {
        Side::Right => {
            let end = floor_boundary(text, bytes);
            let nearest = floor_boundary(text, bytes - bytes / 4);
            0..last_word_end(&text[nearest..end]).map_or(end, |at| nearest + at)
        }
        Side::Left => {
            let begin = floor_boundary(text, text.len() - bytes);
            let farthest = floor_boundary(text, text.len() - bytes + bytes / 4);
            last_word_end(&text[begin..farthest]).map_or(begin, |at| begin + at)..text.len()
        }
    }
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The last place where white space follows something else.
fn last_word_end(text: &str) -> Option<usize> {
    let mut space_at = None;
    for (at, character) in text.char_indices().rev() {
        if character.is_whitespace() {
            space_at = Some(at);
        } else if space_at.is_some() {
            return space_at;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_ends() {
        assert_eq!(last_word_end("ab cd  "), Some(5));
        assert_eq!(last_word_end("ab cd"), Some(2));
        assert_eq!(last_word_end("abcd"), None);
        assert_eq!(last_word_end("  "), None);
    }

    #[test]
    fn stretches_lie_on_boundaries() {
        let text = "é".repeat(100);
        for bytes in 1..90 {
            for cut in [Side::Right, Side::Left] {
                let stretch = choose_stretch(&text, bytes, cut);
                assert!(text.is_char_boundary(stretch.start) && text.is_char_boundary(stretch.end));
                assert!(!stretch.is_empty() || bytes < 2);
            }
        }
    }
}
