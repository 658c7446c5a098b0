//! Ids of words seen before, one cache per tokenizer and thread.
//!
//! The library's own caches are switched off: BPE's is never freed when a tokenizer goes, and
//! WordPiece has none.

use ahash::AHashMap;

const CAPACITY: usize = 8192;
const LONGEST_BYTES: usize = 64;

#[derive(Default)]
pub struct WordCache {
    places: AHashMap<Box<str>, (u32, u32)>,
    ids: Vec<u32>,
}

impl WordCache {
    pub fn get(&self, word: &str) -> Option<&[u32]> {
        let &(begin, end) = self.places.get(word)?;
        Some(&self.ids[begin as usize..end as usize])
    }

    /// A full cache starts anew: texts change their subject.
    pub fn put(&mut self, word: &str, ids: &[u32]) {
        if word.len() > LONGEST_BYTES {
            return;
        }
        if self.places.len() >= CAPACITY {
            self.places.clear();
            self.ids.clear();
        }
        let begin = self.ids.len() as u32;
        self.ids.extend_from_slice(ids);
        self.places.insert(word.into(), (begin, self.ids.len() as u32));
    }
}
