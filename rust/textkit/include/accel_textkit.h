/* accel_textkit: the Hugging Face `tokenizers` and `minijinja` crates behind a C ABI.
 *
 * Ownership. A handle (tokenizer, encodings, stream, template) belongs to the caller and is freed
 * by its own `_free`; null is allowed there and does nothing. Arrays and texts seen through a
 * handle belong to it and live as long as it does. A stream keeps its tokenizer alive by itself.
 * `accel_textkit_text` results are freed with `accel_textkit_text_free`.
 *
 * Threads. A tokenizer and a template are immutable: any number of threads may use one at the same
 * time. A stream and an `encodings` belong to one thread at a time. Nothing here starts a thread:
 * all work happens on the thread that calls.
 *
 * Errors. Every function that can fail returns an accel_textkit_code. When it is not OK, `error`
 * (never null) receives a message in UTF-8, to be freed like any text, and no other out parameter
 * is written. A panic of the Rust code never crosses this border: it becomes INTERNAL (or
 * INVALID_ARGUMENT when a file's own content brought it about) with the panic's message.
 *
 * Texts are given as UTF-8 with a length, without a terminating zero; zeros inside are ordinary
 * characters. Invalid UTF-8 is refused with INVALID_ARGUMENT and its byte offset in the message.
 */
#ifndef ACCEL_TEXTKIT_H_
#define ACCEL_TEXTKIT_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct accel_textkit_tokenizer accel_textkit_tokenizer;
typedef struct accel_textkit_encodings accel_textkit_encodings;
typedef struct accel_textkit_stream accel_textkit_stream;
typedef struct accel_textkit_template accel_textkit_template;

/* The numbers are those of accel::StatusCode. */
typedef enum {
  ACCEL_TEXTKIT_OK = 0,
  ACCEL_TEXTKIT_INVALID_ARGUMENT = 3,
  ACCEL_TEXTKIT_RESOURCE_EXHAUSTED = 8,
  ACCEL_TEXTKIT_OUT_OF_RANGE = 11,
  ACCEL_TEXTKIT_INTERNAL = 13
} accel_textkit_code;

/* Borrowed bytes; `data` may be null when `size` is 0. */
typedef struct {
  const char* data;
  size_t size;
} accel_textkit_view;

/* Owned bytes, UTF-8. Zero-initialise before the call; free with accel_textkit_text_free. */
typedef struct {
  char* data;
  size_t size;
  size_t capacity;
} accel_textkit_text;

/* Frees the bytes and empties the struct, so that freeing twice does no harm. */
void accel_textkit_text_free(accel_textkit_text* text);

/* The versions of the crates inside: "tokenizers A.B.C, minijinja X.Y.Z". Static, not freed. */
accel_textkit_view accel_textkit_versions(void);

/* ---- tokenizers ---------------------------------------------------------------------------- */

/* Loads the bytes of a tokenizer.json. Padding and truncation stored in it are ignored: they are
 * the caller's (accel_textkit_encode_options). INVALID_ARGUMENT for whatever is no such file. */
int32_t accel_textkit_tokenizer_load(accel_textkit_view json, accel_textkit_tokenizer** out,
                                     accel_textkit_text* error);
void accel_textkit_tokenizer_free(accel_textkit_tokenizer* tokenizer);

enum { ACCEL_TEXTKIT_OFFSETS_NONE = 0, ACCEL_TEXTKIT_OFFSETS_CODE_POINTS = 1,
       ACCEL_TEXTKIT_OFFSETS_BYTES = 2 };
enum { ACCEL_TEXTKIT_RIGHT = 0, ACCEL_TEXTKIT_LEFT = 1 };
enum { ACCEL_TEXTKIT_LONGEST_FIRST = 0, ACCEL_TEXTKIT_ONLY_FIRST = 1,
       ACCEL_TEXTKIT_ONLY_SECOND = 2 };

typedef struct {
  /* Tokens per text or pair, special tokens included; 0 = no limit. INVALID_ARGUMENT when the
   * special tokens alone exceed it. */
  size_t max_length;
  uint8_t add_special_tokens;   /* 0 or 1 */
  uint8_t truncation_side;      /* which end loses tokens */
  uint8_t truncation_strategy;  /* which text of a pair loses tokens */
  uint8_t offsets;              /* ACCEL_TEXTKIT_OFFSETS_*; not NONE also yields word numbers */
  uint8_t tokens;               /* 1 = also the token strings */
  uint8_t pad;                  /* 1 = pad to `pad_length`, or to the longest of this call if 0 */
  uint8_t pad_side;
  size_t pad_length;
  size_t pad_multiple_of;       /* then round up to a multiple of this; 0 and 1 = no rounding */
  uint32_t pad_id;
  uint32_t pad_type_id;
  accel_textkit_view pad_token; /* what `tokens` shows for padding */
} accel_textkit_encode_options;

/* Encodes `count` texts, or pairs when `pairs` is not null (then also `count` long), one after
 * another on this thread. Without offsets and tokens a faster path is taken; the ids are the same.
 *
 * With `max_length`, long texts are not tokenized as a whole: a stretch at the kept end is, long
 * enough that the kept tokens are those of the whole text, but at most 1 MiB or 256 bytes per token
 * of the limit, whichever is more. Text beyond that is not looked at and counts as truncated. */
int32_t accel_textkit_encode(const accel_textkit_tokenizer* tokenizer,
                             const accel_textkit_view* texts, const accel_textkit_view* pairs,
                             size_t count, const accel_textkit_encode_options* options,
                             accel_textkit_encodings** out, accel_textkit_text* error);
void accel_textkit_encodings_free(accel_textkit_encodings* encodings);

/* All results of one call in flat arrays; text number i has the elements starts[i] to
 * starts[i + 1] of each. Arrays not asked for are null. */
typedef struct {
  size_t count;
  const size_t* starts; /* count + 1 */
  const uint32_t* ids;
  const uint32_t* type_ids;
  const uint8_t* attention_mask;      /* 0 for padding */
  const uint8_t* special_tokens_mask; /* 1 for tokens that the template or padding added */
  const int8_t* sequences;            /* 0 first text, 1 second, -1 added */
  const uint32_t* offsets;            /* begin and end of each token in its text: 2 per token */
  const int32_t* words;               /* number of the pre-token within its text, -1 added */
  const char* token_bytes;            /* token i: token_ends[i - 1] (or 0) to token_ends[i] */
  const size_t* token_ends;
  const uint8_t* truncated;           /* per text: 1 when tokens were dropped */
} accel_textkit_encodings_view;

void accel_textkit_encodings_get(const accel_textkit_encodings* encodings,
                                 accel_textkit_encodings_view* out);

/* Text of the ids. Ids outside the vocabulary are skipped, as the reference library does. */
int32_t accel_textkit_decode(const accel_textkit_tokenizer* tokenizer, const uint32_t* ids,
                             size_t count, uint8_t skip_special_tokens, accel_textkit_text* out,
                             accel_textkit_text* error);

/* Text that `count` tokens make together, whether the vocabulary has them or not. */
int32_t accel_textkit_join(const accel_textkit_tokenizer* tokenizer,
                           const accel_textkit_view* tokens, size_t count, accel_textkit_text* out,
                           accel_textkit_text* error);

/* Streaming decode: each id yields the text that has become certain, perhaps none. The pieces
 * joined are the text of all ids (src/text/tokenizer.h tells the exceptions, at DecodeStream). */
int32_t accel_textkit_stream_create(const accel_textkit_tokenizer* tokenizer,
                                    uint8_t skip_special_tokens, accel_textkit_stream** out,
                                    accel_textkit_text* error);
int32_t accel_textkit_stream_push(accel_textkit_stream* stream, uint32_t id,
                                  accel_textkit_text* piece, accel_textkit_text* error);
/* What is still held back, e.g. half a character; the stream is then as new. */
int32_t accel_textkit_stream_finish(accel_textkit_stream* stream, accel_textkit_text* piece,
                                    accel_textkit_text* error);
void accel_textkit_stream_free(accel_textkit_stream* stream);

/* Vocabulary. Sizes count distinct tokens; `largest_id` is -1 for an empty vocabulary. */
size_t accel_textkit_vocabulary_size(const accel_textkit_tokenizer* tokenizer,
                                     uint8_t with_added_tokens);
int64_t accel_textkit_largest_id(const accel_textkit_tokenizer* tokenizer);
/* The id, or -1. */
int64_t accel_textkit_token_to_id(const accel_textkit_tokenizer* tokenizer,
                                  accel_textkit_view token);
/* OUT_OF_RANGE for an id without a token. */
int32_t accel_textkit_id_to_token(const accel_textkit_tokenizer* tokenizer, uint32_t id,
                                  accel_textkit_text* out, accel_textkit_text* error);
/* How many special tokens encoding a single text (pair = 0) or a pair adds. */
size_t accel_textkit_special_tokens_added(const accel_textkit_tokenizer* tokenizer, uint8_t pair);

/* Tokens of the file's "added_tokens", ordered by id. `content` lives as long as the tokenizer. */
typedef struct {
  uint32_t id;
  uint8_t special, single_word, lstrip, rstrip, normalized;
  accel_textkit_view content;
} accel_textkit_added_token;
size_t accel_textkit_added_token_count(const accel_textkit_tokenizer* tokenizer);
/* `index` must be below the count. */
accel_textkit_added_token accel_textkit_added_token_at(const accel_textkit_tokenizer* tokenizer,
                                                       size_t index);

/* ---- chat templates ------------------------------------------------------------------------ */

/* Compiles a Jinja template as Hugging Face configurations hold them. INVALID_ARGUMENT with the
 * line for a syntax error. */
int32_t accel_textkit_template_compile(accel_textkit_view source, accel_textkit_template** out,
                                       accel_textkit_text* error);
void accel_textkit_template_free(accel_textkit_template* compiled);

/* Renders with a JSON object as context. `now_unix_seconds` is what strftime_now() sees (UTC).
 * INVALID_ARGUMENT for a bad context or an error in the template, raise_exception() included;
 * RESOURCE_EXHAUSTED when the template runs too long. */
int32_t accel_textkit_template_render(const accel_textkit_template* compiled,
                                      accel_textkit_view context_json, int64_t now_unix_seconds,
                                      accel_textkit_text* out, accel_textkit_text* error);

/* The text in lower case by Unicode's full mapping (with SpecialCasing, as Python's str.lower). */
int32_t accel_textkit_lowercase(accel_textkit_view text, accel_textkit_text* out,
                                accel_textkit_text* error);

#ifdef __cplusplus
}
#endif

#endif /* ACCEL_TEXTKIT_H_ */
