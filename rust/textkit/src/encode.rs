//! Encoding one text or pair: truncation, then what the post-processor adds.

use std::ops::Range;

use tokenizers::{Encoding, Model, OffsetType, TruncationDirection};

use crate::encodings::Encodings;
use crate::error::{foreign, invalid, Outcome};
use crate::stretch::{Collected, Side};
use crate::tokenizer::{Slot, Tokenizer};

/// Pre-tokens are numbered from the start of a text, but not for a longer one that is cut on the
/// left: from the start of what was looked at.
const NUMBERED_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    LongestFirst,
    OnlyFirst,
    OnlySecond,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Offsets {
    None,
    CodePoints,
    Bytes,
}

pub struct Options {
    pub max_length: usize, // 0 = no limit
    pub add_special_tokens: bool,
    pub cut: Side,
    pub strategy: Strategy,
    pub offsets: Offsets,
    pub tokens: bool,
}

impl Options {
    pub fn detailed(&self) -> bool {
        self.tokens || self.offsets != Offsets::None
    }
}

impl Tokenizer {
    /// Appends one row to `out`.
    pub fn encode(
        &self,
        first: &str,
        second: Option<&str>,
        options: &Options,
        out: &mut Encodings,
    ) -> Outcome<()> {
        let frame = self.frame(second.is_some(), options.add_special_tokens)?;
        let room = match options.max_length {
            0 => usize::MAX,
            length => length.checked_sub(frame.added).ok_or_else(|| {
                invalid(format!(
                    "max_length {length} has no room for the {} special tokens of this tokenizer; \
                     raise it or leave special tokens out",
                    frame.added
                ))
            })?,
        };
        let mut parts = [Some(self.collect(first, room, options.cut)?), None];
        if let Some(second) = second {
            parts[1] = Some(self.collect(second, room, options.cut)?);
        }
        let keep = self.shares(&parts, [first, second.unwrap_or("")], room, options)?;
        let truncated = (0..2)
            .any(|i| parts[i].as_ref().is_some_and(|part| part.more || part.ids.len() > keep[i]));
        if options.detailed() {
            self.encode_detailed([Some(first), second], &parts, keep, options, out)?;
        } else {
            for slot in &frame.slots {
                match *slot {
                    Slot::Added { id, type_id, special } => {
                        out.push_added(id, type_id, u8::from(special));
                    }
                    Slot::Text { sequence, type_id } => {
                        if let Some(part) = &parts[usize::from(sequence)] {
                            let kept = kept_of(&part.ids, keep[usize::from(sequence)], options.cut);
                            out.push_text(kept, type_id, sequence as i8);
                        }
                    }
                }
            }
        }
        out.end_row(truncated);
        Ok(())
    }

    /// How many tokens each text keeps: the reference library's rules.
    fn shares(
        &self,
        parts: &[Option<Collected>; 2],
        texts: [&str; 2],
        room: usize,
        options: &Options,
    ) -> Outcome<[usize; 2]> {
        // Beyond `room` the exact length does not matter but for one case below.
        let length = |part: &Collected| part.ids.len().saturating_add(usize::from(part.more));
        let first = parts[0].as_ref().map_or(0, length);
        let Some(second) = parts[1].as_ref().map(length) else {
            return Ok([first.min(room), 0]);
        };
        if first.saturating_add(second) <= room {
            return Ok([first, second]);
        }
        let no_room = |kept: &str, length: usize| {
            invalid(format!(
                "the {kept} text alone has at least {length} tokens, which leaves no room for the \
                 other one within max_length {}; raise it or let the longest be cut first",
                options.max_length
            ))
        };
        match options.strategy {
            Strategy::OnlyFirst if second >= room => Err(no_room("second", second)),
            Strategy::OnlyFirst => Ok([room - second, second]),
            Strategy::OnlySecond if first >= room => Err(no_room("first", first)),
            Strategy::OnlySecond => Ok([first, room - first]),
            Strategy::LongestFirst => {
                let mut shorter = first.min(second);
                let mut longer = shorter.max(room.saturating_sub(shorter));
                if shorter + longer > room {
                    shorter = room / 2;
                    longer = shorter + room % 2;
                }
                let swap = if first > room && second > room && room % 2 == 1 {
                    self.first_is_longer(texts)?
                } else {
                    first > second
                };
                Ok(if swap { [longer, shorter] } else { [shorter, longer] })
            }
        }
    }

    /// Both texts are cut and one token is left over: it goes to the longer one.
    fn first_is_longer(&self, texts: [&str; 2]) -> Outcome<bool> {
        const COUNTED_BYTES: usize = 1 << 20;
        if texts.iter().all(|text| text.len() > COUNTED_BYTES) {
            return Ok(texts[0].len() > texts[1].len());
        }
        let count = |text| Ok(self.collect(text, usize::MAX, Side::Right)?.ids.len());
        Ok(count(texts[0])? > count(texts[1])?)
    }

    fn encode_detailed(
        &self,
        texts: [Option<&str>; 2],
        parts: &[Option<Collected>; 2],
        keep: [usize; 2],
        options: &Options,
        out: &mut Encodings,
    ) -> Outcome<()> {
        let mut encodings = [None, None];
        for i in 0..2 {
            if let (Some(text), Some(part)) = (texts[i], &parts[i]) {
                let mut stretch = part.stretch.clone();
                if stretch.start > 0 && text.len() <= NUMBERED_BYTES {
                    stretch = 0..text.len();
                }
                encodings[i] = Some(self.encode_part(text, stretch, i as u32, keep[i], options)?);
            }
        }
        let [first, second] = encodings;
        let encoding = self
            .inner
            .post_process(first.unwrap_or_default(), second, options.add_special_tokens)
            .map_err(foreign)?;
        out.push_detailed(&encoding, options);
        Ok(())
    }

    fn encode_part(
        &self,
        text: &str,
        stretch: Range<usize>,
        type_id: u32,
        keep: usize,
        options: &Options,
    ) -> Outcome<Encoding> {
        let before = &text[..stretch.start];
        let text = &text[stretch];
        let mut pieces = self.pre_tokenize(text)?;
        let model = self.inner.get_model();
        let direction = match options.cut {
            Side::Right => TruncationDirection::Right,
            Side::Left => TruncationDirection::Left,
        };
        match options.cut {
            Side::Right => pieces.tokenize_with_limit(
                |piece| model.tokenize(piece.get()),
                keep.saturating_add(1),
                direction,
            ),
            Side::Left => pieces.tokenize(|piece| model.tokenize(piece.get())),
        }
        .map_err(foreign)?;
        let mut encoding =
            pieces.into_encoding(None, type_id, OffsetType::Byte).map_err(foreign)?;
        if encoding.len() > keep {
            encoding.truncate(keep, 0, direction);
            encoding.take_overflowing();
        }
        if options.offsets == Offsets::CodePoints && !text.is_ascii() {
            count_code_points(text, encoding.get_offsets_mut());
        }
        let skipped = match options.offsets {
            Offsets::None => 0,
            Offsets::CodePoints => before.chars().count(),
            Offsets::Bytes => before.len(),
        };
        for (begin, end) in encoding.get_offsets_mut() {
            *begin += skipped;
            *end += skipped;
        }
        Ok(encoding)
    }
}

fn kept_of(ids: &[u32], keep: usize, cut: Side) -> &[u32] {
    let keep = keep.min(ids.len());
    match cut {
        Side::Right => &ids[..keep],
        Side::Left => &ids[ids.len() - keep..],
    }
}

/// Byte offsets to code points as the reference library converts them, but with an array in place
/// of a hash map: a range that begins at the very end stays in bytes there too.
fn count_code_points(text: &str, offsets: &mut [(usize, usize)]) {
    let mut index_of_byte = Vec::with_capacity(text.len());
    for (index, character) in text.chars().enumerate() {
        index_of_byte.resize(index_of_byte.len() + character.len_utf8(), index);
    }
    for (begin, end) in offsets {
        let Some(&first) = index_of_byte.get(*begin) else { continue };
        *end = match index_of_byte.get(*end) {
            Some(&last) => last,
            None => end
                .checked_sub(1)
                .and_then(|at| index_of_byte.get(at))
                .map_or(first + 1, |last| last + 1),
        };
        *begin = first;
    }
}
