//! The results of one call in flat arrays, and padding.

use tokenizers::Encoding;

use crate::encode::{Offsets, Options};
use crate::stretch::Side;

#[derive(Default)]
pub struct Encodings {
    pub starts: Vec<usize>,
    pub ids: Vec<u32>,
    pub type_ids: Vec<u32>,
    pub attention_mask: Vec<u8>,
    pub special_tokens_mask: Vec<u8>,
    pub sequences: Vec<i8>,
    pub offsets: Vec<u32>,
    pub words: Vec<i32>,
    pub token_bytes: String,
    pub token_ends: Vec<usize>,
    pub truncated: Vec<u8>,
    pub has_offsets: bool,
    pub has_tokens: bool,
}

pub struct Padding<'a> {
    pub side: Side,
    pub length: usize,
    pub multiple_of: usize,
    pub id: u32,
    pub type_id: u32,
    pub token: &'a str,
}

impl Encodings {
    pub fn new(options: &Options) -> Self {
        Self {
            starts: vec![0],
            has_offsets: options.offsets != Offsets::None,
            has_tokens: options.tokens,
            ..Default::default()
        }
    }

    pub fn push_added(&mut self, id: u32, type_id: u32, special: u8) {
        self.ids.push(id);
        self.type_ids.push(type_id);
        self.attention_mask.push(1);
        self.special_tokens_mask.push(special);
        self.sequences.push(-1);
    }

    pub fn push_text(&mut self, ids: &[u32], type_id: u32, sequence: i8) {
        self.ids.extend_from_slice(ids);
        let length = self.ids.len();
        self.type_ids.resize(length, type_id);
        self.attention_mask.resize(length, 1);
        self.special_tokens_mask.resize(length, 0);
        self.sequences.resize(length, sequence);
    }

    pub fn push_detailed(&mut self, encoding: &Encoding, options: &Options) {
        self.ids.extend_from_slice(encoding.get_ids());
        self.type_ids.extend_from_slice(encoding.get_type_ids());
        self.attention_mask.extend(encoding.get_attention_mask().iter().map(|&bit| bit as u8));
        self.special_tokens_mask
            .extend(encoding.get_special_tokens_mask().iter().map(|&bit| bit as u8));
        self.sequences.extend(
            encoding.get_sequence_ids().iter().map(|sequence| sequence.map_or(-1, |s| s as i8)),
        );
        if options.offsets != Offsets::None {
            for &(begin, end) in encoding.get_offsets() {
                self.offsets.extend([begin as u32, end as u32]);
            }
            self.words
                .extend(encoding.get_word_ids().iter().map(|word| word.map_or(-1, |w| w as i32)));
        }
        if options.tokens {
            for token in encoding.get_tokens() {
                self.token_bytes.push_str(token);
                self.token_ends.push(self.token_bytes.len());
            }
        }
    }

    pub fn end_row(&mut self, truncated: bool) {
        self.starts.push(self.ids.len());
        self.truncated.push(u8::from(truncated));
    }

    fn row(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row]..self.starts[row + 1]
    }

    /// All rows brought to one length.
    pub fn padded(&self, padding: &Padding) -> Self {
        let rows = self.truncated.len();
        let longest = (0..rows).map(|row| self.row(row).len()).max().unwrap_or(0);
        let length = padding.length.max(longest).next_multiple_of(padding.multiple_of.max(1));
        let mut out = Self {
            starts: vec![0],
            has_offsets: self.has_offsets,
            has_tokens: self.has_tokens,
            truncated: self.truncated.clone(),
            ..Default::default()
        };
        for row in 0..rows {
            let missing = length - self.row(row).len();
            if padding.side == Side::Left {
                out.push_padding(missing, padding);
            }
            out.push_row(self, self.row(row));
            if padding.side == Side::Right {
                out.push_padding(missing, padding);
            }
            out.starts.push(out.ids.len());
        }
        out
    }

    fn push_padding(&mut self, count: usize, padding: &Padding) {
        let length = self.ids.len() + count;
        self.ids.resize(length, padding.id);
        self.type_ids.resize(length, padding.type_id);
        self.attention_mask.resize(length, 0);
        self.special_tokens_mask.resize(length, 1);
        self.sequences.resize(length, -1);
        if self.has_offsets {
            self.offsets.resize(2 * length, 0);
            self.words.resize(length, -1);
        }
        if self.has_tokens {
            for _ in 0..count {
                self.token_bytes.push_str(padding.token);
                self.token_ends.push(self.token_bytes.len());
            }
        }
    }

    fn push_row(&mut self, from: &Self, row: std::ops::Range<usize>) {
        self.ids.extend_from_slice(&from.ids[row.clone()]);
        self.type_ids.extend_from_slice(&from.type_ids[row.clone()]);
        self.attention_mask.extend_from_slice(&from.attention_mask[row.clone()]);
        self.special_tokens_mask.extend_from_slice(&from.special_tokens_mask[row.clone()]);
        self.sequences.extend_from_slice(&from.sequences[row.clone()]);
        if self.has_offsets {
            self.offsets.extend_from_slice(&from.offsets[2 * row.start..2 * row.end]);
            self.words.extend_from_slice(&from.words[row.clone()]);
        }
        if self.has_tokens {
            for token in row {
                let begin = if token == 0 { 0 } else { from.token_ends[token - 1] };
                self.token_bytes.push_str(&from.token_bytes[begin..from.token_ends[token]]);
                self.token_ends.push(self.token_bytes.len());
            }
        }
    }
}
