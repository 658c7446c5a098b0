// Embeddings on their way out, in one of four formats, record by record.
//
//   jsonl  one object per line: {"index":0,"embedding":[...],"tokens":7,"truncated":false}, then
//          "device":"CPU/1#0" where rules choose it and the fields carried through from the input
//   json   one array of these objects
//   npy    an f32 array [texts, size]
//   csv    a header, then index, tokens, truncated and the numbers
//
// Numbers are written in the shortest decimal form that reads back as the same f32. A number that
// is not finite is null in JSON and empty in CSV.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::cli {

struct EmbeddingRecord {
  uint64_t index = 0;  // of the text in the input, from 0
  std::span<const float> embedding;
  int32_t tokens = 0;
  bool truncated = false;
  std::string_view device;   // that ran it; empty: not told. Only in jsonl and json
  std::string_view carried;  // JSON members without braces; only in jsonl and json
};

// The names that every record itself has; a carried field may have none of them.
std::span<const std::string_view> record_fields();

enum class EmbeddingFormat : uint8_t { kJsonl, kJson, kNpy, kCsv };

std::span<const std::string_view> embedding_format_names();
EmbeddingFormat embedding_format(std::string_view name);  // one of these names
bool carries_fields(EmbeddingFormat format);

// Takes records and keeps whole ones together. One owner, one thread.
//
// A file appears under its name at finish() and not before; without finish() nothing is left. All
// members: RESOURCE_EXHAUSTED for a full disk, CANCELLED for a pipe whose reader has gone.
class EmbeddingWriter {
 public:
  virtual ~EmbeddingWriter() = default;
  // The embedding has the size promised at the start.
  virtual Status write(const EmbeddingRecord& record) = 0;
  // Everything so far reaches standard output or a pipe now, for a reader that waits for it. A file
  // is written in larger pieces and ignores this.
  virtual Status flush() = 0;
  // No more records: what was written is a valid whole, also after fewer than expected.
  virtual Status finish() = 0;
};

struct EmbeddingOutputOptions {
  EmbeddingFormat format = EmbeddingFormat::kJsonl;
  std::string path = "-";         // "-" is standard output
  int64_t size = 0;               // numbers of an embedding
  std::optional<uint64_t> count;  // texts, when known; npy into a pipe needs it
};

// FAILED_PRECONDITION for npy into a pipe without a count, because the count stands in its header;
// else the errors of creating a file.
Result<std::unique_ptr<EmbeddingWriter>> open_embedding_writer(
    const EmbeddingOutputOptions& options);

// Whether `options.count` is needed: npy to something that cannot be rewritten.
bool needs_count(const EmbeddingOutputOptions& options);

// Appends the records' text; the pure part of the writers.
void append_json(std::string& out, const EmbeddingRecord& record);
void append_csv_header(std::string& out, int64_t size);
void append_csv(std::string& out, const EmbeddingRecord& record);

}  // namespace accel::cli
