//! A loaded tokenizer: the library's parts, what its post-processor adds, and vocabulary queries.

use std::cell::RefCell;
use std::sync::OnceLock;

use thread_local::ThreadLocal;
use tokenizers::{
    AddedToken, Encoding, Model, ModelWrapper, PostProcessor, PreTokenizedString,
    PreTokenizerWrapper, Token,
};

use crate::bounds::{self, BoundedNormalizer};
use crate::error::{foreign, invalid, Code, Failure, Outcome};
use crate::load::{self, Inner};
use crate::word_cache::WordCache;

/// One position of what the post-processor makes of a text or pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slot {
    Added { id: u32, type_id: u32, special: bool },
    Text { sequence: u8, type_id: u32 },
}

/// The slots in order, learnt by processing a stand-in token for each text: post-processors only
/// put tokens around texts, so ids need no processing afterwards.
#[derive(Clone, Debug)]
pub struct Frame {
    pub slots: Vec<Slot>,
    pub added: usize,
}

const STAND_IN: u32 = u32::MAX;
const MOST_SLOTS: usize = 4096;
const MOST_TEXT_SLOTS: usize = 8;

pub struct Tokenizer {
    pub inner: Inner,
    pub added_tokens: Vec<(u32, AddedToken)>,
    frames: [Outcome<Frame>; 4],
    word_caches: Option<ThreadLocal<RefCell<WordCache>>>,
    largest_id: OnceLock<i64>,
    longest_piece_chars: OnceLock<usize>,
}

impl Tokenizer {
    pub fn load(json: &[u8]) -> Outcome<Self> {
        let inner = load::load(json)?;
        let mut added_tokens: Vec<_> = inner
            .get_added_vocabulary()
            .get_added_tokens_decoder()
            .iter()
            .map(|(id, token)| (*id, token.clone()))
            .collect();
        added_tokens.sort_unstable_by_key(|(id, _)| *id);
        // Dropout makes every encoding of a word another one.
        let random = matches!(inner.get_model(), ModelWrapper::BPE(bpe) if bpe.dropout.is_some());
        let mut tokenizer = Self {
            inner,
            added_tokens,
            frames: std::array::from_fn(|_| Err(invalid("no frame"))),
            word_caches: (!random).then(ThreadLocal::new),
            largest_id: OnceLock::new(),
            longest_piece_chars: OnceLock::new(),
        };
        for index in 0..4 {
            tokenizer.frames[index] = tokenizer.learn_frame(index & 2 != 0, index & 1 != 0);
        }
        tokenizer.frame(false, true)?;
        Ok(tokenizer)
    }

    pub fn frame(&self, pair: bool, add_special_tokens: bool) -> Outcome<&Frame> {
        let index = usize::from(pair) * 2 + usize::from(add_special_tokens);
        self.frames[index].as_ref().map_err(Clone::clone)
    }

    fn learn_frame(&self, pair: bool, add_special_tokens: bool) -> Outcome<Frame> {
        let announced = self.inner.get_post_processor().map_or(0, |step| step.added_tokens(pair));
        if announced > MOST_SLOTS {
            return Err(invalid(format!(
                "tokenizer.json: \"post_processor\" adds {announced} tokens; at most {MOST_SLOTS} \
                 are supported"
            )));
        }
        let stand_in = |sequence: u32| {
            let token = Token::new(STAND_IN - sequence, String::new(), (0, 0));
            Encoding::from_tokens(vec![token], sequence)
        };
        let second = pair.then(|| stand_in(1));
        let processed = crate::error::guard(Code::InvalidArgument, || {
            self.inner.post_process(stand_in(0), second, add_special_tokens).map_err(foreign)
        })
        .map_err(|failure| failure.within("tokenizer.json: \"post_processor\""))?;
        let special = processed.get_special_tokens_mask();
        let slots: Vec<Slot> = (0..processed.len())
            .map(|i| {
                let (id, type_id) = (processed.get_ids()[i], processed.get_type_ids()[i]);
                if special[i] == 0 && id >= STAND_IN - 1 {
                    Slot::Text { sequence: (STAND_IN - id) as u8, type_id }
                } else {
                    Slot::Added { id, type_id, special: special[i] != 0 }
                }
            })
            .collect();
        let added = slots.iter().filter(|slot| matches!(slot, Slot::Added { .. })).count();
        if slots.len() > MOST_SLOTS || slots.len() - added > MOST_TEXT_SLOTS {
            return Err(invalid(format!(
                "tokenizer.json: \"post_processor\" builds {} positions with {} texts; at most \
                 {MOST_SLOTS} with {MOST_TEXT_SLOTS} are supported",
                slots.len(),
                slots.len() - added
            )));
        }
        Ok(Frame { slots, added })
    }

    /// Normalized and cut into pre-tokens, added tokens found.
    pub fn pre_tokenize(&self, text: &str) -> Outcome<PreTokenizedString> {
        let vocabulary = self.inner.get_added_vocabulary();
        let mut pieces = match self.inner.get_normalizer() {
            None => vocabulary.extract_and_normalize::<BoundedNormalizer>(None, text),
            Some(normalizer) => {
                let bounded = BoundedNormalizer::new(normalizer, text.len());
                let pieces = vocabulary.extract_and_normalize(Some(&bounded), text);
                bounded.into_outcome()?;
                pieces
            }
        };
        if let Some(step) = self.inner.get_pre_tokenizer() {
            bounds::pre_tokenize(step, &mut pieces, text.len())?;
        }
        Ok(pieces)
    }

    /// Appends the model's ids of one pre-token.
    pub fn word_ids(&self, word: &str, ids: &mut Vec<u32>) -> Outcome<()> {
        let cache = self.word_caches.as_ref().map(|caches| caches.get_or_default());
        if let Some(cache) = cache {
            if let Some(known) = cache.borrow().get(word) {
                ids.extend_from_slice(known);
                return Ok(());
            }
        }
        let begin = ids.len();
        let tokens = self.inner.get_model().tokenize(word).map_err(foreign)?;
        ids.extend(tokens.iter().map(|token| token.id));
        if let Some(cache) = cache {
            cache.borrow_mut().put(word, &ids[begin..]);
        }
        Ok(())
    }

    /// Whether an end of a text can be tokenized without its beginning: not where pre-tokens are
    /// counted off from the start.
    pub fn cuts_from_the_left(&self) -> bool {
        fn counts(step: &PreTokenizerWrapper) -> bool {
            match step {
                PreTokenizerWrapper::Sequence(sequence) => sequence.as_ref().iter().any(counts),
                PreTokenizerWrapper::FixedLength(_) | PreTokenizerWrapper::UnicodeScripts(_) => {
                    true
                }
                _ => false,
            }
        }
        !self.inner.get_pre_tokenizer().is_some_and(counts)
    }

    pub fn decode(&self, ids: &[u32], skip_special_tokens: bool) -> Outcome<String> {
        let vocabulary = self.inner.get_added_vocabulary();
        let tokens: Vec<String> = ids
            .iter()
            .filter(|id| self.shows(**id, skip_special_tokens))
            // A token that is found after the normalization is given as that made it; the decoder
            // undoes it. Whether it is special is known by its own text alone: see shows().
            .filter_map(|id| {
                vocabulary
                    .simple_id_to_token(*id)
                    .or_else(|| self.inner.get_model().id_to_token(*id))
            })
            .collect();
        self.join(tokens)
    }

    /// The text that tokens make together, whether the vocabulary has them or not.
    pub fn join(&self, tokens: Vec<String>) -> Outcome<String> {
        match self.inner.get_decoder() {
            None => Ok(tokens.join(" ")),
            Some(decoder) => {
                let limit = bounds::decode_limit_bytes(&tokens);
                Ok(bounds::decode(decoder, tokens, limit)?.concat())
            }
        }
    }

    /// The token as the file writes it. The crate gives those found after the normalization as
    /// that made them.
    fn content(&self, id: u32) -> Option<String> {
        match self.added_tokens.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => Some(self.added_tokens[at].1.content.clone()),
            Err(_) => self.inner.get_model().id_to_token(id),
        }
    }

    /// Whether decoding looks at the id at all.
    pub fn shows(&self, id: u32, skip_special_tokens: bool) -> bool {
        self.content(id).is_some_and(|token| {
            !skip_special_tokens || !self.inner.get_added_vocabulary().is_special_token(&token)
        })
    }

    pub fn id_to_token(&self, id: u32) -> Outcome<String> {
        self.content(id).ok_or_else(|| {
            Failure::new(
                Code::OutOfRange,
                format!("no token has the id {id}; the largest is {}", self.largest_id()),
            )
        })
    }

    pub fn largest_id(&self) -> i64 {
        *self.largest_id.get_or_init(|| {
            let model = self.inner.get_model();
            let size = model.get_vocab_size();
            // Without gaps, the usual case, there is no need to copy the vocabulary.
            let model = if (0..size as u32).all(|id| model.id_to_token(id).is_some()) {
                size as i64 - 1
            } else {
                model.get_vocab().into_values().max().map_or(-1, i64::from)
            };
            let added = self.added_tokens.last().map_or(-1, |(id, _)| i64::from(*id));
            model.max(added)
        })
    }

    pub fn longest_piece_chars(&self) -> usize {
        *self.longest_piece_chars.get_or_init(|| {
            let vocabulary = self.inner.get_model().get_vocab();
            vocabulary.keys().map(|piece| piece.chars().count()).max().unwrap_or(1)
        })
    }
}
